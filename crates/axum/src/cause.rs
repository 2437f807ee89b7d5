//! Why a request was refused: what the operator learns, and what the caller learns.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::iter::successors;
use std::time::Duration;

use axum::BoxError;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use whmcs_auth::Refusal;
use whmcs_auth::http::HeadRefusal;

/// Why a request was refused: a code and a sentence for the operator, a status and a message for the caller.
///
/// Each refusal of the library converts into one. A service makes its own:
///
/// ```
/// use whmcs_auth_axum::Cause;
/// use whmcs_auth_axum::whmcs_auth::ApiRefusal;
///
/// let cause = Cause::new("client_missing", "the call names no client", 200, "Client Not Found");
/// assert_eq!(cause.code(), "client_missing");
/// assert_eq!(Cause::from(ApiRefusal::WrongSecret).message(), "Authentication Failed");
/// ```
///
/// # Security
///
/// The sentence goes into the log: it must hold no text of the request that may be secret.
#[derive(Clone, Debug)]
#[must_use]
pub struct Cause {
    code: &'static str,
    sentence: String,
    http_status: StatusCode,
    message: Cow<'static, str>,
    retry_after: Option<Duration>,
    allow: Option<&'static str>,
}

impl<R: Refusal> From<R> for Cause {
    fn from(refusal: R) -> Self {
        Self::of(&refusal)
    }
}

impl Cause {
    /// A cause of the service's own. A status outside 100 to 999 becomes 500.
    pub fn new(
        code: &'static str,
        sentence: impl Into<String>,
        http_status: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        let status = StatusCode::from_u16(http_status);
        Self {
            code,
            sentence: sentence.into(),
            http_status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            message: message.into(),
            retry_after: None,
            allow: None,
        }
    }

    /// The cause of a refusal.
    pub fn of(refusal: &dyn Refusal) -> Self {
        Self::new(
            refusal.code(),
            refusal.to_string(),
            refusal.http_status(),
            refusal.public_message(),
        )
    }

    /// The service could not decide: `Service Unavailable`, status 503.
    pub fn unavailable(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(code, sentence, 503, "Service Unavailable")
    }

    /// A store of the service failed. Code `store_failure`, status 503. The sentence holds the error and its
    /// sources. If the error is a `Cause`, it is returned unchanged. So a store can have codes of its own.
    pub fn store_failure(error: impl Into<BoxError>) -> Self {
        match error.into().downcast::<Self>() {
            Ok(cause) => *cause,
            Err(error) => {
                Self::unavailable("store_failure", with_sources("the store failed", &*error))
            }
        }
    }

    /// Tells the caller to wait, in whole seconds and at least one.
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// A stable name for metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// A sentence for the log.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The status for the caller.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        self.http_status
    }

    /// How long the caller should wait, if that is known.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The message for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Sets the status for the caller.
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.http_status = status;
        self
    }

    /// The runtime is shutting down, or a decision panicked.
    pub(crate) fn stopped(error: &(dyn Error + 'static)) -> Self {
        Self::unavailable("stopped", with_sources("the decision did not end", error))
    }

    pub(crate) fn no_connect_info() -> Self {
        let remedy = "serve the router with into_make_service_with_connect_info::<SocketAddr>()";
        Self::unavailable("no_connect_info", remedy)
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let sentence = format!("the body has more than {limit} bytes");
        Self::new("body_too_large", sentence, 413, "Request Too Large")
    }

    /// The error is left out: it may hold text of the request.
    pub(crate) fn body_broken() -> Self {
        let sentence = "the body ends early, or its encoding is broken";
        Self::new("body_broken", sentence, 400, "Bad Request")
    }

    pub(crate) fn body_late(limit: Duration) -> Self {
        let sentence = format!("the body took longer than {} s", limit.as_secs_f64());
        Self::new("body_late", sentence, 408, "Request Timeout")
    }

    pub(crate) fn no_room_for_body() -> Self {
        let sentence =
            "large bodies, or those of this network, have all the memory that they may have";
        Self::unavailable("bodies_full", sentence).with_retry_after(Duration::from_secs(1))
    }

    pub(crate) fn of_head(refusal: HeadRefusal) -> Self {
        Self { allow: refusal.allow(), ..Self::of(&refusal) }
    }

    /// Adds the headers that belong to the status. No cache may keep a refusal, because the next request may
    /// succeed.
    pub(crate) fn add_headers(&self, headers: &mut HeaderMap) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(methods) = self.allow {
            headers.insert(header::ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(wait) = self.retry_after {
            let seconds = wait.as_secs_f64().ceil() as u64;
            headers.insert(header::RETRY_AFTER, seconds.max(1).into());
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl Error for Cause {}

/// The error, its source, the source of its source, and so on.
pub(crate) fn sources<'e>(
    error: &'e (dyn Error + 'static),
) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source())
}

/// `what`, and the error with its sources. Many errors repeat their source in their own text.
fn with_sources(what: &str, error: &(dyn Error + 'static)) -> String {
    let mut sentence = what.to_owned();
    for error in sources(error) {
        let text = error.to_string();
        if !sentence.ends_with(&text) {
            sentence.push_str(": ");
            sentence.push_str(&text);
        }
    }
    sentence
}
