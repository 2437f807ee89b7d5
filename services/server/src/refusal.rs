//! Why a request was refused: a code and a cause for the operator, a status and a message for the caller.

use std::borrow::Cow;
use std::fmt::Display;
use std::time::Duration;

use axum::http::StatusCode;
use whmcs_auth::Refusal as _;
use whmcs_auth::diagnose::Findings;
use whmcs_auth::gate::AddressRefusal;
use whmcs_auth::replay::ReplayRefusal;
use whmcs_auth::{ActionRefusal, ApiError, ApiRefusal, AutoAuthRefusal};
use whmcs_auth_state::{StateError, UseError};

use crate::fair_queue::Full;
use crate::throttle::Guess;

/// A refusal by the library or by the service.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// For the operator's metrics.
    pub(crate) code: &'static str,
    /// For the operator's log.
    pub(crate) cause: String,
    /// For the caller.
    pub(crate) status: StatusCode,
    /// For the caller.
    pub(crate) message: Cow<'static, str>,
    /// What the throttle counts it as a failed guess at, if anything.
    pub(crate) guess: Option<Guess>,
    /// Whether an action refused, and not the service.
    pub(crate) is_by_action: bool,
    /// When the caller may try again, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// Whether what the request looks like may show the sender's mistake.
    is_by_look: bool,
    /// What the sender probably did wrong, for the operator's log and metrics.
    pub(crate) findings: Findings,
}

impl Refusal {
    /// A refusal by the service.
    pub(crate) fn new(
        code: &'static str,
        status: StatusCode,
        message: impl Into<Cow<'static, str>>,
        cause: impl Display,
    ) -> Self {
        let cause = cause.to_string();
        Self {
            code,
            cause,
            status,
            message: message.into(),
            guess: None,
            is_by_action: false,
            retry_after: None,
            is_by_look: false,
            findings: Findings::default(),
        }
    }

    /// A refusal by the library.
    fn from_library(refusal: &dyn whmcs_auth::Refusal) -> Self {
        Self::answered_as(refusal, refusal.code(), refusal).by_look()
    }

    /// A refusal by the service, with the same public answer as a refusal by the library.
    pub(crate) fn answered_as(
        refusal: &dyn whmcs_auth::Refusal,
        code: &'static str,
        cause: impl Display,
    ) -> Self {
        // Cannot fail: the library only returns valid statuses.
        let status = StatusCode::from_u16(refusal.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self::new(code, status, refusal.public_message(), cause)
    }

    /// No route takes the request.
    pub(crate) fn not_found(code: &'static str, cause: impl Display) -> Self {
        Self::new(code, StatusCode::NOT_FOUND, "Not Found", cause).by_look()
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
        Self::new(code, StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", cause)
    }

    /// Counts it as a failed guess of the client's address.
    pub(crate) fn counted(mut self, guess: Guess) -> Self {
        self.guess = Some(guess);
        self
    }

    /// The look of the request may show the sender's mistake.
    pub(crate) fn by_look(mut self) -> Self {
        self.is_by_look = true;
        self
    }

    /// Adds what the sender probably did wrong. Nothing is diagnosed after a refusal that has another reason than
    /// the request.
    pub(crate) fn diagnosed(mut self, diagnose: impl FnOnce() -> Findings) -> Self {
        if self.is_by_look {
            self.findings = diagnose();
        }
        self
    }

    /// Tells the caller to wait, in whole seconds and at least one.
    pub(crate) fn retry_after(mut self, wait: Duration) -> Self {
        let seconds = wait.as_secs_f64().ceil() as u64;
        self.retry_after = Some(seconds.max(1));
        self
    }
}

/// The cause is the store's, so the caller is not counted.
impl From<StateError> for Refusal {
    fn from(error: StateError) -> Self {
        Self::unavailable(error.code, error.cause)
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

impl From<AddressRefusal> for Refusal {
    fn from(refusal: AddressRefusal) -> Self {
        Self::from_library(&refusal).counted(Guess::Secret)
    }
}

impl From<ApiRefusal> for Refusal {
    fn from(refusal: ApiRefusal) -> Self {
        Self::from_library(&refusal).counted(Guess::Secret)
    }
}

impl From<ApiError<sqlx::Error>> for Refusal {
    fn from(error: ApiError<sqlx::Error>) -> Self {
        match error {
            ApiError::Refused(refusal) => refusal.into(),
            ApiError::Store(error) => error.into(),
        }
    }
}

/// Only a wrong hash is a guess. A malformed link cannot be genuine, whatever its hash. A link that is
/// expired or without an account has the right hash.
impl From<AutoAuthRefusal> for Refusal {
    fn from(refusal: AutoAuthRefusal) -> Self {
        let is_guess = matches!(refusal, AutoAuthRefusal::HashMismatch);
        let refusal = Self::from_library(&refusal);
        match is_guess {
            true => refusal.counted(Guess::Link),
            false => refusal,
        }
    }
}

/// Not counted: the caller is verified.
impl From<ActionRefusal> for Refusal {
    fn from(refusal: ActionRefusal) -> Self {
        Self::from_library(&refusal)
    }
}

/// Not counted: the link is genuine. Whoever has a used link may know that it was used.
impl From<ReplayRefusal> for Refusal {
    fn from(refusal: ReplayRefusal) -> Self {
        let message = match refusal {
            ReplayRefusal::Used => Some("This login link was used before, and it works only once."),
            _ => None,
        };
        let refusal = Self::answered_as(&refusal, refusal.code(), refusal);
        match message {
            Some(message) => Self { message: message.into(), ..refusal },
            None => refusal,
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
            // With a code of its own, so that the log does not sum it up with the failure of the queries that
            // hold the connections.
            sqlx::Error::PoolTimedOut => Self::unavailable(
                "store_busy",
                "no connection to the database was free in the connect time",
            ),
            error => Self::unavailable("store_failure", error),
        }
    }
}
