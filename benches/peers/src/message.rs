//! The one genuine link, of which every contestant verifies the same 54 bytes.

pub const EMAIL: &str = "customer@my.example.com";
pub const TIMESTAMP: &str = "1700000000";
pub const NOW: i64 = 1_700_000_300;
pub const KEY: &str = "k3yOfTwentyOneLetters";
pub const HASH: &str = "4a40b2e9dc1af3b8c6790c159ffa5ffd88a23e02";

/// What SHA-1 hashes, and what the others sign under a key of their own. 55 bytes are the most that
/// one block of SHA-1 or SHA-256 takes.
pub fn text() -> String {
    let text = [EMAIL, TIMESTAMP, KEY].concat();
    assert_eq!(text.len(), 54);
    text
}
