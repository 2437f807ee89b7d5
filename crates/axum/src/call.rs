//! An authorized API call, as an extractor.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{FromRef, FromRequest};
use axum::http::Request;
use axum::response::{IntoResponse, Response};
use whmcs_auth::answer::{Answer, Value};
use whmcs_auth::gate::AuthorizedCall;
use whmcs_auth::{ActionName, ApiCaller, AsyncCredentialStore, Received};

use crate::authenticator::Authenticator;
use crate::body;
use crate::rejection::Rejection;

/// An API call that may be carried out: its address may call, its credentials are valid, and its caller may
/// do the action.
///
/// It reads the query and the body of a POST, a form or multipart. It leaves out the files of a multipart
/// body. A request that is refused never reaches the handler: [`Rejection`] answers it in the format that the
/// caller asked for.
#[derive(Debug)]
#[must_use]
pub struct ApiCall<S: AsyncCredentialStore> {
    call: AuthorizedCall<S::Id>,
    received: Received,
    address: IpAddr,
}

impl<S: AsyncCredentialStore> ApiCall<S> {
    /// Who calls.
    pub fn caller(&self) -> &ApiCaller<S::Id> {
        &self.call.caller
    }

    /// What is to be done, in lower case.
    pub fn action(&self) -> &ActionName {
        &self.call.action
    }

    /// The caller's address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// All fields of the request.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// A parameter of the action, as PHP counts it, if it is there, not empty and UTF-8.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let value = std::str::from_utf8(self.received.field(name)?).ok()?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// The answer to a call that was carried out, in the caller's format.
    pub fn success(&self, fields: &[(&str, Value<'_>)]) -> Response {
        respond(Answer::success(fields, &self.received.api_request()))
    }

    /// The answer to a call that failed for a reason of the service's own, in the caller's format.
    pub fn error(&self, http_status: u16, message: &str) -> Response {
        respond(Answer::error(http_status, message, &self.received.api_request()))
    }
}

pub(crate) fn respond(answer: Answer) -> Response {
    axum::http::Response::<String>::from(answer).into_response()
}

impl<S, T> FromRequest<T> for ApiCall<S>
where
    S: AsyncCredentialStore<Error: std::error::Error> + Send + Sync + 'static,
    Authenticator<S>: FromRef<T>,
    T: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request(request: Request<Body>, state: &T) -> Result<Self, Rejection> {
        let auth = Authenticator::<S>::from_ref(state);
        let (head, body) = request.into_parts();
        // The format of the answer may stand in the query, so it counts for a body that is never read.
        let query = Received::new().with_query(head.uri.query().unwrap_or_default());
        let refused = |received: &Received, cause| Rejection::of_call(cause, received);
        let address =
            auth.caller(&head.extensions, &head.headers).map_err(|cause| refused(&query, cause))?;
        let body = body::read(body, auth.settings().body_limit).await;
        let body = body.map_err(|cause| refused(&query, cause))?;
        let received = body::fields(&head, body).await;
        let received = received.map_err(|cause| refused(&query, cause))?;
        let verdict = auth.verify(address, &received.api_request()).await;
        match verdict {
            Ok(call) => Ok(Self { call, received, address }),
            Err(cause) => Err(refused(&received, cause)),
        }
    }
}
