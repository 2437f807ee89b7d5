//! The fields of a call, from its query and its body.

use std::error::Error;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use whmcs_auth::Received;

use crate::rejection::{Cause, sources};

/// The whole body, if it is within the limit.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Cause> {
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_large(&*error) => Err(Cause::body_too_large()),
        Err(_) => Err(Cause::body_broken()),
    }
}

/// A layer of the service may have a limit of its own, whose error is wrapped.
fn is_too_large(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|error| error.is::<LengthLimitError>())
}

/// Adds the fields of the body to those of the query.
pub(crate) async fn fields(
    query: Received,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Received, Cause> {
    let content_type = content_type(headers);
    match content_type {
        Some(multipart) if is_multipart(multipart) && !body.is_empty() => {
            parts(query, multipart, body).await.map_err(|_| Cause::multipart_broken())
        }
        _ => Ok(query.with_body(content_type, &body)),
    }
}

/// Two headers could be read as two types, so they count as none.
fn content_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let first = values.next()?.to_str().ok();
    first.filter(|_| values.next().is_none())
}

fn is_multipart(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("multipart/form-data")
}

async fn parts(
    mut received: Received,
    content_type: &str,
    body: Bytes,
) -> Result<Received, multer::Error> {
    let boundary = multer::parse_boundary(content_type)?;
    let mut parts = multer::Multipart::new(Body::from(body).into_data_stream(), boundary);
    while let Some(part) = parts.next_field().await? {
        let name = part.name().map(str::to_owned);
        // PHP keeps uploaded files apart from the fields.
        if let Some(name) = name.filter(|_| part.file_name().is_none()) {
            received = received.with_part(name, part.bytes().await?);
        }
    }
    Ok(received)
}
