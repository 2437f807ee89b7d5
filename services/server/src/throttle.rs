//! Refuses addresses with too many failures, before anything is looked up or hashed.
//!
//! It has counters and is no rate limiter, because only failures count.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use whmcs_auth_services_base::client_network;
use whmcs_auth_state::{Key, Kind, Store};

use crate::refusal::Refusal;
use crate::settings::Limits;

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
}

impl Throttle {
    pub(crate) fn new(state: Arc<dyn Store>, limits: &Limits) -> Self {
        Self { state, limit: limits.failures.into(), time: limits.failure_time }
    }

    /// Refuses an address with too many failures of this kind.
    pub(crate) async fn check(&self, guess: Guess, address: IpAddr) -> Result<(), Refusal> {
        let failures = self.state.count(&key(guess, address)).await?;
        if failures.count < self.limit {
            return Ok(());
        }
        Err(Refusal::new(
            "throttled",
            StatusCode::TOO_MANY_REQUESTS,
            "Too Many Requests",
            "the address has too many failures",
        )
        .retry_after(failures.left))
    }

    /// Counts a failure. If it cannot be counted, the log says so.
    pub(crate) async fn count(&self, guess: Guess, address: IpAddr) {
        if let Err(error) = self.state.add(&key(guess, address), self.time).await {
            tracing::error!(code = error.code, "a failure was not counted: {error}");
        }
    }
}

fn key(guess: Guess, address: IpAddr) -> Key {
    let guess = match guess {
        Guess::Secret => "secret",
        Guess::Link => "link",
    };
    Key::new(Kind::Failures, &format!("{guess} {}", client_network(address)))
}
