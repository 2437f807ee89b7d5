//! A cache of matches: the verdict is always the one of bcrypt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use whmcs_auth::cache::{Recall, VerificationCache};
use whmcs_auth::gate::{AddressGate, ApiGate, GateRefusal};
use whmcs_auth::{
    ActionRefusal, Admin, AdminState, AllowedActions, ApiCaller, ApiCredential, ApiError, ApiMode,
    ApiPolicy, ApiRefusal, ApiRequest, BcryptCost, ExpectedSchemes, MemoryStore, PasswordScheme,
    ReadyStore, Refusal, SecretScheme, StoredPassword, StoredScheme, StoredSecret, upgrade,
};

use crate::common::{
    self, BCRYPT_OF_MD5, PASSWORD_MD5, SECRET, SECRET_BCRYPT, SECRET_MD5, address, credential,
    login, pair, ready,
};

fn cache() -> VerificationCache {
    VerificationCache::new(*b"32 random bytes, new each start.").with_capacity(16)
}

fn expected() -> ExpectedSchemes {
    let cost = BcryptCost::new(4).unwrap();
    let secret = SecretScheme::Bcrypt(cost);
    ExpectedSchemes::new(secret, PasswordScheme::BcryptOfMd5(cost)).with_compat(cost)
}

type Store = MemoryStore<u64>;

fn store(
    credential: impl Into<Option<ApiCredential<u64>>>,
    admin: impl Into<Option<Admin<u64>>>,
) -> Store {
    let store = MemoryStore::new(credential.into(), admin.into()).unwrap();
    store.with_expected_schemes(expected())
}

fn bcrypt_secret() -> StoredSecret {
    StoredSecret::bcrypt(SECRET_BCRYPT).unwrap()
}

fn known(state: AdminState) -> ApiCredential<u64> {
    ApiCredential::new(7, "id", bcrypt_secret(), state)
}

fn admin(state: AdminState) -> Admin<u64> {
    Admin::new(8, "id", StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5).unwrap(), state)
}

type Verdict = Result<ApiCaller<u64>, ApiRefusal>;

fn refusal(error: ApiError<std::convert::Infallible>) -> ApiRefusal {
    match error {
        ApiError::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

/// One cache over stores that change.
struct Service {
    cache: Arc<VerificationCache>,
    policy: ApiPolicy,
    now: Instant,
}

impl Service {
    fn new(cache: VerificationCache) -> Self {
        Self { cache: Arc::new(cache), policy: ApiPolicy::new(), now: Instant::now() }
    }

    fn call(&self, store: &Store, pairs: [(&str, &str); 2]) -> Verdict {
        let request = ApiRequest::from_pairs(pairs);
        let verdict = request.verify_with_cache(store, &self.policy, &self.cache, self.now);
        verdict.map_err(refusal)
    }

    /// In two steps, over a store that is awaited.
    fn pending_call(&self, store: &Store, pairs: [(&str, &str); 2]) -> Verdict {
        let request = ApiRequest::from_pairs(pairs);
        let store = ReadyStore(store);
        let pending = ready(request.attempt().look_up(&store)).map_err(refusal)?;
        match pending.recall(&self.cache, self.now, &self.policy) {
            Recall::Accepted(caller) => Ok(caller),
            Recall::Pending(pending) => pending.decide(&self.policy),
        }
    }

    fn counts(&self) -> [u64; 2] {
        [self.cache.hits(), self.cache.misses()]
    }

    fn remembered(&self) -> usize {
        self.cache.remembered(self.now)
    }
}

#[test]
fn the_second_call_is_a_hit_and_its_verdict_is_equal_in_every_field() {
    let credential = known(AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["getclients"]))
        .with_compat(BCRYPT_OF_MD5)
        .unwrap();
    let admin = admin(AdminState::WithApiAccess);
    for (store, pairs, mode, scheme) in [
        (
            store(credential.clone(), None),
            pair("id", SECRET),
            ApiMode::Credential,
            StoredScheme::Bcrypt,
        ),
        (
            store(credential.clone(), admin.clone()),
            login("id", SECRET),
            ApiMode::CredentialAsLogin,
            StoredScheme::Bcrypt,
        ),
        (
            store(credential, None),
            login("id", SECRET_MD5),
            ApiMode::CredentialAsLogin,
            StoredScheme::BcryptOfMd5,
        ),
        (
            store(None, admin),
            login("ID", SECRET_MD5),
            ApiMode::AdminLogin,
            StoredScheme::BcryptOfMd5,
        ),
    ] {
        let policy = ApiPolicy::new().with_md5_of_secret(true);
        let expected = ApiRequest::from_pairs(pairs).verify(&store, &policy).unwrap();
        assert_eq!((expected.mode, expected.scheme), (mode, scheme));
        for call in [Service::call, Service::pending_call] {
            let mut service = Service::new(cache());
            service.policy = policy;
            for counts in [[0, 1], [1, 1], [2, 1]] {
                assert_eq!(call(&service, &store, pairs), Ok(expected.clone()));
                assert_eq!((service.counts(), service.remembered()), (counts, 1));
            }
        }
    }
}

#[test]
fn a_hit_of_one_step_is_a_hit_of_two_steps() {
    let store = store(known(AdminState::WithApiAccess), None);
    let service = Service::new(cache());
    let _ = service.call(&store, pair("id", SECRET)).unwrap();
    let _ = service.pending_call(&store, pair("id", SECRET)).unwrap();
    let _ = service.call(&store, login("id", SECRET)).unwrap();
    assert_eq!(service.counts(), [2, 1]);
}

#[test]
fn a_refusal_is_never_remembered() {
    let enabled = AdminState::WithApiAccess;
    let service = Service::new(cache());
    for (credential, presented, refusal) in [
        (known(enabled), "wrong", ApiRefusal::WrongSecret),
        (known(enabled), SECRET_MD5, ApiRefusal::SecretLooksMd5),
        (known(AdminState::Disabled), SECRET, ApiRefusal::AdminDisabled),
        (known(AdminState::WithoutApiAccess), SECRET, ApiRefusal::NoApiAccess),
    ] {
        let store = store(credential, None);
        assert_eq!(service.call(&store, pair("id", presented)), Err(refusal));
        assert_eq!(service.pending_call(&store, pair("id", presented)), Err(refusal));
        assert_eq!(service.remembered(), 0);
    }
    let unknown = service.call(&store(None, None), pair("id", SECRET));
    assert_eq!(unknown, Err(ApiRefusal::UnknownIdentifier));
    assert_eq!((service.counts(), service.remembered()), ([0, 9], 0));
    // Nothing was looked up for these.
    let _ = service.call(&store(None, None), [("identifier", "id"), ("x", "y")]).unwrap_err();
    assert_eq!(service.counts(), [0, 9]);
}

#[test]
fn a_change_of_the_records_counts_at_once() {
    let service = Service::new(cache());
    let call = |store: Store, presented: &str| {
        (service.call(&store, pair("id", presented)).map(|caller| caller.id), service.counts()[0])
    };
    let enabled = || known(AdminState::WithApiAccess);
    assert_eq!(call(store(enabled(), None), SECRET), (Ok(7), 0));
    assert_eq!(call(store(enabled(), None), SECRET), (Ok(7), 1));

    assert_eq!(call(store(enabled(), None), "wrong"), (Err(ApiRefusal::WrongSecret), 1));
    assert_eq!(call(store(None, None), SECRET), (Err(ApiRefusal::UnknownIdentifier), 1));
    let disabled = known(AdminState::Disabled);
    assert_eq!(call(store(disabled, None), SECRET), (Err(ApiRefusal::AdminDisabled), 1));
    let renamed = ApiCredential::new(7, "ID", bcrypt_secret(), AdminState::WithApiAccess);
    assert_eq!(call(store(renamed, None), SECRET), (Err(ApiRefusal::UnknownIdentifier), 1));
    // Another secret, and another column with the same text.
    let changed = credential("id", StoredSecret::bcrypt(BCRYPT_OF_MD5).unwrap());
    assert_eq!(call(store(changed, None), SECRET), (Err(ApiRefusal::WrongSecret), 1));
    let password = StoredPassword::bcrypt_of_md5(SECRET_BCRYPT).unwrap();
    let moved = store(None, common::admin("id", password));
    let verdict = service.call(&moved, login("id", SECRET));
    assert_eq!(verdict, Err(ApiRefusal::PasswordNotMd5));

    // Another record with the same stored text has the same secret, and is another caller.
    let same_text = ApiCredential::new(9, "id", bcrypt_secret(), AdminState::WithApiAccess);
    assert_eq!(call(store(same_text, None), SECRET), (Ok(9), 2));
    assert_eq!(call(store(enabled(), None), SECRET), (Ok(7), 3));
}

#[test]
fn a_change_of_the_policy_counts_at_once() {
    let mut service = Service::new(cache());
    let admins = store(None, admin(AdminState::WithApiAccess));
    assert_eq!(service.call(&admins, login("id", SECRET_MD5)).map(|caller| caller.id), Ok(8));
    service.policy = ApiPolicy::new().with_admin_login(false);
    let verdict = service.call(&admins, login("id", SECRET_MD5));
    assert_eq!(verdict, Err(ApiRefusal::AdminLoginOff));

    let compat = || {
        let record = known(AdminState::WithApiAccess).with_compat(BCRYPT_OF_MD5);
        store(record.unwrap(), None)
    };
    service.policy = ApiPolicy::new().with_md5_of_secret(true);
    assert_eq!(service.call(&compat(), login("id", SECRET_MD5)).map(|caller| caller.id), Ok(7));
    let cost = BcryptCost::new(4).unwrap();
    let (secret, password) = (SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost));
    let no_compat = compat().with_expected_schemes(ExpectedSchemes::new(secret, password));
    let verdict = service.call(&no_compat, login("id", SECRET_MD5));
    assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    service.policy = ApiPolicy::new();
    let verdict = service.call(&compat(), login("id", SECRET_MD5));
    assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    assert_eq!(service.counts(), [0, 5]);
}

#[test]
fn the_md5_of_a_password_is_one_entry_in_either_case() {
    let service = Service::new(cache());
    let store = store(None, admin(AdminState::WithApiAccess));
    for (presented, counts) in [(SECRET_MD5, [0, 1]), (&*SECRET_MD5.to_uppercase(), [1, 1])] {
        assert_eq!(service.call(&store, login("id", presented)).map(|caller| caller.id), Ok(8));
        assert_eq!((service.counts(), service.remembered()), (counts, 1));
    }
}

/// The compat scheme is checked only if the secret itself does not match.
#[test]
fn a_match_of_the_compat_scheme_belongs_to_the_secret_beside_it() {
    let record = |secret: StoredSecret, compat| {
        store(credential("id", secret).with_compat(compat).unwrap(), None)
    };
    let mut service = Service::new(cache());
    service.policy = ApiPolicy::new().with_md5_of_secret(true);
    let call = |store: &Store| {
        let verdict = service.call(store, login("id", SECRET_MD5));
        (verdict.map(|caller| (caller.scheme, caller.presented_md5)), service.counts())
    };
    let by_compat = record(bcrypt_secret(), BCRYPT_OF_MD5);
    assert_eq!(call(&by_compat), (Ok((StoredScheme::BcryptOfMd5, true)), [0, 1]));
    assert_eq!(call(&by_compat), (Ok((StoredScheme::BcryptOfMd5, true)), [1, 1]));
    // The new secret is the text that is presented, so the compat scheme is not asked.
    let by_secret = record(StoredSecret::bcrypt(BCRYPT_OF_MD5).unwrap(), BCRYPT_OF_MD5);
    assert_eq!(call(&by_secret), (Ok((StoredScheme::Bcrypt, false)), [1, 2]));

    // The secret was checked as an md5, so nothing is known of the compat scheme.
    let by_md5 = record(StoredSecret::md5(SECRET_MD5).unwrap(), SECRET_BCRYPT);
    assert_eq!(call(&by_md5), (Ok((StoredScheme::Md5, true)), [1, 2]));
    let other_secret = record(bcrypt_secret(), SECRET_BCRYPT);
    assert_eq!(call(&other_secret), (Err(ApiRefusal::WrongSecret), [1, 3]));
}

/// What is presented is read as `0` digits if it is not an md5.
#[test]
fn a_text_that_is_no_md5_never_meets_the_entry_of_an_md5() {
    let zeros = "0".repeat(32);
    let plain = StoredPassword::md5(&zeros).unwrap();
    let record = common::admin("id", plain);
    let request = ApiRequest::from_pairs(login("id", &zeros));
    let cost = BcryptCost::new(4).unwrap();
    let text = upgrade::bcrypt_of_md5(&request.attempt(), &record, cost, [7; 16]).unwrap();
    let password = StoredPassword::bcrypt_of_md5(text.as_str()).unwrap();
    let store = store(None, common::admin("id", password));
    let service = Service::new(cache());
    let _ = service.call(&store, login("id", &zeros)).unwrap();
    assert_eq!(service.call(&store, login("id", "x")), Err(ApiRefusal::PasswordNotMd5));
    let _ = service.call(&store, login("id", &zeros)).unwrap();
    assert_eq!(service.counts(), [1, 2]);
}

/// API-5: bcrypt would accept both by the bytes that it reads.
#[test]
fn api_5_what_bcrypt_does_not_read_whole_is_never_accepted() {
    let secret = "a".repeat(71);
    let record = credential("id", StoredSecret::plain(&*secret).unwrap());
    let request = ApiRequest::from_pairs(pair("id", &secret));
    let cost = BcryptCost::new(4).unwrap();
    let text = upgrade::bcrypt(&request.attempt(), &record, cost, [7; 16]).unwrap();
    let store = store(credential("id", StoredSecret::bcrypt(text.as_str()).unwrap()), None);
    let service = Service::new(cache());
    for _ in 0..2 {
        let _ = service.call(&store, pair("id", &secret)).unwrap();
        for presented in ["a".repeat(72), format!("{secret}\0"), format!("{secret}\0x")] {
            let verdict = service.call(&store, pair("id", &presented));
            assert_eq!(verdict, Err(ApiRefusal::WrongSecret));
        }
    }
    assert_eq!((service.counts(), service.remembered()), ([1, 7], 1));
}

#[test]
fn a_match_is_remembered_from_the_time_of_the_call_until_it_is_too_old() {
    let store = store(known(AdminState::WithApiAccess), None);
    let mut service = Service::new(cache().with_max_age(Duration::from_secs(10)));
    let start = service.now;
    let mut hits_at = |milliseconds| {
        service.now = start + Duration::from_millis(milliseconds);
        let before = service.counts()[0];
        let _ = service.call(&store, pair("id", SECRET)).unwrap();
        (service.counts()[0] - before, service.remembered())
    };
    assert_eq!(hits_at(1_000), (0, 1));
    assert_eq!(hits_at(10_000), (1, 1));
    // A hit does not make it younger.
    assert_eq!(hits_at(10_999), (1, 1));
    assert_eq!(hits_at(11_000), (0, 1));
    assert_eq!(hits_at(20_999), (1, 1));
    // An earlier time, even one before the cache was made, does not lengthen its life.
    assert_eq!(hits_at(0), (1, 1));
    assert_eq!(hits_at(21_000), (0, 1));
    assert_eq!(service.cache.remembered(start + Duration::from_millis(30_999)), 1);
    assert_eq!(service.cache.remembered(start + Duration::from_millis(31_000)), 0);

    for (age, hits) in [(Duration::ZERO, 0), (Duration::from_nanos(1), 0), (Duration::MAX, 1)] {
        let mut service = Service::new(cache().with_max_age(age));
        let _ = service.call(&store, pair("id", SECRET)).unwrap();
        service.now += Duration::from_secs(1_000_000_000);
        let _ = service.call(&store, pair("id", SECRET)).unwrap();
        assert_eq!(service.counts(), [hits, 2 - hits], "{age:?}");
    }
}

#[test]
fn other_schemes_are_accepted_without_bcrypt_and_are_no_hits() {
    for (secret, scheme) in [
        (StoredSecret::plain(SECRET), StoredScheme::Plain),
        (StoredSecret::md5(SECRET_MD5), StoredScheme::Md5),
        #[cfg(feature = "sha2")]
        (StoredSecret::sha256(common::SECRET_SHA256), StoredScheme::Sha256),
    ] {
        let store = store(credential("id", secret.unwrap()), None);
        let service = Service::new(cache());
        let request = ApiRequest::from_pairs(pair("id", SECRET));
        let pending = ready(request.attempt().look_up(&ReadyStore(&store))).unwrap();
        match pending.recall(&service.cache, service.now, &service.policy) {
            Recall::Accepted(caller) => assert_eq!((caller.id, caller.scheme), (7, scheme)),
            Recall::Pending(_) => panic!("no bcrypt is needed"),
        }
        assert_eq!((service.counts(), service.remembered()), ([0, 0], 0));
        let wrong = service.call(&store, pair("id", "wrong"));
        assert_eq!(wrong, Err(ApiRefusal::WrongSecret));
        assert_eq!(service.counts(), [0, 1]);
    }
}

#[test]
fn the_gate_recalls_the_action_too() {
    let actions = AllowedActions::new(["getclients"]);
    let store = store(known(AdminState::WithApiAccess).with_actions(actions), None);
    let gate = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
    let cache = Arc::new(cache());
    let now = Instant::now();
    let verify = |action| {
        let [name, secret] = pair("id", SECRET);
        let request = ApiRequest::from_pairs([name, secret, ("action", action)]);
        let address = address("203.0.113.7");
        let in_one_step = || gate.verify_with_cache(address, &request, &store, &cache, now);
        let admitted = gate.admit(address, &request).unwrap();
        let pending = ready(admitted.look_up(&ReadyStore(&store))).unwrap();
        let recalled = pending.recall(&cache, now);
        let verdict = match recalled {
            Ok(Recall::Accepted(call)) => ("recalled", Ok(call)),
            Ok(Recall::Pending(pending)) => ("decided", pending.decide()),
            Err(refusal) => ("recalled", Err(refusal)),
        };
        assert_eq!(in_one_step().ok(), verdict.1.as_ref().ok().cloned());
        assert_eq!(gate.verify(address, &request, &store).ok(), verdict.1.as_ref().ok().cloned());
        (verdict.0, verdict.1.map(|call| (call.caller.id, call.action.to_string())))
    };
    assert_eq!(verify("GetClients"), ("decided", Ok((7, "getclients".into()))));
    assert_eq!(verify("GetClients"), ("recalled", Ok((7, "getclients".into()))));
    let (recalled, refusal) = verify("DeleteClient");
    let is_not_allowed =
        |refusal| matches!(refusal, GateRefusal::Action(ActionRefusal::NotAllowed { .. }));
    assert!(recalled == "recalled" && is_not_allowed(refusal.unwrap_err()));
    // The address is checked first.
    let request = ApiRequest::from_pairs(pair("id", SECRET));
    let refused = gate.verify_with_cache(address("::1"), &request, &store, &cache, now);
    assert_eq!(refused.unwrap_err().code(), "ipv6_localhost_not_listed");
}

/// What happens before a call.
#[derive(Clone, Debug)]
enum Change {
    Credential(Option<(u64, usize, bool, AdminState)>),
    Admin(Option<(u64, usize, AdminState)>),
    Policy(bool, bool),
    CompatCost(bool),
    Later(u64),
}

fn state() -> impl Strategy<Value = AdminState> {
    use AdminState::{Disabled, WithApiAccess, WithoutApiAccess};
    prop_oneof![6 => Just(WithApiAccess), 1 => Just(Disabled), 1 => Just(WithoutApiAccess)]
}

fn change() -> impl Strategy<Value = Change> {
    let credential = (0_u64..3, 0_usize..5, any::<bool>(), state());
    prop_oneof![
        4 => prop::option::weighted(0.9, credential).prop_map(Change::Credential),
        2 => prop::option::weighted(0.9, (0_u64..3, 0_usize..4, state())).prop_map(Change::Admin),
        1 => (any::<bool>(), any::<bool>()).prop_map(|(md5, login)| Change::Policy(md5, login)),
        1 => any::<bool>().prop_map(Change::CompatCost),
        2 => (0_u64..7).prop_map(Change::Later),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Few names, texts and secrets, so that every pair of them meets.
    #[test]
    fn every_verdict_is_the_one_without_a_cache(
        steps in prop::collection::vec((prop::option::of(change()), 0_usize..3, 0_usize..7), 1..40),
        capacity in prop_oneof![1 => Just(0_usize), 4 => Just(16)],
    ) {
        let upper = SECRET_MD5.to_uppercase();
        let doubled = format!("{SECRET}\0{SECRET}");
        let presented: [&str; 7] =
            [SECRET, SECRET_MD5, &upper, PASSWORD_MD5, "x", &doubled, SECRET_BCRYPT];
        let secrets = [
            StoredSecret::bcrypt(SECRET_BCRYPT),
            // The secret is the md5 of another secret, so the same text can be both.
            StoredSecret::bcrypt(BCRYPT_OF_MD5),
            StoredSecret::plain(SECRET),
            StoredSecret::md5(SECRET_MD5),
            StoredSecret::md5(PASSWORD_MD5),
        ]
        .map(Result::unwrap);
        let passwords = [
            StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5),
            StoredPassword::bcrypt_of_md5(SECRET_BCRYPT),
            StoredPassword::md5(SECRET_MD5),
            StoredPassword::plain("password"),
        ]
        .map(Result::unwrap);

        let age = Duration::from_secs(10);
        let mut service = Service::new(cache().with_capacity(capacity).with_max_age(age));
        let (mut credential, mut admin) = (Some(known(AdminState::WithApiAccess)), None);
        let mut expected = expected();
        service.policy = ApiPolicy::new().with_md5_of_secret(true);
        for (turn, (change, fields, text)) in steps.into_iter().enumerate() {
            match change {
                Some(Change::Credential(change)) => {
                    credential = change.map(|(id, secret, has_compat, state)| {
                        let record = ApiCredential::new(id, "id", secrets[secret].clone(), state);
                        match has_compat {
                            true => record.with_compat(BCRYPT_OF_MD5).unwrap(),
                            false => record,
                        }
                    });
                }
                Some(Change::Admin(change)) => {
                    admin = change.map(|(id, password, state)| {
                        Admin::new(id, "id", passwords[password].clone(), state)
                    });
                }
                Some(Change::Policy(md5, login)) => {
                    service.policy =
                        ApiPolicy::new().with_md5_of_secret(md5).with_admin_login(login);
                }
                Some(Change::CompatCost(is_named)) => {
                    let cost = BcryptCost::new(4).unwrap();
                    let (secret, password) =
                        (SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost));
                    expected = ExpectedSchemes::new(secret, password);
                    if is_named {
                        expected = expected.with_compat(cost);
                    }
                }
                Some(Change::Later(seconds)) => service.now += Duration::from_secs(seconds),
                None => {}
            }
            let store = MemoryStore::new(credential.clone(), admin.clone()).unwrap();
            let store = store.with_expected_schemes(expected);
            let presented = presented[text];
            let pairs =
                [pair("id", presented), login("id", presented), login("ID", presented)][fields];
            let without = ApiRequest::from_pairs(pairs).verify(&store, &service.policy);
            let with = match turn % 2 {
                0 => service.call(&store, pairs),
                _ => service.pending_call(&store, pairs),
            };
            prop_assert_eq!(with, without.map_err(refusal));
        }
    }
}
