//! A login link as it was received.

use alloc::borrow::Cow;
use core::fmt;

use super::goto::Goto;
use crate::field::{Field, Fields, LinkFields, Malformed};
use crate::pairs::Pairs;

/// A login link as it was received: the decoded fields `email`, `timestamp`, `hash` and,
/// optionally, `goto`.
///
/// The rules FIELD-1 to FIELD-7 of [`Field`] hold. An empty field is an absent field, and all other
/// fields are ignored. Building a request never fails. A request that breaks a rule of
/// [`Malformed`] is built as well, and [`verify_autoauth`](crate::verify_autoauth) refuses it. No fault of
/// `goto` refuses a link: a malformed one becomes [`Goto::Refused`].
///
/// # Security
///
/// Whoever holds a link can log in with it, again and again, until its window closes. So do not log
/// links. Debug shows which fields are present, and no value. With feature `zeroize`, the values
/// that the request owns are wiped when it is dropped.
#[derive(Clone, Default)]
#[must_use]
pub struct AutoAuthRequest<'a> {
    pub(crate) fields: LinkFields<'a>,
}

impl<'a> AutoAuthRequest<'a> {
    /// Reads decoded pairs of name and value, for example an extractor's `Vec<(String, String)>`.
    ///
    /// Pass all pairs of the query. Bytes that were not UTF-8 must have become U+FFFD, as
    /// `String::from_utf8_lossy` makes them.
    ///
    /// # Security
    ///
    /// A map does not compile: it has already dropped the repetitions that FIELD-2 refuses.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::AutoAuthRequest;
    ///
    /// let request = AutoAuthRequest::from_pairs([
    ///     ("email", "demo@whmcs.com"),
    ///     ("timestamp", "1290100706"),
    ///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// ]);
    /// # let _ = request;
    /// ```
    pub fn from_pairs(pairs: impl Pairs<'a>) -> Self {
        Self::from_decoded(pairs.into_pairs())
    }

    fn from_decoded<N, V>(pairs: impl Iterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: Into<Cow<'a, str>>,
    {
        Self { fields: Fields::from_pairs(pairs) }
    }

    /// Reads a raw query, without its `?`.
    ///
    /// Both `+` and `%20` are a space. Bytes that are not UTF-8 become U+FFFD. Needs feature
    /// `form`.
    ///
    /// # Security
    ///
    /// The buffers of the decoder are not wiped.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::AutoAuthRequest;
    ///
    /// let request = AutoAuthRequest::from_query(
    ///     "email=demo%40whmcs.com&timestamp=1290100706\
    ///      &hash=6624fa4b6fb3c5fcd24e587154a949911046d92b",
    /// );
    /// # let _ = request;
    /// ```
    #[cfg(feature = "form")]
    pub fn from_query<Q: AsRef<[u8]> + ?Sized>(query: &'a Q) -> Self {
        Self::from_decoded(form_urlencoded::parse(query.as_ref()))
    }

    /// Reads the query of a URL, absolute or relative: the text after the first `?`, up to a `#`.
    ///
    /// The rest of the URL is not checked. A URL without a `?` has no fields. The query is decoded
    /// as [`from_query`](Self::from_query) decodes it. Needs feature `form`.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::time::OffsetDateTime;
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
        let mut parts = before_fragment.unwrap_or_default().splitn(2, |&byte| byte == b'?');
        Self::from_query(parts.nth(1).unwrap_or_default())
    }

    /// The fault of the first malformed field other than `goto`.
    pub(crate) fn malformed(&self) -> Option<Malformed> {
        self.fields.fault()
    }

    /// LINK-6.
    pub(crate) fn goto(&self) -> Goto<'_> {
        match self.fields.content(Field::Goto) {
            Ok(goto) => goto.map_or(Goto::Absent, Goto::parse),
            Err(_) => Goto::Refused,
        }
    }

    /// Copies borrowed text, so that the request can outlive its source.
    pub fn into_owned(self) -> AutoAuthRequest<'static> {
        AutoAuthRequest { fields: self.fields.into_owned() }
    }
}

impl fmt::Debug for AutoAuthRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.debug(f, "AutoAuthRequest", self.malformed())
    }
}
