//! What the caller of a refused request gets, and what the operator gets.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{GateError, GateRefusal, HiddenCaller};
use whmcs_auth::{AutoAuthRefusal, Received, Refusal, ReplayRefusal};

use crate::call::respond;

/// Why a request was refused.
#[derive(Debug)]
pub(crate) enum Cause {
    Gate(GateRefusal),
    Link(AutoAuthRefusal),
    Replay(ReplayRefusal),
    /// The store could not answer: its error, for the operator.
    Store(String),
    /// The runtime stops, or a decision panicked.
    Stopped,
    NoConnectInfo,
    BodyTooLarge {
        limit: usize,
    },
    BodyBroken,
    MultipartBroken,
    BodyWithoutPost,
    MethodNotGet,
    Prefetch,
}

impl From<GateRefusal> for Cause {
    fn from(refusal: GateRefusal) -> Self {
        Self::Gate(refusal)
    }
}

impl From<HiddenCaller> for Cause {
    fn from(refusal: HiddenCaller) -> Self {
        Self::Gate(refusal.into())
    }
}

impl From<AutoAuthRefusal> for Cause {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Self::Link(refusal)
    }
}

impl Cause {
    pub(crate) fn from_gate_error<E: std::error::Error>(error: GateError<E>) -> Self {
        match error {
            GateError::Refused(refusal) => Self::Gate(refusal),
            GateError::Store(error) => Self::Store(error.to_string()),
        }
    }

    fn report(&self) -> Report {
        let (code, cause) = match self {
            Self::Gate(refusal) => (refusal.code(), refusal.to_string()),
            Self::Link(refusal) => (refusal.code(), refusal.to_string()),
            Self::Replay(refusal) => (refusal.code(), refusal.to_string()),
            Self::Store(error) => {
                ("store_failure", format!("the credential store failed: {error}"))
            }
            Self::Stopped => ("stopped", "the decision was stopped before its end".into()),
            Self::NoConnectInfo => (
                "no_connect_info",
                "serve the router with into_make_service_with_connect_info::<SocketAddr>()".into(),
            ),
            Self::BodyTooLarge { limit } => {
                ("body_too_large", format!("the body has more than {limit} bytes"))
            }
            Self::BodyBroken => ("body_broken", "the body ended early".into()),
            Self::MultipartBroken => {
                ("multipart_broken", "the multipart body is not well-formed".into())
            }
            Self::BodyWithoutPost => {
                ("body_without_post", "PHP reads the body of a POST, and of no other method".into())
            }
            Self::MethodNotGet => ("method_not_allowed", "a login link is opened with GET".into()),
            Self::Prefetch => ("prefetch", "a browser fetched the link ahead of a visit".into()),
        };
        Report { code, cause }
    }

    /// What the caller gets: a status and a message.
    fn public(&self) -> (u16, String) {
        let of =
            |refusal: &dyn Refusal| (refusal.http_status(), refusal.public_message().into_owned());
        match self {
            Self::Gate(refusal) => of(refusal),
            Self::Link(refusal) => of(refusal),
            Self::Replay(refusal) => of(refusal),
            Self::Store(_) | Self::Stopped | Self::NoConnectInfo => {
                (503, "Service Unavailable".into())
            }
            Self::BodyTooLarge { .. } => (413, "Request Too Large".into()),
            Self::BodyBroken | Self::MultipartBroken | Self::BodyWithoutPost => {
                (400, "Bad Request".into())
            }
            Self::MethodNotGet => (405, "Method Not Allowed".into()),
            Self::Prefetch => (503, "Service Unavailable".into()),
        }
    }
}

/// The answer to a refused request. Its extensions hold a [`Report`] for the operator.
///
/// An API call is answered in the format that the caller asked for. A login link is answered with a line of
/// plain text, which no cache keeps. A handler returns one for what it refuses itself: refusals of
/// [`check_account`](whmcs_auth::AutoAuthLogin::check_account) and of the replay guard convert into it.
#[derive(Debug)]
pub struct Rejection {
    response: Response,
    report: Report,
}

impl Rejection {
    pub(crate) fn of_call(cause: Cause, received: &Received) -> Self {
        let (http_status, message) = cause.public();
        let answer = Answer::error(http_status, &message, &received.api_request());
        Self { response: respond(answer), report: cause.report() }
    }

    /// The answer to a login link whose account could not be looked up, with status 503. The error is for
    /// the [`Report`] alone.
    pub fn store_failure(error: impl std::error::Error) -> Self {
        Self::of_link(Cause::Store(error.to_string()))
    }

    pub(crate) fn of_link(cause: Cause) -> Self {
        let (http_status, message) = cause.public();
        let status = StatusCode::from_u16(http_status).unwrap_or(StatusCode::FORBIDDEN);
        let no_store = (header::CACHE_CONTROL, "no-store");
        let no_referrer = (header::REFERRER_POLICY, "no-referrer");
        let mut response = (status, [no_store, no_referrer], message).into_response();
        if status == StatusCode::METHOD_NOT_ALLOWED {
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
        }
        Self { response, report: cause.report() }
    }

    /// What to log and to count.
    pub fn report(&self) -> &Report {
        &self.report
    }
}

impl From<AutoAuthRefusal> for Rejection {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Self::of_link(Cause::Link(refusal))
    }
}

impl From<ReplayRefusal> for Rejection {
    fn from(refusal: ReplayRefusal) -> Self {
        Self::of_link(Cause::Replay(refusal))
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        let Self { mut response, report } = self;
        response.extensions_mut().insert(report);
        response
    }
}

/// Why a request was refused, for the operator: a layer of the service finds it in the extensions of the
/// response. It holds nothing of the request but an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// A stable name for metrics.
    pub code: &'static str,
    /// A sentence for the log.
    pub cause: String,
}
