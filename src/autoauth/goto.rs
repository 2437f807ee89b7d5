//! Where a link may lead: a grammar of what is allowed, as the field is not signed.

use alloc::borrow::Cow;

use crate::field::Field;

/// The `goto` of a link. It is not covered by the hash, so whoever holds a link can change it.
///
/// Same-site is only what matches this grammar:
///
/// - 1 to 2048 bytes, each a visible ASCII character (no space) and none of
///   ``\ " < > ^ { | } ` ``;
/// - it starts with a letter, a digit, `_`, or a single `/`;
/// - in the path, up to the first `?` or `#`: no `:`, `@`, `;` or `%`, and no segment `.` or `..`;
/// - after it, a `%` only as part of an escape of two hexadecimal digits, and no escape of an
///   ASCII control character (`%00` to `%1F`, `%7F`).
///
/// Source: the values that WHMCS's clients use are relative, such as
/// `clientarea.php?action=products`; the grammar is this crate's.
///
/// # Security
///
/// Send it as it is in `Location`, or resolve it against the URL of the login page. Put nothing
/// before it: `/` and the path `/evil.example` would name another host, and so would a host without
/// a `/` at its end. In HTML or script it needs escaping like any text; it may hold `'` and `&`.
///
/// The text of a refused one cannot be had.
///
/// # Examples
///
/// ```
/// use whmcs_auth::Goto;
///
/// assert_eq!(Goto::parse("viewinvoice.php?id=12").target_or("clientarea.php"), "viewinvoice.php?id=12");
/// assert_eq!(Goto::parse("//evil.example").target_or("clientarea.php"), "clientarea.php");
/// assert_eq!(Goto::parse(r"/\evil.example"), Goto::Refused);
/// assert_eq!(Goto::parse(""), Goto::Absent);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Goto<'a> {
    /// The link has none, or an empty one.
    #[default]
    Absent,
    /// It leads to a page of the same site.
    SameSite(GotoTarget<'a>),
    /// It may lead elsewhere, or occurs more than once.
    Refused,
}

impl<'a> Goto<'a> {
    /// Judges a decoded text.
    pub fn parse(text: &'a str) -> Self {
        if text.is_empty() {
            Self::Absent
        } else if is_same_site(text) {
            Self::SameSite(GotoTarget(Cow::Borrowed(text)))
        } else {
            Self::Refused
        }
    }

    /// The page, or `default` where there is none or it was refused.
    #[must_use]
    pub fn target_or<'s>(&'s self, default: &'s str) -> &'s str {
        match self {
            Self::SameSite(target) => target.as_str(),
            Self::Absent | Self::Refused => default,
        }
    }

    /// The same, owning its text.
    pub fn into_owned(self) -> Goto<'static> {
        match self {
            Self::SameSite(target) => Goto::SameSite(target.into_owned()),
            Self::Absent => Goto::Absent,
            Self::Refused => Goto::Refused,
        }
    }
}

/// A page of the same site. Its text matches the grammar of [`Goto`]: only [`Goto::parse`] makes
/// one, and nothing outside this crate can change it.
///
/// ```compile_fail
/// use whmcs_auth::Goto;
///
/// let mut goto = Goto::parse("index.php");
/// if let Goto::SameSite(target) = &mut goto {
///     target.0 = "//evil.example".into();
/// }
/// ```
///
/// ```compile_fail
/// let target = whmcs_auth::GotoTarget("//evil.example".into());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GotoTarget<'a>(Cow<'a, str>);

impl GotoTarget<'_> {
    /// The page, as it is to be sent in `Location`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same, owning its text.
    pub fn into_owned(self) -> GotoTarget<'static> {
        GotoTarget(Cow::Owned(self.0.into_owned()))
    }
}

fn is_same_site(text: &str) -> bool {
    // By bytes, of which the optimiser can prove that nothing panics.
    let text = text.as_bytes();
    let mut parts = text.splitn(2, |byte| matches!(byte, b'?' | b'#'));
    let path = parts.next().unwrap_or_default();
    let rest = parts.next().unwrap_or_default();
    text.len() <= Field::Goto.cap()
        && text.iter().all(is_allowed)
        && starts_on_this_site(path)
        && !path.iter().any(is_refused_in_path)
        && !path.split(|byte| *byte == b'/').any(is_dot_segment)
        && has_harmless_escapes(rest)
}

fn is_allowed(byte: &u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(byte, b'\\' | b'"' | b'<' | b'>' | b'^' | b'{' | b'|' | b'}' | b'`')
}

fn is_refused_in_path(byte: &u8) -> bool {
    matches!(byte, b':' | b'@' | b';' | b'%')
}

fn is_dot_segment(segment: &[u8]) -> bool {
    matches!(segment, b"." | b"..")
}

fn starts_on_this_site(path: &[u8]) -> bool {
    match *path {
        [b'/', b'/', ..] => false,
        [first, ..] => first.is_ascii_alphanumeric() || first == b'_' || first == b'/',
        [] => false,
    }
}

fn has_harmless_escapes(text: &[u8]) -> bool {
    // What stands before the first `%` is no escape.
    text.split(|byte| *byte == b'%').skip(1).all(|escape| {
        let mut byte = [0];
        let digits = escape.get(..2).unwrap_or_default();
        hex::decode_to_slice(digits, &mut byte).is_ok() && !byte.iter().any(u8::is_ascii_control)
    })
}
