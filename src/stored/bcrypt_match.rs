//! What the outcome of a check by bcrypt depends on.

/// A check by bcrypt that has found a match, or may find one. Only a cache reads it.
#[cfg_attr(not(feature = "cache"), expect(dead_code))]
pub(crate) struct BcryptMatch<'a> {
    check: Check,
    /// The stored texts that the outcome depends on. The last one is what bcrypt compares with.
    stored: [&'a [u8]; 2],
    presented: &'a [u8],
}

/// Which check it is. So a match with one column is not remembered for another column.
#[derive(Clone, Copy)]
enum Check {
    Secret = 1,
    Password = 2,
    Compat = 3,
}

impl<'a> BcryptMatch<'a> {
    /// The raw secret of a credential.
    pub(crate) fn of_secret(stored: &'a [u8], presented: &'a str) -> Self {
        Self { check: Check::Secret, stored: [&[], stored], presented: presented.as_bytes() }
    }

    /// The md5 of an admin's password, as the digits that bcrypt reads.
    pub(crate) fn of_password(stored: &'a [u8], digits: &'a str) -> Self {
        Self { check: Check::Password, stored: [&[], stored], presented: digits.as_bytes() }
    }

    /// The md5 of a credential's secret, as it was presented.
    ///
    /// It is checked only if the secret itself does not match, so the match depends on the text of
    /// the secret as well.
    pub(crate) fn of_compat(secret: &'a [u8], compat: &'a [u8], presented: &'a str) -> Self {
        Self { check: Check::Compat, stored: [secret, compat], presented: presented.as_bytes() }
    }

    /// The stored texts, and then what was presented.
    #[cfg(feature = "cache")]
    pub(crate) fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.stored.into_iter().chain([self.presented])
    }

    /// The stored text that bcrypt compares with.
    #[cfg(feature = "cache")]
    pub(crate) fn compared(&self) -> &[u8] {
        let [_, text] = self.stored;
        text
    }

    /// Which check it is, and the length of each text. So two different matches never give the same
    /// bytes.
    #[cfg(feature = "cache")]
    pub(crate) fn head(&self) -> [u8; 16] {
        let [first, second] = self.stored.map(|text| text.len() as u32);
        let words = [self.check as u32, first, second, self.presented.len() as u32];
        let mut head = [0; 16];
        head.as_chunks_mut().0.iter_mut().zip(words).for_each(|(b, word)| *b = word.to_le_bytes());
        head
    }
}
