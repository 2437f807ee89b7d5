//! Refuses addresses with too many failures, before anything is looked up or hashed.
//!
//! It is a cache of counters and not a rate limiter, because only failures count.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::http::StatusCode;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::client_address::network;
use crate::refusal::Refusal;
use crate::settings::Limits;

/// Failures by network. The count of a network starts again some time after its first failure. If there
/// are too many networks, the least recently used one is forgotten.
pub(crate) struct Throttle {
    failures: Cache<IpAddr, Arc<AtomicU32>>,
    limit: u32,
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
        }
    }

    /// Refuses an address with too many failures.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        match self.failures.get(&network(address)) {
            Some(count) if count.load(Ordering::Relaxed) >= self.limit => Err(Refusal::new(
                "throttled",
                StatusCode::TOO_MANY_REQUESTS,
                "Too Many Requests",
                "the address has too many failures",
            )),
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub(crate) fn count(&self, address: IpAddr) {
        self.failures.get_with(network(address), Arc::default).fetch_add(1, Ordering::Relaxed);
    }
}
