//! Why the store did not answer, and why a link was refused.

use whmcs_auth::ReplayRefusal;

/// The store did not answer, or its answer cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct StateError {
    /// A stable name for metrics. It starts with `state_`.
    pub code: &'static str,
    /// A sentence for the log. It holds no address, password or value.
    pub cause: String,
}

impl StateError {
    pub(crate) fn new(code: &'static str, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into() }
    }
}

/// Why a link was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UseError {
    /// The link was used before, or may have been.
    #[error(transparent)]
    Refused(#[from] ReplayRefusal),
    /// The store did not answer.
    #[error(transparent)]
    State(#[from] StateError),
}
