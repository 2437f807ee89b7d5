//! The fields of a body: a form, or multipart.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header, request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;
use whmcs_auth::Received;
use whmcs_auth_axum::with_multipart;

use crate::refusal::Refusal;
use crate::settings::Limits;

const FORM: &str = "application/x-www-form-urlencoded";

/// Reads the body, and adds its fields to those of the query. A body of any type that PHP does not read as a
/// form is refused, so that the caller learns why its fields are missing.
pub(super) async fn with_body(
    query: &Received,
    request: Request<Body>,
    limits: &Limits,
) -> Result<Received, Refusal> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, limits.body_bytes).collect();
    let bytes = timeout(limits.body_time, body)
        .await
        .map_err(|late| {
            Refusal::new("body_late", StatusCode::REQUEST_TIMEOUT, "Request Timeout", late)
        })?
        .map_err(|error| match error.is::<LengthLimitError>() {
            true => Refusal::new(
                "body_too_large",
                StatusCode::PAYLOAD_TOO_LARGE,
                "Request Too Large",
                error,
            ),
            false => Refusal::new("body_broken", StatusCode::BAD_REQUEST, "Bad Request", error),
        })?
        .to_bytes();
    let received = query.clone();
    match media_type(&head).as_deref() {
        Some(FORM) => Ok(received.with_body(Some(FORM), &bytes)),
        Some("multipart/form-data") => with_parts(received, &head, bytes).await,
        _ if bytes.is_empty() => Ok(received),
        _ => Err(Refusal::new(
            "body_type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported Media Type",
            "the content type is neither a form nor multipart",
        )),
    }
}

async fn with_parts(
    received: Received,
    head: &request::Parts,
    bytes: Bytes,
) -> Result<Received, Refusal> {
    let content_type = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let received = with_multipart(received, content_type.unwrap_or_default(), bytes).await;
    received.map_err(|error| {
        Refusal::new("multipart_broken", StatusCode::BAD_REQUEST, "Bad Request", error)
    })
}

/// The content type without its parameters. PHP ends it at the first `;`, `,` or space.
fn media_type(head: &request::Parts) -> Option<String> {
    let value = head.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split([';', ',', ' ']).next()?.to_ascii_lowercase())
}
