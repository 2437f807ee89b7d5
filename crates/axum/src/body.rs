//! The fields of a call, wherever they stand.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::{HeaderMap, Request, Uri, header};
use whmcs_auth::Received;

use crate::rejection::Cause;

/// The whole body, if it is within the limit.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Cause> {
    to_bytes(body, limit).await.map_err(|error| match is_too_large(&error) {
        true => Cause::BodyTooLarge { limit },
        false => Cause::BodyBroken,
    })
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.to_string() == "length limit exceeded" {
            return true;
        }
        source = error.source();
    }
    false
}

/// The fields of the query, and of the body that was read.
pub(crate) async fn fields(uri: &Uri, headers: &HeaderMap, body: Bytes) -> Result<Received, Cause> {
    let received = Received::new().with_query(uri.query().unwrap_or_default());
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    if content_type.is_some_and(is_multipart) {
        return parts(received, headers, body).await;
    }
    Ok(received.with_body(content_type, &body))
}

fn is_multipart(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("multipart/form-data")
}

async fn parts(
    mut received: Received,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Received, Cause> {
    let mut request = Request::new(Body::from(body));
    *request.headers_mut() = headers.clone();
    let broken = |_| Cause::MultipartBroken;
    let mut parts =
        Multipart::from_request(request, &()).await.map_err(|_| Cause::MultipartBroken)?;
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        // PHP keeps uploaded files apart from the fields.
        let Some(name) = part.name().filter(|_| part.file_name().is_none()) else {
            continue;
        };
        let name = name.to_owned();
        let value = part.bytes().await.map_err(broken)?;
        received = received.with_part(name, value);
    }
    Ok(received)
}
