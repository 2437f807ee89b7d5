//! Text that may hold a secret, and a warning about its first and last character.

use alloc::borrow::{Cow, ToOwned};
#[cfg(feature = "zeroize")]
use alloc::string::String;
use core::fmt;

/// Borrowed or owned text that may hold a secret. Debug shows `[redacted]`. With feature `zeroize`,
/// owned text is wiped on drop.
#[derive(Clone, Default)]
pub(crate) struct SecretText<'a>(Cow<'a, str>);

impl<'a> SecretText<'a> {
    pub(crate) fn new(text: impl Into<Cow<'a, str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text holds no visible character.
    pub(crate) fn is_blank(&self) -> bool {
        self.as_str().chars().all(is_invisible)
    }

    /// Looks at the first and the last character.
    pub(crate) fn warning(&self) -> Option<SecretWarning> {
        let mut chars = self.as_str().chars();
        let first = chars.next();
        let start = first.and_then(Invisible::of);
        // A string of one character has only a start.
        let end = chars.next_back().and_then(Invisible::of);
        (start.is_some() || end.is_some()).then_some(SecretWarning { start, end })
    }

    pub(crate) fn into_owned(mut self) -> SecretText<'static> {
        SecretText(match core::mem::take(&mut self.0) {
            Cow::Borrowed(text) => Cow::Owned(text.to_owned()),
            Cow::Owned(text) => Cow::Owned(text),
        })
    }
}

/// A key or secret starts or ends with an invisible character, such as the line end of a file or a blank
/// that was pasted.
///
/// It is a warning, not an error: the character may belong to the secret. Display says what it is and what to
/// do, and holds nothing else of the secret. Show it to the operator when the service starts.
///
/// # Examples
///
/// ```
/// use whmcs_auth::AutoAuthKey;
///
/// let key = AutoAuthKey::new("abcXYZ123\n")?;
/// assert_eq!(
///     key.warning().map(|warning| warning.to_string()).as_deref(),
///     Some("the text ends with a line end, which counts: remove it unless it belongs to the secret"),
/// );
/// assert_eq!(AutoAuthKey::new("abcXYZ123")?.warning(), None);
/// # Ok::<(), whmcs_auth::KeyError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretWarning {
    start: Option<Invisible>,
    end: Option<Invisible>,
}

impl fmt::Display for SecretWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const REMOVE_ONE: &str = "which counts: remove it unless it belongs to the secret";
        const REMOVE_BOTH: &str = "which count: remove them unless they belong to the secret";
        match (self.start, self.end) {
            (Some(start), Some(end)) => {
                let (start, end) = (start.name(), end.name());
                write!(f, "the text starts with {start} and ends with {end}, {REMOVE_BOTH}")
            }
            (Some(start), None) => write!(f, "the text starts with {}, {REMOVE_ONE}", start.name()),
            (None, Some(end)) => write!(f, "the text ends with {}, {REMOVE_ONE}", end.name()),
            (None, None) => Ok(()),
        }
    }
}

/// Invisible characters. They come along when text is read from a file or pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Invisible {
    LineEnd,
    WhiteSpace,
    Control,
    ByteOrderMark,
    ZeroWidth,
}

impl Invisible {
    fn of(char: char) -> Option<Self> {
        match char {
            '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(Self::LineEnd),
            '\u{feff}' => Some(Self::ByteOrderMark),
            '\u{200b}'..='\u{200f}' | '\u{2060}' => Some(Self::ZeroWidth),
            _ if char.is_whitespace() => Some(Self::WhiteSpace),
            _ if char.is_control() => Some(Self::Control),
            _ => None,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::LineEnd => "a line end",
            Self::WhiteSpace => "white space",
            Self::Control => "a control character",
            Self::ByteOrderMark => "a byte order mark",
            Self::ZeroWidth => "an invisible character",
        }
    }
}

/// Whether the character is invisible: white space, a control character, a byte order mark, or has no width.
pub(crate) fn is_invisible(char: char) -> bool {
    Invisible::of(char).is_some()
}

impl fmt::Debug for SecretText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(feature = "zeroize")]
impl Drop for SecretText<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.0 {
            wipe(text);
        }
    }
}

/// Cold: most text is borrowed.
#[cfg(feature = "zeroize")]
#[cold]
fn wipe(text: &mut String) {
    zeroize::Zeroize::zeroize(text);
}
