//! API-3: `password = md5(secret)` for an API credential, which the policy can accept.

#[cfg(feature = "bcrypt")]
use whmcs_auth::BcryptCost;
use whmcs_auth::{
    ApiCaller, ApiMode, ApiPolicy, ApiRefusal, ExpectedSchemes, PasswordScheme, SchemeError,
    StoredScheme, StoredSecret,
};

#[cfg(feature = "bcrypt")]
use crate::common::plain_and_md5;
use crate::common::{
    BCRYPT_OF_MD5, PASSWORD_MD5 as OTHER_MD5, SECRET, SECRET_MD5 as MD5, credential, decide, pair,
};

fn verify(
    secret: &StoredSecret,
    policy: ApiPolicy,
    pairs: [(&str, &str); 2],
) -> Result<ApiCaller<u64>, ApiRefusal> {
    let record = credential("id", secret.clone());
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    decide(pairs, Some(&record), None, expected, &policy)
}

fn login(password: &str) -> [(&str, &str); 2] {
    crate::common::login("id", password)
}

#[test]
fn api_3_md5_of_a_secret_is_refused_by_default() {
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let verdict = verify(&secret.unwrap(), ApiPolicy::new(), login(MD5));
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}

#[test]
fn api_3_the_policy_accepts_it_for_a_plain_or_md5_secret() {
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    for (secret, scheme) in [
        (StoredSecret::plain(SECRET), StoredScheme::Plain),
        (StoredSecret::md5(MD5), StoredScheme::Md5),
    ] {
        let secret = secret.unwrap();
        for presented in [MD5, &MD5.to_uppercase()] {
            let caller = verify(&secret, policy, login(presented)).unwrap();
            assert_eq!((caller.mode, caller.scheme), (ApiMode::CredentialAsLogin, scheme));
            assert!(caller.presented_md5);
        }
        // The secret itself is still accepted.
        let caller = verify(&secret, policy, login(SECRET)).unwrap();
        assert!(!caller.presented_md5);

        for (presented, refusal) in [
            // The md5 was checked, so there is no hint that the client sends one.
            (OTHER_MD5, ApiRefusal::WrongSecret),
            (&MD5[1..], ApiRefusal::WrongSecret),
            ("x", ApiRefusal::WrongSecret),
        ] {
            let verdict = verify(&secret, policy, login(presented));
            assert_eq!(verdict, Err(refusal), "{presented}");
        }
    }
}

#[test]
fn api_3_it_is_accepted_in_login_fields_only() {
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let verdict = verify(&secret.unwrap(), policy, pair("id", MD5));
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}

/// The compat scheme is checked where the secret's own scheme does not contain its md5.
#[cfg(all(feature = "sha2", feature = "bcrypt"))]
#[test]
fn api_3_other_secrets_need_a_compat_scheme_and_its_cost() {
    use crate::common::{SECRET_BCRYPT, SECRET_SHA256};

    for secret in [StoredSecret::bcrypt(SECRET_BCRYPT), StoredSecret::sha256(SECRET_SHA256)] {
        let secret = secret.unwrap();
        let without = credential("id", secret.clone());
        let with = without.clone().with_compat(BCRYPT_OF_MD5).unwrap();
        let without_cost = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        let with_cost = without_cost.with_compat(BcryptCost::new(4).unwrap());
        let (off, on) = (ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true));

        for (record, expected, policy) in [
            (&without, with_cost, on),
            (&without, without_cost, on),
            (&with, with_cost, off),
            // The store gives no cost, so no decoy could cost the same.
            (&with, without_cost, on),
        ] {
            let verdict = decide(login(MD5), Some(record), None, expected, &policy);
            assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
        }
        let decide = |password: &str| decide(login(password), Some(&with), None, with_cost, &on);
        let caller = decide(&MD5.to_uppercase()).unwrap();
        assert_eq!(caller.scheme, StoredScheme::BcryptOfMd5);
        assert!(caller.presented_md5);

        assert_eq!(decide(OTHER_MD5), Err(ApiRefusal::WrongSecret));
        let caller = decide(SECRET).unwrap();
        assert_eq!(caller.scheme, secret.scheme().into());
    }
}

/// An outdated compat scheme must not accept what the plain or md5 secret refuses.
#[cfg(feature = "bcrypt")]
#[test]
fn api_3_a_plain_or_md5_secret_ignores_its_compat_scheme() {
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    let other = "5ebe2294ecd0e0f08eab7690d2a6ee69"; // md5 of `secret`
    for secret in [StoredSecret::plain("secret"), StoredSecret::md5(other)] {
        let record = credential("id", secret.unwrap()).with_compat(BCRYPT_OF_MD5).unwrap();
        let expected = plain_and_md5().with_compat(BcryptCost::new(4).unwrap());
        let decide =
            |password: &str| decide(login(password), Some(&record), None, expected, &policy);
        assert_eq!(decide(MD5), Err(ApiRefusal::WrongSecret));
        assert!(decide(other).is_ok());
    }
}

#[test]
fn api_3_a_compat_scheme_is_bcrypt() {
    let record = credential("id", StoredSecret::plain(SECRET).unwrap());
    if cfg!(feature = "bcrypt") {
        assert!(record.clone().with_compat(BCRYPT_OF_MD5).is_ok());
        assert_eq!(record.with_compat(MD5).unwrap_err(), SchemeError::NotBcrypt);
    } else {
        let off = SchemeError::FeatureOff { feature: "bcrypt" };
        assert_eq!(record.with_compat(BCRYPT_OF_MD5).unwrap_err(), off);
    }
}
