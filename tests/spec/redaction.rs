//! Debug and Display of every type show no presented secret and no stored secret.

use std::fmt::{Debug, Display};

use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::{
    ActionRefusal, Admin, AdminState, ApiCredential, ApiError, ApiPolicy, ApiRequest, AutoAuthKeys,
    AutoAuthRequest, ExpectedSchemes, PasswordScheme, SecretScheme, StoredPassword, StoredSecret,
};

use crate::common::{
    EMAIL, HASH, KEY, SIGNED, TIMESTAMP, action_name, address, at, key, link, verify_link,
    with_access_key,
};

const MARKER: &str = "mArKeR";
/// The md5 of the marker. Neither its hex nor a list of its bytes may be shown.
const MARKER_MD5: &str = "b578e7b8e66b98f938ba6e528f2a1a1e";

fn assert_mute(shown: impl Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        assert!(!text.contains(MARKER), "{text}");
        assert!(!text.contains(MARKER_MD5), "{text}");
        assert!(!text.to_lowercase().contains(&MARKER.to_lowercase()), "{text}");
        assert!(!text.contains("[181, 120") && !text.contains("181,\n"), "{text}");
    }
}

fn assert_mute_error(error: impl Debug + Display) {
    assert_mute(&error);
    assert!(!error.to_string().contains(MARKER), "{error}");
}

#[test]
fn a_stored_secret_or_password_shows_only_its_scheme() {
    let secret = StoredSecret::plain(MARKER).unwrap();
    assert_eq!(format!("{secret:?}"), "StoredSecret(Plain)");
    assert_mute(ApiCredential::new(1, "id", secret, AdminState::WithApiAccess));
    let secret = StoredSecret::md5(MARKER_MD5).unwrap();
    assert_mute(ApiCredential::new(1, "id", secret, AdminState::Disabled));

    let password = StoredPassword::plain(MARKER).unwrap();
    assert_eq!(format!("{password:?}"), "StoredPassword(Plain)");
    assert_mute(Admin::new(1, "admin", password.clone(), AdminState::WithApiAccess));
    assert_mute(StoredPassword::md5(MARKER_MD5).unwrap());

    #[cfg(feature = "bcrypt")]
    {
        let text = crate::common::SECRET_BCRYPT;
        let secret = StoredSecret::bcrypt(text).unwrap();
        assert_eq!(format!("{secret:?}"), "StoredSecret(Bcrypt(BcryptCost(4)))");
        let record = ApiCredential::new(1, "id", secret, AdminState::Disabled);
        let shown = format!("{:?}", record.with_compat(text).unwrap());
        assert!(!shown.contains("vqsu") && !shown.contains("118, 113"), "{shown}");
        let password = StoredPassword::bcrypt_of_md5(text).unwrap();
        assert_eq!(format!("{password:?}"), "StoredPassword(BcryptOfMd5(BcryptCost(4)))");
    }
}

#[test]
fn the_error_of_a_constructor_holds_nothing_of_the_text() {
    for error in [
        StoredSecret::md5(MARKER).unwrap_err(),
        StoredSecret::sha256(MARKER).unwrap_err(),
        StoredSecret::bcrypt(MARKER).unwrap_err(),
        StoredSecret::detect(MARKER).unwrap_err(),
        StoredSecret::plain(MARKER.repeat(200)).unwrap_err(),
        StoredPassword::md5(MARKER).unwrap_err(),
        StoredPassword::bcrypt_of_md5(MARKER).unwrap_err(),
        StoredPassword::detect(MARKER).unwrap_err(),
    ] {
        assert_mute_error(error);
    }
}

#[test]
fn a_request_shows_only_which_fields_are_present() {
    let request = ApiRequest::from_pairs([
        ("identifier", "id"),
        ("secret", MARKER),
        ("password", MARKER),
        ("accesskey", MARKER),
        ("action", "GetClients"),
    ]);
    assert_eq!(
        format!("{request:?}"),
        "ApiRequest { identifier: [redacted], secret: [redacted], password: [redacted], \
         accesskey: [redacted], action: [redacted], malformed: None }"
    );
    let attempt = request.attempt(&ApiPolicy::new());
    assert_mute(&attempt);
    assert_mute(attempt.into_owned());
    assert_mute(request.into_owned());

    // People put secrets into wrong fields.
    for field in ["identifier", "secret", "username", "password", "action", "responsetype"] {
        for other in ["secret", "password", "username"] {
            let request = ApiRequest::from_pairs([(field, MARKER), (other, MARKER)]);
            assert_mute(request.attempt(&ApiPolicy::new()));
            assert_mute(request);
        }
    }
}

#[test]
fn a_refusal_holds_nothing_of_the_request() {
    let secret = StoredSecret::plain("x").unwrap();
    let credential = ApiCredential::new(1, "id", secret, AdminState::Disabled);
    let password = StoredPassword::plain("x").unwrap();
    let admin = Admin::new(1, "id", password, AdminState::Disabled);
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    let mut refused = 0;
    for pairs in [
        vec![("identifier", "id"), ("secret", MARKER)],
        vec![("identifier", MARKER), ("secret", MARKER)],
        vec![("username", "id"), ("password", MARKER)],
        vec![("username", MARKER), ("password", MARKER)],
        vec![("username", MARKER), ("password", MARKER_MD5)],
        vec![("identifier", MARKER)],
        vec![("secret", MARKER), ("secret", MARKER)],
        vec![("password[mArKeR]", MARKER)],
        vec![("username", "\0mArKeR"), ("password", MARKER)],
        vec![("action", MARKER)],
    ] {
        for (credential, admin) in [(Some(&credential), None), (None, Some(&admin)), (None, None)] {
            let request = ApiRequest::from_pairs(&pairs);
            let refusal = request.attempt(&ApiPolicy::new()).decide(credential, admin, expected);
            let refusal = refusal.unwrap_err();
            assert_mute_error(refusal);
            assert_mute_error(ApiError::<std::fmt::Error>::Refused(refusal));
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
}

#[cfg(feature = "diagnose")]
#[test]
fn a_finding_holds_nothing_of_the_request() {
    use whmcs_auth::diagnose;

    let form = Some("application/x-www-form-urlencoded");
    let mut found = 0;
    for text in [
        "mArKeR",
        "identifier=mArKeR%0D&secret=%22mArKeR&mArKeR&api_mArKeR=mArKeR&access_key=mArKeR",
        "mArKeR[secret]=mArKeR&%20identifier=mArKeR&'username=mArKeR&PassWord=mArKeR",
        "identifier=mArKeR;secret=mArKeR%26amp%3BmArKeR",
        "{\"secret\":\"mArKeR\"}",
        "email=mArKeR%2540%FF&timestamp=mArKeR-1-1&hash=mArKeR%20mArKeR&goto=%2F%2FmArKeR",
        "email=mArKeR+mArKeR&Time=mArKeR&md5=mArKeR&redirect=mArKeR",
    ] {
        let [link, api] = [diagnose::link(text), diagnose::api(text, form, text)];
        let other = diagnose::api("", Some("text/mArKeR"), text);
        for findings in [link, api, other] {
            assert_mute(findings);
            for finding in findings.iter() {
                assert_mute(finding);
                assert!(!finding.to_string().contains(MARKER), "{finding}");
                found += 1;
            }
        }
    }
    assert!(found > 30, "{found}");
}

#[test]
fn links_and_keys_are_redacted() {
    assert_eq!(format!("{:?}", key(KEY)), "AutoAuthKey([redacted])");
    assert_mute(key(MARKER));
    assert_eq!(format!("{:?}", AutoAuthKeys::from(key(KEY))), "[AutoAuthKey([redacted])]");

    let request = AutoAuthRequest::from_pairs([
        ("email", EMAIL),
        ("timestamp", TIMESTAMP),
        ("hash", HASH),
        ("goto", "//mArKeR"),
    ]);
    assert_eq!(
        format!("{request:?}"),
        "AutoAuthRequest { email: [redacted], timestamp: [redacted], hash: [redacted], \
         goto: [redacted], malformed: None }"
    );
    let login = verify_link(&request, KEY, at(SIGNED)).unwrap();
    let shown = format!("{login:?}");
    assert!(!shown.contains(HASH) && !shown.contains(MARKER), "{shown}");
    // The first bytes of the digest, as Debug would list them.
    assert!(!shown.contains("162, 140"), "{shown}");
    assert!(shown.contains("ReplayKey([redacted])"), "{shown}");

    for (email, timestamp, hash) in [
        (MARKER, TIMESTAMP, HASH),
        (MARKER, MARKER, HASH),
        (MARKER, TIMESTAMP, MARKER),
        ("\0mArKeR", TIMESTAMP, HASH),
    ] {
        let request = link(email, timestamp, hash);
        assert_mute_error(verify_link(&request, KEY, at(SIGNED)).unwrap_err());
    }

    #[cfg(feature = "form")]
    {
        use whmcs_auth::sign_autoauth;

        let (key, now) = (key(KEY), at(SIGNED));
        let link = sign_autoauth(MARKER, None, &key, &now).unwrap();
        assert_eq!(format!("{link:?}"), "AutoAuthLink([redacted])");
        assert_mute_error(sign_autoauth("\0mArKeR", None, &key, &now).unwrap_err());
        assert_mute_error(sign_autoauth("a@b", Some("//mArKeR"), &key, &now).unwrap_err());
        assert_mute_error(link.url("mArKeR").unwrap_err());
    }
}

#[test]
fn a_gate_shows_no_access_key_and_nothing_of_the_request() {
    let addresses = AddressGate::new().with_access_key(MARKER).unwrap();
    assert_mute(&addresses);
    assert_mute(addresses.clone().with_entries([MARKER]));
    let elsewhere = address("203.0.113.7");
    assert_mute_error(addresses.check(elsewhere, &with_access_key(Some("mArKeR2"))).unwrap_err());

    let gate = ApiGate::new(addresses);
    assert_mute(&gate);
    let pairs =
        [("identifier", MARKER), ("secret", MARKER), ("accesskey", MARKER), ("action", MARKER)];
    let request = ApiRequest::from_pairs(pairs);
    let admitted = gate.admit(elsewhere, &request).unwrap();
    assert_mute(&admitted);
    // What the gate itself decided is shown.
    let shown = format!("{admitted:?}");
    assert!(shown.starts_with("ApiAttempt { presented: Ok(Presented { "), "{shown}");
    assert!(shown.contains("policy: ApiPolicy { admin_login: true"), "{shown}");
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    assert_mute_error(admitted.decide::<u64>(None, None, expected).unwrap_err());
    assert_mute(admitted.into_owned());

    // The sentence for the operator does not hold the name of the action.
    let action = action_name(MARKER);
    for refusal in [ActionRefusal::NotAllowed { action }, ActionRefusal::AdminNotAllowed { action }]
    {
        assert!(!refusal.to_string().to_lowercase().contains("marker"));
    }
}

#[cfg(feature = "std")]
#[test]
fn a_replay_guard_shows_how_many_links_it_remembers() {
    let guard = whmcs_auth::replay::ReplayGuard::new(10);
    assert_eq!(format!("{guard:?}"), "ReplayGuard { capacity: 10, remembered: 0 }");
}

/// It shows no key, no digest and nothing that was presented.
#[cfg(feature = "cache")]
#[test]
fn a_cache_shows_its_settings_and_counts_alone() {
    use std::sync::Arc;
    use std::time::Instant;

    use whmcs_auth::MemoryStore;
    use whmcs_auth::cache::VerificationCache;

    use crate::common::{SECRET, SECRET_BCRYPT, credential, pair};

    let cache = Arc::new(VerificationCache::new(*b"mArKeRmArKeRmArKeRmArKeRmArKeR12"));
    let secret = StoredSecret::bcrypt(SECRET_BCRYPT).unwrap();
    let store = MemoryStore::new([credential("id", secret)], []).unwrap();
    let now = Instant::now();
    let request = ApiRequest::from_pairs(pair("id", SECRET));
    let attempt = request.attempt(&ApiPolicy::new()).with_cache(&cache, now);
    let pending = attempt.look_up(&store).unwrap();
    assert!(pending.decide_without_bcrypt().is_none());
    let _ = pending.decide().unwrap();
    let shown = format!("{pending:?}");
    assert!(!shown.contains(&SECRET[..8]), "{shown}");
    assert_mute(&shown);
    let settings = "capacity: 4096, max_age: 300s";
    let expected = format!("VerificationCache {{ {settings}, hits: 0, misses: 1, .. }}");
    assert_eq!(format!("{cache:?}"), expected);
    assert_eq!(cache.remembered(now), 1);
}
