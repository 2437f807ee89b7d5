//! Where a visitor goes after a login.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::Goto;
use whmcs_auth::diagnose::{self, Findings};

use crate::client_address::ClientAddress;
use crate::service::Service;

/// The page after a login without a target.
pub(super) const CLIENT_AREA: &str = "clientarea.php";

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
        Goto::SameSite(target) if target.acts() => {
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
