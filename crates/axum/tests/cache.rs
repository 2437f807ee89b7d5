//! A call that the cache accepts waits for no permit and takes no blocking thread.
//!
//! One record is slow: whoever decides a call of it waits until the test lets it go.
#![cfg(feature = "cache")]

mod support;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::post;
use support::{Answered, form, gate, send};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, BcryptCost,
    ExpectedSchemes, PasswordScheme, SecretScheme, StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator};

/// The bcrypt of `F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo`.
const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";

/// The bcrypt of `dfe5ba0e7087a156ebd220df0bca1dd4`.
const SLOW_BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
const SLOW: [&str; 2] = ["slow", "dfe5ba0e7087a156ebd220df0bca1dd4"];
const FAST: [&str; 2] = ["fast", support::SECRET];
const WRONG: [&str; 2] = ["fast", "wrong"];

/// A decision clones the key of the caller that it verified. To wait for the lock on the executor panics.
struct Key(Option<Arc<Mutex<()>>>);

impl Clone for Key {
    fn clone(&self) -> Self {
        drop(self.0.as_ref().map(|lock| lock.blocking_lock()));
        Self(self.0.clone())
    }
}

struct Records {
    lock: Arc<Mutex<()>>,
    state: AdminState,
}

impl AsyncCredentialStore for Records {
    type Id = Key;
    type Error = Infallible;

    async fn find_credential(&self, name: &str) -> Result<Option<ApiCredential<Key>>, Infallible> {
        let (lock, bcrypt) = match name {
            "slow" => (Some(Arc::clone(&self.lock)), SLOW_BCRYPT),
            _ => (None, BCRYPT),
        };
        let secret = StoredSecret::bcrypt(bcrypt).unwrap();
        let actions = AllowedActions::new(["getclients"]);
        Ok(Some(ApiCredential::new(Key(lock), name, secret, self.state).with_actions(actions)))
    }

    async fn find_admin(&self, _: &str) -> Result<Option<Admin<Key>>, Infallible> {
        Ok(None)
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        let cost = BcryptCost::new(4).unwrap();
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
    }
}

async fn api(call: ApiCall<Records>) -> Response {
    call.success(&[])
}

/// A service whose decisions run one at a time.
struct Service {
    auth: Authenticator<Records>,
    lock: Arc<Mutex<()>>,
}

impl Service {
    fn new(state: AdminState) -> Self {
        let lock = Arc::<Mutex<()>>::default();
        let records = Records { lock: Arc::clone(&lock), state };
        let auth = Authenticator::new(records, gate()).with_concurrent_decisions(1);
        Self { auth, lock }
    }

    fn with_cache(mut self, cache: &Arc<VerificationCache>) -> Self {
        self.auth = self.auth.with_cache(Arc::clone(cache));
        self
    }

    fn call(&self, [identifier, secret]: [&str; 2], action: &str) -> JoinHandle<Answered> {
        let router = Router::new().route("/includes/api.php", post(api));
        let router = router.with_state(self.auth.clone());
        let body = format!("action={action}&identifier={identifier}&secret={secret}");
        tokio::spawn(send(router, form(body)))
    }

    /// The status of the answer, or 0 if there is none within a while.
    async fn status(&self, pair: [&str; 2], action: &str) -> u16 {
        let answer = timeout(Duration::from_millis(300), self.call(pair, action));
        answer.await.map_or(0, |answer| answer.unwrap().status.as_u16())
    }

    async fn until_a_decision_runs(&self) {
        for _ in 0..400 {
            if self.auth.running_decisions() == 1 {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("no decision runs");
    }
}

#[tokio::test]
async fn a_hit_waits_for_no_permit() {
    let cache = Arc::new(VerificationCache::new(*b"32 random bytes, new each start."));
    let service = Service::new(AdminState::WithApiAccess).with_cache(&cache);
    assert_eq!(service.call(FAST, "GetClients").await.unwrap().status, 200);

    let guard = service.lock.lock().await;
    let slow = service.call(SLOW, "GetClients");
    service.until_a_decision_runs().await;
    assert_eq!(service.status(FAST, "GetClients").await, 200);
    assert_eq!(service.status(FAST, "DeleteClient").await, 403);
    assert_eq!(service.status(WRONG, "GetClients").await, 0);
    drop(guard);
    assert_eq!(slow.await.unwrap().status, 200);
    assert_eq!(service.status(WRONG, "GetClients").await, 403);
    assert_eq!([cache.hits(), cache.misses()], [2, 4]);
}

/// Another service over the same records, in which the admin is disabled.
#[tokio::test]
async fn a_remembered_secret_of_a_disabled_admin_is_decided_and_refused() {
    let cache = Arc::new(VerificationCache::new(*b"32 random bytes, new each start."));
    let service = Service::new(AdminState::WithApiAccess).with_cache(&cache);
    assert_eq!(service.call(FAST, "GetClients").await.unwrap().status, 200);

    let service = Service::new(AdminState::Disabled).with_cache(&cache);
    let answer = service.call(FAST, "GetClients").await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "admin_disabled"));
    assert_eq!([cache.hits(), cache.misses()], [0, 2]);
}

#[tokio::test]
async fn without_a_cache_every_call_is_decided() {
    let service = Service::new(AdminState::WithApiAccess);
    assert_eq!(service.call(FAST, "GetClients").await.unwrap().status, 200);
    let guard = service.lock.lock().await;
    let slow = service.call(SLOW, "GetClients");
    service.until_a_decision_runs().await;
    assert_eq!(service.status(FAST, "GetClients").await, 0);
    drop(guard);
    assert_eq!(slow.await.unwrap().status, 200);
}
