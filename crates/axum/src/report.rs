//! What the operator learns about a request.

use std::fmt;
use std::net::IpAddr;

use axum::body::Bytes;
use axum::extract::MatchedPath;
use axum::http::header::{CONTENT_TYPE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use whmcs_auth::diagnose::{self, Findings};

use crate::cause::Cause;

/// For the operator: why a request was refused, or which part of an accepted request was not followed.
/// [`watch`](crate::watch) hands it to the service.
///
/// The code of a refusal comes from the library ([`Refusal::code`](whmcs_auth::Refusal)), from the service's own
/// [`Cause`], or from this table:
///
/// | code | status | when |
/// |---|---|---|
/// | `store_failure` | 503 | a store could not answer |
/// | `no_connect_info` | 503 | the router is served without `ConnectInfo` |
/// | `stopped` | 503 | the runtime is shutting down |
/// | `body_too_large` | 413 | the body is over the [limit](crate::Authenticator::with_body_limit) |
/// | `body_broken` | 400 | the body ends early |
/// | `bodies_full` | 503 | the [memory](crate::Authenticator::with_body_memory) for large bodies, or the half for one network, is taken |
/// | `body_late` | 408 | the body takes longer than the [limit](crate::Authenticator::with_body_time) |
///
/// If one part of an accepted request was not followed, its report has one of these codes:
///
/// | code | when |
/// |---|---|
/// | `goto_refused` | the `goto` of a link is malformed or outside the grammar, so it is not followed |
/// | `goto_acts` | the `goto` is a page that acts as soon as it is opened, so it is not followed |
/// | `goto_misread` | the `goto` was probably cut, or sent under another name |
/// | `format_unknown` | a call asks for a format in a way that is not read, so the answer comes as text |
/// | `browser_call` | a browser sent the call, from a page of another site: the secret stands in that page |
///
/// # Security
///
/// Display and [`findings`](Self::findings) show only this about the request: the caller's address, the caller's id,
/// and the name of an action that is not allowed. The store chooses what its errors show. Debug leaves the request
/// out.
#[derive(Clone)]
#[must_use]
pub struct Report {
    cause: Cause,
    is_accepted: bool,
    kind: Kind,
    address: Option<IpAddr>,
    caller: Option<String>,
    sent: Option<Sent>,
    route: Option<MatchedPath>,
}

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Call,
    Link,
    Other,
}

/// A request as it was sent. Clones share the bytes.
#[derive(Clone, Default)]
pub(crate) struct Sent {
    uri: Uri,
    content_type: Option<HeaderValue>,
    /// `None` if it was not read.
    body: Option<Bytes>,
    is_link: bool,
    /// What the header `Origin` says.
    origin: Findings,
}

impl Sent {
    pub(crate) fn call(head: &Parts, body: Option<Bytes>) -> Self {
        let mut types = head.headers.get_all(CONTENT_TYPE).iter();
        let content_type = types.next().filter(|_| types.next().is_none()).cloned();
        let origin = of_origin(&head.headers, &head.uri);
        Self { uri: head.uri.clone(), content_type, body, is_link: false, origin }
    }

    pub(crate) fn link(uri: Uri) -> Self {
        Self { uri, is_link: true, ..Self::default() }
    }

    fn query(&self) -> &str {
        self.uri.query().unwrap_or_default()
    }

    fn content_type(&self) -> Option<&str> {
        self.content_type.as_ref()?.to_str().ok()
    }

    /// Whether a browser sent it, from a page of another site.
    pub(crate) fn is_of_browser(&self) -> bool {
        !self.origin.is_empty()
    }

    /// By the query and the body.
    fn findings(&self) -> Findings {
        match &self.body {
            Some(body) => diagnose::api(self.query(), self.content_type(), body),
            None if self.is_link => diagnose::link(self.query()),
            None => Findings::default(),
        }
    }

    /// What of the query and the body of an accepted request was not followed. An accepted call has a body, perhaps an
    /// empty one.
    pub(crate) fn not_followed(&self) -> Findings {
        match &self.body {
            Some(body) => diagnose::accepted_api(self.query(), self.content_type(), body),
            None => diagnose::accepted_link(self.query()),
        }
    }
}

/// Several headers count as those of another site.
fn of_origin(headers: &HeaderMap, uri: &Uri) -> Findings {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return Findings::default() };
    let host = match uri.authority() {
        Some(authority) => authority.as_str(),
        None => headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default(),
    };
    let origin = origin.to_str().ok().filter(|_| origins.next().is_none());
    diagnose::origin(origin.unwrap_or_default(), host)
}

impl Report {
    fn of(kind: Kind, cause: Cause) -> Self {
        let (address, caller, sent, route) = Default::default();
        Self { cause, is_accepted: false, kind, address, caller, sent, route }
    }

    /// The report of a refused API call.
    pub(crate) fn of_call(cause: Cause) -> Self {
        Self::of(Kind::Call, cause)
    }

    /// The report of a refused login link.
    pub(crate) fn of_link(cause: Cause) -> Self {
        Self::of(Kind::Link, cause)
    }

    /// The report of another request that the service refused.
    pub(crate) fn of_other(cause: Cause) -> Self {
        Self::of(Kind::Other, cause)
    }

    /// The report of an accepted request that was followed only in part.
    pub(crate) fn of_accepted(mut self) -> Self {
        self.is_accepted = true;
        self.cause = self.cause.with_status(StatusCode::OK);
        self
    }

    pub(crate) fn with_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    pub(crate) fn or_address(mut self, address: Option<IpAddr>) -> Self {
        self.address = self.address.or(address);
        self
    }

    pub(crate) fn with_caller(mut self, caller: Option<String>) -> Self {
        self.caller = caller;
        self
    }

    pub(crate) fn with_sent(mut self, sent: Sent) -> Self {
        self.sent = Some(sent);
        self
    }

    /// Fills in what the rejection of a handler does not know.
    pub(crate) fn on_route(mut self, uri: Uri, route: Option<MatchedPath>) -> Self {
        self.route = route;
        if self.kind == Kind::Link {
            self.sent.get_or_insert_with(|| Sent::link(uri));
        }
        self
    }

    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.cause = self.cause.with_status(status);
        self
    }

    /// Code, sentence, status and message.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// A stable name for metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.cause.code()
    }

    /// Whether the request is an API call, and not a login link or a request of another route.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.kind == Kind::Call
    }

    /// Whether the request was accepted, but followed only in part.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.is_accepted
    }

    /// The status of the answer.
    #[must_use]
    pub fn http_status(&self) -> StatusCode {
        self.cause.http_status()
    }

    /// The caller's address, if it is known.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The mode and the id of the caller, such as `credential 7`, if somebody was verified.
    #[must_use]
    pub fn caller(&self) -> Option<&str> {
        self.caller.as_deref()
    }

    /// The route that took the request, such as `/dologin.php`.
    #[must_use]
    pub fn route(&self) -> Option<&str> {
        self.route.as_ref().map(MatchedPath::as_str)
    }

    /// The raw query of the request.
    #[must_use]
    pub fn query(&self) -> &str {
        self.sent.as_ref().map_or("", Sent::query)
    }

    /// The content type of the body, unless there are several.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.sent.as_ref().and_then(Sent::content_type)
    }

    /// The raw body, if it was read.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.sent.as_ref().and_then(|sent| sent.body.as_deref()).unwrap_or_default()
    }

    /// What the sender probably did wrong, by the look of the request. Each call searches again. If the request was
    /// accepted, the findings are only about what was not followed.
    ///
    /// Nothing is found if the service failed or if the caller must wait. If the method was refused or the body was not
    /// read, the only finding is that a browser sent the call.
    pub fn findings(&self) -> Findings {
        let Some(sent) = &self.sent else { return Findings::default() };
        match self.http_status() {
            StatusCode::TOO_MANY_REQUESTS => Findings::default(),
            status if status.is_server_error() => Findings::default(),
            StatusCode::METHOD_NOT_ALLOWED => sent.origin,
            _ if self.is_accepted => sent.origin.and(sent.not_followed()),
            _ => sent.origin.and(sent.findings()),
        }
    }
}

/// A line for the log.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code(), self.cause.sentence())?;
        if let Some(address) = self.address {
            write!(f, "; address {address}")?;
        }
        if let Some(caller) = &self.caller {
            write!(f, "; caller {caller}")?;
        }
        for finding in self.findings().iter() {
            write!(f, "; {}: {finding}", finding.code())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Report")
            .field("cause", &self.cause)
            .field("is_accepted", &self.is_accepted)
            .field("address", &self.address)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}
