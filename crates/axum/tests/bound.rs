//! How many decisions run at once, and where.
//!
//! A decision clones the key of the caller that it verified. The key of these tests waits there, in the
//! thread that decides, until the test lets it go.

mod support;

use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use axum::routing::{get, post};
use support::{IDENTIFIER, PAIR, SECRET, form, gate, send};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, ExpectedSchemes,
    PasswordScheme, SecretScheme, StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator};

#[derive(Default)]
struct Decisions {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    started: usize,
    running: usize,
    most: usize,
    may_end: bool,
}

impl Decisions {
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap()
    }

    /// What a decision does. A test that went wrong lets it go after a while.
    fn run(&self) {
        let mut counts = self.counts();
        counts.started += 1;
        counts.running += 1;
        counts.most = counts.most.max(counts.running);
        let wait = self
            .changed
            .wait_timeout_while(counts, Duration::from_secs(5), |counts| !counts.may_end);
        wait.unwrap().0.running -= 1;
    }

    fn let_all_end(&self) {
        self.counts().may_end = true;
        self.changed.notify_all();
    }

    async fn until_running(&self, count: usize) {
        for _ in 0..400 {
            if self.counts().running == count {
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
        panic!("{} decisions run, and not {count}", self.counts().running);
    }
}

struct Key(Arc<Decisions>);

impl Clone for Key {
    fn clone(&self) -> Self {
        self.0.run();
        Self(Arc::clone(&self.0))
    }
}

struct Slow(Arc<Decisions>);

impl AsyncCredentialStore for Slow {
    type Id = Key;
    type Error = Infallible;

    async fn find_credential(&self, _: &str) -> Result<Option<ApiCredential<Key>>, Infallible> {
        let key = Key(Arc::clone(&self.0));
        let secret = StoredSecret::plain(SECRET).unwrap();
        let credential = ApiCredential::new(key, IDENTIFIER, secret, AdminState::WithApiAccess);
        Ok(Some(credential.with_actions(AllowedActions::all())))
    }

    async fn find_admin(&self, _: &str) -> Result<Option<Admin<Key>>, Infallible> {
        Ok(None)
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
    }
}

async fn api(call: ApiCall<Slow>) -> Response {
    call.success(&[])
}

struct Service {
    decisions: Arc<Decisions>,
    router: Router,
}

impl Service {
    fn new(set: impl FnOnce(Authenticator<Slow>) -> Authenticator<Slow>) -> Self {
        let decisions = Arc::new(Decisions::default());
        let auth = set(Authenticator::new(Slow(Arc::clone(&decisions)), gate()));
        let router = Router::new()
            .route("/includes/api.php", post(api))
            .route("/ping", get(async || "pong"))
            .with_state(auth);
        Self { decisions, router }
    }

    fn call(&self) -> JoinHandle<u16> {
        let router = self.router.clone();
        let request = form(format!("action=GetClients&{PAIR}"));
        tokio::spawn(async { send(router, request).await.status.as_u16() })
    }
}

#[tokio::test]
async fn no_more_decisions_run_at_once_than_are_allowed() {
    let service = Service::new(|auth| auth.with_concurrent_decisions(2));
    let calls: Vec<_> = (0..5).map(|_| service.call()).collect();
    service.decisions.until_running(2).await;
    sleep(Duration::from_millis(100)).await;
    assert_eq!(service.decisions.counts().most, 2);

    service.decisions.let_all_end();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(service.decisions.counts().most, 2);
}

#[tokio::test]
async fn clones_share_the_bound() {
    let service = Service::new(|auth| auth.with_concurrent_decisions(1).clone());
    let calls = [service.call(), service.call()];
    service.decisions.until_running(1).await;
    sleep(Duration::from_millis(100)).await;
    service.decisions.let_all_end();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(service.decisions.counts().most, 1);
}

/// A thread cannot be stopped, so its permit is not free before it ends.
#[tokio::test]
async fn a_caller_who_hangs_up_frees_no_permit() {
    let service = Service::new(|auth| auth.with_concurrent_decisions(1));
    let first = service.call();
    service.decisions.until_running(1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    let second = service.call();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(service.decisions.counts().most, 1);

    service.decisions.let_all_end();
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(service.decisions.counts().most, 1);
}

/// Whoever waits and hangs up does not hold a place either.
#[tokio::test]
async fn a_caller_who_hangs_up_while_waiting_starts_no_decision() {
    let service = Service::new(|auth| auth.with_concurrent_decisions(1));
    let first = service.call();
    service.decisions.until_running(1).await;
    let waiting = service.call();
    sleep(Duration::from_millis(50)).await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());

    service.decisions.let_all_end();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(service.call().await.unwrap(), 200);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(service.decisions.counts().started, 2, "the first and the last");
}

/// This runtime has one thread: a decision on it would stop everything.
#[tokio::test]
async fn other_requests_are_answered_while_a_decision_runs() {
    let service = Service::new(|auth| auth);
    let call = service.call();
    service.decisions.until_running(1).await;

    let ping = Request::get("/ping").body(Body::empty()).unwrap();
    assert_eq!(send(service.router.clone(), ping).await.body, "pong");
    assert_eq!(service.decisions.counts().running, 1);

    service.decisions.let_all_end();
    assert_eq!(call.await.unwrap(), 200);
}

#[tokio::test]
async fn any_number_of_decisions_may_be_asked_for() {
    for count in [0, 1, usize::MAX] {
        let service = Service::new(|auth| auth.with_concurrent_decisions(count));
        service.decisions.let_all_end();
        let call = timeout(Duration::from_secs(10), service.call());
        assert_eq!(call.await.expect("no decision may run").unwrap(), 200);
    }
}
