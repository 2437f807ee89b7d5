//! LINK-1: what a key is, and which keys can stand in one set.

use whmcs_auth::gate::AddressGate;
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, KeyError, StoredSecret};

use crate::common::{at, cases, key, link, verify_link};

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
    for blank in [
        " ",
        "\n",
        "\r\n",
        "\t ",
        "\0",
        "\u{a0}",
        "\u{feff}",
        "\u{feff}\r\n",
        "\u{3000}",
        "\u{200b}\u{2060}",
    ] {
        assert_eq!(AutoAuthKey::new(blank).unwrap_err(), KeyError::Blank, "{blank:?}");
    }
}

#[test]
fn link_1_sets_of_keys_are_judged_as_the_vectors_say() {
    for case in cases(include_str!("../vectors/keys.json")) {
        let texts = case["keys"].as_array().unwrap().iter();
        let keys: Result<Vec<_>, _> =
            texts.map(|text| AutoAuthKey::new(text.as_str().unwrap())).collect();
        let set = keys.and_then(AutoAuthKeys::new);
        assert_eq!(set.is_ok(), case["allowed"], "{case}");
    }
    assert!(set(&[]).is_ok());
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

/// The warning of a text as an AutoAuth key, an access key and a plain secret: all three give the same.
fn warning(text: &str) -> Option<String> {
    let key = AutoAuthKey::new(text).unwrap().warning();
    let gate = AddressGate::new().with_access_key(text).unwrap();
    assert_eq!(gate.access_key_warning(), key, "{text:?}");
    assert_eq!(StoredSecret::plain(text).unwrap().warning(), key, "{text:?}");
    key.map(|warning| warning.to_string())
}

#[test]
fn a_key_or_secret_that_ends_or_starts_with_what_nobody_sees_has_a_warning() {
    for (character, name) in [
        ("\n", "a line end"),
        ("\r\n", "a line end"),
        ("\r", "a line end"),
        ("\u{2028}", "a line end"),
        (" ", "white space"),
        ("\t", "white space"),
        ("\u{a0}", "white space"),
        ("\u{3000}", "white space"),
        ("\0", "a control character"),
        ("\u{1b}", "a control character"),
        ("\u{7f}", "a control character"),
        ("\u{feff}", "a byte order mark"),
        ("\u{200b}", "an invisible character"),
        ("\u{2060}", "an invisible character"),
    ] {
        let one = "which counts: remove it unless it belongs to the secret";
        let both = "which count: remove them unless they belong to the secret";
        for (text, sentence) in [
            (format!("abc{character}"), format!("the text ends with {name}, {one}")),
            (format!("{character}abc"), format!("the text starts with {name}, {one}")),
            (
                format!("\u{feff}abc{character}"),
                format!("the text starts with a byte order mark and ends with {name}, {both}"),
            ),
        ] {
            assert_eq!(warning(&text), Some(sentence), "{text:?}");
        }
    }
}

#[test]
fn a_key_or_secret_without_such_ends_has_no_warning() {
    for text in ["a", "abc", "a b", "a\u{feff}\nb", "-", "\u{444}", "a\u{301}", "\u{1f511}"] {
        assert_eq!(warning(text), None, "{text:?}");
    }
    assert_eq!(AddressGate::new().access_key_warning(), None);
    // A digest does not show what was hashed.
    let md5 = StoredSecret::md5("dfe5ba0e7087a156ebd220df0bca1dd4").unwrap();
    assert_eq!(md5.warning(), None);
    // A single character counts only as the start.
    let blank = StoredSecret::plain("\n").unwrap().warning().unwrap().to_string();
    assert!(blank.starts_with("the text starts with a line end, which counts"), "{blank}");
}

#[test]
fn a_warning_shows_nothing_of_the_secret() {
    let warning = AutoAuthKey::new(" mArKeR\n").unwrap().warning().unwrap();
    assert_eq!(
        format!("{warning:?}"),
        "SecretWarning { start: Some(WhiteSpace), end: Some(LineEnd) }"
    );
}
