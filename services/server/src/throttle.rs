//! Refuses addresses with too many failures, before anything is looked up or hashed.
//!
//! It has counters and is no rate limiter, because only failures count. A guess counts from before it is compared until
//! its outcome is known, so guesses at once cannot pass the limit. While the guesses in progress could reach it, others
//! wait for them. They are refused only if the limit is reached, so right callers at once never refuse each other.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::sync::Notify;
use tokio::time::timeout;
use whmcs_auth_services_base::client_network;
use whmcs_auth_state::{Hold, Key, Kind, Store};

use crate::refusal::Refusal;
use crate::settings::Limits;
use crate::to_its_end::to_its_end;

/// How soon a guess that waits asks again: the guesses that it waits for may be those of another server.
const ASKS_AGAIN: Duration = Duration::from_millis(50);

/// How much longer than an answer a guess may take: bcrypt goes on if its caller hangs up.
const LONGER: Duration = Duration::from_secs(60);

/// What a failed request guessed at. Failures of each kind count apart, so that broken login links never
/// lock an address out of the API, nor the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess {
    /// Credentials of the API, or its access key.
    Secret,
    /// The hash of a login link, or a single sign-on token.
    Link,
}

/// Failures by network. The count of a network starts again some time after its first failure.
#[derive(Clone)]
pub(crate) struct Throttle {
    state: Arc<dyn Store>,
    limit: u64,
    time: Duration,
    longest_guess: Duration,
    lines: Lines,
}

impl Throttle {
    pub(crate) fn new(state: Arc<dyn Store>, limits: &Limits) -> Self {
        Self {
            state,
            limit: limits.failures.into(),
            time: limits.failure_time,
            longest_guess: limits.answer_time.saturating_add(LONGER),
            lines: Lines::default(),
        }
    }

    /// Refuses an address with too many failures of this kind.
    pub(crate) async fn check(&self, guess: Guess, address: IpAddr) -> Result<(), Refusal> {
        let failures = self.state.count(&key(guess, address)).await?;
        match failures.count < self.limit {
            true => Ok(()),
            false => Err(throttled(failures.left)),
        }
    }

    /// Counts a guess before it is compared, until the returned value is dropped. It waits while the guesses in progress
    /// could reach the limit.
    pub(crate) async fn guess(&self, guess: Guess, address: IpAddr) -> Result<Guessing, Refusal> {
        let key = key(guess, address);
        if !self.lines.has(&key)
            && let Some(place) = self.hold(&key).await?
        {
            return Ok(place);
        }
        let line = self.lines.join(&key);
        let _first = line.first.lock().await;
        loop {
            if let Some(place) = self.hold(&key).await? {
                return Ok(place);
            }
            // Also if one has ended since the store was asked: a notification is kept.
            let _ = timeout(ASKS_AGAIN, line.has_ended.notified()).await;
        }
    }

    async fn hold(&self, key: &Key) -> Result<Option<Guessing>, Refusal> {
        let (throttle, key) = (self.clone(), key.clone());
        // To its end: a place that nobody takes is given back.
        let asked = to_its_end(async move {
            match throttle.state.hold(&key, throttle.limit, throttle.longest_guess).await? {
                Hold::Held(place) => Ok(Some(Guessing { throttle, key, place })),
                Hold::Wait => Ok(None),
                Hold::Full(left) => Err(throttled(left)),
            }
        });
        asked.await.unwrap_or_else(|| Err(Refusal::stopped()))
    }

    /// Counts a failure.
    pub(crate) async fn count(&self, guess: Guess, address: IpAddr) {
        self.add(&key(guess, address)).await;
    }

    /// If the failure cannot be counted, the log says so.
    async fn add(&self, key: &Key) {
        if let Err(error) = self.state.add(key, self.time).await {
            tracing::error!(code = error.code, "a failure was not counted: {error}");
        }
    }
}

fn throttled(left: Duration) -> Refusal {
    let cause = "the address has too many failures";
    Refusal::new("throttled", StatusCode::TOO_MANY_REQUESTS, "Too Many Requests", cause)
        .retry_after(left)
}

fn key(guess: Guess, address: IpAddr) -> Key {
    let guess = match guess {
        Guess::Secret => "secret",
        Guess::Link => "link",
    };
    Key::new(Kind::Failures, &format!("{guess} {}", client_network(address)))
}

/// A guess in progress. Count its failure before it is dropped.
pub(crate) struct Guessing {
    throttle: Throttle,
    key: Key,
    place: u64,
}

impl Guessing {
    /// Counts its failure, even if the visitor hangs up meanwhile.
    pub(crate) async fn failed(self) {
        let counted = to_its_end(async move {
            self.throttle.add(&self.key).await;
            drop(self);
        });
        counted.await;
    }
}

impl Drop for Guessing {
    fn drop(&mut self) {
        let (throttle, key, place) = (self.throttle.clone(), self.key.clone(), self.place);
        let _released = to_its_end(async move {
            if let Err(error) = throttle.state.release(&key, place).await {
                // The store tries again. At the latest it frees the place when its lease ends.
                tracing::debug!(code = error.code, "a guess was not given back: {error}");
            }
            throttle.lines.one_has_ended(&key);
        });
    }
}

/// Those who wait to guess, by what they guess at and their network. They are served in the order in which they came.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<HashMap<Key, Arc<Line>>>>);

#[derive(Default)]
struct Line {
    /// Held by the first one.
    first: tokio::sync::Mutex<()>,
    has_ended: Notify,
}

impl Lines {
    fn lines(&self) -> MutexGuard<'_, HashMap<Key, Arc<Line>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has(&self, key: &Key) -> bool {
        self.lines().contains_key(key)
    }

    fn join(&self, key: &Key) -> Waiting {
        let line = Arc::clone(self.lines().entry(key.clone()).or_default());
        Waiting { lines: self.clone(), key: key.clone(), line }
    }

    fn one_has_ended(&self, key: &Key) {
        if let Some(line) = self.lines().get(key) {
            line.has_ended.notify_one();
        }
    }
}

/// One who waits. The last one removes the line.
struct Waiting {
    lines: Lines,
    key: Key,
    line: Arc<Line>,
}

impl std::ops::Deref for Waiting {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.line
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut lines = self.lines.lines();
        // The map's own, and this one.
        if Arc::strong_count(&self.line) <= 2 {
            lines.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use futures_util::FutureExt;
    use tokio::sync::mpsc::unbounded_channel;
    use tokio::task::yield_now;
    use tokio::time::Instant;
    use whmcs_auth_state::{Capacity, Memory};

    use super::*;

    const CALLER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn guesses_go_on_at_once_in_the_order_in_which_they_came() {
        let limits = Limits { failures: 1, ..Limits::default() };
        let throttle = Throttle::new(Arc::new(Memory::new(Capacity::default())), &limits);
        let first = throttle.guess(Guess::Secret, CALLER).await.unwrap();
        let (went_on, mut order) = unbounded_channel();
        for number in 0..5 {
            let (throttle, went_on) = (throttle.clone(), went_on.clone());
            tokio::spawn(async move {
                let guess = throttle.guess(Guess::Secret, CALLER).await.unwrap();
                went_on.send(number).unwrap();
                yield_now().await;
                drop(guess);
            });
            yield_now().await;
        }
        assert!(throttle.guess(Guess::Link, CALLER).now_or_never().is_some(), "of another kind");
        let begun = Instant::now();
        drop(first);
        let mut last = Box::pin(throttle.guess(Guess::Secret, CALLER));
        assert!(last.as_mut().now_or_never().is_none(), "it overtakes those who wait");
        for number in 0..5 {
            assert_eq!(order.recv().await, Some(number));
        }
        assert!(last.await.is_ok());
        assert!(begun.elapsed() < ASKS_AGAIN, "nobody has to ask again");
        assert!(throttle.lines.lines().is_empty());
    }
}
