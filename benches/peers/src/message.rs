//! The genuine link. Every contestant verifies its 54 signed bytes.

pub const EMAIL: &str = "customer@my.example.com";
pub const TIMESTAMP: &str = "1700000000";
pub const NOW: i64 = 1_700_000_300;
pub const KEY: &str = "k3yOfTwentyOneLetters";
pub const HASH: &str = "4a40b2e9dc1af3b8c6790c159ffa5ffd88a23e02";

/// The text that SHA-1 hashes. The other contestants sign it with their own key. It has at most 55 bytes, so it
/// is one block of SHA-1 or of SHA-256.
pub fn text() -> String {
    let text = [EMAIL, TIMESTAMP, KEY].concat();
    assert_eq!(text.len(), 54);
    text
}
