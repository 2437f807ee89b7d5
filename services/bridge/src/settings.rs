//! What the bridge is told at its start, and what can change while it runs.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use tokio::sync::watch;
use whmcs_auth::AutoAuthPolicy;
use whmcs_auth_axum::CurrentAccess;
use whmcs_auth_services_base::is_of_page;

/// Which links the bridge accepts, and which WHMCS it asks.
#[derive(Debug)]
pub struct Settings {
    /// The URL of WHMCS, such as `https://billing.example.com/whmcs/`. The API is below it.
    pub whmcs_url: Url,
    /// The URL of WHMCS as visitors know it. Visitors are sent only there.
    pub public_url: Url,
    /// The identifier of the API credential.
    pub identifier: String,
    /// The secret of the API credential, which can change while the bridge runs.
    pub secret: watch::Receiver<SecretString>,
    /// The AutoAuth keys and the trusted proxies, which can change while the bridge runs.
    pub access: CurrentAccess,
    /// How old a link may be, and how far ahead.
    pub policy: AutoAuthPolicy,
    /// The most logins that ask WHMCS at the same time.
    pub max_calls_in_flight: usize,
    /// The most time for one call of WHMCS's API, and for a login to wait for its turn.
    pub call_time: Duration,
}

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A URL does not name the folder of WHMCS: the option, and the value to write.
    #[error("{0} is not the URL of the folder of WHMCS: write {1}")]
    Url(&'static str, String),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0} (Debian's package ca-certificates has certificates)")]
    Tls(String),
}

/// The URL of WHMCS's folder, with a slash at its end.
///
/// # Errors
///
/// If the URL is not that of a folder. The error names the URL to write.
pub fn folder(option: &'static str, url: &Url) -> Result<Url, SettingsError> {
    const EXAMPLE: &str = "https://billing.example.com/";
    let refused = |write: &str| SettingsError::Url(option, write.to_owned());
    let web = match url.scheme() {
        "http" | "https" => Ok(url.clone()),
        // `billing.example.com:8443`
        _ if url.cannot_be_a_base() => Url::parse(&format!("https://{url}")),
        scheme => Url::parse(&url.as_str().replacen(scheme, "https", 1)),
    };
    let mut folder = web.map_err(|_| refused(EXAMPLE))?;
    folder.set_path(&folder_path(folder.path()));
    folder.set_query(None);
    folder.set_fragment(None);
    if folder.set_username("").and_then(|()| folder.set_password(None)).is_err() {
        return Err(refused(EXAMPLE));
    }
    let mut given = url.clone();
    if !given.path().ends_with('/') {
        given.set_path(&format!("{}/", given.path()));
    }
    match given == folder {
        true => Ok(folder),
        false => Err(refused(folder.as_str())),
    }
}

/// The path without the name of a page, such as `includes/api.php`.
fn folder_path(path: &str) -> String {
    let mut segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    while segments.pop_if(|segment| is_of_page(segment)).is_some() {}
    segments.iter().fold("/".to_owned(), |path, segment| format!("{path}{segment}/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_to_write_is_named() {
        for (given, write) in [
            ("https://a.example/includes/api.php", "https://a.example/"),
            ("https://a.example/whmcs/includes/api.php", "https://a.example/whmcs/"),
            ("https://a.example/whmcs/Includes/API.php/", "https://a.example/whmcs/"),
            ("https://a.example/index.php/includes/api.php", "https://a.example/"),
            ("http://a.example:8080/includes/", "http://a.example:8080/"),
            ("https://a.example/whmcs/dologin.php", "https://a.example/whmcs/"),
            ("https://a.example/whmcs/dologin.php?email=a", "https://a.example/whmcs/"),
            ("https://a.example/?a", "https://a.example/"),
            ("https://a.example/#a", "https://a.example/"),
            ("https://a.example//", "https://a.example/"),
            ("https://user:password@a.example/", "https://a.example/"),
            ("ftp://a.example/whmcs", "https://a.example/whmcs/"),
            ("whmcs://a.example", "https://a.example/"),
            ("a.example:8443", "https://a.example:8443/"),
            ("user:password@a.example", "https://a.example/"),
        ] {
            let error = folder("--whmcs-url", &given.parse().unwrap()).unwrap_err().to_string();
            let expected =
                format!("--whmcs-url is not the URL of the folder of WHMCS: write {write}");
            assert_eq!(error, expected, "{given}");
        }
        for (given, expected) in [
            ("https://a.example", "https://a.example/"),
            ("https://a.example/whmcs", "https://a.example/whmcs/"),
            ("http://127.0.0.1:8080/whmcs/", "http://127.0.0.1:8080/whmcs/"),
        ] {
            let folder = folder("--whmcs-url", &given.parse().unwrap()).unwrap();
            assert_eq!(folder.as_str(), expected);
        }
    }
}
