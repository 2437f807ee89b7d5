//! Text that may hold a secret.

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

    pub(crate) fn into_owned(mut self) -> SecretText<'static> {
        SecretText(match core::mem::take(&mut self.0) {
            Cow::Borrowed(text) => Cow::Owned(text.to_owned()),
            Cow::Owned(text) => Cow::Owned(text),
        })
    }
}

/// White space, a control character, a byte order mark, or a zero-width character. They come along when
/// text is read from a file or pasted.
pub(crate) fn is_invisible(char: char) -> bool {
    let is_zero_width = matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    char.is_whitespace() || char.is_control() || is_zero_width
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
