//! The store in memory.
#![cfg(feature = "std")]

use whmcs_auth::*;

fn credential(identifier: &str, secret: StoredSecret) -> ApiCredential<usize> {
    ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
}

fn admin(username: &str, password: StoredPassword) -> Admin<usize> {
    Admin::new(8, username, password, AdminState::WithApiAccess)
}

fn plain() -> StoredSecret {
    StoredSecret::plain("secret").unwrap()
}

fn md5() -> StoredSecret {
    StoredSecret::md5("5ebe2294ecd0e0f08eab7690d2a6ee69").unwrap()
}

fn password() -> StoredPassword {
    StoredPassword::plain("password").unwrap()
}

fn password_md5() -> StoredPassword {
    StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99").unwrap()
}

#[test]
fn identifiers_are_found_byte_for_byte_and_usernames_without_ascii_case() {
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
fn of_many_records_each_is_found_and_no_other() {
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
fn two_records_of_one_name_are_an_error() {
    let credentials = ["a", "b", "a"].map(|name| credential(name, plain()));
    let error = MemoryStore::new(credentials, []).unwrap_err();
    assert_eq!(error, DuplicateRecord::Credential { index: 2 });
    assert_eq!(
        error.to_string(),
        "the API credential at index 2 has the identifier of an earlier one"
    );
    let admins = ["a", "A"].map(|name| admin(name, password()));
    let error = MemoryStore::new([], admins).unwrap_err();
    assert_eq!(error, DuplicateRecord::Admin { index: 1 });
    assert_eq!(error.to_string(), "the admin at index 1 has the username of an earlier one");
    // An admin may be named like a credential, and credentials differ by case.
    let credentials = ["a", "A"].map(|name| credential(name, plain()));
    assert!(MemoryStore::new(credentials, [admin("a", password())]).is_ok());
}

#[test]
fn the_schemes_are_the_costliest_that_any_record_has() {
    let schemes = |secrets: &[fn() -> StoredSecret], passwords: &[fn() -> StoredPassword]| {
        let names = || (0..).map(|n| n.to_string());
        let credentials = secrets.iter().zip(names()).map(|(form, name)| credential(&name, form()));
        let admins = passwords.iter().zip(names()).map(|(form, name)| admin(&name, form()));
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

/// Three plain records and one of bcrypt: a refusal costs a bcrypt, whatever the name.
#[cfg(feature = "bcrypt")]
#[test]
fn one_bcrypt_record_among_many_sets_the_schemes() {
    let bcrypt = |cost: &str| {
        let text = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
        StoredSecret::bcrypt(&text.replace("$04$", &format!("${cost}$"))).unwrap()
    };
    let secrets = [plain(), bcrypt("04"), plain(), bcrypt("05"), md5(), plain()];
    let names = (0..).map(|number: u32| number.to_string());
    let records = secrets.into_iter().zip(names);
    let records = records.map(|(secret, name)| credential(&name, secret));
    let bcrypt_of_md5 = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
    let admins = [
        admin("a", password_md5()),
        admin("b", StoredPassword::bcrypt_of_md5(bcrypt_of_md5).unwrap()),
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
fn the_compat_cost_is_the_highest_that_any_record_has() {
    let bcrypt_of_md5 = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
    let schemes = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    for (costs, expected) in [
        (&["04"][..], Some(4)),
        (&["04", "10", "10"], Some(10)),
        (&["10", "04", "04"], Some(10)),
        (&["04", "10"], Some(10)),
        (&[], None),
    ] {
        let mut records = vec![credential("none", plain())];
        for (index, cost) in costs.iter().enumerate() {
            let text = bcrypt_of_md5.replace("$04$", &format!("${cost}$"));
            records.push(credential(&index.to_string(), plain()).with_compat(&text).unwrap());
        }
        let store = MemoryStore::new(records, []).unwrap();
        let named = expected.map(|cost| schemes.with_compat(BcryptCost::new(cost).unwrap()));
        assert_eq!(store.expected_schemes(), named.unwrap_or(schemes), "{costs:?}");
    }
}

#[test]
fn debug_shows_how_much_it_holds() {
    let store = MemoryStore::new([credential("id", plain())], [admin("a", password())]).unwrap();
    assert_eq!(
        format!("{store:?}"),
        "MemoryStore { credentials: 1, admins: 1, expected: ExpectedSchemes { secret: Plain, \
         password: Plain, compat: None } }"
    );
}

#[test]
fn other_forms_can_be_named() {
    let secret = StoredSecret::md5("5f4dcc3b5aa765d61d8327deb882cf99").unwrap();
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess);
    let store = MemoryStore::new([record], []).unwrap();
    let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Plain);
    assert_ne!(store.expected_schemes(), expected);
    assert_eq!(store.with_expected_schemes(expected).expected_schemes(), expected);
}
