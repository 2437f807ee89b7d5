//! No Debug and no Display of any type shows a secret, presented or stored.

use std::fmt::{Debug, Display};

use time::OffsetDateTime;
use whmcs_auth::ActionRefusal;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::*;

const MARKER: &str = "mArKeR";
/// Shown nowhere either: the digests of the marker that are stored or presented, in hex and as
/// Debug would list their first bytes.
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
fn stored_forms_show_their_form_alone() {
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
        let text = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
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
fn stored_form_errors_hold_nothing_of_the_text() {
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
fn requests_and_attempts_show_which_fields_are_present() {
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
    let attempt = request.attempt();
    assert_mute(&attempt);
    assert_mute(attempt.into_owned());
    assert_mute(request.into_owned());

    // People put secrets into the wrong field.
    for field in ["identifier", "secret", "username", "password", "action", "responsetype"] {
        for other in ["secret", "password", "username"] {
            let request = ApiRequest::from_pairs([(field, MARKER), (other, MARKER)]);
            assert_mute(request.attempt());
            assert_mute(request);
        }
    }
}

#[test]
fn refusals_of_requests_hold_nothing_of_the_request() {
    let credential =
        ApiCredential::new(1, "id", StoredSecret::plain("x").unwrap(), AdminState::Disabled);
    let admin = Admin::new(1, "id", StoredPassword::plain("x").unwrap(), AdminState::Disabled);
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
            let request = ApiRequest::from_pairs(pairs.iter().copied());
            let refusal = request.attempt().decide(credential, admin, expected, &ApiPolicy::new());
            let refusal = refusal.unwrap_err();
            assert_mute_error(refusal);
            assert_mute_error(ApiError::<std::fmt::Error>::Refused(refusal));
            refused += 1;
        }
    }
    assert_eq!(refused, 30);
}

#[test]
fn links_and_keys_show_nothing() {
    let hash = "6624fa4b6fb3c5fcd24e587154a949911046d92b";
    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    assert_eq!(format!("{key:?}"), "AutoAuthKey([redacted])");
    assert_mute(AutoAuthKey::new(MARKER).unwrap());
    let keys = AutoAuthKeys::from(key.clone());
    assert_eq!(format!("{keys:?}"), "[AutoAuthKey([redacted])]");

    let request = AutoAuthRequest::from_pairs([
        ("email", "demo@whmcs.com"),
        ("timestamp", "1290100706"),
        ("hash", hash),
        ("goto", "//mArKeR"),
    ]);
    assert_eq!(
        format!("{request:?}"),
        "AutoAuthRequest { email: [redacted], timestamp: [redacted], hash: [redacted], \
         goto: [redacted], malformed: None }"
    );
    let now = OffsetDateTime::from_unix_timestamp(1290100706).unwrap();
    let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()).unwrap();
    let shown = format!("{login:?}");
    assert!(!shown.contains(hash) && !shown.contains(MARKER), "{shown}");
    // The digest's first bytes, as Debug would list them.
    assert!(!shown.contains("102, 36"), "{shown}");
    assert!(shown.contains("ReplayKey([redacted])"), "{shown}");

    for (email, timestamp, hash) in [
        (MARKER, "1290100706", hash),
        (MARKER, MARKER, hash),
        (MARKER, "1290100706", MARKER),
        ("\0mArKeR", "1290100706", hash),
    ] {
        let pairs = [("email", email), ("timestamp", timestamp), ("hash", hash)];
        let request = AutoAuthRequest::from_pairs(pairs);
        let refusal = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new());
        assert_mute_error(refusal.unwrap_err());
    }

    #[cfg(feature = "form")]
    {
        let link = sign_autoauth(MARKER, None, &key, &now).unwrap();
        assert_eq!(format!("{link:?}"), "AutoAuthLink([redacted])");
        assert_mute_error(sign_autoauth("\0mArKeR", None, &key, &now).unwrap_err());
        assert_mute_error(sign_autoauth("a@b", Some("//mArKeR"), &key, &now).unwrap_err());
        assert_mute_error(link.url("mArKeR").unwrap_err());
    }
}

#[test]
fn gates_show_no_access_key_and_nothing_of_the_request() {
    let addresses = AddressGate::new().with_access_key(MARKER).unwrap();
    assert_mute(&addresses);
    assert_mute(addresses.clone().with_entries([MARKER]));
    let elsewhere = "203.0.113.7".parse().unwrap();
    assert_mute_error(addresses.check(elsewhere, Some("mArKeR2")).unwrap_err());

    let gate = ApiGate::new(addresses);
    assert_mute(&gate);
    let pairs =
        [("identifier", MARKER), ("secret", MARKER), ("accesskey", MARKER), ("action", MARKER)];
    let request = ApiRequest::from_pairs(pairs);
    let admitted = gate.admit(elsewhere, &request).unwrap();
    assert_mute(&admitted);
    // What was decided by the gate itself is shown.
    let shown = format!("{admitted:?}");
    assert!(shown.starts_with("AdmittedAttempt { attempt: ApiAttempt("), "{shown}");
    assert!(shown.contains("policy: ApiPolicy { admin_login: true"), "{shown}");
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    assert_mute_error(admitted.decide::<u64>(None, None, expected).unwrap_err());
    assert_mute(admitted.into_owned());

    // The name of an action is told to a verified caller, and not in words to the operator.
    let action = Action::Named(MARKER).try_into().unwrap();
    for refusal in [ActionRefusal::NotAllowed { action }, ActionRefusal::AdminNotAllowed { action }]
    {
        assert!(!refusal.to_string().to_lowercase().contains("marker"));
    }
}

#[cfg(feature = "std")]
#[test]
fn a_replay_guard_shows_how_much_it_remembers() {
    let guard = replay::ReplayGuard::new(10);
    assert_eq!(format!("{guard:?}"), "ReplayGuard { capacity: 10, remembered: 0 }");
}

#[cfg(feature = "sha2")]
#[test]
fn an_upgraded_form_shows_nothing() {
    let secret = StoredSecret::plain(MARKER).unwrap();
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess);
    let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", MARKER)]);
    let upgraded = upgrade::sha256(&request.attempt(), &record).unwrap();
    assert_eq!(format!("{upgraded:?}"), "UpgradedText([redacted])");
}
