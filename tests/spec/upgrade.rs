//! Upgrades to a stronger scheme, made from what a caller presented.

use whmcs_auth::{
    Admin, ApiAttempt, ApiCredential, ApiPolicy, ApiRefusal, ApiRequest, BcryptCost,
    StoredPassword, StoredScheme, StoredSecret, upgrade,
};

use crate::common::{
    self, BCRYPT_OF_MD5, PASSWORD_MD5 as OTHER_MD5, SECRET, SECRET_BCRYPT, SECRET_MD5,
    SECRET_SHA256, plain_and_md5, rows,
};

/// Bcrypt writes this salt as `CCCCCCCCCCCCCCCCCCCCC.`.
const SALT: [u8; 16] = *b"\x10\x41\x04\x10\x41\x04\x10\x41\x04\x10\x41\x04\x10\x41\x04\x10";

fn cost() -> BcryptCost {
    BcryptCost::new(4).unwrap()
}

fn credential(secret: StoredSecret) -> ApiCredential<u64> {
    common::credential("id", secret)
}

fn admin(password: StoredPassword) -> Admin<u64> {
    common::admin("admin", password)
}

fn attempt(fields: [&str; 2], name: &str, secret: &str) -> ApiAttempt<'static> {
    ApiRequest::from_pairs([(fields[0], name), (fields[1], secret)]).attempt().into_owned()
}

fn by_identifier(name: &str, secret: &str) -> ApiAttempt<'static> {
    attempt(["identifier", "secret"], name, secret)
}

fn by_username(name: &str, secret: &str) -> ApiAttempt<'static> {
    attempt(["username", "password"], name, secret)
}

fn text(upgraded: Option<upgrade::UpgradedText>) -> Option<String> {
    upgraded.map(|upgraded| upgraded.as_str().to_owned())
}

#[test]
fn a_weak_secret_becomes_sha256_or_bcrypt() {
    for weak in [StoredSecret::plain(SECRET).unwrap(), StoredSecret::md5(SECRET_MD5).unwrap()] {
        let record = credential(weak);
        for attempt in [by_identifier("id", SECRET), by_username("id", SECRET)] {
            let sha256 = text(upgrade::sha256(&attempt, &record));
            assert_eq!(sha256, Some(format!("sha256:{SECRET_SHA256}")));
            let bcrypt = text(upgrade::bcrypt(&attempt, &record, cost(), SALT));
            assert_eq!(bcrypt.as_deref(), Some(SECRET_BCRYPT));
        }
    }
}

#[test]
fn a_weak_password_becomes_bcrypt_of_md5() {
    for weak in [StoredPassword::plain(SECRET).unwrap(), StoredPassword::md5(SECRET_MD5).unwrap()] {
        let record = admin(weak);
        for (name, md5) in [("admin", SECRET_MD5), ("ADMIN", &SECRET_MD5.to_uppercase())] {
            let upgraded = upgrade::bcrypt_of_md5(&by_username(name, md5), &record, cost(), SALT);
            assert_eq!(text(upgraded).as_deref(), Some(BCRYPT_OF_MD5));
        }
    }
}

#[test]
fn the_text_is_read_back_and_verifies_what_was_presented() {
    let expected = plain_and_md5();
    let weak = credential(StoredSecret::plain(SECRET).unwrap());
    let attempt = by_identifier("id", SECRET);
    for (upgraded, scheme) in [
        (upgrade::sha256(&attempt, &weak), StoredScheme::Sha256),
        (upgrade::bcrypt(&attempt, &weak, cost(), [0xff; 16]), StoredScheme::Bcrypt),
    ] {
        let stored = StoredSecret::detect(upgraded.unwrap().as_str()).unwrap();
        let record = credential(stored);
        let caller = attempt.decide(Some(&record), None, expected, &ApiPolicy::new());
        assert_eq!(caller.unwrap().scheme, scheme);
        let wrong = by_identifier("id", &SECRET.to_lowercase());
        let caller = wrong.decide(Some(&record), None, expected, &ApiPolicy::new());
        assert_eq!(caller, Err(ApiRefusal::WrongSecret));
    }

    let weak = admin(StoredPassword::md5(SECRET_MD5).unwrap());
    let attempt = by_username("admin", SECRET_MD5);
    let upgraded = upgrade::bcrypt_of_md5(&attempt, &weak, cost(), [0; 16]).unwrap();
    let record = admin(StoredPassword::detect(upgraded.as_str()).unwrap());
    let caller = attempt.decide(None, Some(&record), expected, &ApiPolicy::new());
    assert_eq!(caller.unwrap().scheme, StoredScheme::BcryptOfMd5);
}

#[test]
fn php_writes_the_same_bcrypt_for_the_same_salt() {
    let mut seen = [0, 0];
    for [kind, scheme, presented, stored, verdict] in rows(include_str!("../vectors/stored.tsv")) {
        let salted = stored.starts_with("$2y$04$CCCCCCCCCCCCCCCCCCCCC.");
        if !(scheme == "bcrypt" && salted && verdict == "match") {
            continue;
        }
        if kind == "secret" {
            let record = credential(StoredSecret::plain(presented).unwrap());
            let upgraded = upgrade::bcrypt(&by_identifier("id", presented), &record, cost(), SALT);
            let expected = (presented.len() <= 71).then(|| stored.to_owned());
            assert_eq!(text(upgraded), expected, "{presented}");
            seen[0] += 1;
        } else {
            let record = admin(StoredPassword::md5(presented).unwrap());
            let attempt = by_username("admin", presented);
            let upgraded = upgrade::bcrypt_of_md5(&attempt, &record, cost(), SALT);
            assert_eq!(text(upgraded).as_deref(), Some(stored), "{presented}");
            seen[1] += 1;
        }
    }
    assert_eq!(seen, [5, 5]);
}

/// Stored as bcrypt, such a secret would never match again.
#[test]
fn api_5_a_secret_that_bcrypt_would_cut_is_not_upgraded_to_bcrypt() {
    for (secret, is_read_whole) in [
        ("a".repeat(71), true),
        ("a".repeat(72), false),
        ("a".repeat(1024), false),
        ("ü".repeat(36), false),
        ("a\0b".to_owned(), false),
        ("\0".to_owned(), false),
    ] {
        let record = credential(StoredSecret::plain(&*secret).unwrap());
        let attempt = by_identifier("id", &secret);
        let bcrypt = upgrade::bcrypt(&attempt, &record, cost(), SALT);
        assert_eq!(bcrypt.is_some(), is_read_whole, "{secret:?}");
        assert!(upgrade::sha256(&attempt, &record).is_some());
    }
}

#[test]
fn a_caller_who_does_not_prove_the_record_upgrades_nothing() {
    let plain = || StoredSecret::plain(SECRET).unwrap();
    let md5 = || StoredSecret::md5(SECRET_MD5).unwrap();
    for (attempt, secret) in [
        (by_identifier("id", "wrong"), plain()),
        (by_identifier("ID", SECRET), plain()),
        (by_identifier("other", SECRET), plain()),
        (by_username("other", SECRET), plain()),
        // A presented md5 is not the secret, even where the policy accepts it.
        (by_username("id", SECRET_MD5), plain()),
        (by_username("id", SECRET_MD5), md5()),
        (by_identifier("id", SECRET_MD5), md5()),
        // Malformed.
        (by_identifier("id", ""), plain()),
        (attempt(["identifier", "identifier"], "id", "id"), plain()),
        (attempt(["x", "y"], "id", SECRET), plain()),
    ] {
        let record = credential(secret);
        assert!(upgrade::sha256(&attempt, &record).is_none(), "{record:?}");
        let bcrypt = upgrade::bcrypt(&attempt, &record, cost(), SALT);
        assert!(bcrypt.is_none(), "{record:?}");
    }

    let plain = || StoredPassword::plain(SECRET).unwrap();
    let md5 = || StoredPassword::md5(SECRET_MD5).unwrap();
    for (attempt, password) in [
        (by_username("admin", OTHER_MD5), md5()),
        (by_username("admin", OTHER_MD5), plain()),
        (by_username("other", SECRET_MD5), md5()),
        // The password itself is not its md5.
        (by_username("admin", SECRET), plain()),
        (by_username("admin", "00000000000000000000000000000000"), md5()),
        // An admin does not log in with an identifier.
        (by_identifier("admin", SECRET_MD5), md5()),
        (by_username("admin", ""), plain()),
        // A value that is no md5 is not read as zeros.
        (by_username("admin", "x"), StoredPassword::md5(&"0".repeat(32)).unwrap()),
    ] {
        let record = admin(password);
        let upgraded = upgrade::bcrypt_of_md5(&attempt, &record, cost(), SALT);
        assert!(upgraded.is_none(), "{attempt:?}, {record:?}");
    }
}

#[test]
fn a_strong_scheme_stays_as_it_is() {
    for strong in
        [StoredSecret::sha256(SECRET_SHA256).unwrap(), StoredSecret::bcrypt(SECRET_BCRYPT).unwrap()]
    {
        let record = credential(strong);
        let attempt = by_identifier("id", SECRET);
        assert!(upgrade::sha256(&attempt, &record).is_none());
        assert!(upgrade::bcrypt(&attempt, &record, cost(), SALT).is_none());
    }
    let record = admin(StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5).unwrap());
    let attempt = by_username("admin", SECRET_MD5);
    assert!(upgrade::bcrypt_of_md5(&attempt, &record, cost(), SALT).is_none());
}
