//! What only the memory of the process does: it has a capacity.

use std::time::Duration;

use time::OffsetDateTime;
use whmcs_auth::{AutoAuthLogin, ReplayRefusal};
use whmcs_auth_state::{Capacity, Key, Kind, Memory, Store, UseError};

const CAPACITY: Capacity = Capacity { links: 1, sessions: 2, sso_tokens: 2, failures: 2 };

#[tokio::test]
async fn a_link_without_room_is_refused() {
    let store = Memory::new(CAPACITY);
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let login = |email: &str| AutoAuthLogin::for_test(email, 1_700_000_000);
    store.first_use(&login("a@whmcs.com"), now).await.unwrap();
    let full = Err(UseError::Refused(ReplayRefusal::Full));
    assert_eq!(store.first_use(&login("b@whmcs.com"), now).await, full);
}

/// The clock was an hour behind when the program started, and was set then.
#[tokio::test]
async fn a_clock_that_was_behind_at_the_start_lets_no_older_link_in() {
    const START: i64 = 1_700_000_000;
    let at = |seconds| OffsetDateTime::from_unix_timestamp(START + seconds).unwrap();
    let login = |seconds| AutoAuthLogin::for_test("a@whmcs.com", START + seconds);
    let store = Memory::new(Capacity { links: 9, ..CAPACITY }).since(at(0));
    let forgotten = Err(UseError::Refused(ReplayRefusal::MayBeForgotten));
    assert_eq!(store.first_use(&login(0), at(1)).await, forgotten);
    store.first_use(&login(1), at(1)).await.unwrap();
    // The test itself takes less than 100 s.
    for seconds in [1, 3000, 3500] {
        assert_eq!(store.first_use(&login(seconds), at(3600)).await, forgotten, "{seconds}");
    }
    store.first_use(&login(3600), at(3600)).await.unwrap();
}

/// The clock was 100 s ahead when the program started, and was set then.
#[tokio::test]
async fn a_clock_that_was_ahead_at_the_start_is_reported_while_it_refuses_links() {
    let store = |start| Memory::new(CAPACITY).since(start);
    let now = OffsetDateTime::now_utc();
    let wrong = store(now + Duration::from_secs(100));
    // The link is newer than the process, and older than what the clock showed at the start.
    let new_link = AutoAuthLogin::for_test("a@whmcs.com", now.unix_timestamp() + 60);
    let forgotten = Err(UseError::Refused(ReplayRefusal::MayBeForgotten));
    assert_eq!(wrong.first_use(&new_link, now).await, forgotten);
    let error = wrong.check_links().await.unwrap_err();
    assert_eq!(error.code, "state_clock");
    // The test itself takes less than 50 s.
    for wait in [error.wait.unwrap(), wrong.links_wait()] {
        assert!((50..=100).contains(&wait.as_secs()), "{wait:?}");
    }
    wrong.check().await.unwrap();
    for right in [store(now), Memory::new(CAPACITY)] {
        right.check_links().await.unwrap();
        assert_eq!(right.links_wait(), Duration::ZERO);
    }
}

#[tokio::test]
async fn each_kind_has_room_of_its_own_and_drops_the_least_recently_used() {
    let store = Memory::new(CAPACITY);
    let minute = Duration::from_secs(60);
    let session = |id| Key::new(Kind::Session, id);
    for id in ["a", "b"] {
        store.put(&session(id), id.to_owned(), minute).await.unwrap();
    }
    for id in 0..10 {
        store.put(&Key::new(Kind::SsoToken, &id.to_string()), String::new(), minute).await.unwrap();
        store.add(&Key::new(Kind::Failures, &id.to_string()), minute).await.unwrap();
    }
    // The cache evicts entries in the background.
    let settle = || tokio::time::sleep(Duration::from_millis(500));
    settle().await;
    assert!(store.get(&session("b")).await.unwrap().is_some());
    assert!(store.get(&session("a")).await.unwrap().is_some());
    settle().await;
    store.put(&session("c"), String::new(), minute).await.unwrap();
    settle().await;
    assert!(store.get(&session("a")).await.unwrap().is_some());
    assert_eq!(store.get(&session("b")).await.unwrap(), None);
}
