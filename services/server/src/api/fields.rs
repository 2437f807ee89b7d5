//! The fields of a body: a form, or multipart.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::{Instant, timeout_at};
use whmcs_auth::Received;
use whmcs_auth_axum::with_multipart;

use crate::refusal::Refusal;
use crate::settings::Limits;

const FORM: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Reads the body, and adds its fields to those of the query. A body of any type that PHP does not read as a
/// form is refused, so that the caller learns why its fields are missing. The body is kept for a diagnosis.
pub(super) async fn with_body(
    query: &Received,
    request: Request<Body>,
    limits: &Limits,
    kept: &mut Bytes,
) -> Result<Received, Refusal> {
    let (head, mut body) = request.into_parts();
    let most = usize::try_from(limits.body_kib).unwrap_or(usize::MAX).saturating_mul(1024);
    let deadline = Instant::now().checked_add(limits.body_time).unwrap_or_else(Instant::now);
    let read = timeout_at(deadline, Limited::new(&mut body, most).collect());
    let bytes = match read.await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            // Some clients read no answer before they have sent the whole body.
            let rest = async { while let Some(Ok(_)) = body.frame().await {} };
            let _ = timeout_at(deadline, rest).await;
            let most = limits.body_kib;
            let cause = format_args!("the body has more than {most} KiB, the limit of --max-body");
            let status = StatusCode::PAYLOAD_TOO_LARGE;
            return Err(Refusal::new("body_too_large", status, "Request Too Large", cause));
        }
        Ok(Err(error)) => {
            let status = StatusCode::BAD_REQUEST;
            return Err(Refusal::new("body_broken", status, "Bad Request", error));
        }
        Err(late) => {
            let status = StatusCode::REQUEST_TIMEOUT;
            return Err(Refusal::new("body_late", status, "Request Timeout", late));
        }
    };
    kept.clone_from(&bytes);
    let received = query.clone();
    let content_type = content_type(&head.headers);
    match content_type.map(media_type).as_deref() {
        Some(FORM) => Ok(received.with_body(Some(FORM), &bytes)),
        Some(MULTIPART) => {
            let received = with_parts(received, content_type, bytes).await?;
            kept.clear();
            Ok(received)
        }
        _ if bytes.is_empty() => Ok(received),
        _ => Err(Refusal::new(
            "body_type",
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported Media Type",
            "the content type is neither a form nor multipart",
        )
        .by_look()),
    }
}

async fn with_parts(
    received: Received,
    content_type: Option<&str>,
    bytes: Bytes,
) -> Result<Received, Refusal> {
    let received = with_multipart(received, content_type.unwrap_or_default(), bytes).await;
    received.map_err(|error| {
        Refusal::new("multipart_broken", StatusCode::BAD_REQUEST, "Bad Request", error).by_look()
    })
}

pub(super) fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::CONTENT_TYPE)?.to_str().ok()
}

/// Whether PHP reads a body of this content type as multipart.
pub(super) fn is_multipart(content_type: Option<&str>) -> bool {
    content_type.map(media_type).as_deref() == Some(MULTIPART)
}

/// The content type without its parameters. PHP ends it at the first `;`, `,` or space.
fn media_type(content_type: &str) -> String {
    content_type.split([';', ',', ' ']).next().unwrap_or_default().to_ascii_lowercase()
}
