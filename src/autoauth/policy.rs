//! How long a link lives, and how its e-mail is read.

use core::time::Duration;

/// How long a link lives, and how an e-mail with a space is read.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use whmcs_auth::AutoAuthPolicy;
///
/// // Five minutes, a minute for clocks that are apart, and no repaired e-mails.
/// let policy = AutoAuthPolicy::new()
///     .with_past_limit(Duration::from_secs(300))
///     .with_future_limit(Duration::from_secs(60))
///     .with_space_as_plus(false);
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct AutoAuthPolicy {
    pub(crate) past_limit: Duration,
    pub(crate) future_limit: Duration,
    pub(crate) space_as_plus: bool,
}

impl AutoAuthPolicy {
    /// WHMCS's 15 minutes, into the past and into the future, and spaces read as `+`.
    pub const fn new() -> Self {
        Self {
            past_limit: Duration::from_secs(900),
            future_limit: Duration::from_secs(900),
            space_as_plus: true,
        }
    }

    /// The greatest age of a link, itself accepted. Fractions of a second do not count.
    pub const fn with_past_limit(mut self, limit: Duration) -> Self {
        self.past_limit = limit;
        self
    }

    /// How far ahead of the clock a timestamp may be, itself accepted. Fractions of a second do
    /// not count.
    pub const fn with_future_limit(mut self, limit: Duration) -> Self {
        self.future_limit = limit;
        self
    }

    /// Whether spaces in the e-mail are read as `+`. Otherwise such a link is malformed.
    pub const fn with_space_as_plus(mut self, accepted: bool) -> Self {
        self.space_as_plus = accepted;
        self
    }
}

impl Default for AutoAuthPolicy {
    fn default() -> Self {
        Self::new()
    }
}
