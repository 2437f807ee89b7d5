//! The stored forms of an admin's password.

use alloc::string::String;
use core::fmt;

use subtle::Choice;

use super::bcrypt::{BcryptHash, looks_like_bcrypt};
use super::scheme::{PasswordScheme, SchemeError};
use crate::digest;
use crate::secret_text::SecretText;

/// The password of an admin, as it is stored. Checked against the md5 of the password, which
/// arrives as 32 hexadecimal digits of either case.
///
/// | form | checked by |
/// |---|---|
/// | plain | md5(stored) |
/// | md5 | the 16 bytes |
/// | bcrypt of md5 | bcrypt(the 32 digits in lower case) |
///
/// Of the two bcrypt strings that WHMCS keeps for an admin, only one hashes the md5; it is
/// presumably the column `password`. A check against the other always fails.
///
/// # Security
///
/// On the wire the md5 is all that is asked for, so a stored md5 is as good as the password to
/// whoever reads the store. Every check compares in constant time, and a presented password that
/// is not 32 hexadecimal digits costs what a wrong one costs. Debug shows the form alone; with
/// feature `zeroize` a plain password and an md5 are wiped when they are dropped.
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
pub struct StoredPassword(Stored);

#[derive(Clone)]
enum Stored {
    Plain(SecretText<'static>),
    Md5([u8; 16]),
    BcryptOfMd5(BcryptHash),
}

impl StoredPassword {
    /// The password itself, of any length but 0.
    ///
    /// # Errors
    ///
    /// [`SchemeError::Empty`].
    pub fn plain(password: impl Into<String>) -> Result<Self, SchemeError> {
        let password = SecretText::new(password.into());
        if password.as_str().is_empty() {
            return Err(SchemeError::Empty);
        }
        Ok(Self(Stored::Plain(password)))
    }

    /// The password's MD5, 32 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotHex`] for anything else.
    pub fn md5(hex: &str) -> Result<Self, SchemeError> {
        digest::decode_hex(hex)
            .map(|digest| Self(Stored::Md5(digest)))
            .ok_or(SchemeError::NotHex { digits: 32 })
    }

    /// The bcrypt of the password's MD5 in lower-case hex: 60 characters, `$2a$`, `$2b$` or
    /// `$2y$`.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotBcrypt`] and [`SchemeError::BcryptCost`], and
    /// [`SchemeError::FeatureOff`] for any text without feature `bcrypt`.
    pub fn bcrypt_of_md5(text: &str) -> Result<Self, SchemeError> {
        Ok(Self(Stored::BcryptOfMd5(BcryptHash::parse(text)?)))
    }

    /// Guesses the form from the text's look: `$2a$`, `$2b$` or `$2y$` is the bcrypt of the MD5,
    /// and 32 hexadecimal digits are an MD5. There is no SHA-256 form.
    ///
    /// # Errors
    ///
    /// [`SchemeError::UnknownScheme`] for any other text, plain passwords among them, and the
    /// errors of the form's own constructor.
    pub fn detect(text: &str) -> Result<Self, SchemeError> {
        if looks_like_bcrypt(text) {
            Self::bcrypt_of_md5(text)
        } else {
            Self::md5(text).map_err(|_| SchemeError::UnknownScheme)
        }
    }

    /// The form in which the password is stored.
    pub fn scheme(&self) -> PasswordScheme {
        match &self.0 {
            Stored::Plain(_) => PasswordScheme::Plain,
            Stored::Md5(_) => PasswordScheme::Md5,
            Stored::BcryptOfMd5(hash) => PasswordScheme::BcryptOfMd5(hash.cost()),
        }
    }

    pub(crate) fn matches(&self, presented: &PresentedMd5) -> Choice {
        match &self.0 {
            Stored::Plain(password) => presented.equals(&digest::md5(password.as_str().as_bytes())),
            Stored::Md5(digest) => presented.equals(digest),
            Stored::BcryptOfMd5(hash) => hash.matches(presented.digits()) & presented.is_md5(),
        }
    }

    /// A password of that form that nobody has.
    pub(crate) fn decoy(form: PasswordScheme) -> Option<Self> {
        Some(Self(match form {
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

/// An md5 as it was presented, in hex of either case. Of text that is none, something to spend
/// the same work on, which matches nothing.
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

    /// Whether the shape is right. It is the caller's own text, so this is no secret.
    pub(crate) fn is_shape_of(presented: &str) -> bool {
        presented.len() == 32 && presented.bytes().all(|byte| byte.is_ascii_hexdigit())
    }

    fn is_md5(&self) -> Choice {
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
