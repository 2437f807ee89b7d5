//! An authorized API call, as an extractor.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::BoxError;
use axum::extract::{FromRef, FromRequest, Request};
use axum::response::Response;
use whmcs_auth::answer::{Answer, Value};
use whmcs_auth::gate::AuthorizedCall;
use whmcs_auth::{ActionName, ApiCaller, AsyncCredentialStore, Received, Refusal};

use crate::authenticator::Authenticator;
use crate::rejection::{Cause, Rejection, respond};

/// An API call that may be carried out: its address may call, its credentials are valid, and its caller may
/// do the action.
///
/// It reads the query and the body, a form or multipart. A request that is refused never reaches the
/// handler: a [`Rejection`] answers it in the format that the caller asked for.
///
/// As an extractor it needs an [`Authenticator`] in the state. Behind the layer
/// [`authorize`](crate::authorize) it is in the extensions of the request.
///
/// # Examples
///
/// ```
/// use axum::BoxError;
/// use axum::response::Response;
/// use whmcs_auth_axum::whmcs_auth::AsyncCredentialStore;
/// use whmcs_auth_axum::whmcs_auth::answer::Value;
/// use whmcs_auth_axum::{ApiCall, Rejection};
///
/// async fn clients<S>(call: ApiCall<S>) -> Result<Response, Rejection>
/// where
///     S: AsyncCredentialStore<Error: Into<BoxError>> + Send + 'static,
/// {
///     let search = call.parameter("search").unwrap_or_default();
///     let count = count(search).await.map_err(|error| call.unavailable(error))?;
///     Ok(call.success(&[("totalresults", Value::from(count))]))
/// }
///
/// async fn count(search: &str) -> Result<i64, std::io::Error> {
///     // SELECT COUNT(*) FROM tblclients ...
/// #   let _ = search;
///     Ok(0)
/// }
/// ```
#[must_use]
pub struct ApiCall<S: AsyncCredentialStore> {
    call: AuthorizedCall<S::Id>,
    received: Arc<Received>,
    address: IpAddr,
}

impl<S: AsyncCredentialStore> ApiCall<S> {
    pub(crate) fn new(call: AuthorizedCall<S::Id>, received: Received, address: IpAddr) -> Self {
        Self { call, received: Arc::new(received), address }
    }

    /// Makes a call without verification, for tests of handlers. Needs feature `test-util`.
    ///
    /// # Security
    ///
    /// Nobody proved anything. Enable the feature under `[dev-dependencies]` only, never in a release build.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth_axum::ApiCall;
    /// use whmcs_auth_axum::whmcs_auth::gate::AuthorizedCall;
    /// use whmcs_auth_axum::whmcs_auth::{ApiCaller, ApiMode, MemoryStore, ReadyStore, Received};
    ///
    /// let caller = ApiCaller::for_test(7, ApiMode::Credential);
    /// let call = AuthorizedCall::for_test(caller, "GetClients");
    /// let received = Received::new().with_query("search=demo&responsetype=json");
    /// let call: ApiCall<ReadyStore<MemoryStore<u64>>> =
    ///     ApiCall::for_test(call, received, [203, 0, 113, 7].into());
    /// assert_eq!(call.parameter("search"), Some("demo"));
    /// ```
    #[cfg(feature = "test-util")]
    pub fn for_test(call: AuthorizedCall<S::Id>, received: Received, address: IpAddr) -> Self {
        Self::new(call, received, address)
    }

    /// Who calls.
    pub fn caller(&self) -> &ApiCaller<S::Id> {
        &self.call.caller
    }

    /// What to do. Its name is in lower case.
    #[must_use]
    pub fn action(&self) -> &ActionName {
        &self.call.action
    }

    /// The caller's address.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// All fields of the request.
    pub fn received(&self) -> &Received {
        &self.received
    }

    /// The value that PHP has under that name, if it is a text in UTF-8 and not empty. See
    /// [`Received::field`].
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let value = std::str::from_utf8(self.received.field(name)?).ok()?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// The answer to a call that was carried out, in the caller's format.
    #[must_use]
    pub fn success(&self, fields: &[(&str, Value<'_>)]) -> Response {
        respond(Answer::success(fields, &self.received.api_request()))
    }

    /// The answer to a call that failed for the service's own reason, in the caller's format.
    #[must_use]
    pub fn error(&self, http_status: u16, message: &str) -> Response {
        respond(Answer::error(http_status, message, &self.received.api_request()))
    }

    /// The answer to a call that a later check refuses, in the caller's format, with a
    /// [`Report`](crate::Report).
    pub fn refuse(&self, refusal: &dyn Refusal) -> Rejection {
        self.reject(Cause::of(refusal))
    }

    /// The answer to a call that failed because a store of the service did: `Service Unavailable` in the
    /// caller's format, status 503. The [`Report`](crate::Report) holds the error.
    pub fn unavailable(&self, error: impl Into<BoxError>) -> Rejection {
        self.reject(Cause::store_failure(error))
    }

    fn reject(&self, cause: Cause) -> Rejection {
        Rejection::of_call(cause, Some(self.address), &self.received)
    }
}

impl<S: AsyncCredentialStore> Clone for ApiCall<S> {
    fn clone(&self) -> Self {
        Self {
            call: self.call.clone(),
            received: Arc::clone(&self.received),
            address: self.address,
        }
    }
}

impl<S: AsyncCredentialStore<Id: fmt::Debug>> fmt::Debug for ApiCall<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCall")
            .field("call", &self.call)
            .field("received", &self.received)
            .field("address", &self.address)
            .finish()
    }
}

impl<S, T> FromRequest<T> for ApiCall<S>
where
    S: AsyncCredentialStore<Error: Into<BoxError>> + Send + 'static,
    Authenticator<S>: FromRef<T>,
    T: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &T) -> Result<Self, Rejection> {
        let (head, body) = request.into_parts();
        let (call, _) = Authenticator::from_ref(state).call(&head, body).await?;
        Ok(call)
    }
}
