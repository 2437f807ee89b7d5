//! A login link, as its fields arrived.

use alloc::borrow::Cow;
use core::fmt;

use super::goto::Goto;
use crate::field::{Field, Fields, Malformed};

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
        Self { fields: Fields::from_pairs(pairs) }
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
        let mut parts = before_fragment.unwrap_or_default().splitn(2, |&byte| byte == b'?');
        Self::from_query(parts.nth(1).unwrap_or_default())
    }

    /// What is wrong with the first field that is malformed. A goto that is ambiguous is refused
    /// by itself.
    pub(crate) fn malformed(&self) -> Option<Malformed> {
        self.fields.faults().find(|fault| {
            !matches!(fault, Malformed::Repeated(Field::Goto) | Malformed::Alias(Field::Goto))
        })
    }

    /// Where the link leads. Judged here, and signed by nobody.
    pub(crate) fn goto(&self) -> Goto<'_> {
        match self.fields.content(Field::Goto) {
            Ok(goto) => goto.map_or(Goto::Absent, Goto::parse),
            Err(_) => Goto::Refused,
        }
    }

    /// The same request, owning its text.
    pub fn into_owned(self) -> AutoAuthRequest<'static> {
        AutoAuthRequest { fields: self.fields.into_owned() }
    }
}

impl fmt::Debug for AutoAuthRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.debug(f, "AutoAuthRequest", self.malformed())
    }
}
