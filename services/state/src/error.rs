//! Why the store did not answer, and why a link was refused.

use std::time::Duration;

use whmcs_auth::ReplayRefusal;

/// The store did not answer, or its answer cannot be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{cause}")]
pub struct StateError {
    /// A stable name for metrics. It starts with `state_`.
    pub code: &'static str,
    /// A sentence for the log. It holds no password and nothing of a visitor.
    pub cause: String,
    /// The time until it works again by itself, if that is known.
    pub wait: Option<Duration>,
}

impl StateError {
    pub(crate) fn new(code: &'static str, cause: impl Into<String>) -> Self {
        Self { code, cause: cause.into(), wait: None }
    }

    /// Whether only other options mend it. A program does not start with it.
    #[must_use]
    pub fn is_by_options(&self) -> bool {
        self.code == "state_installation"
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
