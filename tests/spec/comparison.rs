//! API-2 and LINK-4: two values are equal only if all their bytes are equal.
//!
//! Each change below keeps something that a faulty comparison may look at instead: the set of words, the
//! sum, or the XOR of all differences.

use std::collections::BTreeSet;

use md5::{Digest, Md5};
use proptest::prelude::*;
use sha1::Sha1;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::{ApiCaller, ApiRefusal, AutoAuthRefusal, Refusal, StoredPassword, StoredSecret};

use crate::common::{
    EMAIL, KEY, SIGNED, TIMESTAMP, address, at, link, pair, verify_link, verify_password,
    verify_secret, with_access_key,
};

/// Texts of the same length that a faulty comparison may find equal to this one.
fn look_alikes(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for width in [1, 2, 4, 8] {
        let words = bytes.len() / width;
        for (first, second) in places(words) {
            found.insert(exchanged(bytes, first * width, second * width, width));
            let [first, second] = [first, second].map(|word| word * width..(word + 1) * width);
            for (first, second) in [(first.clone(), second.clone()), (second, first)] {
                for [change, undo] in CANCELLING {
                    let mut changed = bytes.to_vec();
                    change(&mut changed[first.clone()]);
                    undo(&mut changed[second.clone()]);
                    found.insert(changed);
                }
            }
        }
    }
    for (first, second) in places(bytes.len()) {
        for mask in [1, 2, 0x10, 0x7f, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[first] ^= mask;
            changed[second] ^= mask;
            found.insert(changed);
        }
    }
    // Three differences whose XOR is 0.
    for start in 0..bytes.len().saturating_sub(2) {
        for stride in [1, 4, 8] {
            let mut changed = bytes.to_vec();
            if let Some(last) = changed.get_mut(start + 2 * stride) {
                *last ^= 3;
                changed[start + stride] ^= 2;
                changed[start] ^= 1;
                found.insert(changed);
            }
        }
    }
    for change in [<[u8]>::reverse as Change, |all| all.rotate_left(1.min(all.len()))] {
        let mut changed = bytes.to_vec();
        change(&mut changed);
        found.insert(changed);
    }
    found.remove(bytes);
    found
}

fn places(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |first| (first + 1..count).map(move |second| (first, second)))
}

fn exchanged(bytes: &[u8], first: usize, second: usize, width: usize) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    for offset in 0..width {
        changed.swap(first + offset, second + offset);
    }
    changed
}

type Change = fn(&mut [u8]);

/// Two changes of two words that cancel: the sum of the words is the same, or the sum of the differences
/// is 0.
const CANCELLING: [[Change; 2]; 4] = [
    // Add 1 and subtract 1, in little-endian and in big-endian words.
    [|word| step(word.iter_mut(), 1), |word| step(word.iter_mut(), -1)],
    [|word| step(word.iter_mut().rev(), 1), |word| step(word.iter_mut().rev(), -1)],
    // Flip the highest bit of both.
    [|word| *word.last_mut().unwrap() ^= 0x80, |word| *word.last_mut().unwrap() ^= 0x80],
    // Flip all bits of one, and the lowest bit of the other.
    [|word| word.iter_mut().for_each(|byte| *byte ^= 0xff), |word| word[0] ^= 1],
];

/// Adds 1 or -1 to a number whose lowest byte comes first.
fn step<'b>(bytes: impl Iterator<Item = &'b mut u8>, by: i8) {
    let carries_at = if by == 1 { u8::MAX } else { 0 };
    for byte in bytes {
        let carries = *byte == carries_at;
        *byte = byte.wrapping_add_signed(by);
        if !carries {
            break;
        }
    }
}

/// A text of every length up to a few words, and the look-alikes of each.
fn texts() -> impl Iterator<Item = (String, Vec<String>)> {
    const ALPHABET: &str = "AAAABBBBCCCCDDDDabcdefghijklmnop0123456789";
    (1..=35).map(|length| {
        let text = ALPHABET[..length].to_owned();
        let others = look_alikes(text.as_bytes());
        let others = others.into_iter().filter_map(|other| String::from_utf8(other).ok());
        (text, others.collect())
    })
}

fn decide(secret: &StoredSecret, presented: &str) -> Result<ApiCaller<u64>, ApiRefusal> {
    verify_secret(secret, pair("id", presented))
}

#[test]
fn api_2_words_that_change_places_are_another_secret() {
    let secret = StoredSecret::plain("AAAABBBB").unwrap();
    assert!(decide(&secret, "AAAABBBB").is_ok());
    assert_eq!(decide(&secret, "BBBBAAAA"), Err(ApiRefusal::WrongSecret));
    // One word with all bits flipped and a last byte with one: the sum of the differences is 0.
    let secret = StoredSecret::plain("\u{e9}\u{e9}A").unwrap();
    assert_eq!(decide(&secret, "<V<V@"), Err(ApiRefusal::WrongSecret));
}

#[test]
fn api_2_a_plain_secret_is_equal_only_to_itself() {
    let mut rows = 0;
    for (text, others) in texts() {
        let secret = StoredSecret::plain(text.as_str()).unwrap();
        assert!(decide(&secret, &text).is_ok(), "{text}");
        for other in others {
            let verdict = decide(&secret, &other);
            assert_eq!(verdict, Err(ApiRefusal::WrongSecret), "{text} {other:?}");
            rows += 1;
        }
    }
    assert!(rows > 30_000, "{rows}");
}

#[test]
fn api_2_a_digest_of_a_secret_is_equal_only_to_itself() {
    let md5 = Md5::digest("secret").to_vec();
    let right = StoredSecret::md5(&hex::encode(&md5)).unwrap();
    assert!(decide(&right, "secret").is_ok());
    for other in look_alikes(&md5) {
        let stored = StoredSecret::md5(&hex::encode(&other)).unwrap();
        assert_eq!(decide(&stored, "secret"), Err(ApiRefusal::WrongSecret), "{other:x?}");
    }
    #[cfg(feature = "sha2")]
    {
        let sha256 = sha2::Sha256::digest("secret").to_vec();
        let right = StoredSecret::sha256(&hex::encode(&sha256)).unwrap();
        assert!(decide(&right, "secret").is_ok());
        for other in look_alikes(&sha256) {
            let stored = StoredSecret::sha256(&hex::encode(&other)).unwrap();
            assert_eq!(decide(&stored, "secret"), Err(ApiRefusal::WrongSecret), "{other:x?}");
        }
    }
}

/// The crate bcrypt makes the digest, so here the stored text changes.
#[cfg(feature = "bcrypt")]
#[test]
fn api_2_a_bcrypt_is_equal_only_to_itself() {
    use crate::common::{SECRET, SECRET_BCRYPT};

    assert!(decide(&StoredSecret::bcrypt(SECRET_BCRYPT).unwrap(), SECRET).is_ok());
    let (start, digest) = SECRET_BCRYPT.split_at(29);
    let mut rows = 0;
    for width in [1, 4] {
        for (first, second) in places(digest.len() / width) {
            let digest = exchanged(digest.as_bytes(), first * width, second * width, width);
            let other = format!("{start}{}", String::from_utf8(digest).unwrap());
            if let (false, Ok(stored)) = (other == SECRET_BCRYPT, StoredSecret::bcrypt(&other)) {
                assert_eq!(decide(&stored, SECRET), Err(ApiRefusal::WrongSecret), "{other}");
                rows += 1;
            }
        }
    }
    assert!(rows > 300, "{rows}");
}

#[test]
fn api_2_an_admins_md5_is_equal_only_to_itself() {
    let md5 = Md5::digest("password").to_vec();
    for stored in [
        StoredPassword::plain("password").unwrap(),
        StoredPassword::md5(&hex::encode(&md5)).unwrap(),
    ] {
        assert!(verify_password(&stored, &hex::encode(&md5)).is_ok());
        for other in look_alikes(&md5) {
            let verdict = verify_password(&stored, &hex::encode(&other));
            assert_eq!(verdict, Err(ApiRefusal::WrongPassword), "{other:x?}");
        }
    }
}

#[test]
fn link_4_a_hash_is_equal_only_to_itself() {
    let verify = |hash: &[u8]| {
        let hash = hex::encode(hash);
        verify_link(&link(EMAIL, TIMESTAMP, &hash), KEY, at(SIGNED)).map(|_| ())
    };
    let hash = Sha1::digest(format!("{EMAIL}{TIMESTAMP}{KEY}")).to_vec();
    assert_eq!(verify(&hash), Ok(()));
    for other in look_alikes(&hash) {
        assert_eq!(verify(&other), Err(AutoAuthRefusal::HashMismatch), "{other:x?}");
    }
}

#[test]
fn gate_5_an_access_key_is_equal_only_to_itself() {
    let caller = address("203.0.113.7");
    for (text, others) in texts() {
        let gate = AddressGate::new().with_access_key(text.as_str()).unwrap();
        assert!(gate.check(caller, &with_access_key(Some(&text))).is_ok(), "{text}");
        for other in others {
            let refusal = gate.check(caller, &with_access_key(Some(&other))).unwrap_err();
            assert_eq!(refusal.code(), "wrong_access_key", "{text} {other:?}");
        }
    }
}

/// Two texts over a small alphabet, which are often equal or nearly equal.
fn similar() -> impl Strategy<Value = (String, String)> {
    ("[ab]{1,40}", "[ab]{1,40}", 0..4).prop_flat_map(|(one, other, kind)| {
        let permuted = Just(one.chars().collect::<Vec<_>>()).prop_shuffle();
        (Just(one), Just(other), permuted, Just(kind)).prop_map(|(one, other, permuted, kind)| {
            let second = match kind {
                0 => one.clone(),
                1 => other,
                _ => permuted.into_iter().collect(),
            };
            (one, second)
        })
    })
}

proptest! {
    #[test]
    fn api_2_a_secret_or_access_key_matches_only_if_it_is_equal((one, other) in similar()) {
        let secret = StoredSecret::plain(one.as_str()).unwrap();
        prop_assert_eq!(decide(&secret, &other).is_ok(), one == other);
        let gate = AddressGate::new().with_access_key(one.as_str()).unwrap();
        let check = gate.check(address("203.0.113.7"), &with_access_key(Some(&other)));
        prop_assert_eq!(check.is_ok(), one == other);
    }

    #[test]
    fn api_2_a_digest_matches_only_if_it_is_equal(stored in any::<[u8; 16]>(), places in any::<(u8, u8)>(), mask: u8) {
        let mut other = stored;
        other[usize::from(places.0 % 16)] ^= mask;
        other[usize::from(places.1 % 16)] ^= mask;
        let password = StoredPassword::md5(&hex::encode(stored)).unwrap();
        let verdict = verify_password(&password, &hex::encode(other));
        prop_assert_eq!(verdict.is_ok(), stored == other);
    }
}
