//! How many decisions with bcrypt run at once, and where.
//!
//! A decision clones the id of the caller that it verified. The id of these tests waits there, in the
//! thread that decides, until the test lets it go.

mod support;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::{get, post};
use support::{IDENTIFIER, PAIR, SECRET_BCRYPT, access, empty, form, send};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::{sleep, timeout};
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, BcryptCost,
    ExpectedSchemes, PasswordScheme, SecretScheme, StoredSecret,
};
use whmcs_auth_axum::{Authenticator, Bound};

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
            .wait_timeout_while(counts, Duration::from_secs(30), |counts| !counts.may_end);
        wait.unwrap().0.running -= 1;
    }

    fn let_all_end(&self) {
        self.counts().may_end = true;
        self.changed.notify_all();
    }

    async fn until_running(&self, count: usize) {
        let is_running = async {
            while self.counts().running != count {
                sleep(Duration::from_millis(1)).await;
            }
        };
        let running = timeout(Duration::from_secs(20), is_running).await;
        assert!(running.is_ok(), "{} decisions run, and not {count}", self.counts().running);
    }
}

struct Key(Arc<Decisions>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("key")
    }
}

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
        let secret = StoredSecret::bcrypt(SECRET_BCRYPT).unwrap();
        let credential = ApiCredential::new(key, IDENTIFIER, secret, AdminState::WithApiAccess);
        Ok(Some(credential.with_actions(AllowedActions::all())))
    }

    async fn find_admin(&self, _: &str) -> Result<Option<Admin<Key>>, Infallible> {
        Ok(None)
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        let cost = BcryptCost::new(4).unwrap();
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::Md5)
    }
}

struct Service {
    decisions: Arc<Decisions>,
    bound: Bound,
    router: Router,
}

impl Service {
    fn new(bound: Bound) -> Self {
        let decisions = Arc::new(Decisions::default());
        let auth = Authenticator::new(Slow(Arc::clone(&decisions)), access());
        let router = Router::new()
            .route("/includes/api.php", post(empty::<Slow>))
            .route("/ping", get(async || "pong"))
            .with_state(auth.with_turns(bound.clone()));
        Self { decisions, bound, router }
    }

    fn call(&self) -> JoinHandle<u16> {
        let router = self.router.clone();
        let request = form(format!("action=GetClients&{PAIR}"));
        tokio::spawn(async { send(router, request).await.status.as_u16() })
    }
}

/// Lets all other tasks of this thread run until they wait. Nothing else has to happen in this time.
async fn until_all_wait() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test]
async fn no_more_decisions_run_at_once_than_are_allowed() {
    let service = Service::new(Bound::new(2));
    let calls: Vec<_> = (0..5).map(|_| service.call()).collect();
    service.decisions.until_running(2).await;
    until_all_wait().await;
    assert_eq!(service.bound.running(), 2);

    service.decisions.let_all_end();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    let counts = service.decisions.counts();
    assert_eq!((counts.started, counts.most), (5, 2));
    drop(counts);
    assert_eq!(service.bound.running(), 0);
}

#[tokio::test]
async fn services_that_share_a_bound_share_its_number() {
    let bound = Bound::new(1);
    let services = [Service::new(bound.clone()), Service::new(bound)];
    let calls = [services[0].call(), services[1].call()];
    services[0].decisions.until_running(1).await;
    until_all_wait().await;
    assert_eq!(services[1].decisions.counts().started, 0);
    for service in &services {
        service.decisions.let_all_end();
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
}

/// A thread cannot be stopped, so its permit is not free before it ends.
#[tokio::test]
async fn a_caller_who_hangs_up_frees_no_permit() {
    let service = Service::new(Bound::new(1));
    let first = service.call();
    service.decisions.until_running(1).await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    assert_eq!(service.bound.running(), 1);

    let second = service.call();
    until_all_wait().await;
    assert_eq!(service.decisions.counts().started, 1);

    service.decisions.let_all_end();
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(service.decisions.counts().most, 1);
}

/// Whoever waits and hangs up does not hold a place either.
#[tokio::test]
async fn a_caller_who_hangs_up_while_waiting_starts_no_decision() {
    let service = Service::new(Bound::new(1));
    let first = service.call();
    service.decisions.until_running(1).await;
    let waiting = service.call();
    until_all_wait().await;
    waiting.abort();
    assert!(waiting.await.unwrap_err().is_cancelled());

    service.decisions.let_all_end();
    assert_eq!(first.await.unwrap(), 200);
    assert_eq!(service.call().await.unwrap(), 200);
    assert_eq!(service.decisions.counts().started, 2, "the first and the last");
    assert_eq!(service.bound.running(), 0);
}

/// This runtime has one thread: a decision on it would stop everything.
#[tokio::test]
async fn other_requests_are_answered_while_a_decision_runs() {
    let service = Service::new(Bound::cores());
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
        let service = Service::new(Bound::new(count));
        service.decisions.let_all_end();
        let call = timeout(Duration::from_secs(20), service.call());
        assert_eq!(call.await.expect("no decision may run").unwrap(), 200);
    }
}

#[test]
fn debug_shows_how_many_run() {
    assert_eq!(format!("{:?}", Bound::new(3)), "Bound { count: 3, running: 0 }");
}
