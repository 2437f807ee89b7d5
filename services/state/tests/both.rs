//! What a store promises, for each store.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio::time::sleep;
use whmcs_auth::{
    AutoAuthKey, AutoAuthKeys, AutoAuthLogin, AutoAuthPolicy, AutoAuthRequest, ReplayRefusal,
    sign_autoauth,
};
use whmcs_auth_state::test_redis::TestRedis;
use whmcs_auth_state::{Capacity, Count, Hold, Key, Kind, Memory, Store, UseError, use_once};

const LONG: Duration = Duration::from_secs(60);

/// Runs the test with each store. Redis remembers for long enough to know about every link.
macro_rules! for_both {
    ($($test:ident)*) => {
        mod memory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(super::memory()).await;
            })*
        }
        mod redis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let server = super::TestRedis::start(&[]);
                super::$test(super::redis(&server).await).await;
            })*
        }
    };
}

for_both! {
    a_link_is_used_once
    a_link_raced_by_many_is_used_once
    a_link_is_accepted_with_its_account
    values_are_stored_by_kind_and_id
    a_value_is_replaced
    a_value_expires
    a_value_is_kept_as_long_as_asked
    keeping_what_is_gone_makes_nothing
    a_value_is_taken_once
    a_value_raced_by_many_is_taken_once
    counts_add_up
    a_count_starts_again_after_its_window
    additions_by_many_are_all_counted
    guesses_hold_what_the_failures_leave
    guesses_raced_by_many_are_bounded
    a_list_keeps_the_newest_values
    a_list_raced_by_many_is_bounded
    a_value_that_a_list_dropped_stays_gone
    a_working_store_passes_its_check
    hostile_ids_and_values_are_kept_apart
}

fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::new(Capacity {
        links: 10_000,
        sessions: 10_000,
        sso_tokens: 10_000,
        failures: 10_000,
    }))
}

async fn redis(server: &TestRedis) -> Arc<dyn Store> {
    Arc::new(server.old_store().await)
}

fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// The login of a genuine link that was made now.
fn login(email: &str) -> AutoAuthLogin<'static> {
    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    let link = sign_autoauth(email, None, &key, &now()).unwrap();
    let request = AutoAuthRequest::from_query(link.query());
    let login = request.verify(&AutoAuthKeys::from(key), &now(), &AutoAuthPolicy::new());
    login.unwrap().into_owned()
}

fn session(id: &str) -> Key {
    Key::new(Kind::Session, id)
}

/// How many of 32 tasks get `true`.
async fn race<F>(task: impl Fn() -> F) -> usize
where
    F: Future<Output = bool> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        tasks.spawn(task());
    }
    tasks.join_all().await.into_iter().filter(|is_first| *is_first).count()
}

async fn a_link_is_used_once(store: Arc<dyn Store>) {
    let (first, other) = (login("demo@whmcs.com"), login("other@whmcs.com"));
    store.first_use(&first, now()).await.unwrap();
    let used = Err(UseError::Refused(ReplayRefusal::Used));
    assert_eq!(store.first_use(&first, now()).await, used);
    store.first_use(&other, now()).await.unwrap();
    assert_eq!(store.first_use(&first, now()).await, used);
}

async fn a_link_raced_by_many_is_used_once(store: Arc<dyn Store>) {
    for number in 0..50 {
        let login = login(&format!("client{number}@whmcs.com"));
        let uses = || {
            let (store, login) = (Arc::clone(&store), login.clone());
            async move { store.first_use(&login, now()).await.is_ok() }
        };
        assert_eq!(race(uses).await, 1);
    }
}

async fn a_link_is_accepted_with_its_account(store: Arc<dyn Store>) {
    for expected in [Ok("demo@whmcs.com"), Err(UseError::Refused(ReplayRefusal::Used))] {
        let login = AutoAuthLogin::into_owned(login_of_second_42());
        let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true).unwrap();
        let accepted = use_once(&*store, login, now()).await;
        assert_eq!(accepted.map(|login| login.into_account()), expected);
    }
}

/// The same login each time.
fn login_of_second_42() -> AutoAuthLogin<'static> {
    let at = now().replace_nanosecond(0).unwrap() - Duration::from_secs(now().second().into());
    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    let link = sign_autoauth("demo@whmcs.com", None, &key, &at).unwrap();
    let request = AutoAuthRequest::from_query(link.query());
    request.verify(&AutoAuthKeys::from(key), &at, &AutoAuthPolicy::new()).unwrap().into_owned()
}

async fn values_are_stored_by_kind_and_id(store: Arc<dyn Store>) {
    store.put(&session("a"), "1".to_owned(), LONG).await.unwrap();
    assert_eq!(store.get(&session("a")).await.unwrap().as_deref(), Some("1"));
    assert_eq!(store.get(&session("b")).await.unwrap(), None);
    assert_eq!(store.get(&Key::new(Kind::SsoToken, "a")).await.unwrap(), None);
    assert_eq!(store.take(&Key::new(Kind::SsoToken, "a")).await.unwrap(), None);
    assert_eq!(store.get(&session("a")).await.unwrap().as_deref(), Some("1"));
}

async fn a_value_is_replaced(store: Arc<dyn Store>) {
    store.put(&session("a"), "1".to_owned(), Duration::from_millis(300)).await.unwrap();
    store.put(&session("a"), "2".to_owned(), LONG).await.unwrap();
    sleep(Duration::from_millis(500)).await;
    assert_eq!(store.get(&session("a")).await.unwrap().as_deref(), Some("2"));
}

async fn a_value_expires(store: Arc<dyn Store>) {
    store.put(&session("a"), "1".to_owned(), Duration::from_millis(600)).await.unwrap();
    store.put(&session("none"), "1".to_owned(), Duration::ZERO).await.unwrap();
    assert_eq!(store.get(&session("a")).await.unwrap().as_deref(), Some("1"));
    sleep(Duration::from_millis(50)).await;
    assert_eq!(store.get(&session("none")).await.unwrap(), None);
    sleep(Duration::from_millis(700)).await;
    assert_eq!(store.get(&session("a")).await.unwrap(), None);
    assert_eq!(store.take(&session("a")).await.unwrap(), None);
}

async fn a_value_is_kept_as_long_as_asked(store: Arc<dyn Store>) {
    store.put(&session("longer"), "1".to_owned(), Duration::from_millis(500)).await.unwrap();
    store.put(&session("shorter"), "1".to_owned(), LONG).await.unwrap();
    store.keep(&session("longer"), LONG).await.unwrap();
    store.keep(&session("shorter"), Duration::from_millis(500)).await.unwrap();
    sleep(Duration::from_millis(700)).await;
    assert_eq!(store.get(&session("longer")).await.unwrap().as_deref(), Some("1"));
    assert_eq!(store.get(&session("shorter")).await.unwrap(), None);
}

async fn keeping_what_is_gone_makes_nothing(store: Arc<dyn Store>) {
    store.keep(&session("a"), LONG).await.unwrap();
    assert_eq!(store.get(&session("a")).await.unwrap(), None);
}

async fn a_value_is_taken_once(store: Arc<dyn Store>) {
    store.put(&session("a"), "1".to_owned(), LONG).await.unwrap();
    assert_eq!(store.take(&session("a")).await.unwrap().as_deref(), Some("1"));
    assert_eq!(store.take(&session("a")).await.unwrap(), None);
    assert_eq!(store.get(&session("a")).await.unwrap(), None);
}

async fn a_value_raced_by_many_is_taken_once(store: Arc<dyn Store>) {
    for number in 0..50 {
        let key = Key::new(Kind::SsoToken, &number.to_string());
        store.put(&key, "1".to_owned(), LONG).await.unwrap();
        let takes = || {
            let (store, key) = (Arc::clone(&store), key.clone());
            async move { store.take(&key).await.unwrap().is_some() }
        };
        assert_eq!(race(takes).await, 1);
    }
}

async fn counts_add_up(store: Arc<dyn Store>) {
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let other = Key::new(Kind::Failures, "203.0.113.8");
    assert_eq!(store.count(&key).await.unwrap(), Count::default());
    for expected in 1..=3 {
        assert_eq!(store.add(&key, LONG).await.unwrap(), expected);
        let Count { count, left } = store.count(&key).await.unwrap();
        assert_eq!(count, expected);
        assert!(left <= LONG && left > LONG - Duration::from_secs(5), "{left:?}");
    }
    assert_eq!(store.count(&other).await.unwrap(), Count::default());
    assert_eq!(store.add(&other, LONG).await.unwrap(), 1);
}

async fn a_count_starts_again_after_its_window(store: Arc<dyn Store>) {
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let window = Duration::from_millis(800);
    assert_eq!(store.add(&key, window).await.unwrap(), 1);
    sleep(Duration::from_millis(500)).await;
    // The window begins with the first addition, and a later one does not move its end.
    assert_eq!(store.add(&key, window).await.unwrap(), 2);
    assert!(store.count(&key).await.unwrap().left <= Duration::from_millis(300));
    sleep(Duration::from_millis(500)).await;
    assert_eq!(store.count(&key).await.unwrap(), Count::default());
    assert_eq!(store.add(&key, window).await.unwrap(), 1);
}

async fn additions_by_many_are_all_counted(store: Arc<dyn Store>) {
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let adds = || {
        let (store, key) = (Arc::clone(&store), key.clone());
        async move { store.add(&key, LONG).await.unwrap() == 1 }
    };
    assert_eq!(race(adds).await, 1);
    assert_eq!(store.count(&key).await.unwrap().count, 32);
}

async fn held(store: &Arc<dyn Store>, key: &Key) -> u64 {
    match store.hold(key, 2, LONG).await.unwrap() {
        Hold::Held(place) => place,
        other => panic!("{other:?}"),
    }
}

async fn guesses_hold_what_the_failures_leave(store: Arc<dyn Store>) {
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let other = Key::new(Kind::Failures, "203.0.113.8");
    let waits = async || assert_eq!(store.hold(&key, 2, LONG).await.unwrap(), Hold::Wait);
    let (first, second) = (held(&store, &key).await, held(&store, &key).await);
    waits().await;
    held(&store, &other).await;
    assert_eq!(store.count(&key).await.unwrap(), Count::default(), "a guess is no failure");
    store.release(&key, first).await.unwrap();
    let third = held(&store, &key).await;
    waits().await;

    // A guess that failed leaves one place less.
    store.add(&key, LONG).await.unwrap();
    store.release(&key, second).await.unwrap();
    waits().await;
    store.release(&key, third).await.unwrap();
    let fourth = held(&store, &key).await;
    waits().await;
    store.add(&key, LONG).await.unwrap();
    store.release(&key, fourth).await.unwrap();
    match store.hold(&key, 2, LONG).await.unwrap() {
        Hold::Full(left) => assert!(left <= LONG && left > LONG / 2, "{left:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(
        store.hold(&Key::new(Kind::Failures, "x"), 0, LONG).await.unwrap(),
        Hold::Full(Duration::ZERO)
    );
}

async fn guesses_raced_by_many_are_bounded(store: Arc<dyn Store>) {
    let key = Key::new(Kind::Failures, "203.0.113.7");
    let guesses = || {
        let (store, key) = (Arc::clone(&store), key.clone());
        async move { matches!(store.hold(&key, 7, LONG).await.unwrap(), Hold::Held(_)) }
    };
    assert_eq!(race(guesses).await, 7);
}

/// The ids of sessions that are stored.
async fn stored(store: &Arc<dyn Store>, ids: &[&str]) -> Vec<String> {
    let mut stored = Vec::new();
    for id in ids {
        if store.get(&session(id)).await.unwrap().is_some() {
            stored.push((*id).to_owned());
        }
    }
    stored
}

async fn begin(store: &Arc<dyn Store>, client: &str, id: &str) {
    store.put(&session(id), client.to_owned(), LONG).await.unwrap();
    store.bound(&Key::new(Kind::Sessions, client), &session(id), 3, LONG).await.unwrap();
}

async fn a_list_keeps_the_newest_values(store: Arc<dyn Store>) {
    let ids = ["other", "a", "b", "c", "d", "e", "f"];
    begin(&store, "8", "other").await;
    for id in ["a", "b", "c"] {
        begin(&store, "7", id).await;
    }
    assert_eq!(stored(&store, &ids).await, ["other", "a", "b", "c"]);
    begin(&store, "7", "d").await;
    assert_eq!(stored(&store, &ids).await, ["other", "b", "c", "d"]);
    // One that has ended makes room for another.
    store.take(&session("c")).await.unwrap();
    begin(&store, "7", "e").await;
    assert_eq!(stored(&store, &ids).await, ["other", "b", "d", "e"]);
    begin(&store, "7", "f").await;
    assert_eq!(stored(&store, &ids).await, ["other", "d", "e", "f"]);
}

async fn a_list_raced_by_many_is_bounded(store: Arc<dyn Store>) {
    let ids: Vec<_> = (0..32).map(|number| number.to_string()).collect();
    let mut tasks = JoinSet::new();
    for id in ids.clone() {
        let store = Arc::clone(&store);
        tasks.spawn(async move { begin(&store, "7", &id).await });
    }
    tasks.join_all().await;
    let ids: Vec<_> = ids.iter().map(String::as_str).collect();
    assert_eq!(stored(&store, &ids).await.len(), 3);
}

/// A visit keeps a session while a login ends it.
async fn a_value_that_a_list_dropped_stays_gone(store: Arc<dyn Store>) {
    for number in 0..500 {
        let (client, old, new) =
            (number.to_string(), format!("old{number}"), format!("new{number}"));
        let list = Key::new(Kind::Sessions, &client);
        store.put(&session(&old), client.clone(), LONG).await.unwrap();
        store.bound(&list, &session(&old), 1, LONG).await.unwrap();
        store.put(&session(&new), client, LONG).await.unwrap();
        let (keeper, kept) = (Arc::clone(&store), session(&old));
        let visits = tokio::spawn(async move {
            for _ in 0..20 {
                keeper.keep(&kept, LONG).await.unwrap();
            }
        });
        store.bound(&list, &session(&new), 1, LONG).await.unwrap();
        visits.await.unwrap();
        assert_eq!(store.get(&session(&old)).await.unwrap(), None, "{number}");
    }
}

async fn a_working_store_passes_its_check(store: Arc<dyn Store>) {
    store.check().await.unwrap();
}

async fn hostile_ids_and_values_are_kept_apart(store: Arc<dyn Store>) {
    let ids = ["", "\0", "a\r\nDEL *\r\n", "{a}", "*", "ü", &"x".repeat(100_000)];
    for id in ids {
        store.put(&session(id), format!("{id}\r\n$-1\r\n"), LONG).await.unwrap();
    }
    for id in ids {
        let value = store.take(&session(id)).await.unwrap().unwrap();
        assert_eq!(value, format!("{id}\r\n$-1\r\n"));
    }
}
