//! API-1, API-6, API-7 and API-8: which mode, what is looked up, and the order of checks.

use std::borrow::Cow;
use std::cell::RefCell;

use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiError, ApiMode, ApiPolicy, ApiRefusal, ApiRequest,
    CredentialStore, ExpectedSchemes, Field, Lookup, Malformed, PasswordScheme, Refusal,
    SecretScheme, StoredPassword, StoredScheme, StoredSecret, verify_api_request,
};

use crate::common::{self, PASSWORD_MD5, decide, login, pair, plain_and_md5};

/// The md5 of `secret`.
const SECRET_MD5: &str = "5ebe2294ecd0e0f08eab7690d2a6ee69";

/// A store that records every look-up, and finds names without case, as a collation does.
struct Store {
    credentials: Vec<ApiCredential<u64>>,
    admins: Vec<Admin<u64>>,
    asked: RefCell<Vec<String>>,
    is_down: bool,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the database is down")]
struct Down;

impl CredentialStore for Store {
    type Id = u64;
    type Error = Down;

    fn find_credential(&self, identifier: &str) -> Lookup<'_, ApiCredential<u64>, Down> {
        self.asked.borrow_mut().push(format!("credential {identifier}"));
        if self.is_down {
            return Err(Down);
        }
        let named =
            |record: &&ApiCredential<_>| record.identifier().eq_ignore_ascii_case(identifier);
        Ok(self.credentials.iter().find(named).map(Cow::Borrowed))
    }

    fn find_admin(&self, username: &str) -> Lookup<'_, Admin<u64>, Down> {
        self.asked.borrow_mut().push(format!("admin {username}"));
        // Some collations also fold `ı` into `i`.
        let fold = |name: &str| name.replace('ı', "i").to_lowercase();
        let named = |record: &&Admin<_>| fold(record.username()) == fold(username);
        Ok(self.admins.iter().find(named).cloned().map(Cow::Owned))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        plain_and_md5()
    }
}

fn store() -> Store {
    let credential = |id, identifier, secret, state| {
        ApiCredential::new(id, identifier, StoredSecret::plain(secret).unwrap(), state)
    };
    let admin = |id, username, state| {
        Admin::new(id, username, StoredPassword::md5(PASSWORD_MD5).unwrap(), state)
    };
    Store {
        credentials: vec![
            credential(1, "id", "secret", AdminState::WithApiAccess),
            credential(2, "id-disabled", "secret", AdminState::Disabled),
            credential(3, "id-clerk", "secret", AdminState::WithoutApiAccess),
            credential(4, "both", "secret", AdminState::WithApiAccess),
        ],
        admins: vec![
            admin(11, "admin", AdminState::WithApiAccess),
            admin(12, "gone", AdminState::Disabled),
            admin(13, "clerk", AdminState::WithoutApiAccess),
            admin(14, "both", AdminState::WithApiAccess),
        ],
        asked: RefCell::default(),
        is_down: false,
    }
}

type Verdict = Result<(u64, ApiMode), ApiError<Down>>;

fn verify_under(policy: ApiPolicy, pairs: &[(&str, &str)]) -> (Verdict, Vec<String>) {
    let store = store();
    let request = ApiRequest::from_pairs(pairs);
    let verdict = verify_api_request(&request, &store, &policy);
    (verdict.map(|caller| (caller.id, caller.mode)), store.asked.into_inner())
}

fn verify(pairs: &[(&str, &str)]) -> (Verdict, Vec<String>) {
    verify_under(ApiPolicy::new(), pairs)
}

fn refused(refusal: impl Into<ApiRefusal>) -> Verdict {
    Err(ApiError::Refused(refusal.into()))
}

#[test]
fn api_1_the_fields_choose_the_mode_and_the_look_ups() {
    let missing = |field| refused(Malformed::Missing(field));
    let both = |name: &str| vec![format!("credential {name}"), format!("admin {name}")];
    let credential = |name: &str| vec![format!("credential {name}")];
    let four = |identifier, secret, username, password| {
        [pair(identifier, secret), login(username, password)].concat()
    };
    for (pairs, verdict, asked) in [
        // `identifier` and `secret`, with or without login fields
        (pair("id", "secret").to_vec(), Ok((1, ApiMode::Credential)), credential("id")),
        (
            four("id", "secret", "admin", PASSWORD_MD5),
            Ok((1, ApiMode::Credential)),
            credential("id"),
        ),
        // No second try is made with the login fields.
        (
            four("id", "wrong", "admin", PASSWORD_MD5),
            refused(ApiRefusal::WrongSecret),
            credential("id"),
        ),
        (
            four("nobody", "secret", "admin", PASSWORD_MD5),
            refused(ApiRefusal::UnknownIdentifier),
            credential("nobody"),
        ),
        (four("id", "secret", "admin", ""), Ok((1, ApiMode::Credential)), credential("id")),
        // only one of the two, with or without login fields
        (four("id", "", "admin", PASSWORD_MD5), missing(Field::Secret), vec![]),
        (four("", "secret", "admin", PASSWORD_MD5), missing(Field::Identifier), vec![]),
        // `username` and `password`
        (four("", "", "id", "secret"), Ok((1, ApiMode::CredentialAsLogin)), both("id")),
        (four("", "", "admin", PASSWORD_MD5), Ok((11, ApiMode::AdminLogin)), both("admin")),
        (
            login("nobody", PASSWORD_MD5).to_vec(),
            refused(ApiRefusal::UnknownUsername),
            both("nobody"),
        ),
        // If a credential has that identifier, the admin is not checked.
        (login("both", "secret").to_vec(), Ok((4, ApiMode::CredentialAsLogin)), both("both")),
        (login("both", PASSWORD_MD5).to_vec(), refused(ApiRefusal::SecretLooksMd5), both("both")),
        // only one of the two
        (four("", "", "admin", ""), missing(Field::Password), vec![]),
        (four("", "", "", "secret"), missing(Field::Username), vec![]),
        // none of the four
        (vec![], refused(ApiRefusal::MissingCredentials), vec![]),
        (four("", "", "", ""), refused(ApiRefusal::MissingCredentials), vec![]),
        (
            vec![("accesskey", "id"), ("action", "GetClients")],
            refused(ApiRefusal::MissingCredentials),
            vec![],
        ),
    ] {
        assert_eq!(verify(&pairs), (verdict, asked), "{pairs:?}");
    }
}

#[test]
fn api_7_the_admin_is_checked_only_after_the_secret() {
    let upper = PASSWORD_MD5.to_uppercase();
    for (pairs, verdict) in [
        (pair("id-disabled", "secret"), refused(ApiRefusal::AdminDisabled)),
        (pair("id-disabled", "wrong"), refused(ApiRefusal::WrongSecret)),
        (pair("id-clerk", "secret"), refused(ApiRefusal::NoApiAccess)),
        (pair("id-clerk", "wrong"), refused(ApiRefusal::WrongSecret)),
        (login("id-disabled", "secret"), refused(ApiRefusal::AdminDisabled)),
        (login("id-clerk", "secret"), refused(ApiRefusal::NoApiAccess)),
        (login("gone", PASSWORD_MD5), refused(ApiRefusal::AdminDisabled)),
        (login("gone", SECRET_MD5), refused(ApiRefusal::WrongPassword)),
        (login("gone", "password"), refused(ApiRefusal::PasswordNotMd5)),
        (login("clerk", PASSWORD_MD5), refused(ApiRefusal::NoApiAccess)),
        (login("clerk", SECRET_MD5), refused(ApiRefusal::WrongPassword)),
        (login("ADMIN", &upper), Ok((11, ApiMode::AdminLogin))),
    ] {
        assert_eq!(verify(&pairs).0, verdict, "{pairs:?}");
    }
}

#[test]
fn a_hint_comes_from_the_shape_of_the_presented_value() {
    for (pairs, verdict) in [
        (pair("id", "secreT"), ApiRefusal::WrongSecret),
        (pair("id", SECRET_MD5), ApiRefusal::SecretLooksMd5),
        (login("id", SECRET_MD5), ApiRefusal::SecretLooksMd5),
        (pair("id", &SECRET_MD5[1..]), ApiRefusal::WrongSecret),
        (login("admin", "password"), ApiRefusal::PasswordNotMd5),
        (login("admin", &PASSWORD_MD5[1..]), ApiRefusal::PasswordNotMd5),
        (login("admin", SECRET_MD5), ApiRefusal::WrongPassword),
    ] {
        assert_eq!(verify(&pairs).0, refused(verdict), "{pairs:?}");
    }
}

#[test]
fn api_6_a_record_under_another_name_counts_as_absent() {
    for (pairs, verdict) in [
        // Identifiers are compared byte for byte.
        (pair("ID", "secret"), refused(ApiRefusal::RecordNameMismatch)),
        (login("ID", "secret"), refused(ApiRefusal::RecordNameMismatch)),
        // A credential under another name does not hide the admin.
        (login("BOTH", PASSWORD_MD5), Ok((14, ApiMode::AdminLogin))),
        // Usernames are compared without ASCII case, and no further.
        (login("Admin", PASSWORD_MD5), Ok((11, ApiMode::AdminLogin))),
        (login("admın", PASSWORD_MD5), refused(ApiRefusal::RecordNameMismatch)),
    ] {
        assert_eq!(verify(&pairs).0, verdict, "{pairs:?}");
    }
}

/// A database may find a record for each of these names: its collation may ignore trailing spaces, case
/// or accents, and may treat decomposed or full-width letters as equal.
#[test]
fn api_6_a_name_that_looks_the_same_is_another_name() {
    for (stored, presented) in [
        ("admin", "admin "),
        ("admin", "admin  "),
        ("admin", " admin"),
        ("admin", "admin\u{a0}"),
        ("admin", "\u{a0}admin"),
        ("admin", "ad\u{ad}min"),
        ("admin", "admin\u{200b}"),
        ("admin", "\u{e1}dmin"),
        ("\u{e1}dmin", "a\u{301}dmin"),
        ("admin", "adm\u{131}n"),
        ("admin", "\u{ff41}dmin"),
        ("\u{e4}dmin", "\u{c4}dmin"),
        ("stra\u{df}e", "strasse"),
    ] {
        for (stored, presented) in [(stored, presented), (presented, stored)] {
            let record = common::credential(stored, StoredSecret::plain("secret").unwrap());
            let admin = common::admin(stored, StoredPassword::md5(PASSWORD_MD5).unwrap());
            let decide = |pairs, record, admin| {
                decide(pairs, record, admin, plain_and_md5(), &ApiPolicy::new())
            };
            let mismatch = Err(ApiRefusal::RecordNameMismatch);
            let credential = decide(pair(presented, "secret"), Some(&record), None);
            assert_eq!(credential, mismatch, "{stored:?} {presented:?}");
            let as_login = decide(login(presented, "secret"), Some(&record), None);
            assert_eq!(as_login, mismatch, "{stored:?} {presented:?}");
            let as_admin = decide(login(presented, PASSWORD_MD5), None, Some(&admin));
            assert_eq!(as_admin, mismatch, "{stored:?} {presented:?}");

            // The name itself is accepted.
            let credential = decide(pair(stored, "secret"), Some(&record), None);
            assert_eq!(credential.map(|caller| caller.id), Ok(7), "{stored:?}");
            let as_admin = decide(login(stored, PASSWORD_MD5), None, Some(&admin));
            assert_eq!(as_admin.map(|caller| caller.id), Ok(8), "{stored:?}");
        }
    }
    // Another case is another identifier, but the same username.
    let found = verify(&login("ADMIN", PASSWORD_MD5)).0;
    assert_eq!(found, Ok((11, ApiMode::AdminLogin)));
    assert_eq!(verify(&pair("Id", "secret")).0, refused(ApiRefusal::RecordNameMismatch));
}

#[test]
fn the_policy_can_switch_admin_logins_off() {
    let policy = ApiPolicy::new().with_admin_login(false);
    for (pairs, verdict) in [
        (login("admin", PASSWORD_MD5), refused(ApiRefusal::AdminLoginOff)),
        (login("nobody", PASSWORD_MD5), refused(ApiRefusal::AdminLoginOff)),
        (login("gone", PASSWORD_MD5), refused(ApiRefusal::AdminLoginOff)),
        (login("ID", "secret"), refused(ApiRefusal::RecordNameMismatch)),
        (login("id", "secret"), Ok((1, ApiMode::CredentialAsLogin))),
        (pair("id", "secret"), Ok((1, ApiMode::Credential))),
    ] {
        let (found, asked) = verify_under(policy, &pairs);
        assert_eq!(found, verdict, "{pairs:?}");
        assert_eq!(asked, verify(&pairs).1, "the look-ups stay the same");
    }
}

#[test]
fn a_store_that_fails_is_no_refusal() {
    let store = Store { is_down: true, ..store() };
    let request = ApiRequest::from_pairs(pair("id", "secret"));
    let error = verify_api_request(&request, &store, &ApiPolicy::new()).unwrap_err();
    assert_eq!(error, ApiError::Store(Down));
    assert_eq!(error.code(), "store_failure");
    assert_eq!(error.public_message(), "Service Unavailable");
    assert_eq!(error.http_status(), 503);

    // It is not asked about a malformed request.
    let request = ApiRequest::from_pairs([("identifier", "id")]);
    let error = verify_api_request(&request, &store, &ApiPolicy::new()).unwrap_err();
    assert_eq!(error, ApiError::Refused(Malformed::Missing(Field::Secret).into()));
}

#[test]
fn the_caller_has_an_id_a_mode_and_a_scheme() {
    let admin = verify_api_request(
        &ApiRequest::from_pairs(login("admin", PASSWORD_MD5)),
        &store(),
        &ApiPolicy::new(),
    )
    .unwrap();
    assert_eq!((admin.scheme, admin.presented_md5), (StoredScheme::Md5, true));

    let credential = verify_api_request(
        &ApiRequest::from_pairs(login("id", "secret")),
        &store(),
        &ApiPolicy::new(),
    )
    .unwrap();
    assert_eq!((credential.scheme, credential.presented_md5), (StoredScheme::Plain, false));

    for (mode, name) in [
        (ApiMode::Credential, "credential"),
        (ApiMode::CredentialAsLogin, "credential-as-login"),
        (ApiMode::AdminLogin, "admin-login"),
    ] {
        assert_eq!(mode.to_string(), name);
    }
}

#[test]
fn api_7_the_shape_is_refused_before_any_look_up() {
    for (pairs, refusal) in [
        (vec![], Some(ApiRefusal::MissingCredentials)),
        (vec![("identifier", "id")], Some(Malformed::Missing(Field::Secret).into())),
        (pair("id", "secret").to_vec(), None),
        (login("admin", "x").to_vec(), None),
    ] {
        let request = ApiRequest::from_pairs(pairs);
        assert_eq!(request.attempt(&ApiPolicy::new()).refusal(), refusal);
    }
}

#[test]
fn api_1_a_record_that_was_not_asked_for_is_never_used() {
    let store = store();
    let (expected, policy) = (store.expected_schemes(), ApiPolicy::new());
    let (credential, admin) = (&store.credentials[0], &store.admins[0]);

    let request = ApiRequest::from_pairs(pair("admin", PASSWORD_MD5));
    let verdict = request.attempt(&policy).decide(None, Some(admin), expected);
    assert_eq!(verdict, Err(ApiRefusal::UnknownIdentifier));

    // Such a record does not change the cause either.
    let verdict = request.attempt(&policy).decide(None, Some(&store.admins[1]), expected);
    assert_eq!(verdict, Err(ApiRefusal::UnknownIdentifier));

    let request = ApiRequest::from_pairs(pair("other", "secret"));
    let verdict = request.attempt(&policy).decide(Some(credential), None, expected);
    assert_eq!(verdict, Err(ApiRefusal::RecordNameMismatch));

    let request = ApiRequest::from_pairs([("identifier", "id")]);
    let verdict = request.attempt(&policy).decide(Some(credential), Some(admin), expected);
    assert_eq!(verdict, Err(Malformed::Missing(Field::Secret).into()));
}

#[test]
fn the_two_steps_move_into_a_blocking_thread() {
    let store = store();
    let expected = store.expected_schemes();
    let body = String::from("admin");
    let request = ApiRequest::from_pairs(login(&body, PASSWORD_MD5));
    let attempt = request.attempt(&ApiPolicy::default()).into_owned();
    let admin = store.find_admin(attempt.username().unwrap()).unwrap().map(Cow::into_owned);
    drop(request);
    drop(body);
    let verdict = std::thread::spawn(move || attempt.decide(None, admin.as_ref(), expected));
    assert_eq!(verdict.join().unwrap().unwrap().id, 11);
}

/// The secret of a decoy stands in the source, so anybody can present it.
#[test]
fn api_8_a_match_on_a_decoy_is_refused() {
    let no_credentials: Option<&ApiCredential<u64>> = None;
    let policies = [ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true)];
    for secret_scheme in [SecretScheme::Plain, SecretScheme::Md5, SecretScheme::Sha256] {
        for password_scheme in [PasswordScheme::Plain, PasswordScheme::Md5] {
            let expected = ExpectedSchemes::new(secret_scheme, password_scheme);
            for policy in &policies {
                for secret in [
                    "................................",
                    "................",
                    "00000000000000000000000000000000",
                    // The md5 of 16 and of 32 dots.
                    "8d7ee89830ff6fb2bd033571d3f6080f",
                    "4c1b240197fee3722b9d1926d5006ea9",
                ] {
                    for pairs in [pair("nobody", secret), login("nobody", secret)] {
                        let verdict = decide(pairs, no_credentials, None, expected, policy);
                        assert!(verdict.is_err(), "{pairs:?}");
                    }
                }
            }
        }
    }
}
