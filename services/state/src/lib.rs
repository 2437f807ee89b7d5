//! What services remember between requests: used login links, sessions, tokens and failures. The server and the
//! bridge use it.
//!
//! [`Memory`] remembers in the process. [`Redis`] remembers for all machines of an [`Installation`]. Both pass the
//! same tests, and neither stores the id of a session or a token: only its digest.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod error;
mod installation;
mod key;
mod memory;
mod options;
mod redis;
#[cfg(feature = "test-util")]
pub mod test_redis;

use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use whmcs_auth::{AcceptedLogin, AccountLogin, AutoAuthLogin};

pub use crate::error::{StateError, UseError};
pub use crate::installation::Installation;
pub use crate::key::{Key, Kind};
pub use crate::memory::{Capacity, Memory};
pub use crate::options::StateOptions;
pub use crate::redis::{MAX_AHEAD, MAX_CLOCK_DIFFERENCE, Redis};

/// A memory for used links, and for values and counts that expire.
///
/// If it cannot answer, the request is refused: nobody is let in on a guess.
#[async_trait]
pub trait Store: Send + Sync {
    /// Accepts only the first use of the link. `now` is the time of the clock that verified it.
    async fn first_use(
        &self,
        login: &AutoAuthLogin<'_>,
        now: OffsetDateTime,
    ) -> Result<(), UseError>;

    /// Stores the value for this long. A value under the same key is replaced.
    async fn put(&self, key: &Key, value: String, lifetime: Duration) -> Result<(), StateError>;

    /// The value, if it is stored and has not expired.
    async fn get(&self, key: &Key) -> Result<Option<String>, StateError>;

    /// Removes the value and returns it. If several callers do so at the same time, one gets it.
    async fn take(&self, key: &Key) -> Result<Option<String>, StateError>;

    /// Makes the value expire this long from now. A value that is gone stays gone.
    async fn keep(&self, key: &Key, lifetime: Duration) -> Result<(), StateError>;

    /// Adds one to a count, and returns it. The count starts again this long after its first addition.
    async fn add(&self, key: &Key, window: Duration) -> Result<u64, StateError>;

    /// The count, and when it starts again. It is 0 if nothing was added.
    async fn count(&self, key: &Key) -> Result<Count, StateError>;

    /// Holds a place for a guess that is about to be compared, among the failures that are left until `most`. So a
    /// guess counts before anybody knows what becomes of it. Call [`release`](Self::release) afterwards, and before
    /// it [`add`](Self::add) if the guess failed. A place that nobody releases is free after `lease`, which must
    /// be longer than a guess can take.
    async fn hold(&self, key: &Key, most: u64, lease: Duration) -> Result<Hold, StateError>;

    /// Gives the place of a guess back. After a failure the store tries again by itself. So it does if the answer to
    /// [`hold`](Self::hold) was lost, because the place may be taken.
    async fn release(&self, key: &Key, place: u64) -> Result<(), StateError>;

    /// Adds the key of a value to a list, and removes the oldest values of the list until at most `most`
    /// are left. The list lasts this long from now. Values that are gone do not count.
    async fn bound(
        &self,
        list: &Key,
        added: &Key,
        most: usize,
        lifetime: Duration,
    ) -> Result<(), StateError>;

    /// How many entries of this kind there are, if no server must be asked.
    fn entries(&self, kind: Kind) -> Option<u64> {
        let _ = kind;
        None
    }

    /// Whether the store works: the cause if it does not.
    async fn check(&self) -> Result<(), StateError>;

    /// Whether the store works, and accepts links that are made now: the cause if it does not.
    async fn check_links(&self) -> Result<(), StateError> {
        self.check().await
    }

    /// How long links that are made now are still refused, as far as is known without asking. It is 0 if they
    /// are accepted.
    fn links_wait(&self) -> Duration {
        Duration::ZERO
    }
}

/// Whether the store works for a program: the cause if it does not. `are_links_used_once` says whether the program needs
/// it for links.
pub async fn check(store: &dyn Store, are_links_used_once: bool) -> Result<(), StateError> {
    match are_links_used_once {
        true => store.check_links().await,
        false => store.check().await,
    }
}

/// Checks the store at the start of a program. The program starts without its store, and works as soon as the
/// store does. `are_links_used_once` says whether the program needs it for links.
///
/// # Errors
///
/// If only other options mend it.
pub async fn check_at_start(
    store: &dyn Store,
    are_links_used_once: bool,
) -> Result<(), StateError> {
    match check(store, are_links_used_once).await {
        Err(error) if error.is_by_options() => Err(error),
        Err(error) => {
            tracing::error!(code = error.code, "{error}");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Makes ring the provider of TLS, unless the program has chosen another. A client of rustls needs one.
pub fn choose_tls_provider() {
    // Fails if there is one.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// Whether a guess may be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It has this place.
    Held(u64),
    /// Other guesses have all places that the failures leave. Some of them may succeed.
    Wait,
    /// There are too many failures, and they count for this long.
    Full(Duration),
}

/// How often something was counted in a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The number of additions.
    pub count: u64,
    /// The time until the count starts again.
    pub left: Duration,
}

/// Accepts the login if this is the link's first use. `now` is the time of the clock that verified it.
///
/// # Errors
///
/// [`UseError::Refused`] if the link was used, or may have been. [`UseError::State`] if the store does not
/// answer.
pub async fn use_once<'a, A>(
    store: &dyn Store,
    login: AccountLogin<'a, A>,
    now: OffsetDateTime,
) -> Result<AcceptedLogin<'a, A>, UseError> {
    store.first_use(login.login(), now).await?;
    Ok(login.used_once(true)?)
}
