//! Any number of credentials. The number of a credential determines its identifier and its secret.

use md5::{Digest, Md5};
use sha2::Sha256;
use whmcs_auth::{AdminState, ApiCredential, StoredScheme, StoredSecret};

pub fn identifier(number: u64) -> [u8; 32] {
    letters(number)
}

pub fn secret(number: u64) -> [u8; 32] {
    letters(!number)
}

/// 32 letters that look random and differ for each number. They are not hexadecimal digits, so no secret looks
/// like a digest.
fn letters(number: u64) -> [u8; 32] {
    let bytes: [u8; 16] = Md5::digest(number.to_ne_bytes()).into();
    let mut letters = [0; 32];
    for (pair, byte) in letters.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = [byte >> 4, byte & 15].map(|half| b'G' + half);
    }
    letters
}

pub fn text(letters: &[u8; 32]) -> &str {
    str::from_utf8(letters).expect("ASCII letters")
}

pub fn credential(number: u64, scheme: StoredScheme) -> ApiCredential<u64> {
    let secret = secret(number);
    let stored = match scheme {
        StoredScheme::Md5 => StoredSecret::md5(&hex::encode(Md5::digest(secret))),
        StoredScheme::Sha256 => StoredSecret::sha256(&hex::encode(Sha256::digest(secret))),
        _ => StoredSecret::plain(text(&secret)),
    };
    let stored = stored.expect("a valid secret");
    ApiCredential::new(number, text(&identifier(number)), stored, AdminState::WithApiAccess)
}
