//! The secret of an API credential, as it is stored.

use alloc::string::String;
use core::fmt;

use subtle::Choice;

use super::bcrypt::{BcryptHash, looks_like_bcrypt};
use super::password::PresentedMd5;
use super::scheme::{PasswordScheme, SchemeError, SecretScheme};
use crate::digest;
use crate::field::Field;
use crate::secret_text::{SecretText, SecretWarning};

/// The secret of an API credential, as it is stored.
///
/// A caller presents the raw secret (API-2). The scheme says what it is compared with, and when to
/// choose it:
///
/// | scheme | compared with the stored value | when to choose it |
/// |---|---|---|
/// | [sha256](Self::sha256) | sha256(presented) | for random 32-character secrets: nobody can guess one from its digest |
/// | [bcrypt](Self::bcrypt) | bcrypt(presented) | for rows of a WHMCS database, and for secrets that people chose |
/// | [md5](Self::md5) | md5(presented) | only until its rows are replaced ([`weakly_stored_secret`](crate::PendingDecision::weakly_stored_secret)) |
/// | [plain](Self::plain) | the presented secret itself | in tests |
///
/// [`ApiCaller::scheme`](crate::ApiCaller::scheme) reports the scheme that a caller was verified by, so
/// weak ones can be found and replaced.
///
/// Source: WHMCS documents that it stores secrets as hashes, and installations store bcrypt. The other
/// schemes are this crate's decision.
///
/// # Security
///
/// - A stored digest that is presented as the secret is hashed like any other text, so it does not match.
/// - A presented secret over 71 bytes, or with a NUL, never matches bcrypt, and costs the same (API-5).
/// - The time of a check does not depend on where two values differ. The time of plain also shows
///   whether the presented secret is as long as the stored one. Bcrypt looks up its tables by the
///   presented secret, so only its work is constant, not its time.
/// - A stored md5 is worth as much as the secret if [`ApiPolicy::with_md5_of_secret`] is on.
/// - Debug shows only the scheme. With feature `zeroize`, a plain secret and an md5 are wiped on drop.
///
/// [`ApiPolicy::with_md5_of_secret`]: crate::ApiPolicy::with_md5_of_secret
///
/// # Examples
///
/// ```
/// use whmcs_auth::{SchemeError, SecretScheme, StoredSecret};
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
#[must_use]
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
    /// A plain secret of 1 to 1024 bytes.
    ///
    /// # Errors
    ///
    /// - [`SchemeError::Empty`] if the text is empty.
    /// - [`SchemeError::TooLong`] if it is over 1024 bytes, the longest secret that can be presented
    ///   (FIELD-4).
    pub fn plain(secret: impl Into<String>) -> Result<Self, SchemeError> {
        let secret = SecretText::new(secret.into());
        match secret.as_str().len() {
            0 => Err(SchemeError::Empty),
            length if length > Field::Secret.cap() => Err(SchemeError::TooLong),
            _ => Ok(Self(Stored::Plain(secret))),
        }
    }

    /// The MD5 of a secret: 32 hexadecimal digits of either case.
    ///
    /// # Errors
    ///
    /// [`SchemeError::NotHex`] for any other text.
    pub fn md5(hex: &str) -> Result<Self, SchemeError> {
        digest::decode_hex(hex)
            .map(|digest| Self(Stored::Md5(digest)))
            .ok_or(SchemeError::NotHex { digits: 32 })
    }

    /// The SHA-256 of a secret: 64 hexadecimal digits of either case. Needs feature `sha2`.
    ///
    /// # Errors
    ///
    /// - [`SchemeError::NotHex`] for any other text.
    /// - [`SchemeError::FeatureOff`] for any text if feature `sha2` is off.
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

    /// The bcrypt of a secret: a bcrypt string of 60 characters that starts with `$2a$`, `$2b$` or
    /// `$2y$`. Needs feature `bcrypt`.
    ///
    /// # Errors
    ///
    /// - [`SchemeError::NotBcrypt`] if the text is not such a string.
    /// - [`SchemeError::BcryptCost`] if its cost is outside 4 to 31.
    /// - [`SchemeError::FeatureOff`] for any text if feature `bcrypt` is off. The text is never read as a
    ///   plain secret (API-4).
    pub fn bcrypt(text: &str) -> Result<Self, SchemeError> {
        Ok(Self(Stored::Bcrypt(BcryptHash::parse(text)?)))
    }

    /// Detects the scheme from the text (API-4). No other constructor does.
    ///
    /// | text | read as |
    /// |---|---|
    /// | `sha256:` and 64 hexadecimal digits of either case | [`sha256`](Self::sha256) |
    /// | starts with `$2a$`, `$2b$` or `$2y$` | [`bcrypt`](Self::bcrypt) |
    /// | 32 hexadecimal digits of either case | [`md5`](Self::md5) |
    ///
    /// # Errors
    ///
    /// - [`SchemeError::UnknownScheme`] for any other text, such as a plain secret.
    /// - The errors of [`sha256`](Self::sha256) for a text that starts with `sha256:`, and of
    ///   [`bcrypt`](Self::bcrypt) for one that starts like bcrypt.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::{SchemeError, SecretScheme, StoredSecret};
    ///
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

    /// A warning if a plain secret starts or ends with white space or another invisible character. Show
    /// it to the operator. A digest gives no such warning.
    #[must_use]
    pub fn warning(&self) -> Option<SecretWarning> {
        match &self.0 {
            Stored::Plain(secret) => secret.warning(),
            _ => None,
        }
    }

    /// The scheme of the stored secret, with its bcrypt cost.
    #[must_use]
    pub fn scheme(&self) -> SecretScheme {
        match &self.0 {
            Stored::Plain(_) => SecretScheme::Plain,
            Stored::Md5(_) => SecretScheme::Md5,
            #[cfg(feature = "sha2")]
            Stored::Sha256(_) => SecretScheme::Sha256,
            Stored::Bcrypt(hash) => SecretScheme::Bcrypt(hash.cost()),
        }
    }

    /// The bcrypt text, if that is how the secret is stored.
    #[cfg(feature = "bcrypt")]
    pub(crate) fn bcrypt_text(&self) -> Option<&[u8]> {
        match &self.0 {
            Stored::Bcrypt(hash) => Some(hash.text()),
            _ => None,
        }
    }

    /// API-2: checks the raw secret, whatever it looks like.
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

    /// API-3: checks `md5(secret)`, and returns the scheme of the check. `None` if this secret's scheme
    /// cannot check an md5.
    pub(crate) fn matches_md5(&self, presented: &PresentedMd5) -> Option<(PasswordScheme, Choice)> {
        let outcome = match &self.0 {
            Stored::Plain(secret) => presented.equals(&digest::md5(secret.as_str().as_bytes())),
            Stored::Md5(digest) => presented.equals(digest),
            _ => return None,
        };
        Some((self.scheme().md5_of_secret()?, outcome))
    }

    /// API-8: a secret of this scheme that belongs to no record. `None` if the scheme's feature is off.
    pub(crate) fn decoy(scheme: SecretScheme) -> Option<Self> {
        Some(Self(match scheme {
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

// An md5 is wiped, because API-3 can make it worth as much as the secret.
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
