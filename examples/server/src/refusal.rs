//! What goes wrong: a code and a cause for the operator, one answer for the caller.

use std::fmt::Display;

use axum::http::StatusCode;
use whmcs_auth::answer::PublicError;
use whmcs_auth::gate::{ActionRefusal, AddressRefusal, GateError};
use whmcs_auth::replay::ReplayRefusal;
use whmcs_auth::{ApiRefusal, AutoAuthRefusal};

/// Any request that is not carried out.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// For metrics.
    pub(crate) code: &'static str,
    /// For the log.
    pub(crate) cause: String,
    /// For the caller.
    pub(crate) public: PublicError,
    /// Whether it counts against the caller's address.
    pub(crate) is_failure: bool,
}

impl Refusal {
    /// Something that the library does not judge, and has no answer for.
    pub(crate) fn new(
        code: &'static str,
        status: u16,
        message: &'static str,
        cause: impl Display,
    ) -> Self {
        Self::told_as(PublicError::new(status, message), code, cause)
    }

    /// Something that the library does not judge, told as one of its refusals is told.
    pub(crate) fn told_as(
        refusal: impl Into<PublicError>,
        code: &'static str,
        cause: impl Display,
    ) -> Self {
        Self {
            code,
            cause: cause.to_string(),
            public: refusal.into(),
            is_failure: false,
        }
    }

    /// The service cannot tell. Nobody is let in.
    pub(crate) fn unavailable(code: &'static str, cause: impl Display) -> Self {
        Self::told_as(&GateError::Store(()), code, cause)
    }

    /// It counts against the caller's address.
    pub(crate) fn counted(mut self) -> Self {
        self.is_failure = true;
        self
    }

    pub(crate) fn status(&self) -> StatusCode {
        // Every status is one that the library or this crate names.
        let status = StatusCode::from_u16(self.public.http_status());
        status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

macro_rules! refusals {
    ($($refusal:ty, $failure:ident;)+) => {$(
        impl From<$refusal> for Refusal {
            fn from(refusal: $refusal) -> Self {
                Self {
                    is_failure: $failure,
                    ..Self::told_as(&refusal, refusal.code(), &refusal)
                }
            }
        }
    )+};
}

const A_FAILURE: bool = true;
/// Refused actions and used links do not count: whoever sent them is known.
const NO_FAILURE: bool = false;

refusals! {
    AddressRefusal, A_FAILURE;
    ApiRefusal, A_FAILURE;
    ActionRefusal, NO_FAILURE;
    AutoAuthRefusal, A_FAILURE;
    ReplayRefusal, NO_FAILURE;
}

impl From<getrandom::Error> for Refusal {
    fn from(error: getrandom::Error) -> Self {
        Self::unavailable("no_randomness", error)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        Self::unavailable(GateError::Store(()).code(), error)
    }
}
