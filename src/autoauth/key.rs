//! AutoAuth keys, and sets of keys (LINK-1).

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::secret_text::{SecretText, SecretWarning};

/// An AutoAuth key: the secret that an installation shares with the programs that sign its links.
///
/// A key is any text with at least one visible character. Its length has no limit.
///
/// Source: WHMCS documents the key. The rule about visible characters is this crate's decision.
///
/// # Security
///
/// - Use 32 or more random characters. Whoever has one link can try keys against it offline, so a
///   short key can be guessed.
/// - Every byte counts. If the key is read from a file, remove the line break at its end;
///   [`warning`](Self::warning) finds one. A key of only white space is refused. Otherwise a key file
///   with only a line break would give a key that anybody can guess.
/// - Debug does not show the key. With feature `zeroize`, the key is wiped when it is dropped.
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
#[must_use]
pub struct AutoAuthKey(SecretText<'static>);

impl AutoAuthKey {
    /// Makes a key from its text. The text is used as it is: nothing is trimmed.
    ///
    /// # Errors
    ///
    /// - [`KeyError::Empty`] if the text is empty. An empty key of WHMCS means that AutoAuth is
    ///   off: use [`AutoAuthKeys::default`] for that.
    /// - [`KeyError::Blank`] if the text holds no visible character.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        let key = SecretText::new(key.into());
        match key.as_str() {
            "" => Err(KeyError::Empty),
            _ if key.is_blank() => Err(KeyError::Blank),
            _ => Ok(Self(key)),
        }
    }

    /// A warning if the key starts or ends with white space or another invisible character. Show it to
    /// the operator: links that were signed without that character are refused.
    #[must_use]
    pub fn warning(&self) -> Option<SecretWarning> {
        self.0.warning()
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_str().as_bytes()
    }
}

/// The keys that a service accepts: no key, which disables AutoAuth; one key; or several keys while
/// an old key is replaced by a new one.
///
/// This is rule LINK-1 of [`verify_autoauth`](crate::verify_autoauth): no key of a set equals
/// another key or ends with another key. The hash joins e-mail, timestamp and key without a
/// separator. With the keys `abc` and `18abc`, two different e-mails share a hash in certain
/// seconds.
///
/// Source: WHMCS has one key, and AutoAuth is off without it. Sets of keys are this crate's addition.
///
/// # Security
///
/// Debug shows how many keys there are, and no key.
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
#[must_use]
pub struct AutoAuthKeys(Vec<AutoAuthKey>);

impl AutoAuthKeys {
    /// Makes a set of keys. You choose their order.
    /// [`AutoAuthLogin::key_index`](crate::AutoAuthLogin::key_index) counts in this order.
    ///
    /// # Errors
    ///
    /// [`KeyError::Overlap`] if a key equals another key or ends with another key.
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

/// Why a key or a set of keys was not accepted. It holds no text of a key.
///
/// [`AddressGate::with_access_key`](crate::gate::AddressGate::with_access_key) also returns it for
/// access keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The AutoAuth key is empty.
    #[error("an AutoAuth key cannot be empty")]
    Empty,
    /// The key holds no visible character: only white space, control characters, byte order marks and
    /// characters without width.
    #[error("a key must hold a visible character: its file may hold only a line end")]
    Blank,
    /// A key of the set equals another key or ends with another key, so they could share a hash.
    #[error("two AutoAuth keys of a set are equal, or one ends with the other")]
    Overlap,
}
