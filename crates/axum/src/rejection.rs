//! What the caller of a refused request gets, and what the operator gets.

use std::borrow::Cow;
use std::error::Error;
use std::iter::successors;
use std::net::IpAddr;

use axum::BoxError;
use axum::http::{self, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::answer::Answer;
use whmcs_auth::{AutoAuthRefusal, Received, Refusal, ReplayRefusal};

/// Why a request was refused: a code and a sentence for the operator, a status and a message for the caller.
pub(crate) struct Cause {
    code: &'static str,
    sentence: String,
    http_status: u16,
    message: Cow<'static, str>,
}

impl<R: Refusal> From<R> for Cause {
    fn from(refusal: R) -> Self {
        Self::of(&refusal)
    }
}

impl Cause {
    pub(crate) fn of(refusal: &dyn Refusal) -> Self {
        Self {
            code: refusal.code(),
            sentence: refusal.to_string(),
            http_status: refusal.http_status(),
            message: refusal.public_message(),
        }
    }

    fn new(
        code: &'static str,
        sentence: impl Into<String>,
        http_status: u16,
        message: &'static str,
    ) -> Self {
        Self { code, sentence: sentence.into(), http_status, message: message.into() }
    }

    fn unavailable(code: &'static str, sentence: impl Into<String>) -> Self {
        Self::new(code, sentence, 503, "Service Unavailable")
    }

    pub(crate) fn store_failure(error: impl Into<BoxError>) -> Self {
        Self::unavailable("store_failure", with_sources("the store failed", &*error.into()))
    }

    /// The runtime is shutting down, or a decision panicked.
    pub(crate) fn stopped(error: impl Error + 'static) -> Self {
        Self::unavailable("stopped", with_sources("the decision did not end", &error))
    }

    pub(crate) fn no_connect_info() -> Self {
        let remedy = "serve the router with into_make_service_with_connect_info::<SocketAddr>()";
        Self::unavailable("no_connect_info", remedy)
    }

    pub(crate) fn body_too_large() -> Self {
        Self::new("body_too_large", "the body is over the limit", 413, "Request Too Large")
    }

    /// The error is left out: it may hold text of the request.
    pub(crate) fn body_broken() -> Self {
        Self::new(
            "body_broken",
            "the body ends early, or its encoding is broken",
            400,
            "Bad Request",
        )
    }

    /// A malformed request, so the caller gets what a malformed form gets. The error is left out, as above.
    pub(crate) fn multipart_broken() -> Self {
        let sentence = "the multipart body ends early, or is not well-formed";
        Self::new("multipart_broken", sentence, 403, "Authentication Failed")
    }

    pub(crate) fn body_without_post() -> Self {
        let sentence = "PHP reads the body of a POST, and of no other method";
        Self::new("body_without_post", sentence, 400, "Bad Request")
    }

    /// A HEAD would carry the action out.
    pub(crate) fn neither_get_nor_post() -> Self {
        let sentence = "an API call is a GET or a POST";
        Self::new("method_not_allowed", sentence, 405, "Method Not Allowed")
    }

    pub(crate) fn method_not_allowed() -> Self {
        let sentence = "a login link is opened with GET";
        Self::new("method_not_allowed", sentence, 405, "Method Not Allowed")
    }

    pub(crate) fn prefetch() -> Self {
        Self::unavailable("prefetch", "a browser fetched the link ahead of a visit")
    }

    fn report(self, address: Option<IpAddr>) -> Report {
        Report { code: self.code, cause: self.sentence, address }
    }
}

/// The error, its source, the source of that, and so on.
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

pub(crate) fn respond(answer: Answer) -> Response {
    no_store(http::Response::<String>::from(answer).into_response())
}

/// An answer may hold what only this caller may read, and a refusal may be over in a moment.
fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to a refused request. The extensions of its response hold a [`Report`] for the operator.
///
/// An API call is answered in the format that the caller asked for. A login link is answered with a line of
/// plain text. No cache keeps either.
///
/// A handler returns it, too: [`ApiCall::refuse`](crate::ApiCall::refuse),
/// [`ApiCall::unavailable`](crate::ApiCall::unavailable) and
/// [`LoginLink::unavailable`](crate::LoginLink::unavailable) make one, and `?` converts the refusals of
/// [`check_account`](whmcs_auth::AutoAuthLogin::check_account) and of a replay guard.
#[derive(Debug)]
#[must_use]
pub struct Rejection(Box<Refused>);

/// Boxed, so that a `Result` with a [`Rejection`] is small.
#[derive(Debug)]
struct Refused {
    response: Response,
    report: Report,
}

impl Rejection {
    pub(crate) fn of_call(cause: Cause, address: Option<IpAddr>, received: &Received) -> Self {
        let answer = Answer::error(cause.http_status, &cause.message, &received.api_request());
        Self::new(respond(answer), cause.report(address))
    }

    pub(crate) fn of_link(cause: Cause) -> Self {
        let status = StatusCode::from_u16(cause.http_status).unwrap_or(StatusCode::FORBIDDEN);
        let mut response = no_store((status, cause.message.clone()).into_response());
        let headers = response.headers_mut();
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        Self::new(response, cause.report(None))
    }

    fn new(response: Response, report: Report) -> Self {
        Self(Box::new(Refused { response, report }))
    }

    /// What to log and to count.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.0.report
    }
}

impl From<AutoAuthRefusal> for Rejection {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Self::of_link(refusal.into())
    }
}

impl From<ReplayRefusal> for Rejection {
    fn from(refusal: ReplayRefusal) -> Self {
        Self::of_link(refusal.into())
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let Refused { mut response, report } = *self.0;
        response.extensions_mut().insert(report);
        response
    }
}

/// Why a request was refused, for the operator. A layer of the service finds it in the extensions of the
/// response.
///
/// Its code is that of the refusal ([`Refusal::code`]), or one of these:
///
/// | code | status | when |
/// |---|---|---|
/// | `store_failure` | 503 | a store could not answer |
/// | `no_connect_info` | 503 | the router is served without `ConnectInfo` |
/// | `stopped` | 503 | the runtime is shutting down |
/// | `body_too_large` | 413 | the body is over the [limit](crate::Authenticator::with_body_limit) |
/// | `body_broken` | 400 | the body ends early |
/// | `body_without_post` | 400 | a request of another method than POST has a body |
/// | `multipart_broken` | 403 | a multipart body is not well-formed, or readers disagree about a part |
/// | `method_not_allowed` | 405 | a login link was opened with another method than GET, or an API call made with another than GET and POST |
/// | `prefetch` | 503 | a browser fetched a login link ahead of a visit |
///
/// # Security
///
/// It holds nothing of the request but the caller's address and the name of an action that is not allowed.
/// What the error of a store says is up to the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// A stable name for metrics.
    pub code: &'static str,
    /// A sentence for the log.
    pub cause: String,
    /// The address of an API's caller, if it is known.
    pub address: Option<IpAddr>,
}
