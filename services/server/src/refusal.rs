//! The refusals of the service, and how the failures of its parts become refusals.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::http::StatusCode;
use whmcs_auth::gate::HiddenCaller;
use whmcs_auth::http::HeadRefusal;
use whmcs_auth::{AutoAuthRefusal, ReplayRefusal};
use whmcs_auth_axum::Cause;
use whmcs_auth_state::{StateError, UseError};

use crate::fair_queue::Full;

/// A refusal by the library or by the service.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) cause: Cause,
    /// Whether an action refused, and not the service.
    pub(crate) is_by_action: bool,
}

impl Refusal {
    /// A refusal by the service.
    pub(crate) fn new(
        code: &'static str,
        status: StatusCode,
        message: impl Into<Cow<'static, str>>,
        cause: impl Display,
    ) -> Self {
        Cause::new(code, cause.to_string(), status.as_u16(), message).into()
    }

    /// A refusal by the service, with the same public answer as a refusal by the library.
    pub(crate) fn answered_as(
        refusal: &dyn whmcs_auth::Refusal,
        code: &'static str,
        cause: impl Display,
    ) -> Self {
        let (status, message) = (refusal.http_status(), refusal.public_message());
        Cause::new(code, cause.to_string(), status, message).into()
    }

    /// No route takes the request.
    pub(crate) fn not_found(code: &'static str, cause: impl Display) -> Self {
        Self::new(code, StatusCode::NOT_FOUND, "Not Found", cause)
    }

    /// A refusal by an action: the caller is verified, and asked for something that is not there.
    pub(crate) fn by_action(
        code: &'static str,
        status: StatusCode,
        message: &'static str,
        cause: impl Display,
    ) -> Self {
        Self { is_by_action: true, ..Self::new(code, status, message, cause) }
    }

    /// The service could not decide, so it refuses.
    pub(crate) fn unavailable(code: &'static str, cause: impl Display) -> Self {
        Cause::unavailable(code, cause.to_string()).into()
    }

    /// Work in a task of its own did not end.
    pub(crate) fn stopped() -> Self {
        Self::unavailable("stopped", "the service stops")
    }

    /// Tells the caller to wait.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        self.cause = self.cause.with_retry_after(wait);
        self
    }
}

impl From<Cause> for Refusal {
    fn from(cause: Cause) -> Self {
        Self { cause, is_by_action: false }
    }
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Self {
        refusal.cause
    }
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        let refusal = Self::unavailable(error.code, error.cause);
        match error.wait {
            Some(wait) => refusal.retry_after(wait),
            None => refusal,
        }
    }
}

impl From<UseError> for Refusal {
    fn from(error: UseError) -> Self {
        match error {
            UseError::Refused(refusal) => refusal.into(),
            UseError::State(error) => error.into(),
        }
    }
}

impl From<HeadRefusal> for Refusal {
    fn from(refusal: HeadRefusal) -> Self {
        Cause::from(refusal).into()
    }
}

/// The sentence names the option to change.
impl From<HiddenCaller> for Refusal {
    fn from(hidden: HiddenCaller) -> Self {
        use whmcs_auth::Refusal as _;
        Self::answered_as(&hidden, hidden.code(), format_args!("{hidden} (option --trust-proxy)"))
    }
}

impl From<AutoAuthRefusal> for Refusal {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Cause::from(refusal).into()
    }
}

/// Whoever has a used link may know that it was used.
impl From<ReplayRefusal> for Refusal {
    fn from(refusal: ReplayRefusal) -> Self {
        match refusal {
            ReplayRefusal::Used => Self::new(
                "link_used",
                StatusCode::FORBIDDEN,
                "This login link was used before, and it works only once.",
                refusal,
            ),
            _ => Cause::from(refusal).into(),
        }
    }
}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        let refusal = match full {
            Full::ForNetwork => {
                Self::new("network_waits", StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", full)
            }
            Full::ForAll => Self::unavailable("too_many_wait", full),
        };
        refusal.retry_after(Duration::from_secs(1))
    }
}

impl From<getrandom::Error> for Refusal {
    fn from(error: getrandom::Error) -> Self {
        Self::unavailable("no_randomness", error)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        match error {
            // It has a code of its own. So the log does not sum it up with the failures of the queries that
            // hold the connections.
            sqlx::Error::PoolTimedOut => Self::unavailable(
                "store_busy",
                "no connection to the database was free in time (option --database-connect-time)",
            ),
            error => Self::unavailable("store_failure", error),
        }
    }
}
