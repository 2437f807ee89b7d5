//! The gate checks address, credentials and action, in this order and in one call.

use std::cell::Cell;
use std::fmt;

use whmcs_auth::gate::{
    AddressGate, AddressRefusal, AdmittedAttempt, ApiGate, AuthorizedCall, GateError, GateRefusal,
};
use whmcs_auth::{
    ActionRefusal, Admin, AdminState, AllowedActions, ApiCredential, ApiError, ApiMode, ApiPolicy,
    ApiRefusal, ApiRequest, CredentialStore, ExpectedSchemes, Field, Lookup, Malformed,
    MemoryStore, Refusal, StoredPassword, StoredSecret,
};

use crate::common::{self, PASSWORD_MD5, action_name, address};

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

type Verdict = Result<AuthorizedCall<u64>, GateRefusal>;

/// The verdict of one call. The two steps must give the same, and so must the owned two steps.
fn verdict(gate: &ApiGate, caller: &str, pairs: &[(&str, &str)]) -> Verdict {
    let store = store();
    let request = ApiRequest::from_pairs(pairs);
    let whole = gate.verify(address(caller), &request, &store).map_err(|error| match error {
        GateError::Refused(refusal) => refusal,
        GateError::Store(never) => match never {},
    });

    let in_steps = |admitted: AdmittedAttempt<'_>| {
        let attempt = admitted.attempt();
        let credential = attempt.identifier().and_then(|name| store.find_credential(name).unwrap());
        let admin = attempt.username().and_then(|name| store.find_admin(name).unwrap());
        admitted.decide(credential.as_deref(), admin.as_deref(), store.expected_schemes())
    };
    let admitted = gate.admit(address(caller), &request).map_err(GateRefusal::from);
    assert_eq!(admitted.clone().and_then(in_steps), whole);
    assert_eq!(admitted.and_then(|admitted| in_steps(admitted.into_owned())), whole);
    whole
}

const RIGHT: [(&str, &str); 3] = [("identifier", "id"), ("secret", "s"), ("action", "GetClients")];

#[test]
fn a_call_that_passes_has_its_caller_and_its_action() {
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
fn the_first_check_that_fails_is_reported() {
    let action = action_name("deleteclient");
    let not_allowed = GateRefusal::Action(ActionRefusal::NotAllowed { action });
    let api = GateRefusal::Api;
    for (caller, identifier, secret, action, refusal) in [
        (LISTED, "id", "s", "DeleteClient", not_allowed),
        (LISTED, "id", "s", "", ActionRefusal::Absent.into()),
        (LISTED, "id", "s", "a b", ActionRefusal::Invalid.into()),
        (LISTED, "clerk", "s", "", api(ApiRefusal::NoApiAccess)),
        (LISTED, "gone", "s", "", api(ApiRefusal::AdminDisabled)),
        (LISTED, "gone", "x", "", api(ApiRefusal::WrongSecret)),
        (LISTED, "other", "x", "a b", api(ApiRefusal::UnknownIdentifier)),
        (LISTED, "other", "", "", api(Malformed::Missing(Field::Secret).into())),
        (LISTED, "\n", "", "", api(Malformed::ControlCharacter(Field::Identifier).into())),
        (LISTED, "", "", "", api(ApiRefusal::MissingCredentials)),
        (ELSEWHERE, "\n", "", "", refused_address().into()),
        (ELSEWHERE, "id", "s", "GetClients", refused_address().into()),
    ] {
        let pairs = [("identifier", identifier), ("secret", secret), ("action", action)];
        assert_eq!(verdict(&gate(), caller, &pairs), Err(refusal), "{pairs:?}");
    }
}

/// An access key proves nothing about who calls.
#[test]
fn the_access_key_is_no_credential() {
    let key = ("accesskey", "key");
    let action = ("action", "GetClients");
    for (pairs, refusal) in [
        (vec![key, action], ApiRefusal::MissingCredentials),
        (vec![key, action, ("identifier", "id"), ("secret", "key")], ApiRefusal::WrongSecret),
        (vec![key, action, ("username", "admin"), ("password", "key")], ApiRefusal::PasswordNotMd5),
    ] {
        for caller in [LISTED, ELSEWHERE] {
            assert_eq!(verdict(&gate(), caller, &pairs), Err(refusal.into()));
        }
    }
}

/// The address is reported first, with the fault of the key. A caller who is listed needs no key, so there the
/// request is refused as malformed.
#[test]
fn a_malformed_access_key_lifts_nothing_and_is_reported() {
    let repeated = Malformed::Repeated(Field::AccessKey);
    let alias = Malformed::Alias(Field::AccessKey);
    let without_key = ApiGate::new(AddressGate::new().with_entries([LISTED]));
    for (keys, fault) in [
        (&[("accesskey", "key"), ("accesskey", "key")][..], repeated),
        (&[("accesskey", "key"), ("accesskey", "")], repeated),
        (&[("accesskey", "key"), ("accesskey[]", "key")], alias),
        (&[("accesskey", "key"), (" accesskey", "")], alias),
        (&[("accesskey\0x", "key")], alias),
        (&[("accesskey", "key\u{fffd}")], Malformed::NotUtf8(Field::AccessKey)),
    ] {
        let pairs = [&RIGHT[..], keys].concat();
        // It does not matter whether a key is configured, or what else is wrong.
        let and_more = [&[("identifier", "other")], &pairs[..]].concat();
        for (gate, pairs) in [(gate(), &pairs), (without_key.clone(), &pairs), (gate(), &and_more)]
        {
            let refusal = verdict(&gate, ELSEWHERE, pairs).unwrap_err();
            assert!(matches!(refusal, GateRefusal::Address(_)), "{keys:?}");
            assert_eq!(refusal.code(), "malformed_access_key", "{keys:?}");
            assert!(
                refusal.to_string().ends_with(&format!("; the access key is malformed: {fault}"))
            );
            assert_eq!(refusal.public_message(), format!("Invalid IP {ELSEWHERE}"));
        }
        assert_eq!(verdict(&gate(), LISTED, &pairs), Err(ApiRefusal::from(fault).into()));
    }
    // A malformed field of another name hides no key.
    let pairs = [&RIGHT[..], &[("accesskey", "key"), ("secret[]", "s")]].concat();
    let refusal = ApiRefusal::from(Malformed::Alias(Field::Secret));
    assert_eq!(verdict(&gate(), ELSEWHERE, &pairs), Err(refusal.into()));
}

#[test]
fn the_policy_of_the_gate_applies_to_the_call() {
    let login = [("username", "admin"), ("password", PASSWORD_MD5), ("action", "GetClients")];
    let gate = gate().with_policy(ApiPolicy::new().with_admin_login(false));
    let refusal = ApiRefusal::AdminLoginOff;
    assert_eq!(verdict(&gate, LISTED, &login), Err(refusal.into()));

    let gate =
        gate.with_policy(ApiPolicy::new()).with_policy(ApiPolicy::new().with_admin_actions(false));
    let refusal = verdict(&gate, LISTED, &login).unwrap_err();
    assert_eq!(refusal.code(), "admin_action_not_allowed");
    assert!(verdict(&gate, LISTED, &RIGHT).is_ok());
}

#[test]
fn an_open_gate_still_checks_the_credentials() {
    let gate = ApiGate::new(AddressGate::open());
    assert!(verdict(&gate, ELSEWHERE, &RIGHT).is_ok());
    let refusal = verdict(&gate, ELSEWHERE, &RIGHT[1..]).unwrap_err();
    assert_eq!(refusal.public_message(), "Authentication Failed");
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
        self.store.expected_schemes()
    }
}

#[test]
fn a_refused_address_costs_no_look_up_and_a_refused_action_costs_the_usual_ones() {
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
    assert_eq!(error, GateError::Store(fmt::Error));
    assert_eq!(error.code(), "store_failure");
    assert_eq!(error.public_message(), "Service Unavailable");
    assert_eq!(error.http_status(), 503);
    // The address is refused before the store is asked.
    let error = gate().verify(address(ELSEWHERE), &request, &store).unwrap_err();
    assert_eq!(error.code(), "address_not_listed");
}

#[test]
fn a_gate_refusal_reports_what_its_cause_reports() {
    let address = refused_address();
    let api = ApiRefusal::NoApiAccess;
    let action = ActionRefusal::Absent;
    for (refusal, code, cause, public, status) in [
        (
            GateRefusal::from(address),
            address.code(),
            address.to_string(),
            address.public_message(),
            403,
        ),
        (GateRefusal::from(api), api.code(), api.to_string(), api.public_message(), 403),
        (
            GateRefusal::from(action),
            action.code(),
            action.to_string(),
            action.public_message(),
            400,
        ),
    ] {
        assert_eq!(refusal.code(), code);
        assert_eq!(refusal.to_string(), cause);
        assert_eq!(refusal.public_message(), public);
        assert_eq!(refusal.http_status(), status);
        let error = GateError::<fmt::Error>::from(refusal);
        assert_eq!(error.code(), code);
        assert_eq!(error.to_string(), cause);
        assert_eq!(error.public_message(), public);
        assert_eq!(error.http_status(), status);
    }
    // `?` converts each of them.
    assert_eq!(GateError::<()>::from(address), GateError::Refused(address.into()));
    assert_eq!(GateError::<()>::from(api), GateError::Refused(api.into()));
    assert_eq!(GateError::<()>::from(action), GateError::Refused(action.into()));
    assert_eq!(GateError::<()>::from(ApiError::Refused(api)), GateError::Refused(api.into()));
    assert_eq!(GateError::from(ApiError::Store(fmt::Error)), GateError::Store(fmt::Error));
}
