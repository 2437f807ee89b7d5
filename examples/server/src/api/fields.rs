//! The fields of an API call: from the query, a form body or a multipart body.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart};
use axum::http::{Request, StatusCode, Uri, header, request};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::time::timeout;
use whmcs_auth::ApiRequest;

use crate::refusal::Refusal;
use crate::settings::Limits;

/// Decoded names and values, in the order of the request.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn from_query(uri: &Uri) -> Self {
        let query = uri.query().unwrap_or_default();
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// Adds the fields of the body. A body of any type that PHP does not read as a form is refused, so
    /// that the caller learns why its fields are missing.
    pub(super) async fn read_body(
        &mut self,
        request: Request<Body>,
        limits: &Limits,
    ) -> Result<(), Refusal> {
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
        match media_type(&head).as_deref() {
            Some("application/x-www-form-urlencoded") => {
                self.0.extend(form_urlencoded::parse(&bytes).into_owned());
                Ok(())
            }
            Some("multipart/form-data") => self.read_parts(head, bytes).await,
            _ if bytes.is_empty() => Ok(()),
            _ => Err(Refusal::new(
                "body_type",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Unsupported Media Type",
                "the content type is neither a form nor multipart",
            )),
        }
    }

    async fn read_parts(&mut self, head: request::Parts, bytes: Bytes) -> Result<(), Refusal> {
        let broken = |error: &dyn std::fmt::Display| {
            Refusal::new("multipart_broken", StatusCode::BAD_REQUEST, "Bad Request", error)
        };
        let request = Request::from_parts(head, Body::from(bytes));
        let mut parts =
            Multipart::from_request(request, &()).await.map_err(|error| broken(&error))?;
        while let Some(part) = parts.next_field().await.map_err(|error| broken(&error))? {
            // A part with a file name is an upload. PHP does not count it as a field.
            let Some(name) = part.name().filter(|_| part.file_name().is_none()) else {
                continue;
            };
            let name = name.to_owned();
            let value = part.bytes().await.map_err(|error| broken(&error))?;
            self.0.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
        Ok(())
    }

    /// The fields as a request of the library.
    pub(super) fn api_request(&self) -> ApiRequest<'_> {
        ApiRequest::from_pairs(self.0.iter().map(|(name, value)| (name, value.as_str())))
    }

    /// A parameter of an action. If the name repeats, the last value counts, as in PHP. An empty value
    /// is `None`.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.0.iter().rfind(|(field, _)| field == name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }
}

/// The content type without its parameters. PHP ends it at the first `;`, `,` or space.
fn media_type(head: &request::Parts) -> Option<String> {
    let value = head.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split([';', ',', ' ']).next()?.to_ascii_lowercase())
}
