//! The gate checks address, credentials and action, in this order and in one call.

use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;

use whmcs_auth::gate::{
    AddressGate, AddressRefusal, ApiGate, AuthorizedCall, GateError, HiddenCaller,
};
use whmcs_auth::{
    ActionRefusal, Admin, AdminState, AllowedActions, ApiAttempt, ApiCredential, ApiError, ApiMode,
    ApiPolicy, ApiRefusal, ApiRequest, CredentialStore, ExpectedSchemes, Field, Lookup, Malformed,
    MemoryStore, PendingDecision, Refusal, StoredPassword, StoredSecret,
};

use crate::common::{self, PASSWORD_MD5, action_name, address, ready};

const LISTED: &str = "203.0.113.7";
const ELSEWHERE: &str = "198.51.100.1";

fn store() -> MemoryStore<u64> {
    let credential = |id, identifier, state| {
        let secret = StoredSecret::plain("s").unwrap();
        ApiCredential::new(id, identifier, secret, state)
            .with_actions(AllowedActions::new(["getclients"]))
    };
    let admin = common::admin("admin", StoredPassword::md5(PASSWORD_MD5).unwrap());
    MemoryStore::new(
        [
            credential(1, "id", AdminState::WithApiAccess),
            credential(2, "clerk", AdminState::WithoutApiAccess),
            credential(3, "gone", AdminState::Disabled),
        ],
        [admin],
    )
    .unwrap()
}

fn gate() -> ApiGate {
    ApiGate::new(AddressGate::new().with_entries([LISTED]).with_access_key("key").unwrap())
}

/// The refusal of an address that is not listed.
fn refused_address() -> AddressRefusal {
    let gate = AddressGate::new().with_entries([LISTED]).with_access_key("key").unwrap();
    gate.check(address(ELSEWHERE), &ApiRequest::default()).unwrap_err()
}

/// The code of a refusal, its sentence, and the answer to the caller.
type Reported = (&'static str, String, String, u16);

fn reported(refusal: impl Refusal) -> Reported {
    let public_message = refusal.public_message().into_owned();
    (refusal.code(), refusal.to_string(), public_message, refusal.http_status())
}

#[cfg(all(feature = "form", feature = "bcrypt", feature = "sha2"))]
#[test]
fn api_1_calls_are_judged_as_the_vectors_say() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../vectors/calls.json")).unwrap();
    let list = |name: &str| vectors[name].as_array().unwrap().iter();
    let text = |case: &serde_json::Value, name: &str| case[name].as_str().unwrap().to_owned();
    let id = |record: &serde_json::Value| record["id"].as_u64().unwrap();
    let state = |record: &serde_json::Value| match record["admin"].as_str().unwrap() {
        "enabled" => AdminState::WithApiAccess,
        "without access" => AdminState::WithoutApiAccess,
        "disabled" => AdminState::Disabled,
        other => panic!("{other}"),
    };
    let credentials = list("credentials").map(|record| {
        let stored = text(record, "stored");
        let secret = match record["scheme"].as_str().unwrap() {
            "plain" => StoredSecret::plain(stored),
            "md5" => StoredSecret::md5(&stored),
            "sha256" => StoredSecret::sha256(&stored),
            "bcrypt" => StoredSecret::bcrypt(&stored),
            other => panic!("{other}"),
        };
        let actions = record["actions"].as_array().unwrap().iter();
        ApiCredential::new(id(record), text(record, "identifier"), secret.unwrap(), state(record))
            .with_actions(AllowedActions::new(actions.map(|action| action.as_str().unwrap())))
    });
    let admins = list("admins").map(|record| {
        let stored = text(record, "stored");
        let password = match record["scheme"].as_str().unwrap() {
            "plain" => StoredPassword::plain(stored),
            "md5" => StoredPassword::md5(&stored),
            "bcrypt of md5" => StoredPassword::bcrypt_of_md5(&stored),
            other => panic!("{other}"),
        };
        Admin::new(id(record), text(record, "username"), password.unwrap(), state(record))
    });
    let store = MemoryStore::new(credentials, admins).unwrap();
    for case in list("calls") {
        let received = common::form(case["body"].as_str().unwrap());
        match gate().verify(address(LISTED), &received.api_request(), &store) {
            Ok(call) => {
                let is_admin = call.caller.mode == ApiMode::AdminLogin;
                let mode = if is_admin { "admin" } else { "credential" };
                assert_eq!(case["mode"], mode, "{case}");
                assert_eq!(case["id"], call.caller.id, "{case}");
                assert_eq!(case["action"], call.action.as_str(), "{case}");
            }
            Err(refusal) => {
                assert_eq!(case["message"], *refusal.public_message(), "{case}");
                assert_eq!(case["status"], refusal.http_status(), "{case}");
            }
        }
    }
}

type GateVerdict = Result<AuthorizedCall<u64>, GateError<u64, Infallible>>;
type Verdict = Result<AuthorizedCall<u64>, Reported>;

/// The verdict of one call. The async call must give the same, and so must the steps, borrowed and owned.
fn verdict(gate: &ApiGate, caller: &str, pairs: &[(&str, &str)]) -> Verdict {
    let store = store();
    let request = ApiRequest::from_pairs(pairs);
    let whole = gate.verify(address(caller), &request, &store).map_err(reported);
    assert_eq!(verdict_async(gate, caller, &request, &store).map_err(reported), whole);

    let in_steps = |attempt: ApiAttempt<'_>| {
        let credential = attempt.identifier().and_then(|name| store.find_credential(name).unwrap());
        let admin = attempt.username().and_then(|name| store.find_admin(name).unwrap());
        let expected = CredentialStore::expected_schemes(&store);
        let caller = attempt.decide(credential.as_deref(), admin.as_deref(), expected)?;
        match caller.authorize(request.action()) {
            Ok(action) => Ok((caller, action)),
            Err(refusal) => Err(GateError::<_, Infallible>::Action { caller, refusal }),
        }
    };
    let admitted = || gate.admit(address(caller), &request).map_err(GateError::from);
    let parts = whole.clone().map(|call| (call.caller, call.action));
    assert_eq!(admitted().and_then(in_steps).map_err(reported), parts);
    let owned = admitted().map(ApiAttempt::into_owned);
    assert_eq!(owned.and_then(in_steps).map_err(reported), parts);
    whole
}

fn verdict_async(
    gate: &ApiGate,
    caller: &str,
    request: &ApiRequest<'_>,
    store: &MemoryStore<u64>,
) -> GateVerdict {
    let run_blocking = |pending: PendingDecision<'static, u64>| async move {
        Ok::<_, Infallible>(pending.decide())
    };
    ready(gate.verify_async(address(caller), request, store, run_blocking))
}

const RIGHT: [(&str, &str); 3] = [("identifier", "id"), ("secret", "s"), ("action", "GetClients")];

#[test]
fn gate_6_a_call_that_passes_has_its_caller_and_its_action() {
    for (pairs, id, mode) in [
        (RIGHT, 1, ApiMode::Credential),
        (
            [("username", "id"), ("password", "s"), ("action", "getCLIENTS")],
            1,
            ApiMode::CredentialAsLogin,
        ),
        (
            [("username", "Admin"), ("password", PASSWORD_MD5), ("action", "getclients")],
            8,
            ApiMode::AdminLogin,
        ),
    ] {
        let call = verdict(&gate(), LISTED, &pairs).unwrap();
        assert_eq!((call.caller.id, call.caller.mode), (id, mode));
        assert_eq!(call.action.as_str(), "getclients");
        // The access key lifts the restriction.
        let with_key: Vec<_> = pairs.into_iter().chain([("accesskey", "key")]).collect();
        assert_eq!(verdict(&gate(), ELSEWHERE, &with_key), Ok(call));
    }
}

/// The rows go from the last check to the first. Each row also fails the checks of the rows before it.
#[test]
fn gate_6_the_first_check_that_fails_is_reported() {
    let action = action_name("deleteclient");
    let not_allowed = ActionRefusal::NotAllowed { action };
    let api = |refusal: ApiRefusal| reported(refusal);
    for (caller, identifier, secret, action, refusal) in [
        (LISTED, "id", "s", "DeleteClient", reported(not_allowed)),
        (LISTED, "id", "s", "", reported(ActionRefusal::Absent)),
        (LISTED, "id", "s", "a b", reported(ActionRefusal::Invalid)),
        (LISTED, "clerk", "s", "", api(ApiRefusal::NoApiAccess)),
        (LISTED, "gone", "s", "", api(ApiRefusal::AdminDisabled)),
        (LISTED, "gone", "x", "", api(ApiRefusal::WrongSecret)),
        (LISTED, "other", "x", "a b", api(ApiRefusal::UnknownIdentifier)),
        (LISTED, "other", "", "", api(Malformed::Missing(Field::Secret).into())),
        (LISTED, "\n", "", "", api(Malformed::ControlCharacter(Field::Identifier).into())),
        (LISTED, "", "", "", api(ApiRefusal::MissingCredentials)),
        (ELSEWHERE, "\n", "", "", reported(refused_address())),
        (ELSEWHERE, "id", "s", "GetClients", reported(refused_address())),
    ] {
        let pairs = [("identifier", identifier), ("secret", secret), ("action", action)];
        assert_eq!(verdict(&gate(), caller, &pairs), Err(refusal), "{pairs:?}");
    }
}

/// An access key proves nothing about who calls.
#[test]
fn gate_5_the_access_key_is_no_credential() {
    let key = ("accesskey", "key");
    let action = ("action", "GetClients");
    for (pairs, refusal) in [
        (vec![key, action], ApiRefusal::MissingCredentials),
        (vec![key, action, ("identifier", "id"), ("secret", "key")], ApiRefusal::WrongSecret),
        (vec![key, action, ("username", "admin"), ("password", "key")], ApiRefusal::PasswordNotMd5),
    ] {
        for caller in [LISTED, ELSEWHERE] {
            assert_eq!(verdict(&gate(), caller, &pairs), Err(reported(refusal)));
        }
    }
}

/// The address is reported first, with the fault of the key. A caller who is listed needs no key, so there the
/// request is refused as malformed.
#[test]
fn gate_5_a_malformed_access_key_lifts_nothing_and_is_reported() {
    let repeated = Malformed::Repeated(Field::AccessKey);
    let disguised = Malformed::Disguised(Field::AccessKey);
    let without_key = ApiGate::new(AddressGate::new().with_entries([LISTED]));
    for (keys, fault) in [
        (&[("accesskey", "key"), ("accesskey", "key")][..], repeated),
        (&[("accesskey", "key"), ("accesskey", "")], repeated),
        (&[("accesskey", "key"), ("accesskey[]", "key")], disguised),
        (&[("accesskey", "key"), (" accesskey", "")], disguised),
        (&[("accesskey\0x", "key")], disguised),
        (&[("accesskey", "key\u{fffd}")], Malformed::NotUtf8(Field::AccessKey)),
    ] {
        let pairs = [&RIGHT[..], keys].concat();
        // It does not matter whether a key is configured, or what else is wrong.
        let and_more = [&[("identifier", "other")], &pairs[..]].concat();
        for (gate, pairs) in [(gate(), &pairs), (without_key.clone(), &pairs), (gate(), &and_more)]
        {
            let (code, sentence, public_message, _) = verdict(&gate, ELSEWHERE, pairs).unwrap_err();
            assert_eq!(code, "malformed_access_key", "{keys:?}");
            assert!(sentence.ends_with(&format!("; the access key is malformed: {fault}")));
            assert_eq!(public_message, format!("Invalid IP {ELSEWHERE}"));
        }
        assert_eq!(verdict(&gate(), LISTED, &pairs), Err(reported(ApiRefusal::from(fault))));
    }
    // A malformed field with another name does not hide the key.
    let pairs = [&RIGHT[..], &[("accesskey", "key"), ("secret[]", "s")]].concat();
    let refusal = ApiRefusal::from(Malformed::Disguised(Field::Secret));
    assert_eq!(verdict(&gate(), ELSEWHERE, &pairs), Err(reported(refusal)));
}

#[test]
fn gate_7_the_policy_of_the_gate_applies_to_the_call() {
    let login = [("username", "admin"), ("password", PASSWORD_MD5), ("action", "GetClients")];
    let gate = gate().with_policy(ApiPolicy::new().with_admin_login(false));
    let refusal = ApiRefusal::AdminLoginOff;
    assert_eq!(verdict(&gate, LISTED, &login), Err(reported(refusal)));

    let gate =
        gate.with_policy(ApiPolicy::new()).with_policy(ApiPolicy::new().with_admin_actions(false));
    let action = action_name("getclients");
    let refusal = ActionRefusal::AdminNotAllowed { action };
    assert_eq!(verdict(&gate, LISTED, &login), Err(reported(refusal)));
    assert!(verdict(&gate, LISTED, &RIGHT).is_ok());
}

#[test]
fn gate_6_an_open_gate_still_checks_the_credentials() {
    let gate = ApiGate::new(AddressGate::open());
    assert!(verdict(&gate, ELSEWHERE, &RIGHT).is_ok());
    let (_, _, public_message, _) = verdict(&gate, ELSEWHERE, &RIGHT[1..]).unwrap_err();
    assert_eq!(public_message, "Authentication Failed");
}

/// A store that counts its look-ups, and can fail.
struct Counting {
    store: MemoryStore<u64>,
    look_ups: Cell<usize>,
    fails: bool,
}

impl CredentialStore for Counting {
    type Id = u64;
    type Error = fmt::Error;

    fn find_credential(&self, name: &str) -> Lookup<'_, ApiCredential<u64>, fmt::Error> {
        self.look_ups.set(self.look_ups.get() + 1);
        match self.fails {
            true => Err(fmt::Error),
            false => Ok(self.store.find_credential(name).unwrap()),
        }
    }

    fn find_admin(&self, name: &str) -> Lookup<'_, Admin<u64>, fmt::Error> {
        self.look_ups.set(self.look_ups.get() + 1);
        Ok(self.store.find_admin(name).unwrap())
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        CredentialStore::expected_schemes(&self.store)
    }
}

#[test]
fn gate_6_a_refused_address_costs_no_look_up_and_a_refused_action_costs_the_usual_ones() {
    for (caller, pairs, look_ups) in [
        (ELSEWHERE, RIGHT.to_vec(), 0),
        (LISTED, RIGHT[..1].to_vec(), 0),
        (LISTED, RIGHT.to_vec(), 1),
        (LISTED, RIGHT[..2].to_vec(), 1),
        (LISTED, [&RIGHT[..2], &[("action", "DeleteClient")]].concat(), 1),
        (LISTED, vec![("username", "id"), ("password", "s")], 2),
        (LISTED, vec![("username", "nobody"), ("password", "s")], 2),
    ] {
        let store = Counting { store: store(), look_ups: Cell::new(0), fails: false };
        let request = ApiRequest::from_pairs(&pairs);
        let _ = gate().verify(address(caller), &request, &store);
        assert_eq!(store.look_ups.get(), look_ups, "{caller}, {pairs:?}");
    }
}

#[test]
fn a_store_that_fails_is_no_refusal() {
    let store = Counting { store: store(), look_ups: Cell::new(0), fails: true };
    let request = ApiRequest::from_pairs(RIGHT);
    let error = gate().verify(address(LISTED), &request, &store).unwrap_err();
    assert!(matches!(error, GateError::Store(fmt::Error)));
    assert_eq!(error.code(), "store_failure");
    assert_eq!(error.public_message(), "Service Unavailable");
    assert_eq!(error.http_status(), 503);
    // The address is refused before the store is asked.
    let error = gate().verify(address(ELSEWHERE), &request, &store).unwrap_err();
    assert_eq!(error.code(), "address_not_listed");
}

#[test]
fn a_refused_action_comes_with_its_caller() {
    for (pairs, policy, id, mode, code) in [
        (
            [RIGHT[0], RIGHT[1], ("action", "DeleteClient")],
            ApiPolicy::new(),
            1,
            ApiMode::Credential,
            "action_not_allowed",
        ),
        (
            [RIGHT[0], RIGHT[1], ("action", "")],
            ApiPolicy::new(),
            1,
            ApiMode::Credential,
            "action_missing",
        ),
        (
            [("username", "id"), ("password", "s"), ("action", "a b")],
            ApiPolicy::new(),
            1,
            ApiMode::CredentialAsLogin,
            "action_invalid",
        ),
        (
            [("username", "admin"), ("password", PASSWORD_MD5), ("action", "GetClients")],
            ApiPolicy::new().with_admin_actions(false),
            8,
            ApiMode::AdminLogin,
            "admin_action_not_allowed",
        ),
    ] {
        let (gate, store) = (gate().with_policy(policy), store());
        let request = ApiRequest::from_pairs(pairs);
        let verdicts = [
            gate.verify(address(LISTED), &request, &store),
            verdict_async(&gate, LISTED, &request, &store),
        ];
        for verdict in verdicts {
            match verdict.unwrap_err() {
                GateError::Action { caller, refusal } => {
                    assert_eq!((caller.id, caller.mode, refusal.code()), (id, mode, code));
                }
                error => panic!("{error:?}"),
            }
        }
    }
}

#[test]
fn a_gate_error_reports_what_its_cause_reports() {
    type Error = GateError<u64, fmt::Error>;

    let (address, hidden) = (refused_address(), HiddenCaller::OnlyProxies);
    let api = ApiRefusal::NoApiAccess;
    // `?` converts each of them.
    assert!(matches!(Error::from(hidden), GateError::HiddenCaller(same) if same == hidden));
    assert!(matches!(Error::from(address), GateError::Address(same) if same == address));
    assert!(matches!(Error::from(api), GateError::Credentials(same) if same == api));
    let refused = ApiError::<fmt::Error>::Refused(api);
    assert!(matches!(Error::from(refused), GateError::Credentials(same) if same == api));
    assert!(matches!(Error::from(ApiError::Store(fmt::Error)), GateError::Store(fmt::Error)));

    assert_eq!(reported(Error::from(hidden)), reported(hidden));
    assert_eq!(reported(Error::from(address)), reported(address));
    assert_eq!(reported(Error::from(api)), reported(api));
    let request = ApiRequest::from_pairs(pair());
    let caller = request.attempt(&ApiPolicy::new()).look_up(&store()).unwrap().decide().unwrap();
    for refusal in [ActionRefusal::Absent, ActionRefusal::Invalid] {
        let error = Error::Action { caller: caller.clone(), refusal };
        assert_eq!(reported(error), reported(refusal));
    }
}

fn pair() -> [(&'static str, &'static str); 2] {
    [RIGHT[0], RIGHT[1]]
}

/// A handler that answers every refusal in one place.
#[test]
fn every_error_becomes_a_boxed_refusal() {
    fn call(caller: &str, pairs: &[(&str, &str)]) -> Result<u64, Box<dyn Refusal>> {
        let request = ApiRequest::from_pairs(pairs);
        Ok(gate().verify(address(caller), &request, &store())?.caller.id)
    }
    fn steps(caller: &str, pairs: &[(&str, &str)]) -> Result<u64, Box<dyn Refusal + Send + Sync>> {
        let (request, store) = (ApiRequest::from_pairs(pairs), store());
        let caller = gate().admit(address(caller), &request)?.look_up(&store)?.decide()?;
        let _ = caller.authorize(request.action())?;
        Ok(caller.id)
    }
    fn of_a_link() -> Result<(), Box<dyn Refusal>> {
        let request = common::link(common::EMAIL, common::TIMESTAMP, common::HASH);
        let _ = common::verify_link(&request, "another key", common::at(common::SIGNED))?;
        Ok(())
    }
    for (caller, pairs, expected) in [
        (LISTED, &RIGHT[..], Ok(1)),
        (ELSEWHERE, &RIGHT, Err("address_not_listed")),
        (LISTED, &RIGHT[..1], Err("missing_field")),
        (LISTED, &RIGHT[..2], Err("action_missing")),
    ] {
        assert_eq!(call(caller, pairs).map_err(|refusal| refusal.code()), expected);
        assert_eq!(steps(caller, pairs).map_err(|refusal| refusal.code()), expected);
    }
    assert_eq!(of_a_link().unwrap_err().code(), "hash_mismatch");
}

#[test]
fn the_async_call_runs_nothing_in_a_thread_without_bcrypt() {
    let (gate, store) = (gate(), store());
    let run_blocking = |_: PendingDecision<'static, u64>| async { Err("it is not called") };
    for (pairs, code) in
        [(RIGHT, None), ([RIGHT[0], ("secret", "x"), RIGHT[2]], Some("wrong_secret"))]
    {
        let request = ApiRequest::from_pairs(pairs);
        let verdict = ready(gate.verify_async(address(LISTED), &request, &store, run_blocking));
        assert_eq!(verdict.err().map(|error| error.code()), code);
    }
}

#[cfg(feature = "bcrypt")]
#[test]
fn the_async_call_runs_bcrypt_where_it_is_told_and_says_if_that_did_not_end() {
    use std::error::Error;

    let secret = StoredSecret::bcrypt(common::SECRET_BCRYPT).unwrap();
    let record = common::credential("id", secret).with_actions(AllowedActions::all());
    let store = MemoryStore::new([record], []).unwrap();
    let gate = gate();
    let runs = Cell::new(0);
    for (secret, code) in [(common::SECRET, None), ("x", Some("wrong_secret"))] {
        let request = ApiRequest::from_pairs([RIGHT[0], ("secret", secret), RIGHT[2]]);
        let run_blocking = |pending: PendingDecision<'static, u64>| {
            runs.set(runs.get() + 1);
            async move { Ok::<_, Infallible>(pending.decide()) }
        };
        let verdict = ready(gate.verify_async(address(LISTED), &request, &store, run_blocking));
        assert_eq!(verdict.err().map(|error| error.code()), code);

        let stops = |_: PendingDecision<'static, u64>| async { Err("the runtime stops") };
        let error = ready(gate.verify_async(address(LISTED), &request, &store, stops)).unwrap_err();
        assert_eq!((error.code(), error.http_status()), ("stopped", 503));
        assert_eq!(error.source().unwrap().to_string(), "the runtime stops");
    }
    assert_eq!(runs.get(), 2);
}
