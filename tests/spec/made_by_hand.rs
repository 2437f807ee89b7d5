//! What the feature `test-util` makes for tests of handlers: a caller, a call or a login without a request.

use whmcs_auth::gate::AuthorizedCall;
use whmcs_auth::{
    AcceptedLogin, ApiCaller, ApiMode, AutoAuthLogin, Goto, PasswordScheme, SecretScheme,
    StoredScheme,
};

use crate::common::{EMAIL, at};

#[test]
fn a_caller_looks_as_in_its_mode() {
    let secret = StoredScheme::from(SecretScheme::Plain);
    let password = StoredScheme::from(PasswordScheme::Md5);
    for (mode, scheme, presented_md5) in [
        (ApiMode::Credential, secret, false),
        (ApiMode::CredentialAsLogin, secret, false),
        (ApiMode::AdminLogin, password, true),
    ] {
        let caller = ApiCaller::for_test(7, mode);
        assert_eq!((caller.id, caller.mode), (7, mode));
        assert_eq!((caller.scheme, caller.presented_md5), (scheme, presented_md5));
    }
}

#[test]
fn a_call_has_a_caller_and_a_named_action() {
    let caller = ApiCaller::for_test(7, ApiMode::AdminLogin);
    let call = AuthorizedCall::for_test(caller.clone(), "GetClients");
    assert_eq!((call.caller, call.action.as_str()), (caller, "getclients"));
}

#[test]
#[should_panic(expected = "action")]
fn a_call_needs_an_action_that_can_be_named() {
    let _ = AuthorizedCall::for_test(ApiCaller::for_test(7, ApiMode::Credential), "../GetClients");
}

#[test]
fn a_login_is_as_of_a_genuine_link() {
    let login = AutoAuthLogin::for_test(EMAIL, 1_700_000_000);
    assert_eq!((login.email(), login.timestamp()), (EMAIL, 1_700_000_000));
    assert_eq!(
        (login.key_index(), login.is_repaired(), login.is_goto_refused()),
        (0, false, false)
    );
    assert_eq!(login.valid_from(), at(1_700_000_000 - 900));
    // From then on, no clock accepts the link.
    assert_eq!(login.remember_until(), at(1_700_000_000 + 901));
    let later = AutoAuthLogin::for_test(EMAIL, 1_700_000_001);
    assert_ne!(login.replay_key().to_hex(), later.replay_key().to_hex());
}

#[test]
fn an_accepted_login_has_an_account_and_a_target() {
    for (goto, target) in [("a.php", "a.php"), ("//evil.example", "home"), ("", "home")] {
        let login = AcceptedLogin::for_test(7, goto);
        assert_eq!(login.account(), &7);
        assert_eq!(login.goto().target_or("home"), target);
        assert_eq!(login.goto(), &Goto::parse(goto));
    }
}
