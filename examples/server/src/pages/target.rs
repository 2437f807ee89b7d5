//! Where a visitor goes after a login.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::diagnose::{self, Findings};
use whmcs_auth::{Goto, GotoTarget};

use crate::client_address::ClientAddress;
use crate::service::Service;

/// The page after a login without a target.
pub(super) const CLIENT_AREA: &str = "clientarea.php";

/// Pages that do something as soon as they are opened, and the API. A login must not lead to them, because
/// nobody signed the target: one link could then log the visitor out, or in as somebody else.
const ACTING: [&str; 4] = ["dologin.php", "logout.php", "singlesignon.php", "api.php"];

/// Whether the target is a page that acts. Web servers may ignore case, and PHP runs `logout.php/x` as
/// `logout.php`, so any segment of the path counts.
pub(crate) fn acts(target: &GotoTarget<'_>) -> bool {
    let path = target.as_str().split(['?', '#']).next().unwrap_or_default();
    path.split('/').any(|segment| ACTING.iter().any(|page| segment.eq_ignore_ascii_case(page)))
}

/// Replaces a target that acts with the client area, and logs a target that was not followed. `query` is that of
/// the link.
pub(super) fn check_target(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    goto: &Goto<'_>,
    query: &str,
) -> Option<Response> {
    match goto {
        Goto::SameSite(target) if acts(target) => {
            let cause = "the target is a page that acts, so the client area was opened";
            service.changed(endpoint, address, "goto_acts", cause, &Findings::default());
            Some(redirect(CLIENT_AREA))
        }
        Goto::Refused => {
            let cause = "the target may lead to another site, so the client area was opened";
            service.changed(endpoint, address, "goto_refused", cause, &diagnose::link(query));
            None
        }
        Goto::SameSite(_) | Goto::Absent => None,
    }
}

pub(super) fn redirect(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_that_act_are_found_in_any_spelling() {
        for (target, expected) in [
            ("logout.php", true),
            ("/logout.php", true),
            ("/whmcs/logout.php?x=1", true),
            ("LogOut.PHP", true),
            ("logout.php#x", true),
            ("logout.php/x", true),
            ("a//logout.php", true),
            ("dologin.php?email=a&hash=b", true),
            ("oauth/singlesignon.php?access_token=x", true),
            ("/oauth//singlesignon.php", true),
            ("includes/api.php?action=x", true),
            ("index.php", false),
            ("viewinvoice.php?id=12", false),
            ("clientarea.php?next=logout.php", false),
            ("clientarea.php?a=/logout.php", false),
            ("clientarea.php#/logout.php", false),
            ("mylogout.php", false),
            ("logout.php5", false),
        ] {
            let Goto::SameSite(goto) = Goto::parse(target) else { panic!("{target}") };
            assert_eq!(acts(&goto), expected, "{target}");
        }
    }
}
