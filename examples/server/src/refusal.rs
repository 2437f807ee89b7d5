//! Why a request was refused: a code and a cause for the operator, a status and a message for the caller.

use std::borrow::Cow;
use std::fmt::Display;

use axum::http::StatusCode;
use whmcs_auth::gate::AddressRefusal;
use whmcs_auth::replay::ReplayRefusal;
use whmcs_auth::{ActionRefusal, ApiError, ApiRefusal, AutoAuthRefusal};

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
    /// Whether the throttle counts it as a failure of the client's address.
    pub(crate) is_failure: bool,
}

impl Refusal {
    /// A refusal by the service.
    pub(crate) fn new(
        code: &'static str,
        status: StatusCode,
        message: impl Into<Cow<'static, str>>,
        cause: impl Display,
    ) -> Self {
        Self { code, cause: cause.to_string(), status, message: message.into(), is_failure: false }
    }

    /// A refusal by the library.
    fn from_library(refusal: &dyn whmcs_auth::Refusal) -> Self {
        Self::answered_as(refusal, refusal.code(), refusal)
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

    /// The service could not decide, so it refuses.
    pub(crate) fn unavailable(code: &'static str, cause: impl Display) -> Self {
        Self::new(code, StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable", cause)
    }

    /// Counts it as a failure of the client's address.
    pub(crate) fn counted(mut self) -> Self {
        self.is_failure = true;
        self
    }
}

impl From<AddressRefusal> for Refusal {
    fn from(refusal: AddressRefusal) -> Self {
        Self::from_library(&refusal).counted()
    }
}

impl From<ApiRefusal> for Refusal {
    fn from(refusal: ApiRefusal) -> Self {
        Self::from_library(&refusal).counted()
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

impl From<AutoAuthRefusal> for Refusal {
    fn from(refusal: AutoAuthRefusal) -> Self {
        Self::from_library(&refusal).counted()
    }
}

/// Not counted: the caller is verified.
impl From<ActionRefusal> for Refusal {
    fn from(refusal: ActionRefusal) -> Self {
        Self::from_library(&refusal)
    }
}

/// Not counted: the link is genuine.
impl From<ReplayRefusal> for Refusal {
    fn from(refusal: ReplayRefusal) -> Self {
        Self::from_library(&refusal)
    }
}

impl From<getrandom::Error> for Refusal {
    fn from(error: getrandom::Error) -> Self {
        Self::unavailable("no_randomness", error)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::unavailable("store_failure", error)
    }
}
