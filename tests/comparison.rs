//! What is compared is equal only if every byte is. Every change below leaves something the same
//! that a faulty comparison may go by: the set of words, the sum, or the exclusive or of all
//! differences.

use std::collections::BTreeSet;

use md5::{Digest, Md5};
use proptest::prelude::*;
use sha1::Sha1;
use time::OffsetDateTime;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::*;

/// Texts of the same length that a faulty comparison may take for this one.
fn look_alikes(bytes: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut found = BTreeSet::new();
    for width in [1, 2, 4, 8] {
        let words = bytes.len() / width;
        for (first, second) in pairs(words) {
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
    for (first, second) in pairs(bytes.len()) {
        for mask in [1, 2, 0x10, 0x7f, 0x80, 0xff] {
            let mut changed = bytes.to_vec();
            changed[first] ^= mask;
            changed[second] ^= mask;
            found.insert(changed);
        }
    }
    // Three differences whose exclusive or is nothing.
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

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
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

/// Two changes of words whose sum is nothing, or the sum of whose differences is.
const CANCELLING: [[Change; 2]; 4] = [
    // One more and one less, of little-endian and of big-endian words.
    [|word| step(word.iter_mut(), 1), |word| step(word.iter_mut(), -1)],
    [|word| step(word.iter_mut().rev(), 1), |word| step(word.iter_mut().rev(), -1)],
    // 80.. and 80..
    [|word| *word.last_mut().unwrap() ^= 0x80, |word| *word.last_mut().unwrap() ^= 0x80],
    // ff.. and 1
    [|word| word.iter_mut().for_each(|byte| *byte ^= 0xff), |word| word[0] ^= 1],
];

/// Adds 1 or -1 to the number that the bytes make from the lowest to the highest.
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

/// Texts of every length up to some words, and what may be taken for each.
fn texts() -> impl Iterator<Item = (String, Vec<String>)> {
    const ALPHABET: &str = "AAAABBBBCCCCDDDDabcdefghijklmnop0123456789";
    (1..=35).map(|length| {
        let text = ALPHABET[..length].to_owned();
        let others = look_alikes(text.as_bytes());
        let others = others.into_iter().filter_map(|other| String::from_utf8(other).ok());
        (text, others.collect())
    })
}

fn decide(secret: &StoredSecret, presented: &str) -> Result<ApiCaller<()>, ApiRefusal> {
    let state = AdminState::WithApiAccess;
    let record = ApiCredential::new((), "id", secret.clone(), state);
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    ApiRequest::from_pairs([("identifier", "id"), ("secret", presented)]).attempt().decide(
        Some(&record),
        None,
        expected,
        &ApiPolicy::new(),
    )
}

fn decide_admin(password: &StoredPassword, presented: &str) -> Result<ApiCaller<()>, ApiRefusal> {
    let admin = Admin::new((), "admin", password.clone(), AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(SecretScheme::Plain, password.scheme());
    ApiRequest::from_pairs([("username", "admin"), ("password", presented)]).attempt().decide(
        None,
        Some(&admin),
        expected,
        &ApiPolicy::new(),
    )
}

#[test]
fn words_that_change_places_are_another_secret() {
    let secret = StoredSecret::plain("AAAABBBB").unwrap();
    assert!(decide(&secret, "AAAABBBB").is_ok());
    assert_eq!(decide(&secret, "BBBBAAAA"), Err(ApiRefusal::WrongSecret));
    // A word with every bit flipped, and a last byte with one: a sum of the two differences is 0.
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

/// The digest of the check is the crate bcrypt's; its text is looked at from the last byte back.
#[cfg(feature = "bcrypt")]
#[test]
fn api_2_a_bcrypt_is_equal_only_to_itself() {
    let text = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
    let presented = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
    assert!(decide(&StoredSecret::bcrypt(text).unwrap(), presented).is_ok());
    let (start, digest) = text.split_at(29);
    let mut rows = 0;
    for width in [1, 4] {
        for (first, second) in pairs(digest.len() / width) {
            let digest = exchanged(digest.as_bytes(), first * width, second * width, width);
            let other = format!("{start}{}", String::from_utf8(digest).unwrap());
            if let (false, Ok(stored)) = (other == text, StoredSecret::bcrypt(&other)) {
                assert_eq!(decide(&stored, presented), Err(ApiRefusal::WrongSecret), "{other}");
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
        assert!(decide_admin(&stored, &hex::encode(&md5)).is_ok());
        for other in look_alikes(&md5) {
            let verdict = decide_admin(&stored, &hex::encode(&other));
            assert_eq!(verdict, Err(ApiRefusal::WrongPassword), "{other:x?}");
        }
    }
}

#[test]
fn link_4_a_hash_is_equal_only_to_itself() {
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123").unwrap());
    let now = OffsetDateTime::from_unix_timestamp(1_290_100_706).unwrap();
    let verify = |hash: &[u8]| {
        let hash = hex::encode(hash);
        let request = AutoAuthRequest::from_pairs([
            ("email", "demo@whmcs.com"),
            ("timestamp", "1290100706"),
            ("hash", &hash),
        ]);
        verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()).map(|_| ())
    };
    let hash = Sha1::digest("demo@whmcs.com1290100706abcXYZ123").to_vec();
    assert_eq!(verify(&hash), Ok(()));
    for other in look_alikes(&hash) {
        assert_eq!(verify(&other), Err(AutoAuthRefusal::HashMismatch), "{other:x?}");
    }
}

#[test]
fn an_access_key_is_equal_only_to_itself() {
    let caller = "203.0.113.7".parse().unwrap();
    for (text, others) in texts() {
        let gate = AddressGate::new().with_access_key(text.as_str()).unwrap();
        assert!(gate.check(caller, Some(&text)).is_ok(), "{text}");
        for other in others {
            let refusal = gate.check(caller, Some(&other)).unwrap_err();
            assert_eq!(refusal.code(), "wrong_access_key", "{text} {other:?}");
        }
    }
}

/// Two texts of a small alphabet, which are often equal or nearly so.
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
    fn equal_only_if_equal((one, other) in similar()) {
        let secret = StoredSecret::plain(one.as_str()).unwrap();
        prop_assert_eq!(decide(&secret, &other).is_ok(), one == other);
        let gate = AddressGate::new().with_access_key(one.as_str()).unwrap();
        let check = gate.check("203.0.113.7".parse().unwrap(), Some(&other));
        prop_assert_eq!(check.is_ok(), one == other);
    }

    #[test]
    fn digests_are_equal_only_if_equal(stored in any::<[u8; 16]>(), places in any::<(u8, u8)>(), mask: u8) {
        let mut other = stored;
        other[usize::from(places.0 % 16)] ^= mask;
        other[usize::from(places.1 % 16)] ^= mask;
        let password = StoredPassword::md5(&hex::encode(stored)).unwrap();
        let verdict = decide_admin(&password, &hex::encode(other));
        prop_assert_eq!(verdict.is_ok(), stored == other);
    }
}
