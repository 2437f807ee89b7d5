//! LINK-1: what a key is, and which keys can stand in one set.

use whmcs_auth::{AutoAuthKey, AutoAuthKeys, KeyError};

use crate::common::{at, key, link, verify_link};

fn set(keys: &[&str]) -> Result<AutoAuthKeys, KeyError> {
    AutoAuthKeys::new(keys.iter().copied().map(key))
}

#[test]
fn link_1_an_empty_key_cannot_be_built() {
    assert_eq!(AutoAuthKey::new("").unwrap_err(), KeyError::Empty);
    for key in ["0", "ключ", "a\n", " a", &"x".repeat(10_000)] {
        assert!(AutoAuthKey::new(key).is_ok());
    }
}

/// A key file that holds only a line end must not switch AutoAuth on.
#[test]
fn link_1_a_key_of_white_space_alone_cannot_be_built() {
    for blank in [" ", "\n", "\r\n", "\t ", "\0", "\u{a0}", "\u{feff}", "\u{feff}\r\n", "\u{3000}"]
    {
        assert_eq!(AutoAuthKey::new(blank).unwrap_err(), KeyError::Blank, "{blank:?}");
    }
}

#[test]
fn link_1_no_key_of_a_set_equals_another_or_ends_with_it() {
    for keys in [
        &["a", "a"][..],
        &["abc", "18abc"],
        &["18abc", "abc"],
        &["other", "abc", "third", "18abc"],
        &["abc", "bc"],
        &["жabc", "abc"],
    ] {
        assert_eq!(set(keys).unwrap_err(), KeyError::Overlap, "{keys:?}");
    }
    for keys in [
        &[][..],
        &["a"],
        &["abc", "abcd"],
        &["abc", "ABC"],
        &["abc", "abc "],
        &["abc", "abc18", "ab"],
    ] {
        assert!(set(keys).is_ok(), "{keys:?}");
    }
}

/// The reason: one hash would be genuine for two e-mails, under one key each.
#[test]
fn link_1_overlapping_keys_would_share_a_hash() {
    // The sha1 of `v@x.test`, `1818181818` and `18abc`.
    let hash = "cec7db2adf6543315ae791dfac68f07b6e27493a";
    let verify = |key: &str, email: &str| {
        verify_link(&link(email, "1818181818", hash), key, at(1_818_181_818)).is_ok()
    };
    assert!(verify("18abc", "v@x.test"));
    assert!(verify("abc", "v@x.test18"));
    assert_eq!(set(&["18abc", "abc"]).unwrap_err(), KeyError::Overlap);
}
