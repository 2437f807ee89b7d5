//! A cache of matches: the verdict is always the one of bcrypt.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCaller, ApiCredential, ApiMode, ApiPolicy, ApiRefusal,
    ApiRequest, BcryptCost, ExpectedSchemes, MemoryStore, PasswordScheme, PendingDecision, Refusal,
    SecretScheme, StoredPassword, StoredScheme, StoredSecret,
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

/// The verdict without a cache.
fn verdict(store: &Store, policy: &ApiPolicy, pairs: [(&str, &str); 2]) -> Verdict {
    ApiRequest::from_pairs(pairs).attempt(policy).look_up(store).unwrap().decide()
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

    /// In one step.
    fn call(&self, store: &Store, pairs: [(&str, &str); 2]) -> Verdict {
        let request = ApiRequest::from_pairs(pairs);
        let attempt = request.attempt(&self.policy).with_cache(&self.cache, self.now);
        attempt.look_up(store).unwrap().decide()
    }

    /// In two steps, with an async store.
    fn call_in_steps(&self, store: &Store, pairs: [(&str, &str); 2]) -> Verdict {
        let request = ApiRequest::from_pairs(pairs);
        let attempt = request.attempt(&self.policy).with_cache(&self.cache, self.now);
        let pending: PendingDecision<'static, u64> = ready(attempt.look_up_async(store)).unwrap();
        pending.decide_without_bcrypt().unwrap_or_else(|| pending.decide())
    }

    fn counts(&self) -> [u64; 2] {
        [self.cache.hits(), self.cache.misses()]
    }

    fn remembered(&self) -> usize {
        self.cache.remembered(self.now)
    }
}

#[test]
fn cache_3_the_second_call_is_a_hit_and_its_verdict_is_equal_in_every_field() {
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
        let expected = verdict(&store, &policy, pairs).unwrap();
        assert_eq!((expected.mode, expected.scheme), (mode, scheme));
        for call in [Service::call, Service::call_in_steps] {
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
    let _ = service.call_in_steps(&store, pair("id", SECRET)).unwrap();
    let _ = service.call(&store, login("id", SECRET)).unwrap();
    assert_eq!(service.counts(), [2, 1]);
}

#[test]
fn cache_1_a_refusal_is_never_remembered() {
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
        assert_eq!(service.call_in_steps(&store, pair("id", presented)), Err(refusal));
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
fn cache_2_a_change_of_the_records_counts_at_once() {
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
fn cache_2_a_change_of_the_policy_counts_at_once() {
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
    // PHP's password_hash of the zeros, with cost 4.
    let text = "$2y$04$K5MgD51CsvyZapGbjeEfuea/w2GwMO55j6rZFWwCRevWK8AOsaQJm";
    let password = StoredPassword::bcrypt_of_md5(text).unwrap();
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
    // PHP's password_hash of the secret, with cost 4.
    let text = "$2y$04$wtNoGPDLclrDq6wXBdWaOu2J4YrHJ5MP9qivYT11Cr7OPm0qVvvxq";
    let store = store(credential("id", StoredSecret::bcrypt(text).unwrap()), None);
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
        let attempt = request.attempt(&service.policy).with_cache(&service.cache, service.now);
        let pending = attempt.look_up(&store).unwrap();
        for verdict in [pending.decide_without_bcrypt().unwrap(), pending.decide()] {
            let caller = verdict.unwrap();
            assert_eq!((caller.id, caller.scheme), (7, scheme));
            assert_eq!((service.counts(), service.remembered()), ([0, 0], 0));
        }
        let wrong = service.call(&store, pair("id", "wrong"));
        assert_eq!(wrong, Err(ApiRefusal::WrongSecret));
        assert_eq!(service.counts(), [0, 1]);
    }
}

/// Before the first call, nothing is remembered. After it, only the match is remembered.
#[test]
fn cache_4_what_is_decided_without_bcrypt() {
    let enabled = || store(known(AdminState::WithApiAccess), admin(AdminState::WithApiAccess));
    let service = Service::new(cache());
    let without_bcrypt = |store: Store, pairs: &[(&str, &str)]| {
        let request = ApiRequest::from_pairs(pairs);
        let attempt = request.attempt(&service.policy).with_cache(&service.cache, service.now);
        let pending = attempt.look_up(&store).unwrap();
        pending.decide_without_bcrypt().map(|verdict| verdict.map(|caller| caller.id))
    };
    let right = pair("id", SECRET);
    assert_eq!(without_bcrypt(enabled(), &right), None);
    assert_eq!((service.counts(), service.remembered()), ([0, 0], 0));
    let _ = service.call(&enabled(), right).unwrap();
    assert_eq!(without_bcrypt(enabled(), &right), Some(Ok(7)));
    assert_eq!(without_bcrypt(enabled(), &login("id", SECRET)), Some(Ok(7)));
    assert_eq!(service.counts(), [2, 1]);

    // A refusal costs its bcrypt, even where the match is remembered.
    for (store, pairs) in [
        (enabled(), pair("id", "wrong")),
        (enabled(), pair("x", SECRET)),
        (store(known(AdminState::Disabled), None), right),
        (store(known(AdminState::WithoutApiAccess), None), right),
        (store(None, admin(AdminState::WithApiAccess)), login("id", SECRET_MD5)),
    ] {
        assert_eq!(without_bcrypt(store, &pairs), None, "{pairs:?}");
    }
    // The shape is refused without any cost.
    assert_eq!(without_bcrypt(enabled(), &[]), Some(Err(ApiRefusal::MissingCredentials)));
    assert_eq!(service.counts(), [2, 1]);
}

#[test]
fn the_gate_asks_its_cache_on_every_call() {
    let actions = AllowedActions::new(["getclients"]);
    let store = store(known(AdminState::WithApiAccess).with_actions(actions), None);
    let without = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
    let cache = Arc::new(cache());
    let with = without.clone().with_cache(Arc::clone(&cache));
    let request = |secret, action| {
        let [name, secret] = pair("id", secret);
        ApiRequest::from_pairs([name, secret, ("action", action)])
    };
    let here = address("203.0.113.7");
    for (caller, secret, action, verdict, counts) in [
        (here, SECRET, "GetClients", Ok("getclients"), [0, 1]),
        (here, SECRET, "GetClients", Ok("getclients"), [1, 1]),
        (here, SECRET, "DeleteClient", Err("action_not_allowed"), [2, 1]),
        (here, "wrong", "GetClients", Err("wrong_secret"), [2, 2]),
        // The address is checked first.
        (address("::1"), SECRET, "GetClients", Err("ipv6_localhost_not_listed"), [2, 2]),
    ] {
        let request = request(secret, action);
        for (gate, counts) in [(&without, [cache.hits(), cache.misses()]), (&with, counts)] {
            let found = gate.verify(caller, &request, &store);
            let action = found.map(|call| call.action).map_err(|error| error.code());
            assert_eq!(action.as_ref().map(|action| action.as_str()), verdict.as_ref().copied());
            assert_eq!([cache.hits(), cache.misses()], counts, "{action:?}");
        }
    }
    // A remembered secret needs no thread.
    let run_blocking = |_: PendingDecision<'static, u64>| async { Err("it is not called") };
    let request = request(SECRET, "GetClients");
    let call = ready(with.verify_async(here, &request, &store, run_blocking)).unwrap();
    assert_eq!((call.caller.id, call.action.as_str()), (7, "getclients"));
    assert_eq!([cache.hits(), cache.misses()], [3, 2]);
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
    fn cache_3_every_verdict_is_the_one_without_a_cache(
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
            let without = verdict(&store, &service.policy, pairs);
            let with = match turn % 2 {
                0 => service.call(&store, pairs),
                _ => service.call_in_steps(&store, pairs),
            };
            prop_assert_eq!(with, without);
        }
    }
}
