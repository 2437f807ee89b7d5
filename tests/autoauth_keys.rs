//! Which keys there can be, and which can stand in one set.

use time::OffsetDateTime;
use whmcs_auth::*;

fn set(keys: &[&str]) -> Result<AutoAuthKeys, KeyError> {
    AutoAuthKeys::new(keys.iter().map(|key| AutoAuthKey::new(*key).unwrap()))
}

#[test]
fn an_empty_key_cannot_be_built() {
    assert_eq!(AutoAuthKey::new("").unwrap_err(), KeyError::Empty);
    assert_eq!(KeyError::Empty.to_string(), "an AutoAuth key cannot be empty");
    for key in ["0", "ключ", "a\n", " a", &"x".repeat(10_000)] {
        assert!(AutoAuthKey::new(key).is_ok());
    }
}

/// A key file that holds a line end alone must not switch AutoAuth on.
#[test]
fn a_key_of_white_space_alone_cannot_be_built() {
    for blank in [" ", "\n", "\r\n", "\t ", "\0", "\u{a0}", "\u{feff}", "\u{feff}\r\n", "\u{3000}"]
    {
        assert_eq!(AutoAuthKey::new(blank).unwrap_err(), KeyError::Blank, "{blank:?}");
    }
    assert_eq!(
        KeyError::Blank.to_string(),
        "a key cannot be white space alone: is its file empty but for a line end?"
    );
}

#[test]
fn no_key_of_a_set_may_equal_another_or_end_with_it() {
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
    assert_eq!(
        KeyError::Overlap.to_string(),
        "no AutoAuth key of a set can equal another or end with it"
    );
}

/// Why they may not: one hash, two keys, two e-mails.
#[test]
fn overlapping_keys_would_share_a_hash() {
    // sha1 of `v@x.test`, `1818181818`, `18abc`
    let hash = "cec7db2adf6543315ae791dfac68f07b6e27493a";
    let now = OffsetDateTime::from_unix_timestamp(1818181818).unwrap();
    let verify = |key: &str, email: &str| {
        let request = AutoAuthRequest::from_pairs([
            ("email", email),
            ("timestamp", "1818181818"),
            ("hash", hash),
        ]);
        let keys = AutoAuthKeys::from(AutoAuthKey::new(key).unwrap());
        verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()).is_ok()
    };
    assert!(verify("18abc", "v@x.test"));
    assert!(verify("abc", "v@x.test18"));
    assert_eq!(set(&["18abc", "abc"]).unwrap_err(), KeyError::Overlap);
}
