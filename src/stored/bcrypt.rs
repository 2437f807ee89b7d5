//! Bcrypt hashes, as text.

/// Whether a stored text claims to be bcrypt, of a version that is known to be sound.
pub(crate) fn looks_like_bcrypt(text: &str) -> bool {
    matches!(text.as_bytes(), [b'$', b'2', b'a' | b'b' | b'y', b'$', ..])
}

#[cfg(feature = "bcrypt")]
pub(crate) use with_bcrypt::{BcryptHash, hash};
#[cfg(not(feature = "bcrypt"))]
pub(crate) use without_bcrypt::BcryptHash;

#[cfg(feature = "bcrypt")]
mod with_bcrypt {
    use alloc::string::String;

    use subtle::Choice;

    use super::looks_like_bcrypt;
    use crate::stored::scheme::{BcryptCost, SchemeError};

    /// A bcrypt string that is known to be one.
    #[derive(Clone)]
    pub(crate) struct BcryptHash {
        text: [u8; 60],
        cost: BcryptCost,
    }

    impl BcryptHash {
        pub(crate) fn parse(text: &str) -> Result<Self, SchemeError> {
            let malformed = SchemeError::NotBcrypt;
            // The crate's parser would take `+4` for a cost.
            let cost_is_digits =
                text.get(4..6).is_some_and(|cost| cost.bytes().all(|byte| byte.is_ascii_digit()));
            if !(looks_like_bcrypt(text) && cost_is_digits) {
                return Err(malformed);
            }
            let parts: bcrypt::HashParts = text.parse().map_err(|_| malformed)?;
            Ok(Self {
                text: text.as_bytes().try_into().map_err(|_| malformed)?,
                cost: BcryptCost::new(parts.get_cost())?,
            })
        }

        /// A hash of that cost whose password nobody looks for.
        pub(crate) fn decoy(cost: BcryptCost) -> Option<Self> {
            let [tens, units] = cost.digits();
            let mut text = [b'.'; 60];
            *text.first_chunk_mut()? = [b'$', b'2', b'b', b'$', tens, units, b'$'];
            Self::parse(core::str::from_utf8(&text).ok()?).ok()
        }

        pub(crate) fn cost(&self) -> BcryptCost {
            self.cost
        }

        /// Whether `presented` is what was hashed. Bcrypt reads 72 bytes, over and over, with a NUL
        /// at the end of each round: what is longer matches by its beginning, and `s` NUL `s` is
        /// the same key as `s`. Neither ever matches here, and both cost the same.
        pub(crate) fn matches(&self, presented: &str) -> Choice {
            #[cfg(test)]
            crate::digest::work::note(crate::digest::work::Work::Bcrypt { cost: self.cost.into() });
            let text = core::str::from_utf8(&self.text).unwrap_or("");
            let equal = bcrypt::verify(presented, text).unwrap_or(false);
            Choice::from(u8::from(equal & is_read_whole(presented)))
        }
    }

    fn is_read_whole(text: &str) -> bool {
        text.len() <= 71 && !text.contains('\0')
    }

    /// The bcrypt string of a text, of the version that PHP writes, or none where it would never
    /// match.
    pub(crate) fn hash(text: &str, cost: BcryptCost, salt: [u8; 16]) -> Option<String> {
        if !is_read_whole(text) {
            return None;
        }
        let parts = bcrypt::hash_with_salt(text, cost.into(), salt).ok()?;
        Some(parts.format_for_version(bcrypt::Version::TwoY))
    }
}

#[cfg(not(feature = "bcrypt"))]
mod without_bcrypt {
    use subtle::Choice;

    use crate::stored::scheme::{BcryptCost, SchemeError};

    /// Cannot exist: without the feature no bcrypt string is accepted.
    #[derive(Clone)]
    pub(crate) enum BcryptHash {}

    impl BcryptHash {
        pub(crate) fn parse(_: &str) -> Result<Self, SchemeError> {
            Err(SchemeError::FeatureOff { feature: "bcrypt" })
        }

        pub(crate) fn decoy(_: BcryptCost) -> Option<Self> {
            None
        }

        pub(crate) fn cost(&self) -> BcryptCost {
            match *self {}
        }

        pub(crate) fn matches(&self, _: &str) -> Choice {
            match *self {}
        }
    }
}
