//! Random text for session ids, tokens, keys and secrets.

use zeroize::Zeroizing;

/// 32 random bytes of the operating system, in hexadecimal.
pub(crate) fn random_hex() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
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
    use super::*;

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
