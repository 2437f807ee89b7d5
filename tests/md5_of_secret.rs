//! The opt-in: `password = md5(secret)` for an API credential.

use whmcs_auth::*;

const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
const OTHER_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

fn verify(
    secret: StoredSecret,
    compat: Option<StoredPassword>,
    policy: ApiPolicy,
    pairs: [(&str, &str); 2],
) -> Result<ApiCaller<u64>, ApiRefusal> {
    let mut record = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess);
    if let Some(compat) = compat {
        record = record.compat(compat);
    }
    let forms = StoredForms::new(SecretForm::Plain, PasswordForm::Md5);
    let request = ApiRequest::from_pairs(pairs);
    request
        .attempt()
        .decide(Some(&record), None, forms, &policy)
}

fn login(password: &str) -> [(&str, &str); 2] {
    [("username", "id"), ("password", password)]
}

#[test]
fn it_is_off_by_default() {
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let verdict = verify(secret.unwrap(), None, ApiPolicy::new(), login(MD5));
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}

#[test]
fn switched_on_it_accepts_the_md5_against_the_plain_and_the_md5_form() {
    let policy = ApiPolicy::new().md5_of_secret(true);
    for (secret, form) in [
        (StoredSecret::plain(SECRET), StoredForm::Plain),
        (StoredSecret::md5(MD5), StoredForm::Md5),
    ] {
        let secret = secret.unwrap();
        for presented in [MD5, &MD5.to_uppercase()] {
            let caller = verify(secret.clone(), None, policy, login(presented)).unwrap();
            assert_eq!(
                (caller.mode, caller.form),
                (ApiMode::CredentialAsLogin, form)
            );
            assert!(caller.presented_md5);
        }
        // The secret itself still is what it was.
        let caller = verify(secret.clone(), None, policy, login(SECRET)).unwrap();
        assert!(!caller.presented_md5);

        for (presented, refusal) in [
            (OTHER_MD5, ApiRefusal::SecretLooksMd5),
            (&MD5[1..], ApiRefusal::WrongSecret),
            ("x", ApiRefusal::WrongSecret),
        ] {
            let verdict = verify(secret.clone(), None, policy, login(presented));
            assert_eq!(verdict, Err(refusal), "{presented}");
        }
    }
}

#[test]
fn it_is_for_the_login_fields_alone() {
    let policy = ApiPolicy::new().md5_of_secret(true);
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let pairs = [("identifier", "id"), ("secret", MD5)];
        let verdict = verify(secret.unwrap(), None, policy, pairs);
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}

/// The compat form stands in where the secret's own form does not give its md5.
#[cfg(all(feature = "sha2", feature = "bcrypt"))]
#[test]
fn otherwise_it_needs_the_compat_form() {
    let policy = ApiPolicy::new().md5_of_secret(true);
    let bcrypt = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
    let sha256 = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
    let bcrypt_of_md5 = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
    let compat = || Some(StoredPassword::bcrypt_of_md5(bcrypt_of_md5).unwrap());
    for secret in [StoredSecret::bcrypt(bcrypt), StoredSecret::sha256(sha256)] {
        let secret = secret.unwrap();
        let with_md5 = |compat, policy| verify(secret.clone(), compat, policy, login(MD5));
        assert_eq!(with_md5(None, policy), Err(ApiRefusal::SecretLooksMd5));
        assert_eq!(
            with_md5(compat(), ApiPolicy::new()),
            Err(ApiRefusal::SecretLooksMd5)
        );

        let caller = with_md5(compat(), policy).unwrap();
        assert_eq!(caller.form, StoredForm::BcryptOfMd5);
        assert!(caller.presented_md5);

        let verdict = verify(secret.clone(), compat(), policy, login(OTHER_MD5));
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
        let caller = verify(secret.clone(), compat(), policy, login(SECRET)).unwrap();
        assert_eq!(caller.form, secret.form().into());
    }
}

/// A compat form that was left behind does not open what the plain or md5 form refuses.
#[test]
fn a_plain_or_md5_secret_has_no_use_for_a_compat_form() {
    let policy = ApiPolicy::new().md5_of_secret(true);
    for secret in [StoredSecret::plain(SECRET), StoredSecret::md5(MD5)] {
        let stale = StoredPassword::md5(OTHER_MD5).unwrap();
        let verdict = verify(secret.unwrap(), Some(stale), policy, login(OTHER_MD5));
        assert_eq!(verdict, Err(ApiRefusal::SecretLooksMd5));
    }
}
