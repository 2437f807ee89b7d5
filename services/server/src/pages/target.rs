//! Where a visitor goes after a login.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

/// The page after a login without a target.
pub(super) const CLIENT_AREA: &str = "clientarea.php";

pub(super) fn redirect(location: &str) -> Response {
    (StatusCode::FOUND, [(header::LOCATION, location)]).into_response()
}
