//! The stored forms of an API credential's secret.

use alloc::string::String;
use core::fmt;

use subtle::Choice;

use super::bcrypt::{BcryptHash, looks_like_bcrypt};
use super::password::PresentedMd5;
use super::scheme::{PasswordScheme, SchemeError, SecretScheme};
use crate::digest;
use crate::field::Field;
use crate::secret_text::SecretText;

/// The secret of an API credential, as it is stored. Checked against the raw secret.
///
/// | form | checked by |
/// |---|---|
/// | plain | constant-time equality |
/// | md5 | md5(presented) |
/// | sha256 | sha256(presented); right for random 32-character secrets |
/// | bcrypt | bcrypt(presented) |
///
/// The mode of the request chooses the check, never the look of a value: a stored digest that is
/// presented as the secret is hashed like any other text, and refused.
///
/// # Security
///
/// Every check compares in constant time. A presented secret over 71 bytes, or with a NUL, never
/// matches the bcrypt form, and costs the same. Debug shows the form alone; with feature
/// `zeroize` a plain secret and an md5 are wiped when they are dropped.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{SecretScheme, SchemeError, StoredSecret};
///
/// let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
/// assert_eq!(secret.scheme(), SecretScheme::Plain);
/// assert_eq!(format!("{secret:?}"), "StoredSecret(Plain)");
/// assert_eq!(
///     StoredSecret::md5("F1CKGXRI").unwrap_err(),
///     SchemeError::NotHex { digits: 32 },
/// );
/// # Ok::<(), SchemeError>(())
/// ```
#[derive(Clone)]
pub struct StoredSecret(Stored);

#[derive(Clone)]
enum Stored {
    Plain(SecretText<'static>),
    Md5([u8; 16]),
    #[cfg(feature = "sha2")]
    Sha256([u8; 32]),
    Bcrypt(BcryptHash),
}

impl StoredSecret {
    /// The secret itself, 1 to 1024 bytes.
    ///
    /// # Errors
    ///
    /// [`SchemeError::Empty`] and [`SchemeError::TooLong`].
    pub fn plain(secret: impl Into<String>) -> Result<Self, SchemeError> {
        let secret = SecretText::new(secret.into());
        match secret.as_str().len() {
            0 => Err(SchemeError::Empty),
            length if length > Field::Secret.cap() => Err(SchemeError::TooLong),
            _ => Ok(Self(Stored::Plain(secret))),
        }
    }

    /// The secret's MD5, 32 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotHex`] for anything else.
    pub fn md5(hex: &str) -> Result<Self, SchemeError> {
        digest::decode_hex(hex)
            .map(|digest| Self(Stored::Md5(digest)))
            .ok_or(SchemeError::NotHex { digits: 32 })
    }

    /// The secret's SHA-256, 64 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotHex`] for anything else, and [`SchemeError::FeatureOff`] for
    /// any text without feature `sha2`.
    pub fn sha256(hex: &str) -> Result<Self, SchemeError> {
        #[cfg(feature = "sha2")]
        return digest::decode_hex(hex)
            .map(|digest| Self(Stored::Sha256(digest)))
            .ok_or(SchemeError::NotHex { digits: 64 });
        #[cfg(not(feature = "sha2"))]
        {
            let _ = hex;
            Err(SchemeError::FeatureOff { feature: "sha2" })
        }
    }

    /// The secret's bcrypt: 60 characters, `$2a$`, `$2b$` or `$2y$`.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotBcrypt`] and [`SchemeError::BcryptCost`], and
    /// [`SchemeError::FeatureOff`] for any text without feature `bcrypt`.
    pub fn bcrypt(text: &str) -> Result<Self, SchemeError> {
        Ok(Self(Stored::Bcrypt(BcryptHash::parse(text)?)))
    }

    /// Guesses the form from the text's look: `sha256:` and 64 hexadecimal digits, `$2a$`, `$2b$`
    /// or `$2y$`, or 32 hexadecimal digits, which are taken for an MD5.
    ///
    /// # Errors
    ///
    /// [`SchemeError::UnknownScheme`] for any other text, plain secrets among them, and the
    /// errors of the form's own constructor.
    ///
    /// # Examples
    ///
    /// ```
    /// # use whmcs_auth::{SecretScheme, SchemeError, StoredSecret};
    /// let secret = StoredSecret::detect("dfe5ba0e7087a156ebd220df0bca1dd4")?;
    /// assert_eq!(secret.scheme(), SecretScheme::Md5);
    /// assert_eq!(
    ///     StoredSecret::detect("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo").unwrap_err(),
    ///     SchemeError::UnknownScheme,
    /// );
    /// # Ok::<(), SchemeError>(())
    /// ```
    pub fn detect(text: &str) -> Result<Self, SchemeError> {
        if let Some(hex) = text.strip_prefix("sha256:") {
            Self::sha256(hex)
        } else if looks_like_bcrypt(text) {
            Self::bcrypt(text)
        } else {
            Self::md5(text).map_err(|_| SchemeError::UnknownScheme)
        }
    }

    /// The form in which the secret is stored.
    pub fn scheme(&self) -> SecretScheme {
        match &self.0 {
            Stored::Plain(_) => SecretScheme::Plain,
            Stored::Md5(_) => SecretScheme::Md5,
            #[cfg(feature = "sha2")]
            Stored::Sha256(_) => SecretScheme::Sha256,
            Stored::Bcrypt(hash) => SecretScheme::Bcrypt(hash.cost()),
        }
    }

    pub(crate) fn matches(&self, presented: &str) -> Choice {
        let presented_bytes = presented.as_bytes();
        match &self.0 {
            Stored::Plain(secret) => digest::equal(secret.as_str().as_bytes(), presented_bytes),
            Stored::Md5(digest) => digest::equal(digest, &digest::md5(presented_bytes)),
            #[cfg(feature = "sha2")]
            Stored::Sha256(digest) => digest::equal(digest, &digest::sha256(presented_bytes)),
            Stored::Bcrypt(hash) => hash.matches(presented),
        }
    }

    /// Checks `md5(secret)`, as a password of the form named is checked, where the stored form
    /// allows it.
    pub(crate) fn matches_md5(&self, presented: &PresentedMd5) -> Option<(PasswordScheme, Choice)> {
        let outcome = match &self.0 {
            Stored::Plain(secret) => presented.equals(&digest::md5(secret.as_str().as_bytes())),
            Stored::Md5(digest) => presented.equals(digest),
            _ => return None,
        };
        Some((self.scheme().md5_of_secret()?, outcome))
    }

    /// A secret of that form that nobody has.
    pub(crate) fn decoy(form: SecretScheme) -> Option<Self> {
        Some(Self(match form {
            SecretScheme::Plain => {
                Stored::Plain(SecretText::new("................................"))
            }
            SecretScheme::Md5 => Stored::Md5([0; 16]),
            #[cfg(feature = "sha2")]
            SecretScheme::Sha256 => Stored::Sha256([0; 32]),
            #[cfg(not(feature = "sha2"))]
            SecretScheme::Sha256 => return None,
            SecretScheme::Bcrypt(cost) => Stored::Bcrypt(BcryptHash::decoy(cost)?),
        }))
    }
}

/// A stored MD5 is as good as the secret where [`ApiPolicy::with_md5_of_secret`] is on.
///
/// [`ApiPolicy::with_md5_of_secret`]: crate::ApiPolicy::with_md5_of_secret
#[cfg(feature = "zeroize")]
impl Drop for StoredSecret {
    fn drop(&mut self) {
        if let Stored::Md5(digest) = &mut self.0 {
            zeroize::Zeroize::zeroize(digest);
        }
    }
}

impl fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredSecret").field(&self.scheme()).finish()
    }
}
