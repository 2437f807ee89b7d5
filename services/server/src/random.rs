//! Random text for session ids, tokens, keys and secrets.

use zeroize::Zeroizing;

/// 32 random bytes of the operating system.
pub(crate) fn random_bytes() -> Result<Zeroizing<[u8; 32]>, getrandom::Error> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// The same in hexadecimal.
pub(crate) fn random_hex() -> Result<String, getrandom::Error> {
    random_bytes().map(|bytes| hex::encode(*bytes))
}

/// Whether [`random_hex`] may have returned the text.
pub(crate) fn is_hex_of_32_bytes(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Random letters and digits, each as likely as any other.
pub(crate) fn random_alphanumeric(length: usize) -> Result<Zeroizing<String>, getrandom::Error> {
    const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut text = Zeroizing::new(String::with_capacity(length));
    let mut bytes = Zeroizing::new([0; 64]);
    while text.len() < length {
        getrandom::fill(bytes.as_mut_slice())?;
        for byte in bytes.iter() {
            // Six bits choose a letter or digit. Numbers over 61 are dropped, so none is more likely.
            let letter = ALPHABET.get(usize::from(byte & 63));
            if let Some(letter) = letter.filter(|_| text.len() < length) {
                text.push(char::from(*letter));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// How many values each position of a text takes.
    fn values(draw: impl Fn() -> String) -> Vec<usize> {
        let texts: Vec<_> = (0..1000).map(|_| draw().into_bytes()).collect();
        let at = |position| texts.iter().map(|text| text[position]).collect::<HashSet<_>>().len();
        (0..texts[0].len()).map(at).collect()
    }

    /// A value that is as likely as 15 others is absent once in 10^28 times.
    #[test]
    fn every_position_of_an_id_takes_every_value() {
        assert_eq!(values(|| random_hex().unwrap()), [16; 64]);
        let letters = values(|| random_alphanumeric(32).unwrap().to_string());
        assert_eq!(letters.len(), 32);
        assert!(letters.iter().all(|count| *count > 56), "{letters:?}");
    }

    /// No half of an id is a copy of the other, and no two draws are one.
    #[test]
    fn no_two_parts_are_the_same() {
        let parts = (0..100).flat_map(|_| {
            random_hex().unwrap().into_bytes().chunks(16).map(<[u8]>::to_vec).collect::<Vec<_>>()
        });
        assert_eq!(parts.collect::<HashSet<_>>().len(), 400);
    }

    #[test]
    fn each_letter_and_digit_is_as_likely() {
        let text = random_alphanumeric(62 * 1000).unwrap();
        assert_eq!(text.len(), 62_000);
        for letter in ('0'..='9').chain('A'..='Z').chain('a'..='z') {
            let count = text.chars().filter(|char| *char == letter).count();
            // Nine standard deviations.
            assert!((715..=1285).contains(&count), "{letter}: {count}");
        }
        assert_ne!(random_alphanumeric(32).unwrap(), random_alphanumeric(32).unwrap());
    }
}
