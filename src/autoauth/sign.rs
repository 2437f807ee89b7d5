//! The signer of login links that verification accepts.

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

/// Signs a login link for the e-mail of an account, with the time of the clock. Needs feature `form`.
///
/// A WHMCS up to 8.0 accepts the link, and so does [`verify_autoauth`](crate::verify_autoauth)
/// under the default policy while the window is open. E-mail and `goto` are percent-encoded in the
/// link.
///
/// Source: WHMCS documents the formula of the hash. What this function refuses to sign is this
/// crate's decision: everything that verification would refuse or change.
///
/// # Errors
///
/// The first that applies is returned.
///
/// - [`SignError::Email`] if the e-mail is empty, is longer than 254 bytes, or holds U+FFFD or a
///   control character. Verification would refuse it.
/// - [`SignError::SpaceInEmail`] if the e-mail holds a space. Verification would read it as `+`
///   (LINK-3).
/// - [`SignError::Goto`] if `goto` is outside the grammar of [`Goto`] (LINK-6). An empty `goto`
///   counts as none.
/// - [`SignError::Clock`] if the clock's time has no timestamp of ten digits (LINK-2): it is before
///   2001-09-09 01:46:40 UTC or after 2286-11-20 17:46:39 UTC.
///
/// # Security
///
/// The time depends on the e-mail, on `goto` and on the length of the key, and not on the text of the
/// key. Encoding the digest looks up a table by its bits. Verification avoids such look-ups. Here they
/// reveal nothing, because the link itself contains the digest.
///
/// # Examples
///
/// ```
/// use whmcs_auth::time::OffsetDateTime;
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
    let target = match &goto {
        Goto::SameSite(target) => Some(target.as_str()),
        Goto::Absent => None,
        Goto::Refused => return Err(SignError::Goto),
    };
    let now = clock.now().unix_timestamp();
    if !(1_000_000_000..=9_999_999_999).contains(&now) {
        return Err(SignError::Clock);
    }
    let timestamp = alloc::format!("{now}");

    let hash = SecretText::new(hex::encode(autoauth(email, &timestamp, key.as_bytes())));
    // It never grows, so no part of the link stays in freed memory. A byte takes at most three, and the rest less
    // than 100.
    let texts = email.len().saturating_add(target.map_or(0, str::len));
    let most = texts.saturating_mul(3).saturating_add(100);
    let mut query = Serializer::new(String::with_capacity(most));
    query
        .append_pair(Field::Email.name(), email)
        .append_pair(Field::Timestamp.name(), &timestamp)
        .append_pair(Field::Hash.name(), hash.as_str());
    if let Some(target) = target {
        query.append_pair(Field::Goto.name(), target);
    }
    Ok(AutoAuthLink { query: SecretText::new(query.finish()) })
}

/// A login link that [`sign_autoauth`] signed.
///
/// # Security
///
/// Whoever holds the link can log in until its window closes, so do not log it. Debug does not show it.
/// With feature `zeroize`, the query is wiped when the link is dropped; the string that
/// [`url`](Self::url) returns is not wiped.
#[derive(Clone)]
#[must_use]
pub struct AutoAuthLink {
    query: SecretText<'static>,
}

impl AutoAuthLink {
    /// The query of the link, percent-encoded, without a `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        self.query.as_str()
    }

    /// The URL of the link: `base`, then `/dologin.php?`, then the query. `base` is the WHMCS
    /// System URL; it may end with a `/`.
    ///
    /// `base` is `http://` or `https://` in lower case, a host, optionally a port, and optionally a
    /// path:
    ///
    /// - The host is a name of letters, digits, `-`, `_` and single dots; or an IPv4 address of
    ///   four decimal numbers; or an IPv6 address in brackets.
    /// - The port is a number from 1 to 65535 without leading zeros.
    /// - The path consists of segments of letters, digits, `-`, `_`, `.`, `~` and escapes such as
    ///   `%20`. No segment is empty, `.` or `..`. No escape encodes an ASCII control character or
    ///   one of `/ \ . %`.
    ///
    /// # Errors
    ///
    /// [`SignError::Base`] if `base` is anything else, for example a URL with a user name, a query
    /// or a fragment.
    ///
    /// # Security
    ///
    /// Take `base` from the configuration, never from the `Host` header of a request. Otherwise
    /// whoever sends the request chooses the host of the link, and can receive a link that logs in.
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

/// A host, optionally with a port.
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

/// If the last label of a name is a number, URL parsers read the name as an IPv4 address, or refuse it.
/// So here such a name must be an IPv4 address.
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

/// The two hexadecimal digits of a byte that no URL parser reads as a separator.
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

/// Why [`sign_autoauth`] did not sign a link, or [`AutoAuthLink::url`] did not make a URL. It holds no
/// text of the arguments.
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
    /// The clock's time has no timestamp of ten digits.
    #[error("a ten-digit timestamp needs a clock between the years 2001 and 2286")]
    Clock,
    /// The base is outside the grammar of [`url`](AutoAuthLink::url).
    #[error(
        "the base must be an http or https URL with a host, and nothing more than a port and a path"
    )]
    Base,
}
