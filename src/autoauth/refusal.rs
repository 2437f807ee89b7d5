//! Why a login link was refused.

use core::time::Duration;

use crate::field::Malformed;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Why a login link was refused. For the operator: Display names the cause, and the mistake behind it
/// where one is likely, and holds nothing of the link.
///
/// Source: the public messages and the status are this crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AutoAuthRefusal {
    /// No key is configured. Code `autoauth_disabled`.
    #[error("AutoAuth is disabled: no key is configured")]
    Disabled,
    /// The link cannot be judged. Code: that of [`Malformed`].
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The hash is that of no key: the link was changed, its e-mail not percent-encoded, or the key
    /// is another installation's. Code `hash_mismatch`.
    #[error("the hash is not genuine: changed, not percent-encoded, or made with another key")]
    HashMismatch,
    /// The link is genuine and too old. Code `expired`.
    #[error("the link is genuine and expired {} s ago", .by.as_secs())]
    Expired {
        /// The time since the last second in which it was accepted.
        by: Duration,
    },
    /// The link is genuine, and its timestamp too far ahead. Code `from_future`.
    #[error("the link is genuine and comes {} s too early: the clocks are apart", .by.as_secs())]
    FromFuture {
        /// The time until the first second in which it will be accepted.
        by: Duration,
    },
    /// The link is genuine, and the clock stands before 1970. Code `clock_before_1970`.
    #[error("the link is genuine, and the clock stands before 1970")]
    ClockBefore1970,
    /// The link is genuine, and no account has its e-mail. Not of
    /// [`verify_autoauth`](crate::verify_autoauth), but of
    /// [`check_account`](crate::AutoAuthLogin::check_account). Code `unknown_email`.
    #[error("the link is genuine, and no account has its e-mail")]
    UnknownEmail,
    /// The link is genuine, and the account found has another e-mail. Likewise. Code
    /// `account_email_mismatch`.
    #[error(
        "the link is genuine, and the account found has another e-mail: a collation may fold letters"
    )]
    AccountEmailMismatch,
    /// The link is genuine, and several accounts have its e-mail. Likewise. Code
    /// `ambiguous_account`.
    #[error("the link is genuine, and several accounts have its e-mail")]
    AmbiguousAccount,
}

impl Refusal for AutoAuthRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Disabled => "autoauth_disabled",
            Self::Malformed(malformed) => malformed.code(),
            Self::HashMismatch => "hash_mismatch",
            Self::Expired { .. } => "expired",
            Self::FromFuture { .. } => "from_future",
            Self::ClockBefore1970 => "clock_before_1970",
            Self::UnknownEmail => "unknown_email",
            Self::AccountEmailMismatch => "account_email_mismatch",
            Self::AmbiguousAccount => "ambiguous_account",
        }
    }
}

impl Sealed for AutoAuthRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Disabled
            | Self::Malformed(_)
            | Self::HashMismatch
            | Self::UnknownEmail
            | Self::AccountEmailMismatch
            | Self::AmbiguousAccount => PublicAnswer::LinkNotValid,
            Self::Expired { .. } | Self::FromFuture { .. } | Self::ClockBefore1970 => {
                PublicAnswer::LinkExpired
            }
        }
    }
}
