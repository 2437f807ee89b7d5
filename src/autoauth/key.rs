//! AutoAuth keys, and which of them can stand in one set.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::secret_text::SecretText;

/// The AutoAuth key that an installation and its link makers share: any text with at least one
/// visible character.
///
/// # Security
///
/// Debug does not show it; with feature `zeroize` it is wiped when it is dropped. A key that can be
/// guessed can be tried offline against any one link, so take 32 or more random characters. Every
/// byte counts: trim the line break of a key that was read from a file. A text of white space alone
/// is refused, since a key file that holds only a line break would make a key that anybody guesses.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{AutoAuthKey, KeyError};
///
/// let key = AutoAuthKey::new("abcXYZ123")?;
/// assert_eq!(format!("{key:?}"), "AutoAuthKey([redacted])");
/// assert_eq!(AutoAuthKey::new("").unwrap_err(), KeyError::Empty);
/// assert_eq!(AutoAuthKey::new("\r\n").unwrap_err(), KeyError::Blank);
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Debug)]
pub struct AutoAuthKey(SecretText<'static>);

impl AutoAuthKey {
    /// A key of that text.
    ///
    /// # Errors
    ///
    /// [`KeyError::Empty`] for the empty text: WHMCS has AutoAuth off without a key.
    /// [`KeyError::Blank`] for white space, control characters and byte order marks alone.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        let key = SecretText::new(key.into());
        match key.as_str() {
            "" => Err(KeyError::Empty),
            _ if key.is_blank() => Err(KeyError::Blank),
            _ => Ok(Self(key)),
        }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_str().as_bytes()
    }
}

/// The keys that are accepted: none, which switches AutoAuth off, one, or several while keys are
/// being rotated.
///
/// No key of a set may equal another or end with it. The hash joins e-mail, timestamp and key
/// without a separator, so that at the right second `abc` and `18abc` share a hash for two
/// different e-mails.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{AutoAuthKey, AutoAuthKeys, KeyError};
///
/// let rotating = AutoAuthKeys::new([AutoAuthKey::new("new")?, AutoAuthKey::new("old")?])?;
/// let one = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
/// let disabled = AutoAuthKeys::default();
/// # let _ = (rotating, one, disabled);
/// assert_eq!(
///     AutoAuthKeys::new([AutoAuthKey::new("abc")?, AutoAuthKey::new("18abc")?]).unwrap_err(),
///     KeyError::Overlap,
/// );
/// # Ok::<(), KeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct AutoAuthKeys(Vec<AutoAuthKey>);

impl AutoAuthKeys {
    /// A set of keys, in any order.
    ///
    /// # Errors
    ///
    /// [`KeyError::Overlap`] if one key equals another or ends with it.
    pub fn new(keys: impl IntoIterator<Item = AutoAuthKey>) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for key in keys {
            let overlaps = |other: &AutoAuthKey| {
                key.as_bytes().ends_with(other.as_bytes())
                    || other.as_bytes().ends_with(key.as_bytes())
            };
            if set.iter().any(overlaps) {
                return Err(KeyError::Overlap);
            }
            set.0.push(key);
        }
        Ok(set)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, AutoAuthKey> {
        self.0.iter()
    }
}

impl From<AutoAuthKey> for AutoAuthKeys {
    fn from(key: AutoAuthKey) -> Self {
        Self(Vec::from([key]))
    }
}

impl fmt::Debug for AutoAuthKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

/// Why a key, or a set of keys, was not accepted. It holds nothing of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The key is empty.
    #[error("an AutoAuth key cannot be empty")]
    Empty,
    /// The key holds white space, control characters and byte order marks alone.
    #[error("a key cannot be white space alone: is its file empty but for a line end?")]
    Blank,
    /// Two keys could share a hash.
    #[error("no AutoAuth key of a set can equal another or end with it")]
    Overlap,
}
