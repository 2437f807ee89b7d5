//! Whether a visitor opened a login page, or something else fetched it.

use axum::http::{HeaderMap, StatusCode};
use whmcs_auth_axum::is_fetched_ahead;

use crate::refusal::Refusal;

/// Refuses what browsers fetch without a visitor: an image or a frame of another page, and a page that is
/// loaded ahead of a visit. Nothing is verified, so no link is used up and no failed guess is counted.
pub(super) fn check_visit(headers: &HeaderMap) -> Result<(), Refusal> {
    // Browsers send it to HTTPS sites and to this machine. Other programs do not send it.
    let destination = headers.get("sec-fetch-dest");
    if destination.is_some_and(|destination| destination != "document") {
        return Err(Refusal::new(
            "not_a_visit",
            StatusCode::FORBIDDEN,
            "This page cannot be part of another page.",
            "another page loads the login page, for example as an image or a frame",
        ));
    }
    if is_fetched_ahead(headers) {
        return Err(Refusal::unavailable("prefetch", "a browser loads the page ahead of a visit"));
    }
    Ok(())
}
