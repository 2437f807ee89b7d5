//! Schemes: the ways of storing a secret or a password, and the schemes that a refusal must cost.

use core::fmt;

/// The cost of a bcrypt hash, 4 to 31. Bcrypt does 2^cost rounds. WHMCS installations use 10.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{BcryptCost, SchemeError};
///
/// assert_eq!(u32::from(BcryptCost::new(10)?), 10);
/// assert_eq!(BcryptCost::new(3), Err(SchemeError::BcryptCost));
/// # Ok::<(), SchemeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BcryptCost(u8);

impl BcryptCost {
    /// The cost that WHMCS uses, 10.
    pub const WHMCS: Self = Self(10);

    /// A cost from 4 to 31.
    ///
    /// # Errors
    ///
    /// [`SchemeError::BcryptCost`] for any other number.
    pub const fn new(cost: u32) -> Result<Self, SchemeError> {
        match cost {
            4..=31 => Ok(Self(cost as u8)),
            _ => Err(SchemeError::BcryptCost),
        }
    }

    /// The two decimal digits that a bcrypt string holds.
    #[cfg(feature = "bcrypt")]
    pub(crate) fn digits(self) -> [u8; 2] {
        let Self(cost) = self;
        [cost / 10, cost % 10].map(|digit| digit.saturating_add(b'0'))
    }
}

impl From<BcryptCost> for u32 {
    fn from(BcryptCost(cost): BcryptCost) -> Self {
        cost.into()
    }
}

/// The scheme of a [`StoredSecret`](crate::StoredSecret). The docs there say which to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretScheme {
    /// The secret itself.
    Plain,
    /// The MD5 of the secret.
    Md5,
    /// The SHA-256 of the secret.
    Sha256,
    /// The bcrypt of the secret.
    Bcrypt(BcryptCost),
}

impl SecretScheme {
    /// Greater for a scheme that costs more to check.
    #[cfg(feature = "std")]
    pub(crate) fn cost_order(self) -> u32 {
        match self {
            Self::Plain => 0,
            Self::Md5 => 1,
            Self::Sha256 => 2,
            Self::Bcrypt(cost) => u32::from(cost),
        }
    }

    /// API-3: the scheme by which `md5(secret)` is checked, if this scheme allows such a check.
    pub(crate) fn md5_of_secret(self) -> Option<PasswordScheme> {
        match self {
            Self::Plain => Some(PasswordScheme::Plain),
            Self::Md5 => Some(PasswordScheme::Md5),
            Self::Sha256 | Self::Bcrypt(_) => None,
        }
    }
}

/// The scheme of a [`StoredPassword`](crate::StoredPassword). The docs there say which to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PasswordScheme {
    /// The MD5 of the password.
    Md5,
    /// The password itself.
    Plain,
    /// The bcrypt of the password's MD5 in lower-case hex.
    BcryptOfMd5(BcryptCost),
}

impl PasswordScheme {
    /// Greater for a scheme that costs more to check.
    #[cfg(feature = "std")]
    pub(crate) fn cost_order(self) -> u32 {
        match self {
            Self::Md5 => 0,
            Self::Plain => 1,
            Self::BcryptOfMd5(cost) => u32::from(cost),
        }
    }
}

/// The scheme that a caller was verified by, of a secret or of a password.
///
/// Display writes a name for logs and metrics: `plain`, `md5`, `sha256`, `bcrypt` or `bcrypt-of-md5`.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{PasswordScheme, StoredScheme};
///
/// let scheme = StoredScheme::from(PasswordScheme::Md5);
/// assert_eq!(scheme, StoredScheme::Md5);
/// assert_eq!(StoredScheme::BcryptOfMd5.to_string(), "bcrypt-of-md5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoredScheme {
    /// Plain text. Whoever reads the store can call the API.
    Plain,
    /// MD5. Whoever reads an admin's md5 can call the API. The md5 of a secret allows that only under
    /// [`ApiPolicy::with_md5_of_secret`](crate::ApiPolicy::with_md5_of_secret).
    Md5,
    /// SHA-256.
    Sha256,
    /// Bcrypt of a secret.
    Bcrypt,
    /// Bcrypt of the MD5 of a password or of a secret.
    BcryptOfMd5,
}

impl fmt::Display for StoredScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "plain",
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Bcrypt => "bcrypt",
            Self::BcryptOfMd5 => "bcrypt-of-md5",
        })
    }
}

impl From<SecretScheme> for StoredScheme {
    fn from(scheme: SecretScheme) -> Self {
        match scheme {
            SecretScheme::Plain => Self::Plain,
            SecretScheme::Md5 => Self::Md5,
            SecretScheme::Sha256 => Self::Sha256,
            SecretScheme::Bcrypt(_) => Self::Bcrypt,
        }
    }
}

impl From<PasswordScheme> for StoredScheme {
    fn from(scheme: PasswordScheme) -> Self {
        match scheme {
            PasswordScheme::Plain => Self::Plain,
            PasswordScheme::Md5 => Self::Md5,
            PasswordScheme::BcryptOfMd5(_) => Self::BcryptOfMd5,
        }
    }
}

/// The schemes that a refusal must cost (API-8): one for API secrets, one for admin passwords.
///
/// Name the costliest schemes in use, with their bcrypt costs. While records move from a cheap scheme to
/// a costly one, name the costly one before the first record moves. A scheme whose feature is off adds no
/// cost, because no record can have it.
///
/// # Security
///
/// A refusal costs the checks of these schemes, so its time does not show whether a name is known. A record
/// with another scheme, or with another bcrypt cost, still verifies. A wrong secret for it costs its own
/// check in addition, which can show that the name exists. The additional cost is small if bcrypt is named
/// and the record has a cheaper scheme.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{BcryptCost, ExpectedSchemes, PasswordScheme, SchemeError, SecretScheme};
///
/// // As WHMCS stores them.
/// let cost = BcryptCost::new(10)?;
/// let secret = SecretScheme::Bcrypt(cost);
/// let expected = ExpectedSchemes::new(secret, PasswordScheme::BcryptOfMd5(cost)).with_compat(cost);
/// # let _ = expected;
/// # Ok::<(), SchemeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ExpectedSchemes {
    pub(crate) secret: SecretScheme,
    pub(crate) password: PasswordScheme,
    pub(crate) compat: Option<BcryptCost>,
}

impl ExpectedSchemes {
    /// The scheme of API secrets and the scheme of admin passwords. No compat scheme is expected.
    pub const fn new(secret: SecretScheme, password: PasswordScheme) -> Self {
        Self { secret, password, compat: None }
    }

    /// Sets the bcrypt cost of the records' [compat schemes](crate::ApiCredential::with_compat). Name the
    /// highest cost in use.
    ///
    /// Without it no compat scheme is checked, because a refusal could not cost the same for every name.
    /// It matters only under [`ApiPolicy::with_md5_of_secret`](crate::ApiPolicy::with_md5_of_secret)
    /// (API-3).
    pub const fn with_compat(mut self, cost: BcryptCost) -> Self {
        self.compat = Some(cost);
        self
    }

    /// The scheme that a refusal must cost where `md5(secret)` is accepted (API-3).
    pub(crate) fn md5_of_secret(&self) -> Option<PasswordScheme> {
        let compat = self.compat.map(PasswordScheme::BcryptOfMd5);
        self.secret.md5_of_secret().or(compat)
    }
}

/// Why a stored text or a bcrypt cost was not accepted. It never holds the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// The text is empty.
    #[error("a stored secret or password cannot be empty")]
    Empty,
    /// The plain secret is over 1024 bytes, the longest secret that can be presented.
    #[error("a plain secret is at most 1024 bytes long")]
    TooLong,
    /// The text is not a digest in hex, of the scheme's length and in either case.
    #[error("the digest is not {digits} hexadecimal digits")]
    NotHex {
        /// How many hexadecimal digits the scheme has.
        digits: u8,
    },
    /// The text is not a bcrypt string of 60 characters: `$2a$`, `$2b$` or `$2y$`, a cost of two digits,
    /// `$`, 22 characters of salt and 31 of digest.
    #[error("the text is not a bcrypt string of version 2a, 2b or 2y")]
    NotBcrypt,
    /// The bcrypt cost is not 4 to 31.
    #[error("a bcrypt cost is between 4 and 31")]
    BcryptCost,
    /// `detect` knows no scheme for the text.
    #[error("the scheme of the text cannot be detected: use the constructor of its scheme")]
    UnknownScheme,
    /// The crate was built without the feature that the scheme needs.
    #[error("this scheme needs the crate's feature `{feature}`")]
    FeatureOff {
        /// The feature to switch on.
        feature: &'static str,
    },
}
