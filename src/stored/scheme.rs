//! The forms in which secrets and passwords are stored, and which of them a store mostly holds.

use core::fmt;

/// The cost of a bcrypt hash: 4 to 31, the logarithm of its rounds. WHMCS uses 10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BcryptCost(u8);

impl BcryptCost {
    /// The cost that WHMCS uses, 10.
    pub const WHMCS: Self = Self(10);

    /// A cost that bcrypt knows.
    ///
    /// # Errors
    ///
    /// [`SchemeError::BcryptCost`] for any other than 4 to 31.
    pub const fn new(cost: u32) -> Result<Self, SchemeError> {
        match cost {
            4..=31 => Ok(Self(cost as u8)),
            _ => Err(SchemeError::BcryptCost),
        }
    }

    /// The two digits that stand in a bcrypt string.
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

/// The form of a [`StoredSecret`](crate::StoredSecret), in order of what it costs to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecretScheme {
    /// The secret itself.
    Plain,
    /// Its MD5.
    Md5,
    /// Its SHA-256.
    Sha256,
    /// Its bcrypt.
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

    /// The form in which `md5(secret)` is checked, where the secret's own form allows it.
    pub(crate) fn md5_of_secret(self) -> Option<PasswordScheme> {
        match self {
            Self::Plain => Some(PasswordScheme::Plain),
            Self::Md5 => Some(PasswordScheme::Md5),
            Self::Sha256 | Self::Bcrypt(_) => None,
        }
    }
}

/// The form of a [`StoredPassword`](crate::StoredPassword), in order of what it costs to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PasswordScheme {
    /// Its MD5.
    Md5,
    /// The password itself.
    Plain,
    /// The bcrypt of its MD5 in lower-case hex.
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

/// The stored form through which a caller was verified, of either kind.
///
/// Display writes a name fit for a log or a metric's label: `plain`, `md5`, `sha256`, `bcrypt`,
/// `bcrypt-of-md5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoredScheme {
    /// Plain text. Whoever reads the store can call the API.
    Plain,
    /// MD5. An admin's is equivalent to the password on the wire; a secret's is not.
    Md5,
    /// SHA-256.
    Sha256,
    /// Bcrypt.
    Bcrypt,
    /// Bcrypt of the MD5.
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
    fn from(form: SecretScheme) -> Self {
        match form {
            SecretScheme::Plain => Self::Plain,
            SecretScheme::Md5 => Self::Md5,
            SecretScheme::Sha256 => Self::Sha256,
            SecretScheme::Bcrypt(_) => Self::Bcrypt,
        }
    }
}

impl From<PasswordScheme> for StoredScheme {
    fn from(form: PasswordScheme) -> Self {
        match form {
            PasswordScheme::Plain => Self::Plain,
            PasswordScheme::Md5 => Self::Md5,
            PasswordScheme::BcryptOfMd5(_) => Self::BcryptOfMd5,
        }
    }
}

/// The forms in which a store holds most of its secrets and most of its passwords.
///
/// A refusal is made to cost what checking these forms costs, so that its time does not tell
/// whether a name is known. Name the forms of most records; records of another form, or of
/// another bcrypt cost, still verify, and can be told apart by time. While records move from a cheap
/// form to a costly one, name the costly one: those not moved yet cost no more than their cheap
/// check on top. A form whose feature is off costs nothing, as no record can have it.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{BcryptCost, PasswordScheme, SecretScheme, ExpectedSchemes};
///
/// // As WHMCS stores them.
/// let cost = BcryptCost::new(10)?;
/// let forms = ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
///     .with_compat(cost);
/// # let _ = forms;
/// # Ok::<(), whmcs_auth::SchemeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct ExpectedSchemes {
    pub(crate) secret: SecretScheme,
    pub(crate) password: PasswordScheme,
    pub(crate) compat: Option<BcryptCost>,
}

impl ExpectedSchemes {
    /// The form of most API secrets and that of most admin passwords.
    pub const fn new(secret: SecretScheme, password: PasswordScheme) -> Self {
        Self { secret, password, compat: None }
    }

    /// The cost of most [compat forms](crate::ApiCredential::with_compat). Without it none is checked,
    /// as a refusal could not be made to cost the same. It matters only under
    /// [`ApiPolicy::with_md5_of_secret`](crate::ApiPolicy::with_md5_of_secret).
    pub const fn with_compat(mut self, cost: BcryptCost) -> Self {
        self.compat = Some(cost);
        self
    }

    /// The form in which `md5(secret)` is mostly checked.
    pub(crate) fn md5_of_secret(&self) -> Option<PasswordScheme> {
        let compat = self.compat.map(PasswordScheme::BcryptOfMd5);
        self.secret.md5_of_secret().or(compat)
    }
}

/// Why a stored form was not accepted. It never holds the text that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemeError {
    /// The text is empty.
    #[error("a stored secret or password cannot be empty")]
    Empty,
    /// The plain secret is longer than any that can be presented.
    #[error("a plain secret is at most 1024 bytes long")]
    TooLong,
    /// The text is no hex digest of the form's length.
    #[error("the digest is not {digits} hexadecimal digits")]
    NotHex {
        /// How many hexadecimal digits the form has.
        digits: u8,
    },
    /// The text is no bcrypt string: 60 characters, `$2a$`, `$2b$` or `$2y$`, a cost, 22
    /// characters of salt and 31 of digest.
    #[error("the text is not a bcrypt string of version 2a, 2b or 2y")]
    NotBcrypt,
    /// The bcrypt cost is outside 4 to 31.
    #[error("a bcrypt cost is between 4 and 31")]
    BcryptCost,
    /// The text is in none of the forms that can be told by their look.
    #[error("the form of the text is not known; name it by its own constructor")]
    UnknownScheme,
    /// The crate was built without the feature that knows the form.
    #[error("the form needs the crate's feature `{feature}`")]
    FeatureOff {
        /// The feature to switch on.
        feature: &'static str,
    },
}
