//! API-8, counted in hashes and comparisons. [`work`] records each of them where it is done. The program
//! `equal_work` counts instructions instead.
#![allow(clippy::unwrap_used)]

use alloc::borrow::ToOwned;
use std::vec;
use std::vec::Vec;

use crate::digest::work::{self, Work};
use crate::{
    Admin, AdminState, ApiCredential, ApiPolicy, ApiRequest, AutoAuthKey, AutoAuthKeys,
    AutoAuthPolicy, AutoAuthRequest, BcryptCost, ExpectedSchemes, PasswordScheme, Refusal,
    SecretScheme, StoredPassword, StoredSecret, verify_autoauth,
};

const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const OTHER_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

/// The code of the verdict, and the work that was done for it.
fn work_of(
    pairs: [(&str, &str); 2],
    credential: Option<ApiCredential<()>>,
    admin: Option<Admin<()>>,
    expected: ExpectedSchemes,
    policy: ApiPolicy,
) -> (&'static str, Vec<Work>) {
    let request = ApiRequest::from_pairs(pairs);
    let attempt = request.attempt(&policy);
    let (verdict, work) =
        work::of(|| attempt.decide(credential.as_ref(), admin.as_ref(), expected));
    let code = verdict.map_or_else(|refusal| refusal.code(), |_| "accepted");
    (code, work)
}

/// The code of the verdict, and the number of checks that were done for it.
fn decide(
    pairs: [(&str, &str); 2],
    credential: Option<ApiCredential<()>>,
    admin: Option<Admin<()>>,
    expected: ExpectedSchemes,
    policy: ApiPolicy,
) -> (&'static str, usize) {
    let (code, work) = work_of(pairs, credential, admin, expected, policy);
    (code, checks(&work))
}

/// The number of checks. Each ends with one revealed outcome, and must do some work before it.
fn checks(work: &[Work]) -> usize {
    let checks: Vec<_> = work.split_inclusive(|work| *work == Work::RevealedOutcome).collect();
    assert!(checks.iter().all(|check| check.len() > 1), "{work:?}");
    checks.len()
}

const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";

fn secrets() -> Vec<StoredSecret> {
    let mut secrets = vec![StoredSecret::plain(SECRET), StoredSecret::md5(OTHER_MD5)];
    if cfg!(feature = "sha2") {
        secrets.push(StoredSecret::sha256(&"0".repeat(64)));
    }
    if cfg!(feature = "bcrypt") {
        secrets.push(StoredSecret::bcrypt(BCRYPT));
    }
    secrets.into_iter().map(Result::unwrap).collect()
}

fn passwords() -> Vec<StoredPassword> {
    let mut passwords = vec![StoredPassword::plain("p"), StoredPassword::md5(&"0".repeat(32))];
    if cfg!(feature = "bcrypt") {
        let text = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
        passwords.push(StoredPassword::bcrypt_of_md5(text));
    }
    passwords.into_iter().map(Result::unwrap).collect()
}

fn credential(name: &str, secret: &StoredSecret) -> Option<ApiCredential<()>> {
    let state = AdminState::WithApiAccess;
    Some(ApiCredential::new((), name, secret.clone(), state))
}

fn admin(name: &str, password: &StoredPassword) -> Option<Admin<()>> {
    let state = AdminState::WithApiAccess;
    Some(Admin::new((), name, password.clone(), state))
}

#[test]
fn api_8_an_identifier_is_refused_after_one_check() {
    for secret in secrets() {
        let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        for policy in [ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true)] {
            for (presented, wrong) in [("x", "wrong_secret"), (OTHER_MD5, "secret_looks_md5")] {
                let pairs = [("identifier", "id"), ("secret", presented)];
                let verdict = |record| decide(pairs, record, None, expected, policy);
                assert_eq!(verdict(None), ("unknown_identifier", 1));
                assert_eq!(verdict(credential("id", &secret)), (wrong, 1));
                let other = credential("other", &secret);
                assert_eq!(verdict(other), ("record_name_mismatch", 1));
            }
        }
    }
}

#[test]
fn api_8_a_username_is_refused_after_two_checks() {
    for secret in secrets() {
        for password in passwords() {
            let expected = ExpectedSchemes::new(secret.scheme(), password.scheme());
            for (presented, wrong_secret, wrong_password) in [
                ("x", "wrong_secret", "password_not_md5"),
                (OTHER_MD5, "secret_looks_md5", "wrong_password"),
            ] {
                let pairs = [("username", "id"), ("password", presented)];
                let known = || credential("id", &secret);
                let login = || admin("id", &password);
                for (policy, refused) in [
                    (ApiPolicy::new(), wrong_password),
                    (ApiPolicy::new().with_admin_login(false), "admin_login_off"),
                ] {
                    let verdict = |known, login| decide(pairs, known, login, expected, policy);
                    assert_eq!(verdict(None, None).1, 2);
                    assert_eq!(verdict(known(), None), (wrong_secret, 2));
                    assert_eq!(verdict(known(), login()), (wrong_secret, 2));
                    assert_eq!(verdict(None, login()), (refused, 2));
                }
            }
        }
    }
}

/// The third check is the check of the md5. It needs a plain or md5 secret, or an expected compat scheme.
#[test]
fn api_8_a_username_is_refused_after_three_checks_if_md5_of_secret_is_accepted() {
    let cost = BcryptCost::new(4).unwrap();
    for secret in secrets() {
        for password in passwords() {
            let expected = ExpectedSchemes::new(secret.scheme(), password.scheme());
            let has_md5 = matches!(secret.scheme(), SecretScheme::Plain | SecretScheme::Md5);
            let with_compat = has_md5 || cfg!(feature = "bcrypt");
            for (expected, is_checked) in
                [(expected, has_md5), (expected.with_compat(cost), with_compat)]
            {
                let checks = if is_checked { 3 } else { 2 };
                let policy = ApiPolicy::new().with_md5_of_secret(true);
                let known = || credential("id", &secret);
                let login = || admin("id", &password);
                // It is not the md5 of the secret or of the password.
                let pairs = [("username", "id"), ("password", &*"1".repeat(32))];
                let verdict = |known, login| decide(pairs, known, login, expected, policy).1;
                assert_eq!(verdict(None, None), checks);
                assert_eq!(verdict(known(), None), checks);
                assert_eq!(verdict(None, login()), checks);

                let pairs = [("username", "id"), ("password", "no md5")];
                assert_eq!(decide(pairs, known(), None, expected, policy).1, 2);
                assert_eq!(decide(pairs, None, None, expected, policy).1, 2);
            }
        }
    }
}

#[test]
fn api_8_a_record_with_another_scheme_costs_its_own_check_in_addition() {
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    let md5 = credential("id", &StoredSecret::md5(OTHER_MD5).unwrap());
    let pairs = [("identifier", "id"), ("secret", "x")];
    let policy = ApiPolicy::new();
    assert_eq!(decide(pairs, md5, None, expected, policy), ("wrong_secret", 2));
    let login = admin("id", &StoredPassword::md5(OTHER_MD5).unwrap());
    let pairs = [("username", "id"), ("password", "x")];
    let verdict = decide(pairs, None, login, expected, policy);
    assert_eq!(verdict, ("password_not_md5", 3));
}

#[cfg(feature = "bcrypt")]
#[test]
fn api_8_a_record_with_another_bcrypt_cost_costs_its_own_check_in_addition() {
    let [four, five] = [4, 5].map(|cost| BcryptCost::new(cost).unwrap());
    let policy = ApiPolicy::new();
    let expected =
        ExpectedSchemes::new(SecretScheme::Bcrypt(five), PasswordScheme::BcryptOfMd5(five));
    let known = credential("id", &StoredSecret::bcrypt(BCRYPT).unwrap());
    let pairs = [("identifier", "id"), ("secret", "x")];
    assert_eq!(decide(pairs, known, None, expected, policy), ("wrong_secret", 2));

    let login = admin("id", &StoredPassword::bcrypt_of_md5(BCRYPT).unwrap());
    let pairs = [("username", "id"), ("password", OTHER_MD5)];
    assert_eq!(decide(pairs, None, login, expected, policy), ("wrong_password", 3));

    // The md5 of the secret was checked against the stored md5, not against the expected compat scheme.
    let expected =
        ExpectedSchemes::new(SecretScheme::Bcrypt(four), PasswordScheme::Md5).with_compat(four);
    let known = credential("id", &StoredSecret::md5(OTHER_MD5).unwrap());
    let pairs = [("username", "id"), ("password", &*"1".repeat(32))];
    let verdict = decide(pairs, known, None, expected, policy.with_md5_of_secret(true));
    assert_eq!(verdict, ("wrong_secret", 5));
}

#[test]
fn api_1_a_malformed_request_is_refused_without_a_check() {
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    let pairs = [("identifier", "id"), ("username", "x")];
    let verdict = decide(pairs, None, None, expected, ApiPolicy::new());
    assert_eq!(verdict, ("missing_field", 0));
}

/// It holds for every pair of schemes, if the records have the expected schemes.
#[test]
fn api_8_a_known_name_costs_the_same_work_as_an_unknown_name() {
    let sorted = |(code, mut work): (_, Vec<Work>)| {
        work.sort_by_key(|work| std::format!("{work:?}"));
        (code, work)
    };
    for secret in secrets() {
        for password in passwords() {
            let expected = ExpectedSchemes::new(secret.scheme(), password.scheme());
            for presented in ["x", OTHER_MD5, SECRET, &"a".repeat(72), "a\0b"] {
                for policy in [ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true)] {
                    let pairs = [("identifier", "id"), ("secret", presented)];
                    let verdict = |known| sorted(work_of(pairs, known, None, expected, policy));
                    let (code, unknown) = verdict(None);
                    assert_eq!(code, "unknown_identifier");
                    let (code, known) = verdict(credential("id", &secret));
                    if code != "accepted" {
                        assert_eq!(known, unknown, "{code} {expected:?} {presented}");
                    }

                    let pairs = [("username", "id"), ("password", presented)];
                    let verdict =
                        |known, login| sorted(work_of(pairs, known, login, expected, policy));
                    let (code, unknown) = verdict(None, None);
                    assert_eq!(code, "unknown_username");
                    for (known, login) in [
                        (credential("id", &secret), None),
                        (None, admin("id", &password)),
                        (credential("id", &secret), admin("id", &password)),
                    ] {
                        let (code, known) = verdict(known, login);
                        if code != "accepted" {
                            assert_eq!(known, unknown, "{code} {expected:?} {presented}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn api_8_a_decoy_costs_the_work_of_its_scheme() {
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    for (secret, work) in [
        (SecretScheme::Plain, vec![Work::Comparison(32)]),
        (SecretScheme::Md5, vec![Work::Md5, Work::Comparison(16)]),
        #[cfg(feature = "sha2")]
        (SecretScheme::Sha256, vec![Work::Sha256, Work::Comparison(32)]),
        #[cfg(feature = "bcrypt")]
        (SecretScheme::Bcrypt(BcryptCost::new(4).unwrap()), vec![Work::Bcrypt { cost: 4 }]),
    ] {
        let work = [work, vec![Work::RevealedOutcome]].concat();
        let expected = ExpectedSchemes { secret, ..expected };
        let pairs = [("identifier", "id"), ("secret", "x")];
        let (_, done) = work_of(pairs, None, None, expected, ApiPolicy::new());
        assert_eq!(done, work, "{secret:?}");
    }
}

#[test]
fn link_4_every_key_is_tried_before_the_outcome_is_revealed() {
    let keys = ["abcXYZ123", "other", "third key"];
    // For `demo@whmcs.com` at 1290100706 with the first key.
    let genuine = "6624fa4b6fb3c5fcd24e587154a949911046d92b";
    let now = time::OffsetDateTime::from_unix_timestamp(1290100706).unwrap();
    for turn in 0..keys.len() {
        let mut turned = keys.to_vec();
        turned.rotate_left(turn);
        for count in 1..=keys.len() {
            let set = turned.iter().take(count).map(|key| AutoAuthKey::new(*key).unwrap());
            let set = AutoAuthKeys::new(set).unwrap();
            for hash in [genuine.to_owned(), "0".repeat(40)] {
                let request = AutoAuthRequest::from_pairs([
                    ("email", "demo@whmcs.com"),
                    ("timestamp", "1290100706"),
                    ("hash", &hash),
                ]);
                let (_, done) =
                    work::of(|| verify_autoauth(&request, &set, &now, &AutoAuthPolicy::new()));
                let mut expected = [Work::Sha1, Work::Comparison(20)].repeat(count);
                expected.push(Work::RevealedOutcome);
                assert_eq!(done, expected);
            }
        }
    }
}

/// Before a refusal, the cache is asked as often for an unknown name as for a known one. Bcrypt then does the
/// same work as without a cache.
#[cfg(feature = "cache")]
#[test]
fn api_8_a_refusal_costs_the_same_with_a_full_an_empty_and_no_cache() {
    use crate::{MemoryStore, cache::VerificationCache};
    use std::sync::Arc;
    use std::time::Instant;

    const BCRYPT_OF_MD5: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
    const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
    let cost = BcryptCost::new(4).unwrap();
    let (bcrypt, password) = (SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost));
    let expected = ExpectedSchemes::new(bcrypt, password).with_compat(cost);
    let record = |name: &str, state| {
        let secret = StoredSecret::bcrypt(BCRYPT).unwrap();
        ApiCredential::new((), name, secret, state).with_compat(BCRYPT_OF_MD5).unwrap()
    };
    let login =
        |state| Admin::new((), "id", StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5).unwrap(), state);
    let store = |known: Option<ApiCredential<()>>, admin: Option<Admin<()>>| {
        MemoryStore::new(known, admin).unwrap().with_expected_schemes(expected)
    };
    let enabled = AdminState::WithApiAccess;
    let known = |state| store(Some(record("id", state)), None);
    let admin = |state| store(None, Some(login(state)));
    let unknown = || store(None, None);
    let bcrypts = |count| vec![Work::Bcrypt { cost: 4 }; count];
    let only = |kind: fn(&Work) -> bool, work: &[Work]| {
        work.iter().filter(|work| kind(work)).copied().collect::<Vec<_>>()
    };
    let is_bcrypt: fn(&Work) -> bool = |work| matches!(work, Work::Bcrypt { .. });
    let is_recall: fn(&Work) -> bool = |work| *work == Work::Recall;

    let now = Instant::now();
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    let empty = || Arc::new(VerificationCache::new([7; 32]));
    let full = empty();
    let verify = |request: &ApiRequest<'_>, store: &MemoryStore<()>, cache: Option<&Arc<_>>| {
        let attempt = request.attempt(&policy);
        let attempt = match cache {
            Some(cache) => attempt.with_cache(cache, now),
            None => attempt,
        };
        attempt.look_up(store).unwrap().decide()
    };
    // Every match is remembered, and is a hit without bcrypt.
    for (store, pairs, recalls) in [
        (known(enabled), [("identifier", "id"), ("secret", SECRET)], 1),
        (known(enabled), [("username", "id"), ("password", SECRET)], 1),
        (known(enabled), [("username", "id"), ("password", MD5)], 2),
        (admin(enabled), [("username", "id"), ("password", MD5)], 1),
    ] {
        let request = ApiRequest::from_pairs(pairs);
        let _ = verify(&request, &store, Some(&full)).unwrap();
        let (verdict, work) = work::of(|| verify(&request, &store, Some(&full)));
        assert!(verdict.is_ok());
        assert_eq!(only(is_bcrypt, &work), []);
        assert_eq!(only(is_recall, &work), vec![Work::Recall; recalls]);
    }

    for (refusals, checks) in [
        (
            vec![
                ("unknown_identifier", unknown(), [("identifier", "id"), ("secret", SECRET)]),
                ("wrong_secret", known(enabled), [("identifier", "id"), ("secret", "wrong")]),
                (
                    "admin_disabled",
                    known(AdminState::Disabled),
                    [("identifier", "id"), ("secret", SECRET)],
                ),
                (
                    "no_api_access",
                    known(AdminState::WithoutApiAccess),
                    [("identifier", "id"), ("secret", SECRET)],
                ),
            ],
            1,
        ),
        (
            vec![
                ("unknown_username", unknown(), [("username", "id"), ("password", "wrong")]),
                ("wrong_secret", known(enabled), [("username", "id"), ("password", "wrong")]),
                ("password_not_md5", admin(enabled), [("username", "id"), ("password", "wrong")]),
                (
                    "admin_disabled",
                    known(AdminState::Disabled),
                    [("username", "id"), ("password", SECRET)],
                ),
            ],
            2,
        ),
        (
            vec![
                ("unknown_username", unknown(), [("username", "id"), ("password", OTHER_MD5)]),
                ("wrong_secret", known(enabled), [("username", "id"), ("password", OTHER_MD5)]),
                ("wrong_password", admin(enabled), [("username", "id"), ("password", OTHER_MD5)]),
                (
                    "admin_disabled",
                    known(AdminState::Disabled),
                    [("username", "id"), ("password", MD5)],
                ),
                (
                    "admin_disabled",
                    admin(AdminState::Disabled),
                    [("username", "id"), ("password", MD5)],
                ),
            ],
            3,
        ),
    ] {
        for (code, store, pairs) in refusals {
            let request = ApiRequest::from_pairs(pairs);
            let (without, work) = work::of(|| verify(&request, &store, None));
            assert_eq!(without.unwrap_err().code(), code);
            assert_eq!(only(is_bcrypt, &work), bcrypts(checks), "{code}");
            for cache in [&empty(), &full] {
                let (with, work) = work::of(|| verify(&request, &store, Some(cache)));
                assert_eq!(with.unwrap_err().code(), code);
                assert_eq!(only(is_bcrypt, &work), bcrypts(checks), "{code}");
                assert_eq!(only(is_recall, &work), vec![Work::Recall; checks], "{code}");
            }
        }
    }
}
