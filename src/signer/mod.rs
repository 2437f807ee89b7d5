//! Login links, minted: the mirror image of verification.

use alloc::string::String;
use core::fmt;

use form_urlencoded::Serializer;

use crate::clock::Clock;
use crate::digest::autoauth;
use crate::fields::{Field, Text};
use crate::goto::Goto;
use crate::keys::AutoAuthKey;
use crate::refusal::Malformed;

/// Mints a login link for a client's e-mail, signed now, for a WHMCS up to 8.0 or for a service
/// that verifies with this crate.
///
/// Needs feature `form`.
///
/// What it signs, [`verify_autoauth`](crate::verify_autoauth) accepts under the default policy
/// while the window is open. E-mail and `goto` are percent-encoded.
///
/// # Errors
///
/// - [`SignError::Email`] for an e-mail that verification would refuse: empty, over 254 bytes, or
///   with U+FFFD or a control character.
/// - [`SignError::SpaceInEmail`] for an e-mail with a space, which would be read as `+`.
/// - [`SignError::Goto`] for a `goto` outside the grammar of [`Goto`].
/// - [`SignError::Clock`] if the time now has no ten-digit timestamp: before 9 September 2001, or
///   after 20 November 2286.
///
/// # Examples
///
/// ```
/// use time::OffsetDateTime;
/// use whmcs_auth::{AutoAuthKey, sign_autoauth};
///
/// let key = AutoAuthKey::new("abcXYZ123")?;
/// let clock = OffsetDateTime::from_unix_timestamp(1700000000)?;
/// let link = sign_autoauth("a+b@example.com", Some("viewinvoice.php?id=12"), &key, &clock)?;
/// assert_eq!(
///     link.url("https://billing.example.com")?,
///     "https://billing.example.com/dologin.php?email=a%2Bb%40example.com&timestamp=1700000000\
///      &hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8&goto=viewinvoice.php%3Fid%3D12",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn sign_autoauth<C: Clock + ?Sized>(
    email: &str,
    goto: Option<&str>,
    key: &AutoAuthKey,
    clock: &C,
) -> Result<AutoAuthLink, SignError> {
    if email.is_empty() {
        return Err(SignError::Email(Malformed::Missing(Field::Email)));
    }
    Field::Email.check(email).map_err(SignError::Email)?;
    if email.contains(' ') {
        return Err(SignError::SpaceInEmail);
    }
    let goto = goto.map_or(Goto::Absent, Goto::judge);
    if goto == Goto::Refused {
        return Err(SignError::Goto);
    }
    let now = clock.now().unix_timestamp();
    if !(1_000_000_000..=9_999_999_999).contains(&now) {
        return Err(SignError::Clock);
    }
    let timestamp = alloc::format!("{now}");

    let digest = autoauth(email, &timestamp, key.as_bytes());
    let mut query = Serializer::new(String::new());
    query
        .append_pair(Field::Email.name(), email)
        .append_pair(Field::Timestamp.name(), &timestamp)
        .append_pair(Field::Hash.name(), &hex::encode(digest));
    if let Goto::SameSite { target } = goto {
        query.append_pair(Field::Goto.name(), &target);
    }
    Ok(AutoAuthLink {
        query: Text::new(query.finish()),
    })
}

/// A minted login link.
///
/// # Security
///
/// Whoever holds it can log in until its window closes: it belongs in no log. Debug does not show
/// it; with feature `zeroize` the query is wiped when it is dropped.
#[derive(Clone)]
#[must_use]
pub struct AutoAuthLink {
    query: Text<'static>,
}

impl AutoAuthLink {
    /// The query, percent-encoded, without a `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        self.query.as_str()
    }

    /// The whole URL, for the WHMCS System URL given: `dologin.php` and the query are appended,
    /// after a `/` where the base does not end with one.
    ///
    /// # Errors
    ///
    /// [`SignError::Base`] unless the base is visible ASCII, starts with `http://` or `https://`
    /// and something after it, and has no `?` or `#`.
    pub fn url(&self, base: &str) -> Result<String, SignError> {
        let host = base
            .strip_prefix("https://")
            .or_else(|| base.strip_prefix("http://"))
            .unwrap_or_default();
        let starts_with_host = host.starts_with(|first: char| first != '/');
        let is_url = base.bytes().all(|byte| byte.is_ascii_graphic()) && !base.contains(['?', '#']);
        if !(starts_with_host && is_url) {
            return Err(SignError::Base);
        }
        let base = base.strip_suffix('/').unwrap_or(base);
        Ok(alloc::format!("{base}/dologin.php?{}", self.query()))
    }
}

impl fmt::Debug for AutoAuthLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AutoAuthLink([redacted])")
    }
}

/// Why a link was not minted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Verification would refuse the e-mail.
    #[error(transparent)]
    Email(Malformed),
    /// The e-mail holds a space, which verification reads as `+`.
    #[error("the e-mail holds a space, which would be read as `+`")]
    SpaceInEmail,
    /// Verification would refuse the `goto`.
    #[error("the goto is outside the grammar of same-site targets")]
    Goto,
    /// The time now has no ten-digit timestamp.
    #[error("the clock stands outside the years of ten-digit timestamps, 2001 to 2286")]
    Clock,
    /// The base is no URL that a query can be appended to.
    #[error("the base is not an http or https URL without query and fragment")]
    Base,
}
