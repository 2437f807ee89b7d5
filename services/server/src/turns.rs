//! Who may guess, and who verifies next: the throttle and the fair queue, as the companion asks them.

use std::net::IpAddr;
use std::sync::Arc;

use whmcs_auth_axum::{Cause, Permit, Turn, Turns};

use crate::deadline::in_time;
use crate::fair_queue::FairQueue;
use crate::metrics::Metrics;
use crate::throttle::{Guess, Throttle};

/// The turns of API calls.
pub(crate) struct CallTurns {
    pub(crate) throttle: Throttle,
    pub(crate) queue: FairQueue,
    pub(crate) metrics: Arc<Metrics>,
}

impl CallTurns {
    async fn wait(&self, address: IpAddr, name: &str) -> Result<Permit, Cause> {
        let waiting = self.metrics.waiting();
        let slot = in_time(async { Ok(self.queue.slot(address, name).await?) }).await?;
        drop(waiting);
        Ok(Box::new((slot, self.metrics.verification())))
    }
}

impl Turns for CallTurns {
    fn begin(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        Box::pin(async move {
            self.throttle.check(Guess::Secret, address).await?;
            Ok(Box::new(()) as Permit)
        })
    }

    fn guess(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        Box::pin(guess(&self.throttle, Guess::Secret, address))
    }

    fn turn<'a>(&'a self, address: IpAddr, name: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        Box::pin(self.wait(address, name))
    }

    /// A refusal may be a guess at an access key, a name or a secret, so it counts as a failure. It does not count if
    /// no field of the body was read. A proven network stays proven after a failure.
    fn ended(&self, address: IpAddr, outcome: Result<(), &'static str>) -> Turn<'_, ()> {
        Box::pin(async move {
            match outcome {
                Ok(()) => self.queue.prove(address),
                Err("body_not_form" | "multipart_broken" | "body_without_post") => {}
                Err(_) => self.throttle.count(Guess::Secret, address).await,
            }
        })
    }
}

/// The turns of login links. Nobody waits for them.
pub(crate) struct LinkTurns(pub(crate) Throttle);

impl Turns for LinkTurns {
    fn guess(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        Box::pin(guess(&self.0, Guess::Link, address))
    }

    fn turn<'a>(&'a self, _: IpAddr, _: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        Box::pin(async { Ok(Box::new(()) as Permit) })
    }

    /// Only a wrong hash is a guess. A malformed link cannot be genuine, whatever its hash. A link that is expired has
    /// the right hash.
    fn ended(&self, address: IpAddr, outcome: Result<(), &'static str>) -> Turn<'_, ()> {
        Box::pin(async move {
            if outcome == Err("hash_mismatch") {
                self.0.count(Guess::Link, address).await;
            }
        })
    }
}

async fn guess(throttle: &Throttle, guess: Guess, address: IpAddr) -> Result<Permit, Cause> {
    let guessing = in_time(throttle.guess(guess, address)).await?;
    Ok(Box::new(guessing))
}
