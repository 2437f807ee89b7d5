//! Whoever fails too often is turned away for a while, before anything is looked up or hashed.
//!
//! A cache counts, and no limiter of requests: only failures count, and asking must not.

use axum::http::StatusCode;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::client_address::network;
use crate::refusal::Refusal;
use crate::settings::Limits;

/// Counts failures by network, each for some time from the first one. Where there are too many networks,
/// the least recently used ones are forgotten.
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

    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        match self.failures.get(&network(address)) {
            Some(count) if count.load(Ordering::Relaxed) >= self.limit => Err(Refusal::new(
                "throttled",
                StatusCode::TOO_MANY_REQUESTS,
                "Too Many Requests",
                "the address failed too often of late",
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn count(&self, address: IpAddr) {
        self.failures.get_with(network(address), Arc::default).fetch_add(1, Ordering::Relaxed);
    }
}
