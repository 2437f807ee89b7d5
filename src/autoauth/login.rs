//! The login that a genuine link is good for, and the account that it is for.

use alloc::borrow::Cow;
use core::fmt;

use time::{OffsetDateTime, PrimitiveDateTime};

use super::goto::Goto;
use super::refusal::AutoAuthRefusal;

/// A genuine link inside its window.
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
    /// The e-mail that was signed, with spaces read as `+`.
    ///
    /// # Security
    ///
    /// A database may find an account whose e-mail only looks like it: ask
    /// [`check_account`](Self::check_account).
    pub fn email(&self) -> &str {
        &self.email
    }

    /// Whether spaces in the e-mail were read as `+`: whoever makes the links does not
    /// percent-encode them.
    #[must_use]
    pub fn is_repaired(&self) -> bool {
        self.is_repaired
    }

    /// When the link was signed, in Unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        self.timestamp
    }

    /// Which key of the set matched, counted from 0 in the order given.
    #[must_use]
    pub fn key_index(&self) -> usize {
        self.key_index
    }

    /// Where the link leads.
    pub fn goto(&self) -> &Goto<'_> {
        &self.goto
    }

    /// What to remember of a link that may be used once, as the module `replay` does.
    pub fn replay_key(&self) -> ReplayKey {
        self.replay_key
    }

    /// From when on the [replay key](Self::replay_key) can be forgotten: the first second in which
    /// the link is refused anyway.
    #[must_use]
    pub fn remember_until(&self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.forget_at)
            .unwrap_or(PrimitiveDateTime::MAX.assume_utc())
    }

    /// Whether the account's stored e-mail is the one that was signed. Compared without ASCII case
    /// and with no Unicode folding, byte for byte otherwise.
    ///
    /// # Security
    ///
    /// After the look-up prefer [`check_account`](Self::check_account), which names the cause: a
    /// database whose collation folds letters finds an account for an e-mail that looks like its own.
    ///
    /// # Examples
    ///
    /// ```
    /// # use time::OffsetDateTime;
    /// # use whmcs_auth::*;
    /// # let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// # let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// # let request = AutoAuthRequest::from_pairs([
    /// #     ("email", "demo@whmcs.com"),
    /// #     ("timestamp", "1290100706"),
    /// #     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// # ]);
    /// # let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    /// assert!(login.is_for("Demo@WHMCS.com"));
    /// assert!(!login.is_for("dem\u{f8}@whmcs.com"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn is_for(&self, stored_email: &str) -> bool {
        self.email.eq_ignore_ascii_case(stored_email)
    }

    /// The same login, owning its text.
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

/// The digest of a link, the same however its hex was written: the key under which a service
/// remembers that the link was used.
///
/// # Security
///
/// It is as good as the link's hash while the link lives, so Debug does not show it.
#[derive(Clone, Copy)]
#[must_use]
pub struct ReplayKey(pub(crate) [u8; 20]);

impl ReplayKey {
    /// The 20 bytes.
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
    /// Returns the account that the link [is for](Self::is_for), out of all accounts that were found
    /// for [`email`](Self::email).
    ///
    /// An account whose stored e-mail equals the signed one byte for byte comes before one that
    /// differs in ASCII case.
    ///
    /// # Errors
    ///
    /// - [`AutoAuthRefusal::UnknownEmail`] if no account was found.
    /// - [`AutoAuthRefusal::AccountEmailMismatch`] if each account found has another e-mail.
    /// - [`AutoAuthRefusal::AmbiguousAccount`] if several accounts have the signed e-mail.
    ///
    /// The public answer is that of a link that is not genuine.
    ///
    /// # Security
    ///
    /// A database whose collation folds letters finds accounts whose e-mail only looks like the
    /// signed one, and a genuine link says nothing about those. Pass all that were found: with a
    /// limit of one the database may choose the wrong account, and the right client is turned away.
    ///
    /// # Examples
    ///
    /// ```
    /// # use time::OffsetDateTime;
    /// # use whmcs_auth::*;
    /// # let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// # let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// # let request = AutoAuthRequest::from_pairs([
    /// #     ("email", "demo@whmcs.com"),
    /// #     ("timestamp", "1290100706"),
    /// #     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// # ]);
    /// # let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    /// struct Client {
    ///     id: u64,
    ///     email: String,
    /// }
    ///
    /// // As a collation finds them that ignores accents and case.
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
