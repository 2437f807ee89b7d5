//! The limits of the window (LINK-5), and how an e-mail with a space is read (LINK-3).

use core::time::Duration;

/// How long a link is accepted, and how an e-mail with a space is read.
///
/// [`new`](Self::new) and `default` follow WHMCS: 900 s into the past and into the future, and
/// spaces read as `+`.
///
/// Source: WHMCS documents that the timestamp must be within 15 minutes of the server's time. This
/// crate reads that as both directions, and accepts exactly 900 s.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use whmcs_auth::AutoAuthPolicy;
///
/// // Links live for five minutes, clocks may differ by one, and e-mails are not repaired.
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
    /// The policy of WHMCS: 900 s into the past and into the future, and spaces read as `+`.
    pub const fn new() -> Self {
        Self {
            past_limit: Duration::from_secs(900),
            future_limit: Duration::from_secs(900),
            space_as_plus: true,
        }
    }

    /// Sets how old a link may be (LINK-5). A link of exactly this age is accepted. Fractions of a
    /// second are dropped.
    ///
    /// # Security
    ///
    /// With a longer limit, whoever finds a link can use it for longer. Several processes that share a
    /// database of used links must use the same limit.
    pub const fn with_past_limit(mut self, limit: Duration) -> Self {
        self.past_limit = limit;
        self
    }

    /// Sets how far ahead of the clock a timestamp may be (LINK-5). A timestamp exactly this far
    /// ahead is accepted. Fractions of a second are dropped.
    pub const fn with_future_limit(mut self, limit: Duration) -> Self {
        self.future_limit = limit;
        self
    }

    /// Sets whether spaces in the e-mail are read as `+` (LINK-3). If not, a link whose e-mail
    /// holds a space is refused as [`Malformed::SpaceInEmail`](crate::Malformed::SpaceInEmail).
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
