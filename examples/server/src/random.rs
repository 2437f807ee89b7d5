//! Random text for session ids, tokens and keys.

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
