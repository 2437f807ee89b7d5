//! How often a link may be used, and what it gives then.

use whmcs_auth::{AccountLogin, AutoAuthPolicy, Refusal, ReplayRefusal};

use crate::common::{EMAIL, KEY, SIGNED, at, genuine_link, keys};

fn account_login() -> AccountLogin<'static, &'static str> {
    let request = genuine_link().into_owned();
    let login = request.verify(&keys(&[KEY]), &at(SIGNED), &AutoAuthPolicy::new());
    login.unwrap().into_owned().check_account([EMAIL], |email| email, |_| true).unwrap()
}

#[test]
fn a_link_that_may_be_repeated_gives_account_and_target() {
    for _ in 0..2 {
        let login = account_login().repeatable();
        assert_eq!(login.account(), &EMAIL);
        assert_eq!(login.goto().target_or("clientarea.php"), "clientarea.php");
        assert_eq!(login.login().email(), EMAIL);
        assert_eq!(login.into_account(), EMAIL);
    }
}

#[test]
fn link_7_a_store_of_the_services_own_decides_on_the_first_use() {
    let login = account_login();
    assert_eq!(login.login().replay_key().as_bytes().len(), 20);
    assert_eq!(login.used_once(true).unwrap().into_account(), EMAIL);
    let refusal = account_login().used_once(false).unwrap_err();
    assert_eq!(refusal, ReplayRefusal::Used);
    assert_eq!(refusal.code(), "link_used");
}

#[cfg(feature = "std")]
#[test]
fn link_7_the_guard_accepts_the_first_use() {
    use whmcs_auth::replay::ReplayGuard;

    let guard = ReplayGuard::new(10);
    let login = account_login().use_once(&guard, at(SIGNED)).unwrap();
    assert_eq!(login.account(), &EMAIL);
    let refusal = account_login().use_once(&guard, at(SIGNED)).unwrap_err();
    assert_eq!(refusal, ReplayRefusal::Used);
}
