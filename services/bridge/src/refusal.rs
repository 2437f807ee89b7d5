//! Why nobody was logged in: a code and a cause for the operator, a page for the visitor.

use axum::body::to_bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::diagnose::Findings;
use whmcs_auth::{AutoAuthRefusal, Refusal as _};
use whmcs_auth_axum::{Rejection, Report};
use whmcs_auth_services_base::{Page, Refused, advice, title};
use whmcs_auth_state::UseError;

use crate::whmcs::WhmcsError;

const LATER: &str = "The login does not work at the moment. Please try again later.";
const NEW_LINK: &str =
    "The login did not work, and the link cannot be used again. Please ask for a new link.";

/// A login that did not happen.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) cause: String,
    status: StatusCode,
    message: String,
    /// What the sender probably did wrong.
    pub(crate) findings: Findings,
}

impl Refusal {
    fn new(
        code: &'static str,
        status: StatusCode,
        message: impl Into<String>,
        cause: impl ToString,
    ) -> Self {
        let (cause, message) = (cause.to_string(), message.into());
        Self { code, cause, status, message, findings: Findings::default() }
    }

    fn of_library(refusal: &dyn whmcs_auth::Refusal, code: &'static str, cause: &str) -> Self {
        let status = StatusCode::from_u16(refusal.http_status()).unwrap_or(StatusCode::FORBIDDEN);
        Self::new(code, status, refusal.public_message(), cause)
    }

    pub(crate) fn too_many_logins() -> Self {
        let cause = "too many logins wait for WHMCS: see --max-calls-in-flight";
        Self::new("too_many_logins", StatusCode::SERVICE_UNAVAILABLE, LATER, cause)
    }

    /// A link that was used up stays so, because WHMCS may have made a token.
    pub(crate) fn with_new_link(mut self) -> Self {
        self.message = NEW_LINK.to_owned();
        self
    }

    /// What the extractor of links answered.
    pub(crate) async fn from_rejection(rejection: Rejection) -> (Self, HeaderMap) {
        let Report { code, cause, .. } = rejection.report().clone();
        let (head, body) = rejection.into_response().into_parts();
        let message = to_bytes(body, 1024).await.unwrap_or_default();
        let message = String::from_utf8_lossy(&message).into_owned();
        let mut headers = head.headers;
        headers.remove(header::CONTENT_TYPE);
        headers.remove(header::CONTENT_LENGTH);
        (Self::new(code, head.status, message, cause), headers)
    }

    /// The refusal, for the operator.
    pub(crate) fn report(&self) -> Refused<'_> {
        let Self { code, cause, status, findings, .. } = self;
        Refused { code, cause, status: status.as_u16(), findings }
    }

    /// The page. The message is one of the texts of this program and of the library.
    pub(crate) fn page(&self) -> Response {
        let page = Page::new(title(self.status)).says(&*self.message);
        let not_genuine = AutoAuthRefusal::HashMismatch.public_message();
        match self.status {
            StatusCode::FORBIDDEN => page.says(advice(self.message == not_genuine)),
            _ => page,
        }
        .answer(self.status)
    }
}

impl From<AutoAuthRefusal> for Refusal {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Self::of_library(&refusal, refusal.code(), &refusal.to_string())
    }
}

impl From<UseError> for Refusal {
    fn from(error: UseError) -> Self {
        match error {
            UseError::Refused(refusal) => {
                Self::of_library(&refusal, refusal.code(), &refusal.to_string())
            }
            UseError::State(error) => {
                Self::new(error.code, StatusCode::SERVICE_UNAVAILABLE, LATER, error.cause)
            }
        }
    }
}

impl From<WhmcsError> for Refusal {
    fn from(error: WhmcsError) -> Self {
        let status = match error.is_temporary() {
            true => StatusCode::SERVICE_UNAVAILABLE,
            false => StatusCode::BAD_GATEWAY,
        };
        Self::new(error.code(), status, LATER, error)
    }
}

/// No cache keeps an answer, and no other site learns the address of a link.
pub(crate) fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        // A page has a policy of its own.
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}
