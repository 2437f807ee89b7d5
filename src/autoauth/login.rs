//! The login of a genuine link, and the account that it is for (LINK-7, LINK-8).

use alloc::borrow::Cow;
use core::fmt;

use time::{OffsetDateTime, PrimitiveDateTime};

use super::goto::Goto;
use super::refusal::AutoAuthRefusal;

/// A genuine link inside its window: what [`verify_autoauth`](crate::verify_autoauth) returns.
///
/// # Security
///
/// - It proves that somebody with a key signed this e-mail. It does not prove which account has the
///   e-mail: call [`check_account`](Self::check_account) after the look-up.
/// - The link can be used again until its window closes. To accept it once, remember its
///   [`replay_key`](Self::replay_key).
/// - Debug shows the e-mail and the `goto`, and not the replay key.
#[derive(Clone, Debug)]
#[must_use]
pub struct AutoAuthLogin<'a> {
    pub(crate) email: Cow<'a, str>,
    pub(crate) is_repaired: bool,
    pub(crate) timestamp: i64,
    pub(crate) key_index: usize,
    pub(crate) goto: Goto<'a>,
    pub(crate) replay_key: ReplayKey,
    pub(crate) forget_at: i64,
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

    /// Where the visitor goes after the login (LINK-6).
    pub fn goto(&self) -> &Goto<'_> {
        &self.goto
    }

    /// The replay key: what to remember so that the link works only once (LINK-7). The module
    /// `replay` remembers it.
    pub fn replay_key(&self) -> ReplayKey {
        self.replay_key
    }

    /// The first second after the window (LINK-7). The link is refused from then on, so the [replay
    /// key](Self::replay_key) can be forgotten.
    ///
    /// It is the timestamp plus [`past_limit`](crate::AutoAuthPolicy::with_past_limit) plus one
    /// second, and at most the end of the year 9999.
    #[must_use]
    pub fn remember_until(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.forget_at)
            .unwrap_or(PrimitiveDateTime::MAX.assume_utc())
    }

    /// Whether the stored e-mail of an account equals the signed e-mail (LINK-8).
    ///
    /// ASCII letters are compared without case, all other bytes exactly. There is no Unicode
    /// folding.
    ///
    /// # Security
    ///
    /// After the look-up, prefer [`check_account`](Self::check_account): it compares all accounts
    /// that were found, and its refusal names the cause.
    ///
    /// # Examples
    ///
    /// ```
    /// use time::OffsetDateTime;
    /// use whmcs_auth::{
    ///     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth,
    /// };
    ///
    /// let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// let request = AutoAuthRequest::from_pairs([
    ///     ("email", "demo@whmcs.com"),
    ///     ("timestamp", "1290100706"),
    ///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// ]);
    /// let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    /// assert!(login.is_for("Demo@WHMCS.com"));
    /// assert!(!login.is_for("dem\u{f8}@whmcs.com"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_for(&self, stored_email: &str) -> bool {
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
/// While the link lives, the replay key is as secret as its hash. Debug does not show it.
#[derive(Clone, Copy)]
#[must_use]
pub struct ReplayKey(pub(crate) [u8; 20]);

impl ReplayKey {
    /// The 20 bytes of the digest.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Debug for ReplayKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayKey([redacted])")
    }
}

impl AutoAuthLogin<'_> {
    /// Returns the account that the link is for, out of all accounts that were found for
    /// [`email`](Self::email) (LINK-8).
    ///
    /// An account is the right one if its stored e-mail equals the signed one, as
    /// [`is_for`](Self::is_for) compares them. An account whose stored e-mail is equal byte for
    /// byte is preferred to one that differs in ASCII case.
    ///
    /// # Errors
    ///
    /// - [`AutoAuthRefusal::UnknownEmail`] if no account was found.
    /// - [`AutoAuthRefusal::AccountEmailMismatch`] if every account that was found has another
    ///   e-mail.
    /// - [`AutoAuthRefusal::AmbiguousAccount`] if several accounts have the signed e-mail, and not
    ///   exactly one of them has it byte for byte.
    ///
    /// The public answer is the same as for a link that is not genuine.
    ///
    /// # Security
    ///
    /// A database whose collation folds letters also finds accounts whose e-mail only looks like
    /// the signed one. A genuine link proves nothing about those accounts. Pass all accounts that
    /// were found. If the query stops after one account, it may be a wrong one, and the right
    /// client is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use time::OffsetDateTime;
    /// use whmcs_auth::{
    ///     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth,
    /// };
    ///
    /// let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// let request = AutoAuthRequest::from_pairs([
    ///     ("email", "demo@whmcs.com"),
    ///     ("timestamp", "1290100706"),
    ///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// ]);
    /// let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    ///
    /// struct Client {
    ///     id: u64,
    ///     email: String,
    /// }
    ///
    /// // What a collation finds that ignores accents and case.
    /// let found = ["dem\u{f3}@whmcs.com", "Demo@WHMCS.com"];
    /// let found = found.into_iter().zip(1..).map(|(email, id)| Client { id, email: email.into() });
    /// let client = login.check_account(found, |client| &client.email)?;
    /// assert_eq!(client.id, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_account<A>(
        &self,
        found: impl IntoIterator<Item = A>,
        stored_email: impl Fn(&A) -> &str,
    ) -> Result<A, AutoAuthRefusal> {
        let mut is_any_found = false;
        let mut best = None;
        let mut is_exact = false;
        let mut is_ambiguous = false;
        for account in found {
            is_any_found = true;
            let stored = stored_email(&account);
            let is_this_exact = stored == self.email();
            let is_worse = best.is_some() && is_exact && !is_this_exact;
            if is_worse || !self.is_for(stored) {
                continue;
            }
            is_ambiguous = best.is_some() && is_this_exact == is_exact;
            is_exact = is_this_exact;
            best = Some(account);
        }
        match best {
            Some(_) if is_ambiguous => Err(AutoAuthRefusal::AmbiguousAccount),
            Some(account) => Ok(account),
            None if is_any_found => Err(AutoAuthRefusal::AccountEmailMismatch),
            None => Err(AutoAuthRefusal::UnknownEmail),
        }
    }
}
