//! A request that may guess, until the service learns the outcome.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::runtime::Handle;

use crate::cause::Cause;
use crate::turns::{Permit, Turns};

const GIVEN_UP: Result<(), &str> = Err("given_up");

/// The places of a request, from [`Turns::begin`] to [`Turns::ended`].
pub(crate) struct Guess {
    turns: Arc<dyn Turns>,
    address: IpAddr,
    place: Option<Permit>,
    /// What [`Turns::guess`] returned, from before a comparison until its outcome was told.
    counted: Option<Permit>,
    is_compared: bool,
}

impl Guess {
    pub(crate) async fn begin(turns: &Arc<dyn Turns>, address: IpAddr) -> Result<Self, Cause> {
        let place = Some(turns.begin(address).await?);
        Ok(Self { turns: Arc::clone(turns), address, place, counted: None, is_compared: false })
    }

    /// Counts the guess, before anything is compared. Once it is counted, this does nothing.
    pub(crate) async fn count(&mut self) -> Result<(), Cause> {
        if self.counted.is_none() {
            self.counted = Some(self.turns.guess(self.address).await?);
        }
        Ok(())
    }

    /// Takes the guess back: what was compared so far is right, and what follows may take long.
    pub(crate) fn take_back(&mut self) {
        self.counted = None;
    }

    /// From now on the guess counts, even if the caller hangs up. A cache accepts a remembered secret at once. So a
    /// caller could otherwise try many secrets, hang up whenever the answer is slow, and never be counted.
    pub(crate) fn compared(&mut self) {
        self.is_compared = true;
    }

    /// Waits for a turn. A guess that gets no turn ends with the code `given_up`.
    pub(crate) async fn turn(self, name: &str) -> Result<(Self, Permit), Cause> {
        match self.turns.turn(self.address, name).await {
            Ok(permit) => Ok((self, permit)),
            Err(cause) => {
                self.end(GIVEN_UP).await;
                Err(cause)
            }
        }
    }

    /// Tells the service the outcome of the guess. A failure is told in a task of its own, even if the caller hangs
    /// up.
    pub(crate) async fn end(mut self, outcome: Result<(), &'static str>) {
        self.is_compared = false;
        if outcome.is_ok() {
            self.turns.ended(self.address, outcome).await;
        } else if let Some(told) = self.tell(outcome) {
            let _ = told.await;
        }
    }

    fn tell(&mut self, outcome: Result<(), &'static str>) -> Option<tokio::task::JoinHandle<()>> {
        let (turns, address) = (Arc::clone(&self.turns), self.address);
        let places = (self.place.take(), self.counted.take());
        let told = async move {
            turns.ended(address, outcome).await;
            drop(places);
        };
        Some(Handle::try_current().ok()?.spawn(told))
    }
}

impl Drop for Guess {
    fn drop(&mut self) {
        if self.is_compared {
            let _told = self.tell(GIVEN_UP);
        }
    }
}
