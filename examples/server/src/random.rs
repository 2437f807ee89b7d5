//! Random text for session ids, tokens and keys.

/// 32 random bytes of the operating system, in hexadecimal.
pub(crate) fn random_hex() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(hex::encode(bytes))
}
