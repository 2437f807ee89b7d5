//! Guesses that come at once: no more of them are compared than may fail, and right callers never refuse each other.

mod support;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::RequestBuilder;
use support::{FORM, PAIR, Server, access};
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use whmcs_auth::AutoAuthLogin;
use whmcs_auth::gate::AddressGate;
use whmcs_auth_axum::Access;
use whmcs_auth_state::test_redis::TestRedis;
use whmcs_auth_state::{Capacity, Count, Hold, Key, Kind, Memory, StateError, Store, UseError};

const AT_ONCE: usize = 200;

/// Where failures are counted.
#[derive(Clone, Copy, Debug)]
enum State {
    Memory,
    Redis,
    RedisOfTwo,
}

const STATES: [State; 3] = [State::Memory, State::Redis, State::RedisOfTwo];

async fn start(state: State, access: &Access, failures: u32) -> (Vec<Server>, Option<TestRedis>) {
    let redis = match state {
        State::Memory => None,
        State::Redis | State::RedisOfTwo => Some(TestRedis::start(&[])),
    };
    let number = if let State::RedisOfTwo = state { 2 } else { 1 };
    let mut servers = Vec::new();
    for _ in 0..number {
        let store = redis.as_ref().map(|redis| Arc::new(redis.store()) as Arc<dyn Store>);
        let server = Server::start_as(store, access.clone(), |settings| {
            settings.limits.failures = failures;
            settings.limits.connections.open_by_peer = 2 * AT_ONCE;
        });
        servers.push(server.await);
    }
    (servers, redis)
}

/// Sends requests at once, to each server in turn. Returns how many were answered with that status.
async fn at_once(
    servers: &[Server],
    status: u16,
    request: impl Fn(&Server) -> RequestBuilder,
) -> usize {
    let mut answers = JoinSet::new();
    for server in servers.iter().cycle().take(AT_ONCE) {
        let answer = request(server).send();
        answers.spawn(async { answer.await.unwrap().status().as_u16() });
    }
    answers.join_all().await.into_iter().filter(|answer| *answer == status).count()
}

async fn count(servers: &[Server], endpoint: &str, code: &str) -> u64 {
    let mut sum = 0;
    for server in servers {
        sum += server.count(endpoint, code).await;
    }
    sum
}

fn visit(server: &Server, path: &str) -> RequestBuilder {
    server.http.get(format!("{}{path}", server.base))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_guesses_at_once_are_compared_than_may_fail() {
    let by_key = AddressGate::new().with_access_key("k").unwrap();
    let by_key = access().with_addresses(by_key);
    let secret = |server: &Server| server.form("identifier=x&secret=y");
    let key_in_body = |server: &Server| server.form(format!("{PAIR}&accesskey=x"));
    let key_in_query = |server: &Server| {
        let call = server.http.post(format!("{}/includes/api.php?accesskey=x", server.base));
        call.header("content-type", FORM).body(PAIR)
    };
    let link = |server: &Server| {
        visit(server, &server.link("demo@whmcs.com", None).replace("demo", "dem0"))
    };
    let token = |server: &Server| {
        visit(server, &format!("/oauth/singlesignon.php?access_token={}", "0".repeat(64)))
    };
    type Request<'r> = &'r dyn Fn(&Server) -> RequestBuilder;
    let kinds: [(&str, &str, &Access, Request<'_>); 5] = [
        ("api", "unknown_identifier", &access(), &secret),
        ("api", "wrong_access_key", &by_key, &key_in_body),
        ("api", "wrong_access_key", &by_key, &key_in_query),
        ("dologin", "hash_mismatch", &access(), &link),
        ("singlesignon", "sso_token_unknown", &access(), &token),
    ];
    for state in STATES {
        for (endpoint, code, access, request) in kinds {
            let (servers, _redis) = start(state, access, 20).await;
            assert_eq!(at_once(&servers, 403, request).await, 20, "{state:?} {code}");
            assert_eq!(count(&servers, endpoint, code).await, 20, "{state:?} {code}");
            let throttled = count(&servers, endpoint, "throttled").await;
            assert_eq!(throttled, AT_ONCE as u64 - 20, "{state:?} {code}");
        }
    }
}

/// Also right after each other, so each guess that succeeded is given back.
#[tokio::test(flavor = "multi_thread")]
async fn right_callers_at_once_never_refuse_each_other() {
    let by_key = AddressGate::new().with_access_key("k").unwrap();
    let by_key = access().with_addresses(by_key);
    let ask = format!("action=GetClients&limitnum=1&{PAIR}&accesskey=k");
    for state in STATES {
        for access in [&access(), &by_key] {
            let (servers, _redis) = start(state, access, 1).await;
            let called = at_once(&servers, 200, |server| server.form(ask.clone())).await;
            assert_eq!(called, AT_ONCE, "{state:?}");
            let link = |server: &Server| visit(server, &server.link("demo@whmcs.com", None));
            assert_eq!(at_once(&servers, 302, link).await, AT_ONCE, "{state:?}");
            // One failure is still one too many.
            let wrong = servers[0].call(&ask.replace("secret=", "secret=x")).await;
            assert_eq!((wrong.0, servers[0].call(&ask).await.0), (403, 429), "{state:?}");
        }
    }
}

/// A store that counts a failure, and answers that it has a session, only once it may.
struct SlowStore {
    memory: Memory,
    has_begun: Notify,
    may_go_on: Semaphore,
    has_counted: Notify,
}

#[async_trait]
impl Store for SlowStore {
    async fn first_use(
        &self,
        login: &AutoAuthLogin<'_>,
        now: OffsetDateTime,
    ) -> Result<(), UseError> {
        self.memory.first_use(login, now).await
    }

    async fn put(&self, key: &Key, value: String, lifetime: Duration) -> Result<(), StateError> {
        let put = self.memory.put(key, value, lifetime).await;
        self.has_begun.notify_one();
        let _answers = self.may_go_on.acquire().await.unwrap();
        put
    }

    async fn get(&self, key: &Key) -> Result<Option<String>, StateError> {
        self.memory.get(key).await
    }

    async fn take(&self, key: &Key) -> Result<Option<String>, StateError> {
        self.memory.take(key).await
    }

    async fn keep(&self, key: &Key, lifetime: Duration) -> Result<(), StateError> {
        self.memory.keep(key, lifetime).await
    }

    async fn add(&self, key: &Key, window: Duration) -> Result<u64, StateError> {
        self.has_begun.notify_one();
        let _counts = self.may_go_on.acquire().await.unwrap();
        let count = self.memory.add(key, window).await;
        self.has_counted.notify_one();
        count
    }

    async fn count(&self, key: &Key) -> Result<Count, StateError> {
        self.memory.count(key).await
    }

    async fn hold(&self, key: &Key, most: u64, lease: Duration) -> Result<Hold, StateError> {
        self.memory.hold(key, most, lease).await
    }

    async fn release(&self, key: &Key, place: u64) -> Result<(), StateError> {
        self.memory.release(key, place).await
    }

    async fn bound(
        &self,
        list: &Key,
        added: &Key,
        most: usize,
        lifetime: Duration,
    ) -> Result<(), StateError> {
        let bound = self.memory.bound(list, added, most, lifetime).await;
        self.has_counted.notify_one();
        bound
    }

    async fn check(&self) -> Result<(), StateError> {
        self.memory.check().await
    }
}

/// A server whose store is slow, and which allows one failure.
async fn slow(answer_time: Duration) -> (Arc<SlowStore>, Server) {
    let capacity = Capacity { failures: 10, sessions: 10, ..Capacity::default() };
    let store = Arc::new(SlowStore {
        memory: Memory::new(capacity),
        has_begun: Notify::new(),
        may_go_on: Semaphore::new(0),
        has_counted: Notify::new(),
    });
    let server = Server::with_state(store.clone(), |settings| {
        settings.limits.failures = 1;
        settings.limits.answer_time = answer_time;
    })
    .await;
    (store, server)
}

async fn counts(store: &SlowStore) {
    store.may_go_on.add_permits(1);
    let counted = timeout(Duration::from_secs(30), store.has_counted.notified());
    counted.await.expect("it was not counted");
}

/// Asks for a page of a server whose store is slow, and hangs up. Returns once the store has counted.
async fn hang_up(page: impl Fn(&Server) -> String) -> (Arc<SlowStore>, Server) {
    let (store, server) = slow(Duration::from_secs(60)).await;
    let visit = tokio::spawn(visit(&server, &page(&server)).send());
    store.has_begun.notified().await;
    visit.abort();
    // The server notices it.
    sleep(Duration::from_millis(300)).await;
    counts(&store).await;
    (store, server)
}

fn unknown_token() -> String {
    format!("/oauth/singlesignon.php?access_token={}", "0".repeat(64))
}

#[tokio::test]
async fn a_wrong_token_counts_if_the_visitor_hangs_up() {
    let (_store, server) = hang_up(|_| unknown_token()).await;
    assert_eq!(server.get(&unknown_token()).await.status(), 429);
}

#[tokio::test]
async fn a_wrong_token_counts_if_the_time_of_the_answer_ends() {
    let (store, server) = slow(Duration::from_secs(3)).await;
    assert_eq!(server.get(&unknown_token()).await.status(), 503);
    assert_eq!(server.count("singlesignon", "too_slow").await, 1);
    counts(&store).await;
    assert_eq!(server.get(&unknown_token()).await.status(), 429);
}

/// So nobody gets more sessions by hanging up.
#[tokio::test]
async fn a_session_counts_if_the_visitor_hangs_up() {
    let (store, _server) = hang_up(|server| server.link("demo@whmcs.com", None)).await;
    assert_eq!(store.memory.entries(Kind::Sessions), Some(1));
}
