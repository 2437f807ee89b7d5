//! Bcrypt strings: reading and checking them.

/// Whether a stored text starts like a bcrypt string of version 2a, 2b or 2y. PHP's version 2x is
/// left out: it marks hashes of a faulty implementation.
pub(crate) fn looks_like_bcrypt(text: &str) -> bool {
    matches!(text.as_bytes(), [b'$', b'2', b'a' | b'b' | b'y', b'$', ..])
}

#[cfg(feature = "bcrypt")]
pub(crate) use with_bcrypt::BcryptHash;
#[cfg(not(feature = "bcrypt"))]
pub(crate) use without_bcrypt::BcryptHash;

#[cfg(feature = "bcrypt")]
mod with_bcrypt {
    use subtle::Choice;

    use super::looks_like_bcrypt;
    use crate::stored::scheme::{BcryptCost, SchemeError};

    /// A well-formed bcrypt string.
    #[derive(Clone)]
    pub(crate) struct BcryptHash {
        text: [u8; 60],
        cost: BcryptCost,
    }

    impl BcryptHash {
        pub(crate) fn parse(text: &str) -> Result<Self, SchemeError> {
            let malformed = SchemeError::NotBcrypt;
            // The bcrypt crate's parser accepts `+4` as a cost.
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

        /// API-8: a hash with this cost that belongs to no record.
        pub(crate) fn decoy(cost: BcryptCost) -> Option<Self> {
            let [tens, units] = cost.digits();
            let mut text = [b'.'; 60];
            *text.first_chunk_mut()? = [b'$', b'2', b'b', b'$', tens, units, b'$'];
            Some(Self { text, cost })
        }

        pub(crate) fn text(&self) -> &[u8] {
            &self.text
        }

        pub(crate) fn cost(&self) -> BcryptCost {
            self.cost
        }

        /// Whether `presented` is the text that was hashed.
        ///
        /// API-5: a text over 71 bytes or with a NUL is hashed, but never matches. Bcrypt appends a NUL,
        /// repeats the text and reads 72 bytes. So it would accept a longer text by its first 72 bytes,
        /// and `s` NUL `s` in place of `s`.
        pub(crate) fn matches(&self, presented: &str) -> Choice {
            #[cfg(test)]
            crate::digest::work::note(crate::digest::work::Work::Bcrypt { cost: self.cost.into() });
            let text = core::str::from_utf8(&self.text).unwrap_or("");
            let equal = bcrypt::verify(presented, text).unwrap_or(false);
            Choice::from(u8::from(equal & is_read_whole(presented)))
        }
    }

    #[test]
    #[allow(clippy::unwrap_used)]
    fn a_decoy_is_a_bcrypt_string_of_its_cost() {
        for cost in 4..=31 {
            let decoy = BcryptHash::decoy(BcryptCost::new(cost).unwrap()).unwrap();
            let text = core::str::from_utf8(&decoy.text).unwrap();
            assert_eq!(BcryptHash::parse(text).map(|parsed| parsed.cost), Ok(decoy.cost));
        }
    }

    /// API-5: whether bcrypt reads the whole text.
    fn is_read_whole(text: &str) -> bool {
        text.len() <= 71 && !text.contains('\0')
    }
}

#[cfg(not(feature = "bcrypt"))]
mod without_bcrypt {
    use subtle::Choice;

    use crate::stored::scheme::{BcryptCost, SchemeError};

    /// No value exists: without the feature, no bcrypt string is accepted.
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
