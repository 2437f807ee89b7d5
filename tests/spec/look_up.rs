//! The steps of a verification: the attempt, the look-ups, the decision.

use std::sync::{Arc, Mutex};

use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiError, ApiPolicy, ApiRefusal, ApiRequest,
    AsyncCredentialStore, ExpectedSchemes, Field, Malformed, PasswordScheme, SecretScheme,
    StoredPassword, StoredSecret,
};
#[cfg(feature = "std")]
use whmcs_auth::{CredentialStore, MemoryStore};

use crate::common::{PASSWORD_MD5, ready};
#[cfg(all(feature = "std", feature = "bcrypt"))]
use crate::common::{SECRET, SECRET_BCRYPT};

/// Notes what it is asked for, and finds everything that is named `id`.
#[derive(Default)]
struct Database {
    asked: Mutex<Vec<String>>,
    /// Questions that start with this fail.
    fails_at: Option<&'static str>,
}

impl Database {
    fn ask(&self, question: String) -> Result<(), &'static str> {
        let fails = self.fails_at.is_some_and(|start| question.starts_with(start));
        self.asked.lock().unwrap().push(question);
        if fails { Err("down") } else { Ok(()) }
    }
}

impl AsyncCredentialStore for Database {
    type Id = u64;
    type Error = &'static str;

    async fn find_credential(
        &self,
        identifier: &str,
    ) -> Result<Option<ApiCredential<u64>>, &'static str> {
        self.ask(format!("credential {identifier}"))?;
        let secret = StoredSecret::plain("secret").unwrap();
        let record = || ApiCredential::new(1, "id", secret, AdminState::WithApiAccess);
        Ok((identifier == "id").then(record))
    }

    async fn find_admin(&self, username: &str) -> Result<Option<Admin<u64>>, &'static str> {
        self.ask(format!("admin {username}"))?;
        let password = StoredPassword::md5(PASSWORD_MD5).unwrap();
        let record = || Admin::new(2, "admin", password, AdminState::WithApiAccess);
        Ok((username == "admin").then(record))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
    }
}

type Verdict = Result<u64, ApiError<&'static str>>;

fn verify(database: &Database, pairs: &[(&str, &str)]) -> Verdict {
    let request = ApiRequest::from_pairs(pairs);
    let pending = ready(request.attempt(&ApiPolicy::new()).look_up_async(database))?;
    Ok(pending.decide().map(|caller| caller.id)?)
}

#[test]
fn api_1_the_attempt_looks_up_what_its_mode_needs() {
    for (pairs, verdict, asked) in [
        (&[("identifier", "id"), ("secret", "secret")][..], Ok(1), &["credential id"][..]),
        (
            &[("identifier", "x"), ("secret", "s")],
            Err(ApiRefusal::UnknownIdentifier),
            &["credential x"],
        ),
        // Both, whatever the first one finds.
        (&[("username", "id"), ("password", "secret")], Ok(1), &["credential id", "admin id"]),
        (
            &[("username", "admin"), ("password", PASSWORD_MD5)],
            Ok(2),
            &["credential admin", "admin admin"],
        ),
        (
            &[("username", "x"), ("password", "s")],
            Err(ApiRefusal::UnknownUsername),
            &["credential x", "admin x"],
        ),
        // No look-up for a malformed request.
        (&[("identifier", "id")], Err(Malformed::Missing(Field::Secret).into()), &[]),
        (&[], Err(ApiRefusal::MissingCredentials), &[]),
    ] {
        let database = Database::default();
        assert_eq!(verify(&database, pairs), verdict.map_err(ApiError::Refused), "{pairs:?}");
        assert_eq!(*database.asked.lock().unwrap(), asked, "{pairs:?}");
    }
}

#[test]
fn a_store_that_fails_is_no_refusal() {
    // A failure never counts as an absent record. Otherwise the admin might be accepted, or the refusal
    // might be wrong.
    for fails_at in ["credential", "admin"] {
        for name in ["id", "admin", "x"] {
            let database = Database { fails_at: Some(fails_at), ..Database::default() };
            for password in ["secret", PASSWORD_MD5] {
                let pairs = [("username", name), ("password", password)];
                assert_eq!(verify(&database, &pairs), Err(ApiError::Store("down")), "{pairs:?}");
            }
            // A request that asks for no look-up is also refused.
            let verdict = verify(&database, &[("identifier", name)]);
            assert_eq!(verdict, Err(ApiError::Refused(Malformed::Missing(Field::Secret).into())));
        }
    }
}

/// As a generic handler of a web framework needs them.
#[test]
fn the_futures_and_the_decision_move_between_threads() {
    fn moves<T: Send + 'static>(_: &T) {}
    fn sends<T: Send>(future: T) -> T {
        future
    }
    async fn handler<S: AsyncCredentialStore>(store: &S) -> Option<S::Id> {
        let pairs = [("identifier", String::from("id")), ("secret", String::from("secret"))];
        let request = ApiRequest::from_pairs(pairs);
        let pending = request.attempt(&ApiPolicy::new()).look_up_async(store).await.ok()?;
        moves(&pending);
        pending.decide().ok().map(|caller| caller.id)
    }
    let database = Database::default();
    assert_eq!(ready(sends(handler(&database))), Some(1));
}

#[test]
fn references_boxes_and_arcs_of_an_async_store_are_stores() {
    fn id_in(store: &impl AsyncCredentialStore<Id = u64, Error = &'static str>) -> Verdict {
        let request = ApiRequest::from_pairs([("username", "admin"), ("password", PASSWORD_MD5)]);
        let pending = ready(request.attempt(&ApiPolicy::new()).look_up_async(store))?;
        Ok(pending.decide()?.id)
    }
    assert_eq!(id_in(&Database::default()), Ok(2));
    assert_eq!(id_in(&&Database::default()), Ok(2));
    assert_eq!(id_in(&Box::new(Database::default())), Ok(2));
    assert_eq!(id_in(&Arc::new(Database::default())), Ok(2));
    assert_eq!(id_in(&Arc::new(Box::new(Database::default()))), Ok(2));
}

#[cfg(feature = "std")]
fn memory(secret: StoredSecret) -> MemoryStore<u64> {
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess);
    let password = StoredPassword::md5(PASSWORD_MD5).unwrap();
    let admin = Admin::new(2, "admin", password, AdminState::WithApiAccess);
    MemoryStore::new([record], [admin]).unwrap()
}

#[cfg(feature = "std")]
#[test]
fn a_store_in_memory_can_be_awaited() {
    let store = memory(StoredSecret::plain("secret").unwrap());
    for (pairs, expected) in [
        ([("identifier", "id"), ("secret", "secret")], Ok(1)),
        ([("username", "ADMIN"), ("password", PASSWORD_MD5)], Ok(2)),
        ([("identifier", "id"), ("secret", "x")], Err(ApiRefusal::WrongSecret)),
        ([("username", "x"), ("password", "x")], Err(ApiRefusal::UnknownUsername)),
    ] {
        let request = ApiRequest::from_pairs(pairs);
        let attempt = || request.attempt(&ApiPolicy::new());
        for pending in [
            ready(attempt().look_up_async(&store)).unwrap(),
            attempt().look_up(&store).unwrap(),
            attempt().look_up(&store).unwrap().into_owned(),
        ] {
            assert_eq!(pending.decide().map(|caller| caller.id), expected);
        }
    }
    let expected = CredentialStore::expected_schemes(&store);
    assert_eq!(AsyncCredentialStore::expected_schemes(&store), expected);
}

/// `None` says nothing about the caller. So a refusal that costs bcrypt is never known before bcrypt
/// has run.
#[cfg(feature = "std")]
#[test]
fn api_8_what_is_decided_without_bcrypt() {
    let plain = || StoredSecret::plain("secret").unwrap();
    let md5 = PasswordScheme::Md5;
    let right: &[_] = &[("identifier", "id"), ("secret", "secret")];
    let wrong: &[_] = &[("identifier", "id"), ("secret", "x")];
    let unknown: &[_] = &[("identifier", "x"), ("secret", "secret")];
    let wrong_admin: &[_] = &[("username", "admin"), ("password", "x")];
    let half: &[_] = &[("identifier", "id")];
    let missing = Malformed::Missing(Field::Secret).into();

    let all_plain = ExpectedSchemes::new(SecretScheme::Plain, md5);
    let rows = vec![
        (plain(), all_plain, right, Some(Ok(1))),
        (plain(), all_plain, wrong, Some(Err(ApiRefusal::WrongSecret))),
        (plain(), all_plain, unknown, Some(Err(ApiRefusal::UnknownIdentifier))),
        (plain(), all_plain, wrong_admin, Some(Err(ApiRefusal::PasswordNotMd5))),
        (plain(), all_plain, half, Some(Err(missing))),
        (plain(), all_plain, &[], Some(Err(ApiRefusal::MissingCredentials))),
    ];
    #[cfg(feature = "bcrypt")]
    let rows = {
        let cost = whmcs_auth::BcryptCost::new(4).unwrap();
        let bcrypt = || StoredSecret::bcrypt(SECRET_BCRYPT).unwrap();
        let right_bcrypt: &[_] = &[("identifier", "id"), ("secret", SECRET)];
        let bcrypt_expected = ExpectedSchemes::new(SecretScheme::Bcrypt(cost), md5);
        let bcrypt_of_md5 =
            ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::BcryptOfMd5(cost));
        let with_bcrypt = vec![
            // A plain record beside records with bcrypt: a refusal costs a decoy with bcrypt.
            (plain(), bcrypt_expected, right, Some(Ok(1))),
            (plain(), bcrypt_expected, wrong, None),
            (plain(), bcrypt_expected, unknown, None),
            (plain(), bcrypt_expected, wrong_admin, None),
            (plain(), bcrypt_expected, half, Some(Err(missing))),
            (plain(), bcrypt_expected, &[], Some(Err(ApiRefusal::MissingCredentials))),
            // The pair asks for no admin, so only a login costs the check of a password.
            (plain(), bcrypt_of_md5, wrong, Some(Err(ApiRefusal::WrongSecret))),
            (plain(), bcrypt_of_md5, wrong_admin, None),
            (bcrypt(), bcrypt_expected, right_bcrypt, None),
            (bcrypt(), bcrypt_expected, wrong, None),
            (bcrypt(), bcrypt_expected, half, Some(Err(missing))),
            // A record that costs more than the store expects.
            (bcrypt(), all_plain, right_bcrypt, None),
            (bcrypt(), all_plain, wrong, None),
        ];
        [rows, with_bcrypt].concat()
    };
    for (secret, expected, pairs, verdict) in rows {
        let store = memory(secret).with_expected_schemes(expected);
        let request = ApiRequest::from_pairs(pairs);
        let pending = request.attempt(&ApiPolicy::new()).look_up(&store).unwrap();
        let found = pending.decide_without_bcrypt();
        assert_eq!(found.map(|found| found.map(|caller| caller.id)), verdict, "{pairs:?}");
    }
}

#[cfg(feature = "std")]
#[test]
fn the_gate_makes_the_attempt_and_the_caller_knows_its_actions() {
    use whmcs_auth::gate::{AddressGate, ApiGate};
    use whmcs_auth::{AllowedActions, Refusal};

    let secret = StoredSecret::plain("secret").unwrap();
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let store = MemoryStore::new([record], []).unwrap();
    let gate = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
    for (secret, action, code) in [
        ("secret", "GetClients", "accepted"),
        ("secret", "DeleteClient", "action_not_allowed"),
        ("secret", "", "action_missing"),
        ("wrong", "DeleteClient", "wrong_secret"),
    ] {
        let pairs = [("identifier", "id"), ("secret", secret), ("action", action)];
        let request = ApiRequest::from_pairs(pairs);
        let attempt = gate.admit("203.0.113.7".parse().unwrap(), &request).unwrap();
        let pending = ready(attempt.look_up_async(&store)).unwrap();
        let shown = format!("{pending:?}");
        assert!(!shown.contains("wrong"), "{shown}");
        let verdict = match pending.decide() {
            Ok(caller) => caller.authorize(request.action()).map_err(|refusal| refusal.code()),
            Err(refusal) => Err(refusal.code()),
        };
        assert_eq!(verdict.map_or_else(|code| code, |_| "accepted"), code, "{action}");
    }
}
