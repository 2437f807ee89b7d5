//! The AutoAuth link: its fields as they arrived, and the login that a genuine one is good for.

use alloc::borrow::Cow;
use core::fmt;

use time::{OffsetDateTime, PrimitiveDateTime};

use crate::fields::{Field, Fields};
use crate::goto::Goto;
use crate::refusal::Malformed;

/// A login link: `email`, `timestamp`, `hash`, and perhaps `goto`, decoded.
///
/// Every other field is ignored, and an empty field is an absent field. Building a request cannot
/// fail: one that breaks a rule of [`Malformed`] is built all the same, and
/// [`verify_autoauth`](crate::verify_autoauth) refuses it. A repeated `goto`, or another name that
/// PHP reads as `goto`, only loses the goto.
///
/// # Security
///
/// Whoever holds a link can log in with it, again and again, until its window closes. Debug shows
/// which fields are present and none of their values; with feature `zeroize` the values that the
/// request owns are wiped when it is dropped.
#[derive(Clone, Default)]
#[must_use]
pub struct AutoAuthRequest<'a> {
    pub(crate) fields: Fields<'a, { Field::Email as usize }, 4>,
}

impl<'a> AutoAuthRequest<'a> {
    /// Reads decoded name-value pairs, all of them, such as an extractor of type
    /// `Vec<(String, String)>` yields. Bytes that were not UTF-8 must have become U+FFFD, as
    /// `String::from_utf8_lossy` makes them.
    ///
    /// # Security
    ///
    /// Never pass a map: it has lost the repetitions that must be refused.
    ///
    /// # Examples
    ///
    /// ```
    /// # use whmcs_auth::AutoAuthRequest;
    /// let request = AutoAuthRequest::from_pairs([
    ///     ("email", "demo@whmcs.com"),
    ///     ("timestamp", "1290100706"),
    ///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// ]);
    /// # let _ = request;
    /// ```
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: Into<Cow<'a, str>>,
    {
        Self {
            fields: Fields::from_pairs(pairs),
        }
    }

    /// Reads a raw query, without its `?`. Both `+` and `%20` are a space; bytes that are not
    /// UTF-8 become U+FFFD. Needs feature `form`.
    ///
    /// # Security
    ///
    /// The decoder's own scratch buffers are not wiped.
    #[cfg(feature = "form")]
    pub fn from_query<Q: AsRef<[u8]> + ?Sized>(query: &'a Q) -> Self {
        Self::from_pairs(form_urlencoded::parse(query.as_ref()))
    }

    /// Reads the query of a whole URL, absolute or relative: what follows its first `?`, up to a
    /// `#`. The rest of the URL is not judged. Without a `?` there are no fields. Needs feature
    /// `form`.
    ///
    /// # Examples
    ///
    /// ```
    /// use time::OffsetDateTime;
    /// use whmcs_auth::{AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth};
    ///
    /// let request = AutoAuthRequest::from_url(
    ///     "https://billing.example.com/dologin.php?email=demo@whmcs.com&timestamp=1290100706\
    ///      &hash=6624fa4b6fb3c5fcd24e587154a949911046d92b",
    /// );
    /// let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    /// assert_eq!(login.email(), "demo@whmcs.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "form")]
    pub fn from_url<U: AsRef<[u8]> + ?Sized>(url: &'a U) -> Self {
        let before_fragment = url.as_ref().split(|&byte| byte == b'#').next();
        let mut parts = before_fragment
            .unwrap_or_default()
            .splitn(2, |&byte| byte == b'?');
        Self::from_query(parts.nth(1).unwrap_or_default())
    }

    /// What is wrong with the first field that is malformed. A goto that is ambiguous is refused
    /// by itself.
    pub(crate) fn malformed(&self) -> Option<Malformed> {
        self.fields.faults().find(|fault| {
            !matches!(
                fault,
                Malformed::Repeated(Field::Goto) | Malformed::Disguised(Field::Goto)
            )
        })
    }

    /// Where the link leads. Judged here, and signed by nobody.
    pub(crate) fn goto(&self) -> Goto<'_> {
        match self.fields.content(Field::Goto) {
            Ok(goto) => goto.map_or(Goto::Absent, Goto::judge),
            Err(_) => Goto::Refused,
        }
    }

    /// The same request, owning its text.
    pub fn into_owned(self) -> AutoAuthRequest<'static> {
        AutoAuthRequest {
            fields: self.fields.into_owned(),
        }
    }
}

impl fmt::Debug for AutoAuthRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.debug(f, "AutoAuthRequest", self.malformed())
    }
}

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
