//! A memory in the process. It ends with the process.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use moka::Expiry;
use moka::ops::compute::{CompResult, Op};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use time::OffsetDateTime;
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{AutoAuthLogin, ReplayRefusal};

use crate::{Count, Hold, Key, Kind, StateError, Store, UseError};

/// How much a [`Memory`] remembers. If there is no room for a link, the link is refused. Otherwise the
/// least recently used entry of the same kind is dropped. The default remembers nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The most used links.
    pub links: usize,
    /// The most sessions.
    pub sessions: u64,
    /// The most single sign-on tokens.
    pub sso_tokens: u64,
    /// The most addresses with failures.
    pub failures: u64,
}

/// Remembers in the process.
pub struct Memory {
    links: ReplayGuard,
    /// The start of the program, if links from before are refused.
    start: Option<Start>,
    sessions: Entries,
    sso_tokens: Entries,
    failures: Cache<Key, Entry<Counted>>,
    /// How many guesses hold a place. None of these numbers is 0.
    guesses: Mutex<HashMap<Key, u64>>,
    /// The keys of the sessions of a client, from the oldest to the newest. Some may have ended.
    lists: Cache<Key, Entry<VecDeque<Key>>>,
}

#[derive(Clone, Copy)]
struct Start {
    /// What the clock showed.
    showed: OffsetDateTime,
    at: Instant,
}

type Entries = Cache<Key, Entry<String>>;

#[derive(Clone)]
struct Entry<T> {
    value: T,
    /// How long the entry lasts from now. `None` leaves the time of its end as it is.
    lifetime: Option<Duration>,
}

#[derive(Clone)]
struct Counted {
    count: u64,
    since: Instant,
    window: Duration,
}

/// The cache would keep an entry with a lifetime of 0.
fn lasting(lifetime: Duration) -> Option<Duration> {
    Some(lifetime.max(Duration::from_millis(1)))
}

struct ByLifetime;

impl<T> Expiry<Key, Entry<T>> for ByLifetime {
    fn expire_after_create(&self, _: &Key, entry: &Entry<T>, _: Instant) -> Option<Duration> {
        entry.lifetime
    }

    fn expire_after_update(
        &self,
        _: &Key,
        entry: &Entry<T>,
        _: Instant,
        left: Option<Duration>,
    ) -> Option<Duration> {
        entry.lifetime.or(left)
    }
}

fn entries<T: Clone + Send + Sync + 'static>(capacity: u64) -> Cache<Key, Entry<T>> {
    Cache::builder()
        .max_capacity(capacity)
        // The default policy may evict the newest entry.
        .eviction_policy(EvictionPolicy::lru())
        .expire_after(ByLifetime)
        .build()
}

/// The number of entries, without those that have expired.
fn live<T: Clone + Send + Sync + 'static>(entries: &Cache<Key, Entry<T>>) -> u64 {
    entries.run_pending_tasks();
    entries.entry_count()
}

impl Memory {
    /// Makes an empty memory.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            links: ReplayGuard::new(capacity.links),
            start: None,
            sessions: entries(capacity.sessions),
            sso_tokens: entries(capacity.sso_tokens),
            failures: entries(capacity.failures),
            guesses: Mutex::default(),
            lists: entries(capacity.sessions),
        }
    }

    /// Refuses links that were not made after this time, when the program started: they may have been used before.
    /// If the clock is set ahead later, the time of the start moves with it. If it is set back to before the start,
    /// links are refused until it shows that time again.
    #[must_use]
    pub fn since(self, start: OffsetDateTime) -> Self {
        let links = self.links.since(start);
        Self { links, start: Some(Start { showed: start, at: Instant::now() }), ..self }
    }

    /// Where the values of the key's kind are.
    fn of(&self, key: &Key) -> &Entries {
        match key.kind {
            Kind::SsoToken => &self.sso_tokens,
            Kind::Session | Kind::Sessions | Kind::Failures | Kind::Guesses => &self.sessions,
        }
    }

    fn guesses(&self) -> MutexGuard<'_, HashMap<Key, u64>> {
        self.guesses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn counted(&self, key: &Key) -> Count {
        let counted = self.failures.get(key).map(|entry| entry.value);
        counted.map_or(Count::default(), |Counted { count, since, window }| Count {
            count,
            left: window.saturating_sub(since.elapsed()),
        })
    }

    /// Removes and returns a value, unless it has expired.
    ///
    /// It waits for a [`keep`](Store::keep) of the same key, and the other way round. `Cache::remove` does not, so
    /// a value could come back.
    fn remove(&self, key: &Key) -> Option<String> {
        let removed = self.of(key).entry_by_ref(key).and_compute_with(|entry| match entry {
            Some(_) => Op::Remove,
            None => Op::Nop,
        });
        match removed {
            CompResult::Removed(entry) => Some(entry.into_value().value),
            _ => None,
        }
    }
}

#[async_trait]
impl Store for Memory {
    fn entries(&self, kind: Kind) -> Option<u64> {
        Some(match kind {
            Kind::Session => live(&self.sessions),
            Kind::SsoToken => live(&self.sso_tokens),
            Kind::Failures => live(&self.failures),
            Kind::Sessions => live(&self.lists),
            Kind::Guesses => self.guesses().values().sum(),
        })
    }

    async fn first_use(
        &self,
        login: &AutoAuthLogin<'_>,
        now: OffsetDateTime,
    ) -> Result<(), UseError> {
        if let Some(start) = self.start {
            // The guard knows the start by the clock of then, which may have been set since.
            let ago = start.at.elapsed().try_into().unwrap_or(time::Duration::MAX);
            if login.timestamp() <= now.saturating_sub(ago).unix_timestamp() {
                return Err(ReplayRefusal::MayBeForgotten.into());
            }
        }
        Ok(self.links.first_use(login, now)?)
    }

    async fn put(&self, key: &Key, value: String, lifetime: Duration) -> Result<(), StateError> {
        self.of(key).insert(key.clone(), Entry { value, lifetime: lasting(lifetime) });
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<String>, StateError> {
        Ok(self.of(key).get(key).map(|entry| entry.value))
    }

    async fn take(&self, key: &Key) -> Result<Option<String>, StateError> {
        Ok(self.remove(key))
    }

    async fn keep(&self, key: &Key, lifetime: Duration) -> Result<(), StateError> {
        self.of(key).entry_by_ref(key).and_compute_with(|entry| match entry {
            Some(entry) => Op::Put(Entry { lifetime: lasting(lifetime), ..entry.into_value() }),
            None => Op::Nop,
        });
        Ok(())
    }

    async fn add(&self, key: &Key, window: Duration) -> Result<u64, StateError> {
        let added = self.failures.entry_by_ref(key).and_compute_with(|entry| {
            Op::Put(match entry.map(|entry| entry.into_value()) {
                Some(Entry { value, .. }) => {
                    let count = value.count.saturating_add(1);
                    Entry { value: Counted { count, ..value }, lifetime: None }
                }
                None => {
                    let value = Counted { count: 1, since: Instant::now(), window };
                    Entry { value, lifetime: lasting(window) }
                }
            })
        });
        Ok(match added {
            CompResult::Inserted(entry) | CompResult::ReplacedWith(entry) => {
                entry.into_value().value.count
            }
            _ => 0,
        })
    }

    async fn count(&self, key: &Key) -> Result<Count, StateError> {
        Ok(self.counted(key))
    }

    /// The process that forgets a place has forgotten all else, so no lease is needed.
    async fn hold(&self, key: &Key, most: u64, _lease: Duration) -> Result<Hold, StateError> {
        let mut guesses = self.guesses();
        // With the lock, as a guess that failed adds its failure before it gives its place back.
        let Count { count, left } = self.counted(key);
        if count >= most {
            return Ok(Hold::Full(left));
        }
        let held = guesses.get(key).copied().unwrap_or(0);
        if count.saturating_add(held) >= most {
            return Ok(Hold::Wait);
        }
        guesses.insert(key.clone(), held.saturating_add(1));
        Ok(Hold::Held(0))
    }

    async fn release(&self, key: &Key, _place: u64) -> Result<(), StateError> {
        let mut guesses = self.guesses();
        match guesses.get_mut(key) {
            Some(held) if *held > 1 => *held = held.saturating_sub(1),
            _ => drop(guesses.remove(key)),
        }
        Ok(())
    }

    async fn bound(
        &self,
        list: &Key,
        added: &Key,
        most: usize,
        lifetime: Duration,
    ) -> Result<(), StateError> {
        self.lists.entry_by_ref(list).and_upsert_with(|keys| {
            let mut keys = keys.map(|keys| keys.into_value().value).unwrap_or_default();
            keys.retain(|key| self.of(key).contains_key(key));
            keys.push_back(added.clone());
            while keys.len() > most
                && let Some(oldest) = keys.pop_front()
            {
                self.remove(&oldest);
            }
            Entry { value: keys, lifetime: lasting(lifetime) }
        });
        Ok(())
    }

    async fn check(&self) -> Result<(), StateError> {
        Ok(())
    }

    async fn check_links(&self) -> Result<(), StateError> {
        let wait = self.links_wait();
        if wait.is_zero() {
            return Ok(());
        }
        let cause = "the clock was set back to before the start of this program, and links are refused until it \
                     shows that time again; before a restart, replace the AutoAuth key, because a link that was \
                     used by the wrong clock would work again";
        Err(StateError { wait: Some(wait), ..StateError::new("state_clock", cause) })
    }

    fn links_wait(&self) -> Duration {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let wait = self.start.map(|start| start.showed.unix_timestamp().saturating_sub(now));
        Duration::from_secs(wait.unwrap_or(0).max(0).unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_place_that_was_given_back_takes_no_memory() {
        let store = Memory::new(Capacity::default());
        let key = Key::new(Kind::Failures, "a");
        for _ in 0..2 {
            assert!(matches!(store.hold(&key, 2, Duration::ZERO).await, Ok(Hold::Held(_))));
        }
        store.release(&key, 0).await.unwrap();
        assert_eq!(store.guesses().get(&key), Some(&1));
        store.release(&key, 0).await.unwrap();
        assert!(store.guesses().is_empty());
    }
}
