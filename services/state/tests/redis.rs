//! What only a shared server can do: stop, be slow, forget, or be the wrong one. No link passes twice.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, advance, pause, resume, sleep};
use whmcs_auth::{
    AutoAuthKey, AutoAuthKeys, AutoAuthLogin, AutoAuthPolicy, AutoAuthRequest, ReplayRefusal,
    sign_autoauth,
};
use whmcs_auth_state::test_redis::TestRedis;
use whmcs_auth_state::{
    Hold, Installation, Key, Kind, Redis, StateError, Store, UseError, check_at_start,
};

const MINUTE: Duration = Duration::from_secs(60);

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A login of a link that was made so many seconds from now.
fn login_made_in(seconds: i64, email: &str) -> AutoAuthLogin<'static> {
    AutoAuthLogin::for_test(email, now().unix_timestamp() + seconds)
}

fn key() -> Key {
    Key::new(Kind::Session, "a")
}

/// Why the store cannot say whether the link was used.
async fn state_error(store: &Redis, login: &AutoAuthLogin<'_>) -> StateError {
    match store.first_use(login, now()).await.unwrap_err() {
        UseError::State(error) => error,
        UseError::Refused(refusal) => panic!("{refusal}"),
    }
}

/// The code of the failure of every method.
async fn failure(store: &Redis) -> &'static str {
    let in_time = Instant::now();
    let login = login_made_in(0, "nobody@whmcs.com");
    let error = state_error(store, &login).await;
    assert!(!error.cause.is_empty());
    let list = Key::new(Kind::Sessions, "7");
    let others: [Result<(), StateError>; 10] = [
        store.put(&key(), "1".to_owned(), MINUTE).await,
        store.get(&key()).await.map(drop),
        store.take(&key()).await.map(drop),
        store.keep(&key(), MINUTE).await,
        store.add(&key(), MINUTE).await.map(drop),
        store.count(&key()).await.map(drop),
        store.hold(&key(), 20, MINUTE).await.map(drop),
        store.release(&key(), 1).await,
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
        assert!(start.elapsed() < Duration::from_secs(60), "{error}");
        sleep(Duration::from_millis(50)).await;
    }
    store.put(&key(), "1".to_owned(), MINUTE).await.unwrap();
    assert_eq!(store.get(&key()).await.unwrap().as_deref(), Some("1"));
}

const USED: Result<(), UseError> = Err(UseError::Refused(ReplayRefusal::Used));
const FORGOTTEN: Result<(), UseError> = Err(UseError::Refused(ReplayRefusal::MayBeForgotten));

/// Its machine may have died.
#[tokio::test]
async fn a_place_that_nobody_gives_back_is_free_after_its_lease() {
    const LEASE: Duration = Duration::from_millis(300);
    let server = TestRedis::start(&[]);
    let [one, other] = [server.store(), server.store()];
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let begun = Instant::now();
    assert!(matches!(one.hold(&key, 2, LEASE).await.unwrap(), Hold::Held(_)));
    drop(one);
    // The set of both lasts longer than the first.
    let mut places = Vec::new();
    while places.len() < 2 {
        match other.hold(&key, 2, MINUTE).await.unwrap() {
            Hold::Held(place) => places.push(place),
            held => {
                assert_eq!(held, Hold::Wait);
                assert!(begun.elapsed() < MINUTE, "the lease never ends");
                sleep(Duration::from_millis(10)).await;
            }
        }
    }
    assert!(begun.elapsed() >= LEASE);
    // Nothing is kept for longer.
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:*:guesses:*"]).await;
    let [set] = &keys[..] else { panic!("{keys:?}") };
    let left: i64 = server.run(&["PTTL", set]).await;
    assert!((1..=60_000).contains(&left), "{left}");
    for place in places {
        other.release(&key, place).await.unwrap();
    }
    let count: i64 = server.run(&["EXISTS", set]).await;
    assert_eq!(count, 0);
}

/// A place among one is free, long before its lease ends.
async fn is_free_again(store: &Redis, key: &Key) {
    let start = Instant::now();
    loop {
        match store.hold(key, 1, 60 * MINUTE).await {
            Ok(Hold::Held(_)) => return,
            held => assert!(start.elapsed() < Duration::from_secs(30), "{held:?}"),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// A way to the server, and a gate. What the first connection sends arrives only while the gate is open.
async fn gated(server: &TestRedis) -> (Redis, watch::Sender<bool>) {
    let (gate, is_open) = watch::channel(true);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let server = server.url().replace("redis://", "");
    let mut first = Some(is_open);
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (mut from_server, mut to_server) =
                TcpStream::connect(&server).await.unwrap().into_split();
            let (mut from_client, mut to_client) = client.into_split();
            tokio::spawn(async move { copy(&mut from_server, &mut to_client).await });
            let mut is_open = first.take();
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
                    if let Some(is_open) = &mut is_open {
                        is_open.wait_for(|is_open| *is_open).await.unwrap();
                    }
                    to_server.write_all(&buffer[..length]).await.unwrap();
                }
            });
        }
    });
    let installation = Installation::new("test", "https://test.example").unwrap();
    (Redis::new(&url, installation).unwrap(), gate)
}

/// Redis carries the question out after the guess was refused, and after another connection has given the place back.
#[tokio::test]
async fn a_place_whose_answer_is_late_is_given_back() {
    let server = TestRedis::start(&[]);
    let (store, gate) = gated(&server).await;
    store.check().await.unwrap();
    let key = Key::new(Kind::Failures, "203.0.113.7");
    gate.send(false).unwrap();
    assert_eq!(store.hold(&key, 1, 60 * MINUTE).await.unwrap_err().code, "state_slow");
    sleep(Duration::from_secs(4)).await;
    gate.send(true).unwrap();
    let has_held = async || {
        let statistics: String = server.run(&["INFO", "commandstats"]).await;
        statistics.contains("cmdstat_zadd:")
    };
    let start = Instant::now();
    while !has_held().await {
        assert!(start.elapsed() < MINUTE, "the place was never taken");
        sleep(Duration::from_millis(50)).await;
    }
    is_free_again(&server.store(), &key).await;
}

#[tokio::test]
async fn a_place_that_cannot_be_given_back_at_once_is_given_back_later() {
    let server = TestRedis::start(&[]);
    let store = server.store();
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let Hold::Held(place) = store.hold(&key, 1, 60 * MINUTE).await.unwrap() else { panic!() };
    assert_eq!(store.hold(&key, 1, 60 * MINUTE).await, Ok(Hold::Wait));
    server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    store.release(&key, place).await.unwrap_err();
    is_free_again(&store, &key).await;
}

#[tokio::test]
async fn only_digests_are_stored() {
    let server = TestRedis::start(&[]);
    let store = server.old_store().await;
    store.put(&Key::new(Kind::Session, "secret-id"), "7".to_owned(), MINUTE).await.unwrap();
    store.put(&Key::new(Kind::SsoToken, "secret-id"), "8".to_owned(), MINUTE).await.unwrap();
    store.add(&Key::new(Kind::Failures, "203.0.113.7"), MINUTE).await.unwrap();
    let session = Key::new(Kind::Session, "secret-id");
    store.bound(&Key::new(Kind::Sessions, "7"), &session, 3, MINUTE).await.unwrap();
    let login = login_made_in(0, "demo@whmcs.com");
    let used_at = now();
    store.first_use(&login, used_at).await.unwrap();

    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    let key =
        |kind: &str| keys.iter().find(|key| key.starts_with(&format!("whmcs-auth:test:{kind}:")));
    assert_eq!(keys.len(), 7, "{keys:?}");
    assert_eq!(key("sessions").unwrap(), &format!("whmcs-auth:test:sessions:{}", sha256("7")));
    let list: Vec<String> = server.run(&["LRANGE", key("sessions").unwrap(), "0", "-1"]).await;
    assert_eq!(list, [format!("whmcs-auth:test:session:{}", sha256("secret-id"))]);
    assert_eq!(
        key("session").unwrap(),
        &format!("whmcs-auth:test:session:{}", sha256("secret-id"))
    );
    assert_eq!(
        key("sso_token").unwrap(),
        &format!("whmcs-auth:test:sso_token:{}", sha256("secret-id"))
    );
    assert_eq!(
        key("failures").unwrap(),
        &format!("whmcs-auth:test:failures:{}", sha256("203.0.113.7"))
    );
    let link = login.replay_key().to_hex();
    assert_eq!(key("used_link").unwrap(), &format!("whmcs-auth:test:used_link:{link}"));
    let sites: Vec<String> = server.run(&["HGETALL", "whmcs-auth:installations"]).await;
    assert_eq!(sites, ["test", "test.example"]);

    // Each key is kept as long as it must be. The test may take a while until here.
    let forever = |key: &&String| key.contains(":since:") || key.ends_with(":installations");
    for key in keys.iter().filter(|key| !forever(key)) {
        let left: i64 = server.run(&["PTTL", key]).await;
        let expected = match key.contains(":used_link:") {
            true => 1000 * i64::try_from(login.remember_seconds(used_at)).unwrap(),
            false => 60_000,
        };
        assert!((expected - 50_000..=expected).contains(&left), "{key}: {left} of {expected} ms");
    }
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    hex::encode(Sha256::digest(text))
}

/// Nobody knows which links were used before the server began to remember. Another machine may have accepted a link
/// 120 s before its timestamp, by a clock that was 60 s ahead.
#[tokio::test]
async fn links_from_before_the_start_are_refused() {
    let server = TestRedis::start(&[]);
    let store = server.store();
    store.check().await.unwrap();
    let now = now();
    let login = |timestamp| AutoAuthLogin::for_test("demo@whmcs.com", timestamp);
    // Some minutes ago, so that all of these links can exist.
    let since = now.unix_timestamp() - 1000;
    server.remembers_since(since).await;
    for seconds in [-900, 0, 120, 179, 180] {
        assert_eq!(store.first_use(&login(since + seconds), now).await, FORGOTTEN, "{seconds}");
    }
    let later = login(since + 181);
    store.first_use(&later, now).await.unwrap();
    assert_eq!(store.first_use(&later, now).await, USED);
    // What was refused was not remembered either.
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:test:used_link:*"]).await;
    assert_eq!(keys.len(), 1, "{keys:?}");
}

/// A server with a clock that can be set, a store that saw it, and a link that was used.
async fn with_a_used_link() -> (TestRedis, Redis, AutoAuthLogin<'static>) {
    let server = TestRedis::start_with_clock();
    let store = server.old_store().await;
    let login = AutoAuthLogin::for_test("demo@whmcs.com", now().unix_timestamp());
    store.first_use(&login, now()).await.unwrap();
    (server, store, login)
}

/// Redis was started with a clock that is behind, and forgot the links. It would claim to remember since an hour ago.
#[tokio::test]
async fn a_clock_that_is_behind_at_the_start_proves_nothing() {
    let (mut server, store, login) = with_a_used_link().await;

    server.set_clock(-3600);
    server.restart(&[]);
    let another = server.store();
    assert_eq!(failure(&another).await, "state_clock");
    server.set_clock(0);
    recovers(&store).await;
    for store in [store, another] {
        assert_eq!(store.check_links().await.unwrap_err().code, "state_young");
        store.first_use(&login, now()).await.unwrap_err();
    }
}

/// The machine that noted the time had the same wrong clock, and is gone.
#[tokio::test]
async fn a_time_that_is_noted_by_a_wrong_clock_is_noted_anew() {
    let (mut server, store, login) = with_a_used_link().await;
    // The clock was ahead: the time has not come yet.
    server.remembers_since(now().unix_timestamp() + 3600).await;
    let another = server.store();
    let young = another.check_links().await.unwrap_err();
    assert_eq!(young.code, "state_young");
    assert!(young.wait.unwrap() < Duration::from_secs(200), "{young}");

    // The clock was behind when Redis lost the links: it remembered before the last check of its predecessor.
    server.remembers_for_long().await;
    store.check_links().await.unwrap();
    server.restart(&[]);
    recovers(&another).await;
    server.remembers_for_long().await;
    recovers(&store).await;
    assert_eq!(store.check_links().await.unwrap_err().code, "state_young");
    store.first_use(&login, now()).await.unwrap_err();
}

/// The clock of Redis is set, and it remembers as before: what it noted by the old clock proves nothing.
#[tokio::test]
async fn a_clock_that_is_set_makes_redis_young() {
    let server = TestRedis::start_with_clock();
    // Less than the 60 s that clocks may differ.
    server.set_clock(-50);
    let store = server.old_store().await;
    let login = |email| AutoAuthLogin::for_test(email, now().unix_timestamp());
    store.first_use(&login("1@whmcs.com"), now()).await.unwrap();
    server.set_clock(0);
    store.first_use(&login("2@whmcs.com"), now()).await.unwrap();
    store.check_links().await.unwrap();

    // More than 60 s in one step, while no check of the server is due.
    server.set_clock(-50);
    store.check().await.unwrap();
    server.set_clock(50);
    assert_eq!(store.first_use(&login("3@whmcs.com"), now()).await, FORGOTTEN);
    // And back, before a check is due.
    server.set_clock(-50);
    assert_eq!(store.check_links().await.unwrap_err().code, "state_young");
    // The check alone notices it as well, over a new connection too.
    server.remembers_for_long().await;
    store.check_links().await.unwrap();
    server.run::<()>(&["CLIENT", "KILL", "TYPE", "normal"]).await;
    server.set_clock(50);
    recovers(&store).await;
    assert_eq!(store.check_links().await.unwrap_err().code, "state_young");
}

/// While no link of now is accepted, the store says so, since when it remembers, and for how long.
#[tokio::test]
async fn a_young_server_says_since_when_it_remembers() {
    let server = TestRedis::start(&[]);
    let store = server.store();
    assert_eq!(store.links_wait(), Duration::ZERO, "nothing is known");
    store.check().await.unwrap();
    let waits = |wait: Duration, expected: u64| {
        // The machine may be busy.
        let shortest = Duration::from_secs(expected - 40);
        assert!(wait > shortest && wait <= Duration::from_secs(expected), "{wait:?}");
    };
    waits(store.links_wait(), 181);

    let since = now().unix_timestamp() - 100;
    server.remembers_since(since).await;
    let young = store.check_links().await.unwrap_err();
    assert_eq!(young.code, "state_young");
    assert!(!young.is_by_options());
    waits(young.wait.unwrap(), 81);
    waits(store.links_wait(), 81);
    let clock = |seconds: i64| {
        let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second())
    };
    let expected = format!(
        "Redis remembers used links since {}, and links are refused until {}, ",
        clock(since),
        clock(since + 181)
    );
    assert!(young.cause.starts_with(&expected), "{young}");
    // The visitor is told to come later, and the link is not used up.
    let login = login_made_in(0, "demo@whmcs.com");
    let error = state_error(&store, &login).await;
    assert_eq!((error.code, error.cause), (young.code, young.cause));
    waits(error.wait.unwrap(), 81);

    server.remembers_since(now().unix_timestamp() - 181).await;
    store.check_links().await.unwrap();
    assert_eq!(store.links_wait(), Duration::ZERO);
    let login = AutoAuthLogin::for_test("demo@whmcs.com", now().unix_timestamp());
    store.first_use(&login, now()).await.unwrap();
    // A link alone shows it as well, without a check.
    server.remembers_since(now().unix_timestamp() - 100).await;
    let _ = store.first_use(&login_made_in(0, "other@whmcs.com"), now()).await;
    waits(store.links_wait(), 81);
}

/// Machines may let links be ahead by different times, and none knows the times of the others.
#[tokio::test]
async fn a_link_that_was_used_early_is_not_accepted_after_a_loss() {
    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    let keys = AutoAuthKeys::from(key.clone());
    for is_emptied in [true, false] {
        for ahead in [0, 70, 100, 120] {
            let mut server = TestRedis::start(&[]);
            let (early, late) = (server.store(), server.store());
            early.check().await.unwrap();
            server.remembers_for_long().await;
            let now = now();
            let at = now + Duration::from_secs(ahead);
            let link = sign_autoauth("demo@whmcs.com", None, &key, &at).unwrap();
            let login = |clock: &OffsetDateTime, ahead| {
                let policy = AutoAuthPolicy::new().with_future_limit(Duration::from_secs(ahead));
                let request = AutoAuthRequest::from_query(link.query());
                request.verify(&keys, clock, &policy).unwrap().into_owned()
            };
            early.first_use(&login(&now, ahead), now).await.unwrap();
            match is_emptied {
                true => server.run::<()>(&["FLUSHALL"]).await,
                false => server.restart(&[]),
            }
            recovers(&late).await;
            // The other machine accepts no link before its timestamp.
            let answer = late.first_use(&login(&at, 0), at).await;
            assert!(answer.is_err(), "{ahead} s ahead");
            // Nor later, when the links that are made then are accepted.
            server.remembers_since(now.unix_timestamp() + 1).await;
            let login = login(&(at + Duration::from_secs(300)), 0);
            assert!(late.first_use(&login, at + Duration::from_secs(300)).await.is_err());
        }
    }
}

#[tokio::test]
async fn a_link_that_is_further_ahead_than_others_expect_is_refused() {
    let server = TestRedis::start(&[]);
    let store = server.old_store().await;
    let now = now();
    let login = |seconds| AutoAuthLogin::for_test("demo@whmcs.com", now.unix_timestamp() + seconds);
    assert_eq!(store.first_use(&login(121), now).await, FORGOTTEN);
    assert_eq!(store.first_use(&login(900), now).await, FORGOTTEN);
    store.first_use(&login(120), now).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_gone_refuses_and_comes_back() {
    let mut server = TestRedis::start(&[]);
    let store = server.store();
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
    let installation = Installation::new("test", "https://test.example").unwrap();
    let store = || Redis::new(&url, installation.clone()).unwrap();
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
    let store = server.store();
    assert_eq!(failure(&store).await, "state_unreachable");
    assert_eq!(store.entries(Kind::Session), None, "it would have to be asked");
    server.restart(&[]);
    recovers(&store).await;
}

/// Otherwise each request would wait for an attempt of its own.
#[tokio::test]
async fn a_failed_connection_is_not_tried_again_for_half_a_second() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", listener.local_addr().unwrap());
    let store =
        Redis::new(&url, Installation::new("test", "https://test.example").unwrap()).unwrap();
    let (tried, mut attempts) = watch::channel(0);
    tokio::spawn(async move {
        loop {
            drop(listener.accept().await.unwrap());
            tried.send_modify(|attempts| *attempts += 1);
        }
    });
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(store.check().await.unwrap_err().code, "state_unreachable");
    }
    let most = 1 + begun.elapsed().as_millis() / 500;
    let attempts = *attempts.borrow_and_update();
    assert!((1..=most).contains(&attempts), "{attempts} in {:?}", begun.elapsed());
}

/// A server that saves from time to time comes back with its older keys.
#[tokio::test]
async fn a_server_that_lost_its_newest_links_accepts_no_used_one() {
    let mut server = TestRedis::start(&[]);
    let store = server.old_store().await;
    server.run::<()>(&["SAVE"]).await;
    let used = login_made_in(0, "demo@whmcs.com");
    store.first_use(&used, now()).await.unwrap();

    server.restart(&[]);
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:test:*"]).await;
    assert_eq!(keys.len(), 1, "the time was saved, and the link was not: {keys:?}");
    recovers(&store).await;
    is_refused(&store, &used).await;
}

#[tokio::test]
async fn a_slow_server_refuses() {
    let server = TestRedis::start(&[]);
    let store = server.old_store().await;
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
        let store = server.store();
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
    server.store().check().await.unwrap();
}

/// Nothing is checked between the eviction and the links.
#[tokio::test]
async fn evicted_links_are_not_accepted_in_the_same_moment() {
    let server = TestRedis::start(&[]);
    let stores = [server.store(), server.store()];
    for store in &stores {
        store.check().await.unwrap();
    }
    server.remembers_for_long().await;
    let now = now();
    let used: Vec<_> =
        (0..2000).map(|number| login_made_in(0, &format!("client{number}@whmcs.com"))).collect();
    for login in &used {
        stores[0].first_use(login, now).await.unwrap();
    }
    let memory: String = server.run(&["INFO", "memory"]).await;
    let bytes = memory.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap();
    let fewer = (bytes.trim().parse::<u64>().unwrap() - 50_000).to_string();
    server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", &fewer]).await;
    for store in &stores {
        let UseError::State(error) = store.first_use(&used[0], now).await.unwrap_err() else {
            panic!("the policy is asked with the link");
        };
        assert_eq!(error.code, "state_evicts");
    }
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let left: Vec<String> = server.run(&["KEYS", "whmcs-auth:test:used_link:*"]).await;
    assert!(left.len() < used.len(), "nothing was evicted");
    sleep(Duration::from_secs(1)).await;
    for login in &used {
        for store in &stores {
            store.first_use(login, now).await.unwrap_err();
        }
    }
}

/// The same, if the server evicts for so short a time that no link sees it, and the server has not been checked
/// since.
#[tokio::test]
async fn an_eviction_that_is_over_is_noticed_with_the_next_link() {
    let server = TestRedis::start(&[]);
    let store = server.old_store().await;
    let used = login_made_in(0, "demo@whmcs.com");
    store.first_use(&used, now()).await.unwrap();
    server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    let left: Vec<String> = server.run(&["KEYS", "whmcs-auth:test:used_link:*"]).await;
    assert_eq!(left.len(), 0, "the link was not evicted");
    assert_eq!(store.first_use(&used, now()).await, FORGOTTEN);
    is_refused(&store, &used).await;
}

/// Sessions and the like trust a check for ten seconds, and no longer.
#[tokio::test]
async fn a_server_is_checked_again_after_a_while() {
    let server = TestRedis::start(&[]);
    let store = server.store();
    store.put(&key(), "1".to_owned(), MINUTE).await.unwrap();
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "100mb"]).await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]).await;
    pause();
    advance(Duration::from_secs(11)).await;
    resume();
    assert_eq!(store.get(&key()).await.unwrap_err().code, "state_evicts");
}

#[tokio::test]
async fn installations_know_nothing_of_each_other() {
    let server = TestRedis::start(&[]);
    let a = server.store_of("a", "https://a.example");
    let b = server.store_of("b", "https://b.example");
    a.check().await.unwrap();
    b.check().await.unwrap();
    server.remembers_for_long().await;
    let list = Key::new(Kind::Sessions, "1");
    a.put(&key(), "1".to_owned(), MINUTE).await.unwrap();
    assert_eq!(b.get(&key()).await.unwrap(), None);
    assert_eq!(b.take(&key()).await.unwrap(), None);
    b.put(&key(), "2".to_owned(), MINUTE).await.unwrap();
    b.bound(&list, &key(), 1, MINUTE).await.unwrap();
    for number in 0..3 {
        let other = Key::new(Kind::Session, &number.to_string());
        a.put(&other, "1".to_owned(), MINUTE).await.unwrap();
        a.bound(&list, &other, 1, MINUTE).await.unwrap();
    }
    assert_eq!(a.get(&key()).await.unwrap().as_deref(), Some("1"));
    assert_eq!(b.get(&key()).await.unwrap().as_deref(), Some("2"));
    let failures = Key::new(Kind::Failures, "203.0.113.7");
    assert_eq!(a.add(&failures, MINUTE).await.unwrap(), 1);
    assert_eq!(b.count(&failures).await.unwrap().count, 0);
    assert_eq!(b.add(&failures, MINUTE).await.unwrap(), 1);
    // They may have one key, and then the same links.
    let link = login_made_in(0, "demo@whmcs.com");
    for store in [&a, &b] {
        store.first_use(&link, now()).await.unwrap();
        assert_eq!(store.first_use(&link, now()).await, USED);
    }
    let keys: Vec<String> = server.run(&["KEYS", "*"]).await;
    let is_of_one =
        |key: &String| key.starts_with("whmcs-auth:a:") || key.starts_with("whmcs-auth:b:");
    let others: Vec<_> = keys.iter().filter(|key| !is_of_one(key)).collect();
    assert_eq!(others, ["whmcs-auth:installations"]);

    // Whoever deletes what one of them has, deletes what it knows of its links.
    let since: Vec<String> = server.run(&["KEYS", "whmcs-auth:a:*"]).await;
    for key in since {
        server.run::<()>(&["DEL", &key]).await;
    }
    assert_eq!(a.first_use(&link, now()).await, FORGOTTEN);
    assert_eq!(b.first_use(&link, now()).await, USED);
}

#[tokio::test]
async fn a_name_belongs_to_one_site_and_a_site_to_one_name() {
    let server = TestRedis::start(&[]);
    let first = server.store_of("a", "https://a.example/whmcs/");
    first.check().await.unwrap();
    server.store_of("a", "http://A.example/whmcs").check().await.unwrap();
    server.store_of("b", "https://b.example").check().await.unwrap();

    let other_site = server.store_of("a", "https://c.example");
    let other_name = server.store_of("c", "https://a.example/whmcs");
    for (store, this) in [(&other_site, "a at c.example"), (&other_name, "c at a.example/whmcs")] {
        let error = store.check().await.unwrap_err();
        let expected = format!(
            "this Redis knows the installation a at a.example/whmcs, and this is {this}: correct --installation, or \
             run HDEL whmcs-auth:installations a if it has moved"
        );
        assert_eq!((error.code, error.cause), ("state_installation", expected));
        assert_eq!(failure(store).await, "state_installation");
    }
    let swapped = server.store_of("a", "https://b.example");
    assert_eq!(swapped.check().await.unwrap_err().code, "state_installation");
    first.check().await.unwrap();

    // Nothing is written for one that is refused.
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:c:*"]).await;
    assert!(keys.is_empty(), "{keys:?}");
    let sites: Vec<String> = server.run(&["HKEYS", "whmcs-auth:installations"]).await;
    assert_eq!(sites.len(), 2, "{sites:?}");

    // The cure works without a restart, and then the others are refused.
    server.run::<()>(&["HDEL", "whmcs-auth:installations", "a"]).await;
    recovers(&other_site).await;
    assert_eq!(first.check().await.unwrap_err().code, "state_installation");
}

/// A program starts without its Redis, and not in place of another installation.
#[tokio::test]
async fn only_an_installation_of_another_site_stops_the_start() {
    let mut server = TestRedis::start(&[]);
    check_at_start(&server.store(), true).await.unwrap();
    let other = server.store_of("test", "https://other.example");
    for are_links_used_once in [true, false] {
        let error = check_at_start(&other, are_links_used_once).await.unwrap_err();
        assert_eq!(error.code, "state_installation");
    }
    server.kill();
    for are_links_used_once in [true, false] {
        check_at_start(&server.store(), are_links_used_once).await.unwrap();
    }
}

#[tokio::test]
async fn a_full_server_refuses() {
    let server = TestRedis::start(&["--maxmemory-policy", "noeviction"]);
    let store = server.old_store().await;
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "1"]).await;
    let login = login_made_in(0, "demo@whmcs.com");
    let error = state_error(&store, &login).await;
    assert_eq!(error.code, "state_full");
    server.run::<()>(&["CONFIG", "SET", "maxmemory", "0"]).await;
    recovers(&store).await;
    store.first_use(&login, now()).await.unwrap();
}

#[tokio::test]
async fn a_replica_is_refused() {
    let master = TestRedis::start(&[]);
    let replica = TestRedis::start(&[]);
    let store = replica.store();
    recovers(&store).await;
    become_replica(&replica, &master).await;
    // It is not checked for each session.
    let error = store.put(&key(), "1".to_owned(), MINUTE).await.unwrap_err();
    assert_eq!(error.code, "state_replica");
    let login = login_made_in(0, "demo@whmcs.com");
    let error = state_error(&store, &login).await;
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
    let store = server.old_store().await;
    let used = login_made_in(0, "demo@whmcs.com");
    let saved: String = server.run(&["GET", &since(&server).await]).await;
    let name = since(&server).await;
    store.first_use(&used, now()).await.unwrap();
    server.restart(&[]);
    // The key of the old process, as a replica has it, and not the link.
    server.run::<()>(&["SET", &name, &saved]).await;
    recovers(&store).await;
    is_refused(&store, &used).await;
}

/// A master becomes a replica and a master again, in one process. A link that was used at the other server
/// never reached it.
#[tokio::test]
async fn a_former_master_accepts_no_used_link() {
    let (former, other) = (TestRedis::start(&[]), TestRedis::start(&[]));
    follow(&other, &former).await;
    let store = former.old_store().await;
    store.first_use(&login_made_in(0, "first@whmcs.com"), now()).await.unwrap();
    let replicas: i64 = former.run(&["WAIT", "1", "5000"]).await;
    assert_eq!(replicas, 1);

    other.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    follow(&former, &other).await;
    former.run::<()>(&["REPLICAOF", "NO", "ONE"]).await;
    recovers(&store).await;
    is_refused(&store, &login_made_in(0, "used.at.the.other@whmcs.com")).await;
}

/// What is written to a replica is lost, even if it has the data of its master and can be written.
#[tokio::test]
async fn a_replica_whose_link_is_up_is_refused() {
    let (master, replica) = (TestRedis::start(&[]), TestRedis::start(&[]));
    let before = replica.store();
    before.check().await.unwrap();
    replica.run::<()>(&["CONFIG", "SET", "replica-read-only", "no"]).await;
    follow(&replica, &master).await;
    let store = master.old_store().await;
    assert_eq!(failure(&replica.store()).await, "state_replica");
    // The time of its last check is not over.
    let login = login_made_in(0, "demo@whmcs.com");
    let error = state_error(&before, &login).await;
    assert_eq!(error.code, "state_replica");
    // Its master works.
    store.first_use(&login, now()).await.unwrap();
}

/// The link is refused, now and at the next attempt.
async fn is_refused(store: &Redis, login: &AutoAuthLogin<'_>) {
    for _ in 0..2 {
        match store.first_use(login, now()).await.unwrap_err() {
            UseError::Refused(ReplayRefusal::MayBeForgotten) => {}
            UseError::State(error) => assert_eq!(error.code, "state_young", "{error}"),
            UseError::Refused(refusal) => panic!("{refusal}"),
        }
    }
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
    let keys: Vec<String> = server.run(&["KEYS", "whmcs-auth:test:since:*"]).await;
    keys.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_cluster_is_refused() {
    let server = TestRedis::start(&["--cluster-enabled", "yes"]);
    assert_eq!(failure(&server.store()).await, "state_mode");
}

#[tokio::test]
async fn what_redis_hides_is_not_guessed() {
    let server = TestRedis::start(&["--rename-command", "INFO", "hidden"]);
    let store = server.store();
    assert_eq!(failure(&store).await, "state_failure");
}

#[tokio::test]
async fn a_password_is_taken_from_the_url_and_never_shown() {
    let server = TestRedis::start(&["--requirepass", "pass-word"]);
    let installation = || Installation::new("test", "https://test.example").unwrap();
    let with = |password: &str| {
        Redis::new(&server.url().replace("//", &format!("//:{password}@")), installation())
    };
    with("pass-word").unwrap().check().await.unwrap();
    let error = with("wrong-word").unwrap().check().await.unwrap_err();
    assert!(!error.cause.contains("wrong-word"), "{error}");
    let error = server.store().check().await.unwrap_err();
    assert!(error.cause.contains("NOAUTH") || error.cause.contains("uthentication"), "{error}");
    for url in ["", "redis://", "http://:pass-word@127.0.0.1", "redis://:pass-word@127.0.0.1:x"] {
        let Err(error) = Redis::new(url, installation()) else { panic!("{url}") };
        assert_eq!(error.code, "state_url");
        assert!(!error.to_string().contains("pass-word"), "{error}");
    }
}
