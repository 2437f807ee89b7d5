//! Login links, minted: the mirror image of verification.

use alloc::string::String;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use form_urlencoded::Serializer;

use super::goto::Goto;
use super::key::AutoAuthKey;
use crate::clock::Clock;
use crate::digest::autoauth;
use crate::field::{Field, Malformed};
use crate::secret_text::SecretText;

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
    let goto = goto.map_or(Goto::Absent, Goto::parse);
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
    if let Goto::SameSite(target) = goto {
        query.append_pair(Field::Goto.name(), target.as_str());
    }
    Ok(AutoAuthLink { query: SecretText::new(query.finish()) })
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
    query: SecretText<'static>,
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
    /// A base is `http://` or `https://` in lower case, a host, perhaps a port, and perhaps a path:
    ///
    /// - the host is a name of letters, digits, `-`, `_` and single dots, or an IPv4 address of four
    ///   decimal numbers, or an IPv6 address in brackets;
    /// - the port is a number from 1 to 65535 without leading zeros;
    /// - the path is made of letters, digits, `-`, `_`, `.`, `~` and escapes such as `%20`, in
    ///   segments that are not empty, `.` or `..`. An escape stands for a visible character or a
    ///   space, and for none of `/ \ . %`.
    ///
    /// # Errors
    ///
    /// [`SignError::Base`] for anything else: user names, queries and fragments among them.
    ///
    /// # Security
    ///
    /// Take the base from the configuration, never from the `Host` header of a request: whoever
    /// sends the request would choose where the link leads, and receive a link that logs in.
    pub fn url(&self, base: &str) -> Result<String, SignError> {
        if !is_base(base) {
            return Err(SignError::Base);
        }
        let base = base.strip_suffix('/').unwrap_or(base);
        Ok(alloc::format!("{base}/dologin.php?{}", self.query()))
    }
}

fn is_base(base: &str) -> bool {
    let after_scheme = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    let Some(rest) = after_scheme else {
        return false;
    };
    let mut parts = rest.strip_suffix('/').unwrap_or(rest).split('/');
    parts.next().is_some_and(is_authority) && parts.all(is_segment)
}

/// A host, and perhaps a port.
fn is_authority(text: &str) -> bool {
    let (is_host, port) = match text.strip_prefix('[').and_then(|text| text.split_once(']')) {
        Some((address, port)) => (address.parse::<Ipv6Addr>().is_ok(), port),
        None => {
            let colon = text.find(':').unwrap_or(text.len());
            let (name, port) = text.split_at_checked(colon).unwrap_or_default();
            (is_host_name(name), port)
        }
    };
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

/// A name that ends with a number is an IPv4 address to every reader of URLs, or nothing.
fn is_host_name(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let is_number = |label: &str| {
        label.bytes().all(|byte| byte.is_ascii_digit())
            || label.starts_with("0x")
            || label.starts_with("0X")
    };
    match text.rsplit('.').next() {
        Some(last) if is_number(last) => text.parse::<Ipv4Addr>().is_ok(),
        _ => text.split('.').all(is_label),
    }
}

fn is_port(text: &str) -> bool {
    text.starts_with(|first: char| matches!(first, '1'..='9')) && text.parse::<u16>().is_ok()
}

fn is_segment(text: &str) -> bool {
    let mut parts = text.split('%');
    let is_unescaped = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'))
    };
    !matches!(text, "" | "." | "..")
        && parts.next().is_some_and(is_unescaped)
        && parts.all(|part| {
            let (digits, rest) = part.split_at_checked(2).unwrap_or_default();
            is_escape(digits) && is_unescaped(rest)
        })
}

/// Two hexadecimal digits of a byte that no reader of URLs takes for a separator.
fn is_escape(digits: &str) -> bool {
    let mut byte = [0];
    hex::decode_to_slice(digits, &mut byte).is_ok()
        && !byte
            .iter()
            .any(|byte| byte.is_ascii_control() || matches!(byte, b'/' | b'\\' | b'.' | b'%'))
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
    /// The base is not a scheme, a host and perhaps a port and a path, as
    /// [`url`](AutoAuthLink::url) says.
    #[error("the base is not an http or https URL of a host, perhaps a port, and perhaps a path")]
    Base,
}
