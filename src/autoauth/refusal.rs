//! Why a login link was refused.

use core::time::Duration;

use crate::field::Malformed;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Why a login link was refused.
///
/// Display is for the operator. It names the cause, and often the likely mistake. It holds no text of the
/// link's fields. The caller gets [`public_message`](Refusal::public_message). There is one message for
/// links that are disabled, malformed, not genuine or without an account. There is another for genuine
/// links outside the window.
///
/// Source: the public messages and the status 403 are this crate's decision.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{AutoAuthRefusal, Refusal};
///
/// let refusal = AutoAuthRefusal::HashMismatch;
/// assert_eq!(refusal.code(), "hash_mismatch");
/// assert_eq!(refusal.public_message(), "This login link is not valid.");
/// assert_eq!(refusal.http_status(), 403);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AutoAuthRefusal {
    /// No key is configured (LINK-1). Code `autoauth_disabled`.
    #[error("AutoAuth is disabled: no key is configured")]
    Disabled,
    /// The link breaks a rule of [`Field`](crate::Field), LINK-2 or LINK-3, or its hash is not 40
    /// hexadecimal digits (LINK-4). Code: see [`Malformed::code`].
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No key gives the hash (LINK-4). The link was changed, its e-mail was not percent-encoded, or
    /// it was made with the key of another installation. Code `hash_mismatch`.
    #[error(
        "the hash is wrong: the link was changed, not percent-encoded, or made with another key"
    )]
    HashMismatch,
    /// The link is genuine and too old (LINK-5). Code `expired`.
    #[error("the link is genuine, but it expired {} s ago", .by.as_secs())]
    Expired {
        /// The time since the last second in which the link was accepted, in whole seconds.
        by: Duration,
    },
    /// The link is genuine, and its timestamp is too far ahead of the clock (LINK-5). Code
    /// `from_future`.
    #[error("the link is genuine, but its timestamp is {} s too far ahead: the clocks differ", .by.as_secs())]
    FromFuture {
        /// The time until the first second in which the link is accepted, in whole seconds.
        by: Duration,
    },
    /// The link is genuine, and the clock is before 1970. Code `clock_before_1970`.
    #[error("the link is genuine, but this server's clock is before 1970")]
    ClockBefore1970,
    /// The link is genuine, and no account was found (LINK-8). Only
    /// [`check_account`](crate::AutoAuthLogin::check_account) returns it. Code `unknown_email`.
    #[error("the link is genuine, but no account has its e-mail")]
    UnknownEmail,
    /// The link is genuine, and every account that was found has another e-mail (LINK-8). Only
    /// [`check_account`](crate::AutoAuthLogin::check_account) returns it. Code
    /// `account_email_mismatch`.
    #[error(
        "the link is genuine, but the account found has another e-mail: a collation may fold letters"
    )]
    AccountEmailMismatch,
    /// The link is genuine, and the account with its e-mail is closed (LINK-8). Only
    /// [`check_account`](crate::AutoAuthLogin::check_account) returns it. Code `account_closed`.
    #[error("the link is genuine, but the account with its e-mail is closed")]
    AccountClosed,
    /// The link is genuine, and several accounts have its e-mail (LINK-8). Only
    /// [`check_account`](crate::AutoAuthLogin::check_account) returns it. Code `ambiguous_account`.
    #[error("the link is genuine, but several accounts have its e-mail")]
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
            Self::AccountClosed => "account_closed",
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
            | Self::AccountClosed
            | Self::AmbiguousAccount => PublicAnswer::LinkNotValid,
            Self::Expired { .. } | Self::FromFuture { .. } | Self::ClockBefore1970 => {
                PublicAnswer::LinkExpired
            }
        }
    }
}

/// Why a genuine link was refused as used: by `ReplayGuard::first_use`, or by
/// [`used_once`](crate::AccountLogin::used_once).
///
/// Display is for the operator and names the cause. The caller gets
/// [`public_message`](Refusal::public_message): `Service Unavailable` from a full guard, otherwise
/// the message of an expired link.
///
/// Source: the public messages and statuses are this crate's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayRefusal {
    /// The link was used before. Code `link_used`.
    #[error("the link was used before")]
    Used,
    /// The guard does not know whether the link was used. Its window is closed, or a link with its
    /// timestamp or a later one was already forgotten: the clock stepped back, or the window became
    /// longer. Or the link was made before the process started, or before a shared store lost its memory. Code
    /// `link_may_be_forgotten`.
    #[error(
        "the link may have been used before: it was made before the service or its store started, its window is \
         closed, or the clock went back"
    )]
    MayBeForgotten,
    /// The guard remembers as many links as its capacity allows. Code `replay_guard_full`.
    #[error("the replay guard is full: its capacity is too small for the logins of a window")]
    Full,
}

impl Refusal for ReplayRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Used => "link_used",
            Self::MayBeForgotten => "link_may_be_forgotten",
            Self::Full => "replay_guard_full",
        }
    }
}

impl Sealed for ReplayRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Used | Self::MayBeForgotten => PublicAnswer::LinkExpired,
            Self::Full => PublicAnswer::ServiceUnavailable,
        }
    }
}
