//! The two steps over a store that is awaited.

use std::sync::Mutex;

use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiError, ApiPolicy, ApiRefusal, ApiRequest,
    AsyncCredentialStore, ExpectedSchemes, Field, Malformed, PasswordScheme, SecretScheme,
    StoredPassword, StoredSecret,
};

use crate::common::{PASSWORD_MD5, ready};

/// Notes what it is asked for, and finds everything that is named `id`.
#[derive(Default)]
struct Database {
    asked: Mutex<Vec<String>>,
    is_down: bool,
}

impl Database {
    fn ask(&self, question: String) -> Result<(), &'static str> {
        self.asked.lock().unwrap().push(question);
        if self.is_down { Err("down") } else { Ok(()) }
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
    let attempt = ApiRequest::from_pairs(pairs).attempt().into_owned();
    let decision = ready(attempt.look_up(database))?;
    Ok(decision.decide(&ApiPolicy::new()).map(|caller| caller.id)?)
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
        // Nothing for what is malformed.
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
    let database = Database { is_down: true, ..Database::default() };
    let pairs = [("username", "id"), ("password", "secret")];
    assert_eq!(verify(&database, &pairs), Err(ApiError::Store("down")));
    // What asks for nothing is refused all the same.
    let verdict = verify(&database, &[("identifier", "id")]);
    assert_eq!(verdict, Err(ApiError::Refused(Malformed::Missing(Field::Secret).into())));
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
        let decision = ApiRequest::from_pairs(pairs).attempt().into_owned().look_up(store).await;
        let decision = decision.ok()?;
        moves(&decision);
        decision.decide(&ApiPolicy::new()).ok().map(|caller| caller.id)
    }
    let database = Database::default();
    assert_eq!(ready(sends(handler(&database))), Some(1));
}

#[cfg(feature = "std")]
#[test]
fn a_store_that_answers_at_once_is_an_async_one() {
    use whmcs_auth::{MemoryStore, ReadyStore};

    let secret = StoredSecret::plain("secret").unwrap();
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess);
    let password = StoredPassword::md5(PASSWORD_MD5).unwrap();
    let admin = Admin::new(2, "admin", password, AdminState::WithApiAccess);
    let store = ReadyStore(MemoryStore::new([record], [admin]).unwrap());
    for (pairs, expected) in [
        ([("identifier", "id"), ("secret", "secret")], Ok(1)),
        ([("username", "admin"), ("password", PASSWORD_MD5)], Ok(2)),
        ([("identifier", "id"), ("secret", "x")], Err(ApiRefusal::WrongSecret)),
    ] {
        let decision = ready(ApiRequest::from_pairs(pairs).attempt().look_up(&store)).unwrap();
        assert_eq!(decision.decide(&ApiPolicy::new()).map(|caller| caller.id), expected);
    }
}

#[cfg(feature = "std")]
#[test]
fn the_gate_looks_up_and_decides_in_two_steps() {
    use whmcs_auth::gate::{AddressGate, ApiGate};
    use whmcs_auth::{AllowedActions, MemoryStore, ReadyStore, Refusal};

    let secret = StoredSecret::plain("secret").unwrap();
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let store = ReadyStore(MemoryStore::new([record], []).unwrap());
    let gate = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
    for (secret, action, code) in [
        ("secret", "GetClients", "accepted"),
        ("secret", "DeleteClient", "action_not_allowed"),
        ("secret", "", "action_missing"),
        ("wrong", "DeleteClient", "wrong_secret"),
    ] {
        let pairs = [("identifier", "id"), ("secret", secret), ("action", action)];
        let request = ApiRequest::from_pairs(pairs);
        let admitted = gate.admit("203.0.113.7".parse().unwrap(), &request).unwrap();
        let pending = ready(admitted.look_up(&store)).unwrap();
        let shown = format!("{pending:?}");
        assert!(!shown.contains("wrong"), "{shown}");
        let verdict = pending.decide().map_or_else(|refusal| refusal.code(), |_| "accepted");
        assert_eq!(verdict, code, "{action}");
    }
}
