//! The opt-in: `password = md5(secret)` for an API credential.

use whmcs_auth::*;

const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
const OTHER_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

const BCRYPT_OF_MD5: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";

fn decide(
    record: &ApiCredential<u64>,
    expected: ExpectedSchemes,
    policy: ApiPolicy,
    pairs: [(&str, &str); 2],
) -> Result<ApiCaller<u64>, ApiRefusal> {
    let request = ApiRequest::from_pairs(pairs);
    request.attempt().decide(Some(record), None, expected, &policy)
}

fn verify(
    secret: &StoredSecret,
    policy: ApiPolicy,
    pairs: [(&str, &str); 2],
) -> Result<ApiCaller<u64>, ApiRefusal> {
    let record = ApiCredential::new(7, "id", secret.clone(), AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    decide(&record, expected, policy, pairs)
}

fn login(password: &str) -> [(&str, &str); 2] {
    [("username", "id"), ("password", password)]
}

#[test]
fn it_is_off_by_default() {
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let verdict = verify(&secret.unwrap(), ApiPolicy::new(), login(MD5));
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}

#[test]
fn switched_on_it_accepts_the_md5_against_the_plain_and_the_md5_form() {
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    for (secret, form) in [
        (StoredSecret::plain(SECRET), StoredScheme::Plain),
        (StoredSecret::md5(MD5), StoredScheme::Md5),
    ] {
        let secret = secret.unwrap();
        for presented in [MD5, &MD5.to_uppercase()] {
            let caller = verify(&secret, policy, login(presented)).unwrap();
            assert_eq!((caller.mode, caller.scheme), (ApiMode::CredentialAsLogin, form));
            assert!(caller.presented_md5);
        }
        // The secret itself still is what it was.
        let caller = verify(&secret, policy, login(SECRET)).unwrap();
        assert!(!caller.presented_md5);

        for (presented, refusal) in [
            // The md5 was checked, so that it is no hint.
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
fn it_is_for_the_login_fields_alone() {
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let pairs = [("identifier", "id"), ("secret", MD5)];
        let verdict = verify(&secret.unwrap(), policy, pairs);
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}

/// The compat form stands in where the secret's own form does not give its md5.
#[cfg(all(feature = "sha2", feature = "bcrypt"))]
#[test]
fn otherwise_it_needs_the_compat_form_and_its_cost() {
    let bcrypt = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
    let sha256 = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
    for secret in [StoredSecret::bcrypt(bcrypt), StoredSecret::sha256(sha256)] {
        let secret = secret.unwrap();
        let without = ApiCredential::new(7, "id", secret.clone(), AdminState::WithApiAccess);
        let with = without.clone().with_compat(BCRYPT_OF_MD5).unwrap();
        let unnamed = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        let named = unnamed.with_compat(BcryptCost::new(4).unwrap());
        let (off, on) = (ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true));

        for (record, expected, policy) in [
            (&without, named, on),
            (&without, unnamed, on),
            (&with, named, off),
            // A refusal could not be made to cost the same.
            (&with, unnamed, on),
        ] {
            let verdict = decide(record, expected, policy, login(MD5));
            assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
        }
        let caller = decide(&with, named, on, login(&MD5.to_uppercase())).unwrap();
        assert_eq!(caller.scheme, StoredScheme::BcryptOfMd5);
        assert!(caller.presented_md5);

        let verdict = decide(&with, named, on, login(OTHER_MD5));
        assert_eq!(verdict, Err(ApiRefusal::WrongSecret));
        let caller = decide(&with, named, on, login(SECRET)).unwrap();
        assert_eq!(caller.scheme, secret.scheme().into());
    }
}

/// A compat form that was left behind does not open what the plain or md5 form refuses.
#[cfg(feature = "bcrypt")]
#[test]
fn a_plain_or_md5_secret_has_no_use_for_a_compat_form() {
    let policy = ApiPolicy::new().with_md5_of_secret(true);
    let other = "5ebe2294ecd0e0f08eab7690d2a6ee69"; // md5 of `secret`
    for secret in [StoredSecret::plain("secret"), StoredSecret::md5(other)] {
        let record = ApiCredential::new(7, "id", secret.unwrap(), AdminState::WithApiAccess);
        let record = record.with_compat(BCRYPT_OF_MD5).unwrap();
        let cost = BcryptCost::new(4).unwrap();
        let expected =
            ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5).with_compat(cost);
        let verdict = decide(&record, expected, policy, login(MD5));
        assert_eq!(verdict, Err(ApiRefusal::WrongSecret));
        assert!(decide(&record, expected, policy, login(other)).is_ok());
    }
}

#[test]
fn a_compat_form_is_bcrypt() {
    let secret = StoredSecret::plain(SECRET).unwrap();
    let record = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess);
    if cfg!(feature = "bcrypt") {
        assert!(record.clone().with_compat(BCRYPT_OF_MD5).is_ok());
        assert_eq!(record.with_compat(MD5).unwrap_err(), SchemeError::NotBcrypt);
    } else {
        let off = SchemeError::FeatureOff { feature: "bcrypt" };
        assert_eq!(record.with_compat(BCRYPT_OF_MD5).unwrap_err(), off);
    }
}
