//! The names of what is stored.

use std::fmt::{self, Display, Formatter};

use sha2::{Digest, Sha256};

/// What a key stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A session.
    Session,
    /// The list of the sessions of a client.
    Sessions,
    /// A single sign-on token.
    SsoToken,
    /// The failures of an address.
    Failures,
    /// The guesses of an address that are being compared.
    Guesses,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Sessions => "sessions",
            Self::SsoToken => "sso_token",
            Self::Failures => "failures",
            Self::Guesses => "guesses",
        }
    }
}

/// The key of a value or a count. It holds the SHA-256 of the id, so whoever reads the store learns no id
/// of a session or a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(crate) kind: Kind,
    digest: [u8; 32],
}

impl Key {
    /// The key of an id, such as the random id in a session's cookie.
    pub fn new(kind: Kind, id: &str) -> Self {
        Self { kind, digest: Sha256::digest(id).into() }
    }

    /// The key of the guesses that may become failures of this key.
    pub(crate) fn of_guesses(&self) -> Self {
        Self { kind: Kind::Guesses, digest: self.digest }
    }
}

/// Its name in a store, among the keys of its installation.
impl Display for Key {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), hex::encode(self.digest))
    }
}
