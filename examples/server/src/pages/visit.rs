//! Whether a visitor opened a login page, or something else fetched it.

use axum::http::{HeaderMap, StatusCode};

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
    // `Sec-Purpose` is the standard. The others are what older browsers send.
    let mut purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .into_iter()
        .filter_map(|name| headers.get(name)?.to_str().ok());
    if purposes.any(|purpose| starts_with(purpose, "prefetch") || starts_with(purpose, "preview")) {
        return Err(Refusal::unavailable("prefetch", "a browser loads the page ahead of a visit"));
    }
    Ok(())
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}
