//! What only a shared server can do: stop, be slow, forget, or be the wrong one. No link passes twice.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use whmcs_auth::{AutoAuthLogin, ReplayRefusal};
use whmcs_auth_state::test_redis::TestRedis;
use whmcs_auth_state::{Key, Kind, Redis, StateError, Store, UseError};

const MINUTE: Duration = Duration::from_secs(60);

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A login of a link that was made so many seconds from now. It can be used 900 s before that.
fn login_made_in(seconds: i64, email: &str) -> AutoAuthLogin<'static> {
    AutoAuthLogin::for_test(email, now().unix_timestamp() + seconds)
}

fn key() -> Key {
    Key::new(Kind::Session, "a")
}

/// The code of the failure of every method.
async fn failure(store: &Redis) -> &'static str {
    let in_time = Instant::now();
    let login = login_made_in(0, "nobody@whmcs.com");
    let UseError::State(error) = store.first_use(&login, now()).await.unwrap_err() else {
        panic!("the link was refused as used");
    };
    assert!(!error.cause.is_empty());
    let list = Key::new(Kind::Sessions, "7");
    let others: [Result<(), StateError>; 8] = [
        store.put(&key(), "1".to_owned(), MINUTE).await,
        store.get(&key()).await.map(drop),
        store.take(&key()).await.map(drop),
        store.keep(&key(), MINUTE).await,
        store.add(&key(), MINUTE).await.map(drop),
        store.count(&key()).await.map(drop),
        store.bound(&list, &key(), 3, MINUTE).await,
        store.check().await,
    ];
    for other in others {
        assert_eq!(other.map_err(|error| error.code), Err(error.code));
    }
    assert!(in_time.elapsed() < Duration::from_secs(6), "{:?}", in_time.elapsed());
    error.code
}

/// The store works again by itself.
async fn recovers(store: &Redis) {
    let start = Instant::now();
    while let Err(error) = store.check().await {
        assert!(start.elapsed() < Duration::from_secs(5), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    store.put(&key(), "1".to_owned(), MINUTE).await.unwrap();
    assert_eq!(store.get(&key()).await.unwrap().as_deref(), Some("1"));
}

const FORGOTTEN: Result<(), UseError> = Err(UseError::Refused(ReplayRefusal::MayBeForgotten));

#[tokio::test]
async fn only_digests_are_stored() {
    let server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.put(&Key::new(Kind::Session, "secret-id"), "7".to_owned(), MINUTE).await.unwrap();
    store.put(&Key::new(Kind::SsoToken, "secret-id"), "8".to_owned(), MINUTE).await.unwrap();
    store.add(&Key::new(Kind::Failures, "203.0.113.7"), MINUTE).await.unwrap();
    let session = Key::new(Kind::Session, "secret-id");
    store.bound(&Key::new(Kind::Sessions, "7"), &session, 3, MINUTE).await.unwrap();
    let login = login_made_in(0, "demo@whmcs.com");
    let _ = store.first_use(&login, now()).await;

    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    let key = |kind: &str| keys.iter().find(|key| key.starts_with(&format!("whmcs-auth:{kind}:")));
    assert_eq!(keys.len(), 6, "{keys:?}");
    assert_eq!(key("sessions").unwrap(), &format!("whmcs-auth:sessions:{}", sha256("7")));
    let list: Vec<String> = server.run(&["LRANGE", key("sessions").unwrap(), "0", "-1"]).await;
    assert_eq!(list, [format!("whmcs-auth:session:{}", sha256("secret-id"))]);
    assert_eq!(key("session").unwrap(), &format!("whmcs-auth:session:{}", sha256("secret-id")));
    assert_eq!(key("sso_token").unwrap(), &format!("whmcs-auth:sso_token:{}", sha256("secret-id")));
    assert_eq!(key("failures").unwrap(), &format!("whmcs-auth:failures:{}", sha256("203.0.113.7")));
    let link = login.replay_key().to_hex();
    assert_eq!(key("used_link").unwrap(), &format!("whmcs-auth:used_link:{link}"));
    for key in keys.iter().filter(|key| !key.contains(":since:")) {
        let lifetime: i64 = server.run(&["TTL", key]).await;
        assert!(lifetime > 0, "{key} never expires");
    }
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(text))
}

/// Nobody knows which links were used before the first check of an empty server.
#[tokio::test]
async fn links_from_before_the_start_are_refused() {
    let server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    // Valid since 900 s before its timestamp. Clocks may differ by 60 s.
    for seconds in [0, 900, 955] {
        let login = login_made_in(seconds, "demo@whmcs.com");
        assert_eq!(store.first_use(&login, now()).await, FORGOTTEN, "{seconds}");
    }
    let later = login_made_in(966, "demo@whmcs.com");
    store.first_use(&later, now()).await.unwrap();
    let used = Err(UseError::Refused(ReplayRefusal::Used));
    assert_eq!(store.first_use(&later, now()).await, used);
}

#[tokio::test]
async fn a_server_that_is_gone_refuses_and_comes_back() {
    let mut server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    recovers(&store).await;
    server.kill();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(failure(&store).await, "state_unreachable");
    server.restart(&[]);
    recovers(&store).await;
}

#[tokio::test]
async fn a_server_without_tls_is_named_as_such() {
    let mut server = TestRedis::start(&[]);
    let url = server.url().replace("redis://", "rediss://");
    let store = || Redis::new(&url).unwrap();
    let error = store().check().await.unwrap_err();
    assert_eq!(error.code, "state_tls", "{error}");
    assert!(error.cause.starts_with("no TLS connection to Redis, as rediss:// asks"), "{error}");
    server.kill();
    assert_eq!(store().check().await.unwrap_err().code, "state_unreachable");
}

#[tokio::test]
async fn a_server_may_start_after_the_service() {
    let mut server = TestRedis::start(&[]);
    server.kill();
    let store = Redis::new(&server.url()).unwrap();
    assert_eq!(failure(&store).await, "state_unreachable");
    server.restart(&[]);
    recovers(&store).await;
}

#[tokio::test]
async fn a_server_that_lost_its_links_accepts_no_used_one() {
    let mut server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    let used = login_made_in(0, "demo@whmcs.com");
    store.first_use(&used, now()).await.unwrap();

    server.restart(&[]);
    recovers(&store).await;
    assert_eq!(store.first_use(&used, now()).await, FORGOTTEN);
    let never_used = login_made_in(0, "other@whmcs.com");
    assert_eq!(store.first_use(&never_used, now()).await, FORGOTTEN);
}

/// A server that saves from time to time comes back with its older keys.
#[tokio::test]
async fn a_server_that_lost_its_newest_links_accepts_no_used_one() {
    let mut server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    server.run::<()>(&["SAVE"]).await;
    let used = login_made_in(0, "demo@whmcs.com");
    store.first_use(&used, now()).await.unwrap();

    server.restart(&[]);
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:*"]).await;
    assert_eq!(keys.len(), 1, "the time was saved, and the link was not: {keys:?}");
    recovers(&store).await;
    assert_eq!(store.first_use(&used, now()).await, FORGOTTEN);
}

#[tokio::test]
async fn a_server_that_was_emptied_accepts_no_used_link() {
    let server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    let used = login_made_in(0, "demo@whmcs.com");
    store.first_use(&used, now()).await.unwrap();
    server.run::<()>(&["FLUSHALL"]).await;
    for _ in 0..3 {
        let answer = store.first_use(&used, now()).await;
        assert!(matches!(answer, Err(UseError::Refused(_))), "{answer:?}");
        let never_used = login_made_in(0, "other@whmcs.com");
        let answer = store.first_use(&never_used, now()).await;
        assert!(matches!(answer, Err(UseError::Refused(_))), "{answer:?}");
    }
}

#[tokio::test]
async fn a_slow_server_refuses() {
    let server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    server.run::<()>(&["CLIENT", "PAUSE", "4000"]).await;
    let used = login_made_in(0, "demo@whmcs.com");
    let answer = store.first_use(&used, now()).await;
    let UseError::State(error) = answer.unwrap_err() else { panic!("an answer") };
    assert_eq!(error.code, "state_slow");
    assert_eq!(store.check().await.unwrap_err().code, "state_slow");
    sleep(Duration::from_secs(4)).await;
    recovers(&store).await;
    // Redis may have carried the command out after the visitor was refused. Nobody is let in twice.
    let _ = store.first_use(&used, now()).await;
    let used_after = store.first_use(&used, now()).await;
    assert_eq!(used_after, Err(UseError::Refused(ReplayRefusal::Used)));
}

#[tokio::test]
async fn a_server_that_evicts_is_refused() {
    for policy in ["allkeys-lru", "volatile-ttl", "allkeys-random"] {
        let options = ["--maxmemory", "100mb", "--maxmemory-policy", policy];
        let server = TestRedis::start(&options);
        let store = Redis::new(&server.url()).unwrap();
        assert_eq!(failure(&store).await, "state_evicts");
        let cause = store.check().await.unwrap_err().cause;
        assert!(cause.contains(policy), "{cause}");
        // Once it is mended, the store works without a restart.
        server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
        recovers(&store).await;
        // A check notices a change, too.
        server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", policy]).await;
        assert_eq!(store.check().await.unwrap_err().code, "state_evicts");
    }
    // Without a limit nothing is evicted.
    let server = TestRedis::start(&["--maxmemory-policy", "allkeys-lru"]);
    Redis::new(&server.url()).unwrap().check().await.unwrap();
}

/// Somebody lets the server evict for a moment.
#[tokio::test]
async fn a_server_that_evicted_accepts_no_used_link() {
    let server = TestRedis::start(&["--maxmemory-policy", "noeviction"]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    let used = login_made_in(0, "demo@whmcs.com");
    store.first_use(&used, now()).await.unwrap();
    server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:used_link:*"]).await;
    assert_eq!(keys.len(), 0, "the link was evicted");
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    store.check().await.unwrap();
    assert_eq!(store.first_use(&used, now()).await, FORGOTTEN);
}

#[tokio::test]
async fn a_full_server_refuses() {
    let server = TestRedis::start(&["--maxmemory-policy", "noeviction"]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let login = login_made_in(0, "demo@whmcs.com");
    let UseError::State(error) = store.first_use(&login, now()).await.unwrap_err() else {
        panic!("the link was refused as used");
    };
    assert_eq!(error.code, "state_full");
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    recovers(&store).await;
    store.first_use(&login, now()).await.unwrap();
}

#[tokio::test]
async fn a_replica_is_refused() {
    let master = TestRedis::start(&[]);
    let replica = TestRedis::start(&[]);
    let store = Redis::new(&replica.url()).unwrap();
    recovers(&store).await;
    become_replica(&replica, &master).await;
    let login = login_made_in(0, "demo@whmcs.com");
    let UseError::State(error) = store.first_use(&login, now()).await.unwrap_err() else {
        panic!("the link was refused as used");
    };
    assert_eq!(error.code, "state_replica");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(failure(&store).await, "state_replica");
    // What is written to such a replica is lost.
    replica.run::<()>(&["CONFIG", "SET", "replica-read-only", "no"]).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(failure(&store).await, "state_replica");
}

/// A replica that lagged behind takes over. Its process has another id.
#[tokio::test]
async fn a_replica_that_takes_over_accepts_no_used_link() {
    let mut server = TestRedis::start(&[]);
    let store = Redis::new(&server.url()).unwrap();
    store.check().await.unwrap();
    server.remembers_for_long().await;
    let used = login_made_in(0, "demo@whmcs.com");
    let saved: String = server.run(&["GET", &since(&server).await]).await;
    let name = since(&server).await;
    store.first_use(&used, now()).await.unwrap();
    server.restart(&[]);
    // The key of the old process, as a replica has it, and not the link.
    server.run::<()>(&["SET", &name, &saved]).await;
    recovers(&store).await;
    assert_eq!(store.first_use(&used, now()).await, FORGOTTEN);
}

/// A master becomes a replica and a master again, in one process. A link that was used at the other server
/// never reached it.
#[tokio::test]
async fn a_former_master_accepts_no_used_link() {
    let (former, other) = (TestRedis::start(&[]), TestRedis::start(&[]));
    follow(&other, &former).await;
    let store = Redis::new(&former.url()).unwrap();
    store.check().await.unwrap();
    former.remembers_for_long().await;
    store.first_use(&login_made_in(0, "first@whmcs.com"), now()).await.unwrap();
    let replicas: i64 = former.run(&["WAIT", "1", "5000"]).await;
    assert_eq!(replicas, 1);

    other.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    follow(&former, &other).await;
    former.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    recovers(&store).await;
    let used_at_the_other = login_made_in(0, "demo@whmcs.com");
    assert_eq!(store.first_use(&used_at_the_other, now()).await, FORGOTTEN);
}

async fn become_replica(replica: &TestRedis, master: &TestRedis) {
    let port = master.url().rsplit(':').next().unwrap().to_owned();
    replica.run::<()>(&["REPLICAOF", "127.0.0.1", &port]).await;
}

/// Makes a server the replica of another, and waits until it has its data.
async fn follow(replica: &TestRedis, master: &TestRedis) {
    become_replica(replica, master).await;
    let start = Instant::now();
    while !replica.run::<String>(&["INFO", "replication"]).await.contains("master_link_status:up") {
        assert!(start.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(50)).await;
    }
}

async fn since(server: &TestRedis) -> String {
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:since:*"]).await;
    keys.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_cluster_is_refused() {
    let server = TestRedis::start(&["--cluster-enabled", "yes"]);
    assert_eq!(failure(&Redis::new(&server.url()).unwrap()).await, "state_mode");
}

#[tokio::test]
async fn what_redis_hides_is_not_guessed() {
    let server = TestRedis::start(&["--rename-command", "INFO", "hidden"]);
    let store = Redis::new(&server.url()).unwrap();
    assert_eq!(failure(&store).await, "state_failure");
}

#[tokio::test]
async fn a_password_is_taken_from_the_url_and_never_shown() {
    let server = TestRedis::start(&["--requirepass", "pass-word"]);
    let with = |password: &str| Redis::new(&server.url().replace("//", &format!("//:{password}@")));
    with("pass-word").unwrap().check().await.unwrap();
    let error = with("wrong-word").unwrap().check().await.unwrap_err();
    assert!(!error.cause.contains("wrong-word"), "{error}");
    let error = Redis::new(&server.url()).unwrap().check().await.unwrap_err();
    assert!(error.cause.contains("NOAUTH") || error.cause.contains("uthentication"), "{error}");
    for url in ["", "redis://", "http://:pass-word@127.0.0.1", "redis://:pass-word@127.0.0.1:x"] {
        let Err(error) = Redis::new(url) else { panic!("{url}") };
        assert_eq!(error.code, "state_url");
        assert!(!error.to_string().contains("pass-word"), "{error}");
    }
}
