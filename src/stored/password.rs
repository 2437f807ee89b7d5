//! The password of an admin, as it is stored.

use alloc::string::String;
use core::fmt;

use subtle::Choice;

use super::bcrypt::{BcryptHash, looks_like_bcrypt};
use super::scheme::{PasswordScheme, SchemeError};
use crate::digest;
use crate::secret_text::SecretText;

/// The password of an admin, as it is stored.
///
/// An admin presents the md5 of the password, as 32 hexadecimal digits of either case (API-2). The
/// scheme says what the digits are compared with, and when to choose it:
///
/// | scheme | compared with | when to choose it |
/// |---|---|---|
/// | [bcrypt of md5](Self::bcrypt_of_md5) | the bcrypt of the 32 digits in lower case | always |
/// | [md5](Self::md5) | the 16 stored bytes | only until its rows are replaced ([`weakly_stored_secret`](crate::PendingDecision::weakly_stored_secret)): whoever reads it can call the API |
/// | [plain](Self::plain) | the md5 of the stored password | in tests |
///
/// Source: WHMCS documents that an admin login sends the md5. Installations store two bcrypt strings
/// for an admin, in the columns `password` and `passwordhash` of `tbladmins`. Only one of them can be
/// the bcrypt of the md5, presumably `password`; a check against the other always fails. A manual reset
/// leaves 32 hexadecimal digits in `password`, which are the md5. The scheme plain is this crate's
/// decision.
///
/// # Security
///
/// A login needs only the md5, so a stored md5 is worth as much as the password to whoever reads the
/// store.
///
/// The time of a check does not depend on where two values differ. The time of plain depends on the
/// length of the stored password. Bcrypt looks up its tables by the presented md5, so only its work is
/// constant, not its time. A presented password that is not 32 hexadecimal digits costs as much as a
/// wrong md5.
///
/// Debug shows only the scheme. With feature `zeroize`, a plain password and an md5 are wiped on drop.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{PasswordScheme, SchemeError, StoredPassword};
///
/// let password = StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99")?;
/// assert_eq!(password.scheme(), PasswordScheme::Md5);
/// assert_eq!(format!("{password:?}"), "StoredPassword(Md5)");
/// assert_eq!(
///     StoredPassword::md5("password").unwrap_err(),
///     SchemeError::NotHex { digits: 32 },
/// );
/// # Ok::<(), SchemeError>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct StoredPassword(Stored);

#[derive(Clone)]
enum Stored {
    Plain(SecretText<'static>),
    Md5([u8; 16]),
    BcryptOfMd5(BcryptHash),
}

impl StoredPassword {
    /// A plain password of at least 1 byte. There is no upper limit, because only its md5 is presented.
    ///
    /// # Errors
    ///
    /// [`SchemeError::Empty`] if the text is empty.
    pub fn plain(password: impl Into<String>) -> Result<Self, SchemeError> {
        let password = SecretText::new(password.into());
        if password.as_str().is_empty() {
            return Err(SchemeError::Empty);
        }
        Ok(Self(Stored::Plain(password)))
    }

    /// The MD5 of a password: 32 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotHex`] for any other text.
    pub fn md5(hex: &str) -> Result<Self, SchemeError> {
        digest::decode_hex(hex)
            .map(|digest| Self(Stored::Md5(digest)))
            .ok_or(SchemeError::NotHex { digits: 32 })
    }

    /// The bcrypt of the password's MD5 in lower-case hex: a bcrypt string of 60 characters that starts
    /// with `$2a$`, `$2b$` or `$2y$`. Needs feature `bcrypt`.
    ///
    /// # Errors
    ///
    /// - [`SchemeError::NotBcrypt`] if the text is not such a string.
    /// - [`SchemeError::BcryptCost`] if its cost is outside 4 to 31.
    /// - [`SchemeError::FeatureOff`] for any text if feature `bcrypt` is off.
    pub fn bcrypt_of_md5(text: &str) -> Result<Self, SchemeError> {
        Ok(Self(Stored::BcryptOfMd5(BcryptHash::parse(text)?)))
    }

    /// Detects the scheme from the text (API-4). No other constructor does.
    ///
    /// | text | read as |
    /// |---|---|
    /// | starts with `$2a$`, `$2b$` or `$2y$` | [`bcrypt_of_md5`](Self::bcrypt_of_md5) |
    /// | 32 hexadecimal digits of either case | [`md5`](Self::md5) |
    ///
    /// # Errors
    ///
    /// - [`SchemeError::UnknownScheme`] for any other text, such as a plain password.
    /// - The errors of [`bcrypt_of_md5`](Self::bcrypt_of_md5) for a text that starts like bcrypt.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::{PasswordScheme, SchemeError, StoredPassword};
    ///
    /// let password = StoredPassword::detect("5F4DCC3B5AA765D61D8327DEB882CF99")?;
    /// assert_eq!(password.scheme(), PasswordScheme::Md5);
    /// assert_eq!(StoredPassword::detect("password").unwrap_err(), SchemeError::UnknownScheme);
    /// # Ok::<(), SchemeError>(())
    /// ```
    pub fn detect(text: &str) -> Result<Self, SchemeError> {
        if looks_like_bcrypt(text) {
            Self::bcrypt_of_md5(text)
        } else {
            Self::md5(text).map_err(|_| SchemeError::UnknownScheme)
        }
    }

    /// The scheme of the stored password, with its bcrypt cost.
    #[must_use]
    pub fn scheme(&self) -> PasswordScheme {
        match &self.0 {
            Stored::Plain(_) => PasswordScheme::Plain,
            Stored::Md5(_) => PasswordScheme::Md5,
            Stored::BcryptOfMd5(hash) => PasswordScheme::BcryptOfMd5(hash.cost()),
        }
    }

    /// The bcrypt text, if that is how the password is stored.
    #[cfg(feature = "bcrypt")]
    pub(crate) fn bcrypt_text(&self) -> Option<&[u8]> {
        match &self.0 {
            Stored::BcryptOfMd5(hash) => Some(hash.text()),
            _ => None,
        }
    }

    /// API-2: checks the md5 that an admin presented.
    pub(crate) fn matches(&self, presented: &PresentedMd5) -> Choice {
        match &self.0 {
            Stored::Plain(password) => presented.equals(&digest::md5(password.as_str().as_bytes())),
            Stored::Md5(digest) => presented.equals(digest),
            Stored::BcryptOfMd5(hash) => hash.matches(presented.digits()) & presented.is_md5(),
        }
    }

    /// API-8: a password of this scheme that belongs to no record. `None` if the scheme's feature is
    /// off.
    pub(crate) fn decoy(scheme: PasswordScheme) -> Option<Self> {
        Some(Self(match scheme {
            PasswordScheme::Plain => Stored::Plain(SecretText::new("................")),
            PasswordScheme::Md5 => Stored::Md5([0; 16]),
            PasswordScheme::BcryptOfMd5(cost) => Stored::BcryptOfMd5(BcryptHash::decoy(cost)?),
        }))
    }
}

impl fmt::Debug for StoredPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredPassword").field(&self.scheme()).finish()
    }
}

#[cfg(feature = "zeroize")]
impl Drop for StoredPassword {
    fn drop(&mut self) {
        if let Stored::Md5(digest) = &mut self.0 {
            zeroize::Zeroize::zeroize(digest);
        }
    }
}

/// A presented md5, read from hex of either case. Any other text is read as a value that matches
/// nothing and costs the same to check.
pub(crate) struct PresentedMd5 {
    digest: [u8; 16],
    digits: [u8; 32],
    is_md5: bool,
}

impl PresentedMd5 {
    pub(crate) fn read(presented: &str) -> Self {
        let decoded = digest::decode_hex(presented);
        let mut digits: [u8; 32] = presented.as_bytes().try_into().unwrap_or([b'0'; 32]);
        digits.make_ascii_lowercase();
        Self { digest: decoded.unwrap_or_default(), digits, is_md5: decoded.is_some() }
    }

    /// Whether the text is 32 hexadecimal digits. It may branch, because the caller knows the text.
    pub(crate) fn is_shape_of(presented: &str) -> bool {
        presented.len() == 32 && presented.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    pub(crate) fn is_md5(&self) -> Choice {
        Choice::from(u8::from(self.is_md5))
    }

    pub(crate) fn equals(&self, digest: &[u8; 16]) -> Choice {
        digest::equal(&self.digest, digest) & self.is_md5()
    }

    pub(crate) fn digits(&self) -> &str {
        core::str::from_utf8(&self.digits).unwrap_or("")
    }
}

#[cfg(feature = "zeroize")]
impl Drop for PresentedMd5 {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.digest);
        zeroize::Zeroize::zeroize(&mut self.digits);
    }
}
