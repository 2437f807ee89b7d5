//! Why the gate did not authorize a call.

use alloc::boxed::Box;
use core::error::Error;
use core::fmt::Debug;

use super::refusal::{AddressRefusal, HiddenCaller};
use crate::api::action::ActionRefusal;
use crate::api::caller::ApiCaller;
use crate::api::refusal::{ApiError, ApiRefusal};
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Why [`ApiGate::verify`](super::ApiGate::verify) or [`verify_async`](super::ApiGate::verify_async) did not
/// authorize a call. `?` converts the refusal of each single check into it.
///
/// | variant | code | public message and HTTP status |
/// |---|---|---|
/// | `HiddenCaller`, `Address`, `Credentials` | the refusal's | the refusal's |
/// | `Action` | the refusal's | the refusal's |
/// | `Store` | `store_failure` | `Service Unavailable`, 503 |
/// | `Stopped` | `stopped` | `Service Unavailable`, 503 |
///
/// # Security
///
/// `E` is the error type of the store. This crate does not control what its Debug and Display show.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GateError<Id, E> {
    /// The caller's address is not known. [`TrustedProxies`](super::TrustedProxies) returns it.
    #[error(transparent)]
    HiddenCaller(#[from] HiddenCaller),
    /// The address may not call.
    #[error(transparent)]
    Address(#[from] AddressRefusal),
    /// The credentials are refused.
    #[error(transparent)]
    Credentials(#[from] ApiRefusal),
    /// The caller is verified, but may not do the action.
    #[error("{refusal}")]
    Action {
        /// Whose call was refused.
        caller: ApiCaller<Id>,
        /// Why.
        refusal: ActionRefusal,
    },
    /// The store failed, so nothing was decided.
    #[error("the credential store failed")]
    Store(#[source] E),
    /// The decision did not end: the runtime stopped, or there was no permit.
    #[error("the decision did not end")]
    Stopped(#[source] Box<dyn Error + Send + Sync>),
}

impl<Id, E> GateError<Id, E> {
    /// The refusal, unless the service failed.
    fn refusal(&self) -> Option<&dyn Refusal> {
        match self {
            Self::HiddenCaller(refusal) => Some(refusal),
            Self::Address(refusal) => Some(refusal),
            Self::Credentials(refusal) => Some(refusal),
            Self::Action { refusal, .. } => Some(refusal),
            Self::Store(_) | Self::Stopped(_) => None,
        }
    }
}

impl<Id, E> From<ApiError<E>> for GateError<Id, E> {
    fn from(error: ApiError<E>) -> Self {
        match error {
            ApiError::Refused(refusal) => refusal.into(),
            ApiError::Store(error) => Self::Store(error),
        }
    }
}

impl<Id: Debug, E: Error + 'static> Refusal for GateError<Id, E> {
    fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "store_failure",
            Self::Stopped(_) => "stopped",
            _ => self.refusal().map_or("", Refusal::code),
        }
    }
}

impl<Id, E> Sealed for GateError<Id, E> {
    fn public_answer(&self) -> PublicAnswer<'_> {
        self.refusal().map_or(PublicAnswer::ServiceUnavailable, Sealed::public_answer)
    }
}
