//! The login of a genuine link (LINK-7).

use alloc::borrow::Cow;
use alloc::string::String;
#[cfg(feature = "test-util")]
use alloc::string::ToString;
use core::fmt;

use time::{OffsetDateTime, PrimitiveDateTime};

use super::goto::Goto;
#[cfg(feature = "test-util")]
use super::policy::AutoAuthPolicy;
#[cfg(feature = "test-util")]
use super::window::{forget_at, opens_at};
#[cfg(feature = "test-util")]
use crate::digest::autoauth;

/// A genuine link inside its window: what [`verify_autoauth`](crate::verify_autoauth) returns.
///
/// # Security
///
/// - It proves that somebody with a key signed this e-mail. It does not prove which account has the
///   e-mail: call [`check_account`](Self::check_account) after the look-up.
/// - The link can be used again until its window closes. After [`check_account`](Self::check_account),
///   you get the account and the target only when you choose how often a link may be used.
/// - Debug shows the e-mail and the `goto`, and not the replay key.
///
/// So a handler that forgets the check of the account does not compile:
///
/// ```compile_fail,E0599
/// use whmcs_auth::AutoAuthLogin;
///
/// fn target<'l>(login: &'l AutoAuthLogin<'_>) -> &'l str {
///     login.goto().target_or("clientarea.php")
/// }
/// ```
///
/// ```
/// use whmcs_auth::AcceptedLogin;
///
/// fn target<'l>(login: &'l AcceptedLogin<'_, u64>) -> &'l str {
///     login.goto().target_or("clientarea.php")
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct AutoAuthLogin<'a> {
    pub(crate) email: Cow<'a, str>,
    pub(crate) is_repaired: bool,
    pub(crate) timestamp: i64,
    pub(crate) key_index: usize,
    pub(crate) goto: Goto<'a>,
    pub(crate) replay_key: ReplayKey,
    pub(crate) opens_at: i64,
    pub(crate) forget_at: i64,
}

#[cfg(feature = "test-util")]
impl AutoAuthLogin<'static> {
    /// Makes a login without verification, for tests of handlers. Needs feature `test-util`.
    ///
    /// It is the login of a link without `goto`, under the default [`AutoAuthPolicy`]. Its replay key is
    /// made without a key. It differs for every e-mail and timestamp.
    ///
    /// # Security
    ///
    /// Nobody signed the e-mail. Enable the feature under `[dev-dependencies]` only, never in a
    /// release build.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::AutoAuthLogin;
    ///
    /// let login = AutoAuthLogin::for_test("demo@whmcs.com", 1290100706);
    /// let login = login.check_account(["Demo@whmcs.com"], |email| email, |_| true)?.repeatable();
    /// assert_eq!(login.account(), &"Demo@whmcs.com");
    /// # Ok::<(), whmcs_auth::AutoAuthRefusal>(())
    /// ```
    pub fn for_test(email: impl Into<String>, timestamp: i64) -> Self {
        let email = email.into();
        let replay_key = ReplayKey(autoauth(&email, &timestamp.to_string(), b""));
        Self {
            email: Cow::Owned(email),
            is_repaired: false,
            timestamp,
            key_index: 0,
            goto: Goto::Absent,
            replay_key,
            opens_at: opens_at(timestamp, &AutoAuthPolicy::new()),
            forget_at: forget_at(timestamp, &AutoAuthPolicy::new()),
        }
    }
}

impl AutoAuthLogin<'_> {
    /// The signed e-mail, with spaces read as `+` (LINK-3).
    ///
    /// # Security
    ///
    /// A database may find an account whose e-mail only looks like this one. Call
    /// [`check_account`](Self::check_account) after the look-up.
    #[must_use]
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Whether spaces in the e-mail were read as `+` (LINK-3). If so, the program that makes the
    /// links does not percent-encode the e-mail.
    #[must_use]
    pub fn is_repaired(&self) -> bool {
        self.is_repaired
    }

    /// The timestamp of the link, in seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// The index of the key that matched (LINK-4), counted from 0 in the order of
    /// [`AutoAuthKeys::new`](crate::AutoAuthKeys::new).
    #[must_use]
    pub fn key_index(&self) -> usize {
        self.key_index
    }

    /// Whether the link has a `goto` that was refused (LINK-6): it is outside the grammar of
    /// [`Goto`], or it came more than once. The visitor then goes to the default page.
    ///
    /// The refused text cannot be read. `diagnose::link`, with feature `diagnose`, says which rule of the
    /// grammar it broke.
    #[must_use]
    pub fn is_goto_refused(&self) -> bool {
        matches!(self.goto, Goto::Refused)
    }

    /// Whether the link has a `goto` that [acts](crate::GotoTarget::acts) as soon as it is opened, so no
    /// redirect follows it.
    #[must_use]
    pub fn goto_acts(&self) -> bool {
        matches!(&self.goto, Goto::SameSite(target) if target.acts())
    }

    /// The replay key: what to remember so that the link works only once (LINK-7). The module
    /// `replay` remembers it.
    pub fn replay_key(&self) -> ReplayKey {
        self.replay_key
    }

    /// The first second in which the [replay key](Self::replay_key) may be forgotten (LINK-7). From then
    /// on, the window is closed. Databases keep the key an hour longer, for clocks that differ.
    ///
    /// It is the timestamp plus [`past_limit`](crate::AutoAuthPolicy::with_past_limit) plus one
    /// second, and at most the end of the year 9999.
    #[must_use]
    pub fn remember_until(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.forget_at)
            .unwrap_or(PrimitiveDateTime::MAX.assume_utc())
    }

    /// How many seconds a store that several machines share must keep the [replay key](Self::replay_key):
    /// until [`remember_until`](Self::remember_until), and an hour longer for clocks that differ. `now`
    /// is the time of the clock that verified the link.
    #[must_use]
    pub fn remember_seconds(&self, now: OffsetDateTime) -> u64 {
        let open = self.remember_until().unix_timestamp().saturating_sub(now.unix_timestamp());
        open.max(0).unsigned_abs().saturating_add(3600)
    }

    /// The first second of the window: the earliest time at which the link can have been used.
    ///
    /// It is the timestamp minus [`future_limit`](crate::AutoAuthPolicy::with_future_limit), and at
    /// least the year 1970. A store that lost its memory after this time may have forgotten the link.
    #[must_use]
    pub fn valid_from(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.opens_at).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }

    /// LINK-8: whether the stored e-mail of an account equals the signed e-mail.
    pub(super) fn is_for(&self, stored_email: &str) -> bool {
        self.email.eq_ignore_ascii_case(stored_email)
    }

    /// Copies borrowed text, so that the login can outlive the request.
    pub fn into_owned(self) -> AutoAuthLogin<'static> {
        AutoAuthLogin {
            email: Cow::Owned(self.email.into_owned()),
            is_repaired: self.is_repaired,
            timestamp: self.timestamp,
            key_index: self.key_index,
            goto: self.goto.into_owned(),
            replay_key: self.replay_key,
            opens_at: self.opens_at,
            forget_at: self.forget_at,
        }
    }
}

/// The replay key of a link (LINK-7): the 20 bytes of its digest. A service remembers it to know
/// that the link was used.
///
/// It is the same for both cases of the hexadecimal digits in `hash`.
///
/// # Security
///
/// Until the window closes, the replay key is as secret as the hash of the link. Debug does not show it.
#[derive(Clone, Copy)]
#[must_use]
pub struct ReplayKey(pub(crate) [u8; 20]);

impl ReplayKey {
    /// The 20 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The 20 bytes in 40 lower-case hexadecimal digits: a key for a store of strings.
    #[must_use]
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayKey([redacted])")
    }
}
