//! The same check as a layer, for routes whose handlers read the request themselves.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use whmcs_auth::gate::AuthorizedCall;
use whmcs_auth::{AsyncCredentialStore, Received};

use crate::authenticator::Authenticator;
use crate::body;
use crate::rejection::Rejection;

/// What [`authorize`] puts into the extensions of a request.
#[derive(Clone, Debug)]
pub struct VerifiedCall<Id> {
    /// Who calls, and what is to be done.
    pub call: AuthorizedCall<Id>,
    /// The caller's address.
    pub address: IpAddr,
}

/// A middleware for [`from_fn_with_state`](axum::middleware::from_fn_with_state): lets authorized API
/// calls through, with a [`VerifiedCall`] in their extensions, and answers all others.
///
/// The body is passed on as it came. A handler reads it by the rules of [`Received`], or reads other fields
/// than those that were verified.
///
/// # Errors
///
/// A [`Rejection`].
pub async fn authorize<S>(
    State(auth): State<Authenticator<S>>,
    request: Request,
    next: Next,
) -> Result<Response, Rejection>
where
    S: AsyncCredentialStore<Error: std::error::Error> + Send + Sync + 'static,
    S::Id: Sync,
{
    let (mut head, body) = request.into_parts();
    let query = Received::new().with_query(head.uri.query().unwrap_or_default());
    let address = auth.caller(&head.extensions, &head.headers);
    let address = address.map_err(|cause| Rejection::of_call(cause, &query))?;
    let body = body::read(body, auth.settings().body_limit).await;
    let body = body.map_err(|cause| Rejection::of_call(cause, &query))?;
    let received = body::fields(&head, body.clone()).await;
    let received = received.map_err(|cause| Rejection::of_call(cause, &query))?;
    let verdict = auth.verify(address, &received.api_request()).await;
    let call = verdict.map_err(|cause| Rejection::of_call(cause, &received))?;
    head.extensions.insert(VerifiedCall { call, address });
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}
