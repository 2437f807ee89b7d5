//! Who may guess, and who verifies next.

use std::any::Any;
use std::fmt;
use std::future::{Future, ready};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use crate::cause::Cause;

/// It holds a place until it is dropped.
pub type Permit = Box<dyn Any + Send>;

/// A future of [`Turns`].
pub type Turn<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who may guess, and who verifies next. [`Bound`] is the default. A service with a throttle or a queue of its own
/// implements it.
///
/// For one request the methods are called in this order:
///
/// 1. [`begin`](Self::begin), once the caller's address is known, and before the body is read;
/// 2. [`guess`](Self::guess), before an access key, a secret or a hash is compared. It is called a second time if a
///    right access key came in the query, and the secret comes in the body;
/// 3. [`turn`](Self::turn), only if the decision needs bcrypt;
/// 4. [`ended`](Self::ended), once it is known whether the secret is right. A failure is told in a task of its own, so it
///    is told even if the caller hangs up. The code is `given_up` if the caller hangs up while it waits for its turn,
///    or if `turn` refuses it. Count it like a wrong secret: with a cache, a remembered secret is accepted at once, and
///    never waits.
///
/// What `begin` and `guess` return is dropped after `ended`. If it is dropped without `ended`, nothing that was compared
/// was wrong.
///
/// # Security
///
/// A limit of failures must count a guess before it is compared, in `guess`, and take it back when the permit is dropped
/// without a failure. If it counts failures alone, many guesses at once pass it, because none of them has failed yet.
/// Calls of one right caller at once are guesses as well, so let a guess wait while others may still succeed, and refuse
/// it only for what has failed.
pub trait Turns: Send + Sync {
    /// Whether a request from this address may try now.
    ///
    /// # Errors
    ///
    /// The [`Cause`] of the refusal, for example with status 429.
    fn begin(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        let _ = address;
        Box::pin(ready(Ok(Box::new(()) as Permit)))
    }

    /// Counts a guess that is about to be compared.
    ///
    /// # Errors
    ///
    /// The [`Cause`] of the refusal, for example with status 429. Nothing is compared then.
    fn guess(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        let _ = address;
        Box::pin(ready(Ok(Box::new(()) as Permit)))
    }

    /// Waits until a decision with bcrypt may run. `name` is the identifier or username that was presented. The
    /// permit is held until the decision has ended, and `ended` after it.
    ///
    /// # Errors
    ///
    /// The [`Cause`] of the refusal, for example because too many wait.
    fn turn<'a>(&'a self, address: IpAddr, name: &'a str) -> Turn<'a, Result<Permit, Cause>>;

    /// The outcome: the secret is right, or the code says why it is not.
    fn ended(&self, address: IpAddr, outcome: Result<(), &'static str>) -> Turn<'_, ()> {
        let _ = (address, outcome);
        Box::pin(ready(()))
    }
}

impl<T: Turns + ?Sized> Turns for Arc<T> {
    fn begin(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        (**self).begin(address)
    }

    fn guess(&self, address: IpAddr) -> Turn<'_, Result<Permit, Cause>> {
        (**self).guess(address)
    }

    fn turn<'a>(&'a self, address: IpAddr, name: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        (**self).turn(address, name)
    }

    fn ended(&self, address: IpAddr, outcome: Result<(), &'static str>) -> Turn<'_, ()> {
        (**self).ended(address, outcome)
    }
}

/// Lets a fixed number of decisions run at once. Others wait in the order in which they came.
///
/// # Security
///
/// How many wait is not limited. Limit the open connections, and how long a request may take, in the server or in the
/// proxy in front of it.
#[derive(Clone)]
#[must_use]
pub struct Bound {
    count: usize,
    permits: Arc<Semaphore>,
}

impl Bound {
    /// As many decisions as the machine has cores.
    pub fn cores() -> Self {
        Self::new(available_parallelism().map_or(1, usize::from))
    }

    /// `count` decisions, and at least one.
    pub fn new(count: usize) -> Self {
        let count = count.clamp(1, Semaphore::MAX_PERMITS);
        Self { count, permits: Arc::new(Semaphore::new(count)) }
    }

    /// How many decisions run now, also for callers who hung up. A service shows it as a metric.
    #[must_use]
    pub fn running(&self) -> usize {
        self.count.saturating_sub(self.permits.available_permits())
    }
}

impl Turns for Bound {
    fn turn<'a>(&'a self, _: IpAddr, _: &'a str) -> Turn<'a, Result<Permit, Cause>> {
        Box::pin(async {
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            permit
                .map(|permit| Box::new(permit) as Permit)
                .map_err(|closed| Cause::stopped(&closed))
        })
    }
}

impl fmt::Debug for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bound")
            .field("count", &self.count)
            .field("running", &self.running())
            .finish()
    }
}
