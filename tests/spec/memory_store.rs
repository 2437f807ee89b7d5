//! The store in memory.

#[cfg(feature = "bcrypt")]
use whmcs_auth::BcryptCost;
use whmcs_auth::{
    CredentialStore, DuplicateRecord, ExpectedSchemes, MemoryStore, PasswordScheme, SecretScheme,
    StoredPassword, StoredSecret,
};

#[cfg(feature = "bcrypt")]
use crate::common::{BCRYPT_OF_MD5, SECRET_BCRYPT, plain_and_md5};
use crate::common::{PASSWORD_MD5, SECRET, SECRET_MD5, admin, credential};

fn plain() -> StoredSecret {
    StoredSecret::plain(SECRET).unwrap()
}

fn md5() -> StoredSecret {
    StoredSecret::md5(SECRET_MD5).unwrap()
}

fn password() -> StoredPassword {
    StoredPassword::plain("password").unwrap()
}

fn password_md5() -> StoredPassword {
    StoredPassword::md5(PASSWORD_MD5).unwrap()
}

#[test]
fn api_6_identifiers_are_found_byte_for_byte_and_usernames_without_ascii_case() {
    let longest = "x".repeat(255);
    let admins =
        [admin("Admin", password()), admin("Ädmin", password()), admin(&longest, password())];
    let store = MemoryStore::new([credential("Id", plain())], admins).unwrap();
    let identifier_of = |name: &str| {
        let found = store.find_credential(name).unwrap();
        found.map(|record| record.identifier().to_owned())
    };
    let username_of = |name: &str| {
        let found = store.find_admin(name).unwrap();
        found.map(|record| record.username().to_owned())
    };
    assert_eq!(identifier_of("Id").as_deref(), Some("Id"));
    for name in ["id", "ID", "I", "Id ", "", "Admin"] {
        assert_eq!(identifier_of(name), None, "{name}");
    }
    for name in ["Admin", "admin", "ADMIN"] {
        assert_eq!(username_of(name).as_deref(), Some("Admin"), "{name}");
    }
    for name in ["ÄDMIN", "Ädmin"] {
        assert_eq!(username_of(name).as_deref(), Some("Ädmin"), "{name}");
    }
    for name in ["ädmin", "Admi", "Admin ", "", "Id"] {
        assert_eq!(username_of(name), None, "{name}");
    }
    assert_eq!(username_of(&longest.to_uppercase()), Some(longest));
    assert_eq!(username_of(&"x".repeat(256)), None);
}

#[test]
fn each_of_many_records_is_found_and_no_other() {
    let names: Vec<_> = (0..2_000).map(|number| format!("id{number}")).collect();
    let credentials = names.iter().map(|name| credential(name, plain()));
    let admins = names.iter().map(|name| admin(name, password()));
    let store = MemoryStore::new(credentials, admins).unwrap();
    for name in &names {
        let credential = store.find_credential(name).unwrap().unwrap();
        assert_eq!(credential.identifier(), name);
        let admin = store.find_admin(name).unwrap().unwrap();
        assert_eq!(admin.username(), name);
    }
    assert!(store.find_credential("id2000").unwrap().is_none());
    assert!(store.find_admin("id2000").unwrap().is_none());
}

#[test]
fn two_records_with_the_same_name_are_an_error() {
    let credentials = ["a", "b", "a"].map(|name| credential(name, plain()));
    let error = MemoryStore::new(credentials, []).unwrap_err();
    assert_eq!(error, DuplicateRecord::Credential { index: 2 });
    let admins = ["a", "A"].map(|name| admin(name, password()));
    let error = MemoryStore::new([], admins).unwrap_err();
    assert_eq!(error, DuplicateRecord::Admin { index: 1 });
    // An admin may have the name of a credential, and the case of an identifier counts.
    let credentials = ["a", "A"].map(|name| credential(name, plain()));
    assert!(MemoryStore::new(credentials, [admin("a", password())]).is_ok());
}

#[test]
fn api_8_the_expected_schemes_are_the_costliest_of_all_records() {
    let schemes = |secrets: &[fn() -> StoredSecret], passwords: &[fn() -> StoredPassword]| {
        let names = || (0..).map(|n| n.to_string());
        let secrets = secrets.iter().zip(names());
        let credentials = secrets.map(|(secret, name)| credential(&name, secret()));
        let passwords = passwords.iter().zip(names());
        let admins = passwords.map(|(password, name)| admin(&name, password()));
        MemoryStore::new(credentials, admins).unwrap().expected_schemes()
    };
    for (secrets, passwords, expected) in [
        (&[] as &[fn() -> _], &[] as &[fn() -> _], (SecretScheme::Plain, PasswordScheme::Md5)),
        (&[plain, plain, md5], &[], (SecretScheme::Md5, PasswordScheme::Md5)),
        (&[plain, md5, md5], &[], (SecretScheme::Md5, PasswordScheme::Md5)),
        (&[md5, plain], &[password_md5, password], (SecretScheme::Md5, PasswordScheme::Plain)),
        (
            &[],
            &[password_md5, password_md5, password],
            (SecretScheme::Plain, PasswordScheme::Plain),
        ),
    ] {
        let (secret, password) = expected;
        assert_eq!(schemes(secrets, passwords), ExpectedSchemes::new(secret, password));
    }
}

/// One bcrypt record among plain ones: every refusal costs one bcrypt, for known and unknown names.
#[cfg(feature = "bcrypt")]
#[test]
fn api_8_one_bcrypt_record_among_many_sets_the_expected_scheme() {
    let bcrypt = |cost: &str| {
        StoredSecret::bcrypt(&SECRET_BCRYPT.replace("$04$", &format!("${cost}$"))).unwrap()
    };
    let secrets = [plain(), bcrypt("04"), plain(), bcrypt("05"), md5(), plain()];
    let names = (0..).map(|number: u32| number.to_string());
    let records = secrets.into_iter().zip(names);
    let records = records.map(|(secret, name)| credential(&name, secret));
    let admins = [
        admin("a", password_md5()),
        admin("b", StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5).unwrap()),
        admin("c", password_md5()),
    ];
    let [four, five] = [4, 5].map(|cost| BcryptCost::new(cost).unwrap());
    assert_eq!(
        MemoryStore::new(records, admins).unwrap().expected_schemes(),
        ExpectedSchemes::new(SecretScheme::Bcrypt(five), PasswordScheme::BcryptOfMd5(four))
    );
}

#[cfg(feature = "bcrypt")]
#[test]
fn api_8_the_expected_compat_cost_is_the_highest_of_all_records() {
    for (costs, highest) in [
        (&["04"][..], Some(4)),
        (&["04", "10", "10"], Some(10)),
        (&["10", "04", "04"], Some(10)),
        (&["04", "10"], Some(10)),
        (&[], None),
    ] {
        let mut records = vec![credential("none", plain())];
        for (index, cost) in costs.iter().enumerate() {
            let text = BCRYPT_OF_MD5.replace("$04$", &format!("${cost}$"));
            records.push(credential(&index.to_string(), plain()).with_compat(&text).unwrap());
        }
        let store = MemoryStore::new(records, []).unwrap();
        let expected = match highest {
            Some(cost) => plain_and_md5().with_compat(BcryptCost::new(cost).unwrap()),
            None => plain_and_md5(),
        };
        assert_eq!(store.expected_schemes(), expected, "{costs:?}");
    }
}

#[test]
fn debug_shows_how_many_records_it_holds() {
    let store = MemoryStore::new([credential("id", plain())], [admin("a", password())]).unwrap();
    assert_eq!(
        format!("{store:?}"),
        "MemoryStore { credentials: 1, admins: 1, expected: ExpectedSchemes { secret: Plain, \
         password: Plain, compat: None } }"
    );
}

#[test]
fn api_8_other_expected_schemes_can_be_set() {
    let store = MemoryStore::new([credential("id", md5())], []).unwrap();
    let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Plain);
    assert_ne!(store.expected_schemes(), expected);
    assert_eq!(store.with_expected_schemes(expected).expected_schemes(), expected);
}
