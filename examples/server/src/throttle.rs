//! Refuses addresses with too many failures, before anything is looked up or hashed.
//!
//! It is a cache of counters and not a rate limiter, because only failures count.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::client_address::network;
use crate::refusal::Refusal;
use crate::settings::Limits;

/// What a failed request guessed at. Failures of each kind count apart, so that broken login links never
/// lock an address out of the API, nor the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Guess {
    /// Credentials of the API, or its access key.
    Secret,
    /// The hash of a login link, or a single sign-on token.
    Link,
}

/// Failures by network. The count of a network starts again some time after its first failure. If there
/// are too many networks, the least recently used one is forgotten.
pub(crate) struct Throttle {
    failures: Cache<(Guess, IpAddr), Arc<Failures>>,
    limit: u32,
    time: Duration,
}

struct Failures {
    since: Instant,
    count: AtomicU32,
}

impl Throttle {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            failures: Cache::builder()
                .max_capacity(limits.remembered_networks)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(limits.failure_time)
                .build(),
            limit: limits.failures,
            time: limits.failure_time,
        }
    }

    /// Refuses an address with too many failures of this kind.
    pub(crate) fn check(&self, guess: Guess, address: IpAddr) -> Result<(), Refusal> {
        match self.failures.get(&(guess, network(address))) {
            Some(failures) if failures.count.load(Ordering::Relaxed) >= self.limit => {
                let rest = self.time.saturating_sub(failures.since.elapsed());
                Err(Refusal::new(
                    "throttled",
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too Many Requests",
                    "the address has too many failures",
                )
                .retry_after(rest))
            }
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub(crate) fn count(&self, guess: Guess, address: IpAddr) {
        let none = || Arc::new(Failures { since: Instant::now(), count: AtomicU32::new(0) });
        let failures = self.failures.get_with((guess, network(address)), none);
        failures.count.fetch_add(1, Ordering::Relaxed);
    }
}
