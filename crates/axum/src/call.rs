//! An authorized API call.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::BoxError;
use axum::http::{self, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::answer::{Answer, Value};
#[cfg(feature = "test-util")]
use whmcs_auth::gate::AuthorizedCall;
use whmcs_auth::{ActionName, ApiCaller, AsyncCredentialStore, Received};

use crate::cause::Cause;
use crate::rejection::Rejection;
use crate::report::{Report, Sent};

/// An API call that may be carried out: its address may call, its credentials are valid, and its caller may
/// do the action.
///
/// It reads the query and the body, a form or multipart. A request that is refused never reaches the
/// handler: a [`Rejection`] answers it in the format that the caller asked for.
///
/// As an extractor it needs an [`Authenticator`](crate::Authenticator) in the state. After the layer
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
/// async fn clients<S: AsyncCredentialStore>(call: ApiCall<S>) -> Result<Response, Rejection>
/// where
///     S::Id: std::fmt::Debug,
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
    pub(crate) caller: ApiCaller<S::Id>,
    pub(crate) action: ActionName,
    pub(crate) received: Arc<Received>,
    pub(crate) address: IpAddr,
    pub(crate) sent: Sent,
}

impl<S: AsyncCredentialStore> ApiCall<S> {
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
    /// use whmcs_auth_axum::whmcs_auth::{ApiCaller, ApiMode, MemoryStore, Received};
    ///
    /// let caller = ApiCaller::for_test(7, ApiMode::Credential);
    /// let call = AuthorizedCall::for_test(caller, "GetClients");
    /// let received = Received::new().with_query("search=demo&responsetype=json");
    /// let call: ApiCall<MemoryStore<u64>> =
    ///     ApiCall::for_test(call, received, [203, 0, 113, 7].into());
    /// assert_eq!(call.parameter("search"), Some("demo"));
    /// ```
    #[cfg(feature = "test-util")]
    pub fn for_test(call: AuthorizedCall<S::Id>, received: Received, address: IpAddr) -> Self {
        let AuthorizedCall { caller, action, .. } = call;
        Self { caller, action, received: Arc::new(received), address, sent: Sent::default() }
    }

    /// Who calls.
    pub fn caller(&self) -> &ApiCaller<S::Id> {
        &self.caller
    }

    /// What to do. Its name is in lower case.
    #[must_use]
    pub fn action(&self) -> &ActionName {
        &self.action
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

    /// The value that PHP has under that name, if it is a string in UTF-8 and not empty. See
    /// [`Received::field`](Received).
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let value = std::str::from_utf8(self.received.field(name)?).ok()?;
        Some(value).filter(|value| !value.is_empty())
    }

    /// The answer to a successful call, in the caller's format.
    #[must_use]
    pub fn success(&self, fields: &[(&str, Value<'_>)]) -> Response {
        respond(Answer::success(fields, &self.received.api_request()))
    }

    /// The answer to a call that failed for a reason of the service, in the caller's format. It is not reported.
    #[must_use]
    pub fn error(&self, http_status: u16, message: &str) -> Response {
        respond(Answer::error(http_status, message, &self.received.api_request()))
    }
}

impl<S: AsyncCredentialStore<Id: fmt::Debug>> ApiCall<S> {
    /// The answer to a call that the service refuses, in the caller's format. Every refusal of the library converts
    /// into a [`Cause`].
    pub fn refuse(&self, cause: impl Into<Cause>) -> Rejection {
        let report = Report::of_call(cause.into())
            .with_address(Some(self.address))
            .with_caller(Some(name_of(self.caller())))
            .with_sent(self.sent.clone());
        Rejection::of_call(report, &self.received)
    }

    /// The answer to a call that failed because a store of the service failed: `Service Unavailable` in the
    /// caller's format, status 503. The report holds the error.
    pub fn unavailable(&self, error: impl Into<BoxError>) -> Rejection {
        self.refuse(Cause::store_failure(error))
    }
}

/// The mode and the id of a caller, for the log.
pub(crate) fn name_of<Id: fmt::Debug>(caller: &ApiCaller<Id>) -> String {
    format!("{} {:?}", caller.mode, caller.id)
}

/// No cache may keep the answer, because only this caller may read it.
fn respond(answer: Answer) -> Response {
    let mut response = http::Response::<String>::from(answer).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<S: AsyncCredentialStore> Clone for ApiCall<S> {
    fn clone(&self) -> Self {
        Self {
            caller: self.caller.clone(),
            action: self.action,
            received: Arc::clone(&self.received),
            address: self.address,
            sent: self.sent.clone(),
        }
    }
}

impl<S: AsyncCredentialStore<Id: fmt::Debug>> fmt::Debug for ApiCall<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiCall")
            .field("caller", &self.caller)
            .field("action", &self.action)
            .field("received", &self.received)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
