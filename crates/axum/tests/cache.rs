//! A call that the cache accepts takes no blocking thread and waits for no turn.
#![cfg(feature = "cache")]

mod support;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use axum::Router;
use axum::routing::post;
use support::{Answered, SECRET, SECRET_BCRYPT, SECRET_MD5, SECRET_MD5_BCRYPT, access, form, send};
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, ApiPolicy, AsyncCredentialStore, BcryptCost,
    ExpectedSchemes, PasswordScheme, SecretScheme, StoredPassword, StoredSecret,
};
use whmcs_auth_axum::{Authenticator, Cause, Permit, Turn, Turns};

/// The credential `known` with the secret [`SECRET`], and the admin `admin`, whose password has the md5
/// [`SECRET_MD5`].
#[derive(Clone, Copy)]
struct Records(AdminState);

impl AsyncCredentialStore for Records {
    type Id = u64;
    type Error = Infallible;

    async fn find_credential(&self, name: &str) -> Result<Option<ApiCredential<u64>>, Infallible> {
        let secret = StoredSecret::bcrypt(SECRET_BCRYPT).unwrap();
        let credential = ApiCredential::new(7, "known", secret, self.0)
            .with_actions(AllowedActions::new(["getclients"]));
        Ok(Some(credential).filter(|_| name == "known"))
    }

    async fn find_admin(&self, name: &str) -> Result<Option<Admin<u64>>, Infallible> {
        let password = StoredPassword::bcrypt_of_md5(SECRET_MD5_BCRYPT).unwrap();
        Ok(Some(Admin::new(1, "admin", password, self.0)).filter(|_| name == "admin"))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        let cost = BcryptCost::new(4).unwrap();
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
    }
}

/// Counts the turns.
#[derive(Clone, Default)]
struct Count(Arc<AtomicUsize>);

impl Turns for Count {
    fn turn<'a>(&'a self, _: IpAddr, _: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(Box::new(()) as Permit) })
    }
}

struct Service {
    auth: Authenticator<Records>,
    turns: Count,
}

impl Service {
    fn new(state: AdminState) -> Self {
        let turns = Count::default();
        Self { auth: Authenticator::new(Records(state), access()).with_turns(turns.clone()), turns }
    }

    fn with_cache(mut self, cache: &Arc<VerificationCache>) -> Self {
        self.auth = self.auth.with_cache(Arc::clone(cache));
        self
    }

    fn with_policy(mut self, policy: ApiPolicy) -> Self {
        self.auth = self.auth.with_policy(policy);
        self
    }

    /// The answer to a call with these fields, and how many turns it took.
    async fn ask(&self, fields: &str) -> (Answered, usize) {
        let router = Router::new().route("/includes/api.php", post(support::empty::<Records>));
        let before = self.turns.0.load(Ordering::SeqCst);
        let answer = send(router.with_state(self.auth.clone()), form(fields.to_owned())).await;
        (answer, self.turns.0.load(Ordering::SeqCst) - before)
    }

    /// Status, code and turns.
    async fn verdict(&self, fields: &str) -> (u16, &'static str, usize) {
        let (answer, turns) = self.ask(fields).await;
        let (status, code) = answer.verdict();
        (status, code, turns)
    }
}

fn credential(action: &str) -> String {
    format!("action={action}&identifier=known&secret={SECRET}")
}

fn admin() -> String {
    format!("action=GetClients&username=admin&password={SECRET_MD5}")
}

fn cache(key: u8) -> Arc<VerificationCache> {
    Arc::new(VerificationCache::new([key; 32]))
}

#[tokio::test]
async fn without_a_cache_every_call_has_its_turn() {
    let service = Service::new(AdminState::WithApiAccess);
    for _ in 0..3 {
        assert_eq!(service.verdict(&credential("GetClients")).await, (200, "", 1));
    }
}

#[tokio::test]
async fn a_remembered_match_needs_no_turn() {
    let cache = cache(1);
    let service = Service::new(AdminState::WithApiAccess).with_cache(&cache);
    for call in [credential("GetClients"), admin()] {
        assert_eq!(service.verdict(&call).await, (200, "", 1));
        assert_eq!(service.verdict(&call).await, (200, "", 0));
    }
    let login = format!("action=GetClients&username=known&password={SECRET}");
    assert_eq!(service.verdict(&login).await, (200, "", 0));
    // Only who calls is remembered, not what the call may do.
    let other = credential("DeleteClient");
    assert_eq!(service.verdict(&other).await, (403, "action_not_allowed", 0));
    assert_eq!(cache.remembered(Instant::now()), 2);
}

/// A refusal costs the same as without a cache.
#[tokio::test]
async fn a_refusal_is_not_remembered() {
    let service = Service::new(AdminState::WithApiAccess).with_cache(&cache(1));
    assert_eq!(service.verdict(&credential("GetClients")).await.2, 1);
    for (call, code) in [
        ("identifier=known&secret=wrong", "wrong_secret"),
        ("identifier=unknown&secret=wrong", "unknown_identifier"),
        ("username=admin&password=wrong", "password_not_md5"),
    ] {
        for _ in 0..2 {
            assert_eq!(service.verdict(call).await, (403, code, 1));
        }
    }
    assert_eq!(service.verdict(&credential("GetClients")).await, (200, "", 0));
}

/// Another service over the same records, in which the admin is disabled.
#[tokio::test]
async fn a_remembered_secret_of_a_disabled_admin_is_decided_and_refused() {
    let cache = cache(1);
    for (state, expected) in [
        (AdminState::WithApiAccess, (200, "", 1)),
        (AdminState::Disabled, (403, "admin_disabled", 1)),
        (AdminState::WithoutApiAccess, (403, "no_api_access", 1)),
        (AdminState::WithApiAccess, (200, "", 0)),
    ] {
        let service = Service::new(state).with_cache(&cache);
        assert_eq!(service.verdict(&credential("GetClients")).await, expected);
    }
}

#[tokio::test]
async fn two_caches_share_nothing() {
    let caches = [cache(1), cache(2), cache(1)];
    for cache in &caches {
        let service = Service::new(AdminState::WithApiAccess).with_cache(cache);
        assert_eq!(service.verdict(&credential("GetClients")).await, (200, "", 1));
        assert_eq!(service.verdict(&credential("GetClients")).await, (200, "", 0));
        assert_eq!([cache.hits(), cache.misses()], [1, 1]);
    }
}

#[tokio::test]
async fn clones_of_an_authenticator_share_the_cache() {
    let service = Service::new(AdminState::WithApiAccess).with_cache(&cache(1));
    let clone = Service { auth: service.auth.clone(), turns: service.turns.clone() };
    assert_eq!(service.verdict(&credential("GetClients")).await, (200, "", 1));
    assert_eq!(clone.verdict(&credential("GetClients")).await, (200, "", 0));
}

#[tokio::test]
async fn another_policy_counts_at_once() {
    let cache = cache(1);
    let service =
        |policy| Service::new(AdminState::WithApiAccess).with_cache(&cache).with_policy(policy);
    let policy = ApiPolicy::new();
    assert_eq!(service(policy).verdict(&admin()).await, (200, "", 1));
    assert_eq!(service(policy).verdict(&admin()).await, (200, "", 0));
    let off = policy.with_admin_login(false);
    assert_eq!(service(off).verdict(&admin()).await, (403, "admin_login_off", 1));
    let without_actions = policy.with_admin_actions(false);
    assert_eq!(
        service(without_actions).verdict(&admin()).await,
        (403, "admin_action_not_allowed", 0)
    );
}
