//! Requests that no route takes. The log names the route that the sender probably meant. It never has the path,
//! which may hold a secret.

use whmcs_auth_services_base::is_of_page;

use crate::path::BasePath;
use crate::refusal::Refusal;

pub(crate) const ENDPOINT: &str = "unrouted";

/// The paths that senders know.
const ROUTES: [&str; 5] = [
    "/includes/api.php",
    "/dologin.php",
    "/oauth/singlesignon.php",
    "/clientarea.php",
    "/logout.php",
];

/// The refusal of a path without a route. Doubled slashes have been collapsed.
pub(crate) fn refusal(path: &str, base: &BasePath) -> Refusal {
    let folded = path.to_ascii_lowercase();
    let base = base.as_str().to_ascii_lowercase();
    let plain = folded.strip_suffix('/').unwrap_or(&folded);
    let known = |path: &str| ROUTES.iter().find(|route| **route == path);
    if let Some(route) = plain.strip_prefix(&*base).and_then(known) {
        return match plain.len() == folded.len() {
            true => {
                let cause =
                    format_args!("the path differs from {base}{route} only in the case of letters");
                Refusal::not_found("path_case", cause)
            }
            false => {
                let cause = format_args!("a slash follows {route}");
                Refusal::not_found("path_slash_at_end", cause)
            }
        };
    }
    let at_end = |route| Some((plain.strip_suffix(route)?, route));
    if let Some((folder, route)) = ROUTES.into_iter().find_map(at_end) {
        // A page is no folder: the client appends the route to a URL that has it already.
        if folder.split('/').any(is_of_page) {
            let cause = format_args!("the base URL of the client must end before {route}");
            return Refusal::not_found("path_base_url", cause);
        }
        let cause = match base.is_empty() {
            true => format!("{route} has a folder before it: is --base-path missing?"),
            false => format!("{route} is not in the folder of --base-path"),
        };
        return Refusal::not_found("path_base", cause);
    }
    let name = file_name(plain);
    let has_name = |route: &&&str| {
        let file = file_name(route);
        name == file || file.strip_suffix(".php") == Some(name)
    };
    match ROUTES.iter().find(has_name) {
        Some(route) if file_name(route) == name => {
            let cause = format_args!("{route} is in another folder");
            Refusal::not_found("path_other_folder", cause)
        }
        Some(route) => {
            let cause = format_args!("the path lacks the end of {route}");
            Refusal::not_found("path_without_php", cause)
        }
        None => Refusal::not_found("path_unknown", "the path resembles no route"),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_probably_meant() {
        for (base, path, code, route) in [
            ("", "/Includes/API.php", "path_case", "/includes/api.php"),
            ("", "/DoLogin.php", "path_case", "/dologin.php"),
            ("/whmcs", "/WHMCS/dologin.php", "path_case", "/whmcs/dologin.php"),
            ("", "/includes/api.php/", "path_slash_at_end", "/includes/api.php"),
            ("/whmcs", "/whmcs/includes/api.php/", "path_slash_at_end", "/includes/api.php"),
            ("", "/whmcs/includes/api.php", "path_base", "/includes/api.php"),
            ("", "/billing/dologin.php/", "path_base", "/dologin.php"),
            ("/whmcs", "/includes/api.php", "path_base", "/includes/api.php"),
            ("/whmcs", "/whmcs/x/includes/api.php", "path_base", "/includes/api.php"),
            ("", "/includes/api.php/includes/api.php", "path_base_url", "/includes/api.php"),
            ("", "/index.php/includes/api.php", "path_base_url", "/includes/api.php"),
            ("", "/includes/includes/api.php", "path_base_url", "/includes/api.php"),
            (
                "/whmcs",
                "/whmcs/includes/api.php/Includes/API.php/",
                "path_base_url",
                "/includes/api.php",
            ),
            ("/whmcs", "/whmcs/dologin.php/dologin.php", "path_base_url", "/dologin.php"),
            ("", "/php/includes/api.php", "path_base", "/includes/api.php"),
            ("", "/api.php", "path_other_folder", "/includes/api.php"),
            ("/whmcs", "/whmcs/api.php", "path_other_folder", "/includes/api.php"),
            ("", "/admin/api.php", "path_other_folder", "/includes/api.php"),
            ("", "/singlesignon.php", "path_other_folder", "/oauth/singlesignon.php"),
            ("", "/includes/api", "path_without_php", "/includes/api.php"),
            ("", "/API", "path_without_php", "/includes/api.php"),
            ("", "/dologin", "path_without_php", "/dologin.php"),
        ] {
            let refusal = refusal(path, &base.parse().unwrap());
            assert_eq!(refusal.cause.code(), code, "{path}");
            let sentence = refusal.cause.sentence();
            assert!(sentence.contains(route), "{path}: {sentence}");
        }
        for path in
            ["/", "", "/index.php", "/xapi.php", "/includes", "/api.phpx", "/%00", "/api.php5"]
        {
            assert_eq!(refusal(path, &BasePath::default()).cause.code(), "path_unknown", "{path}");
        }
    }
}
