//! Clocks: where verification gets the time.
//!
//! # Examples
//!
//! A clock of your own. This one corrects a server whose time is behind:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use whmcs_auth::time::{Duration, OffsetDateTime};
//! use whmcs_auth::{Clock, SystemClock};
//!
//! struct Ahead<C> {
//!     clock: C,
//!     by: Duration,
//! }
//!
//! impl<C: Clock> Clock for Ahead<C> {
//!     fn now(&self) -> OffsetDateTime {
//!         self.clock.now().saturating_add(self.by)
//!     }
//! }
//!
//! let clock = Ahead { clock: SystemClock, by: Duration::seconds(30) };
//! let clock: &dyn Clock = &clock;
//! assert!(clock.now() > SystemClock.now());
//! # }
//! ```

use alloc::boxed::Box;
use alloc::sync::Arc;

use time::OffsetDateTime;

/// A source of the time.
///
/// References, `Box` and `Arc` of a clock are clocks. An [`OffsetDateTime`] is a clock that always
/// returns this time. Take the time when the request arrives, and do not store it for later requests.
///
/// # Examples
///
/// ```
/// use whmcs_auth::time::OffsetDateTime;
/// use whmcs_auth::Clock;
///
/// let now = OffsetDateTime::from_unix_timestamp(1700000000)?;
/// assert_eq!(Clock::now(&now), now);
/// # Ok::<(), time::error::ComponentRange>(())
/// ```
pub trait Clock {
    /// The current time, with any offset from UTC.
    ///
    /// It must not panic. It may go backwards: each verification calls it once at most.
    #[must_use]
    fn now(&self) -> OffsetDateTime;
}

impl Clock for OffsetDateTime {
    fn now(&self) -> OffsetDateTime {
        *self
    }
}

macro_rules! clock_behind {
    ($($pointer:ty),+) => {$(
        impl<C: Clock + ?Sized> Clock for $pointer {
            fn now(&self) -> OffsetDateTime {
                (**self).now()
            }
        }
    )+};
}

clock_behind!(&C, Box<C>, Arc<C>);

#[cfg(feature = "std")]
pub use with_std::{FixedClock, SystemClock};

#[cfg(feature = "std")]
mod with_std {
    use core::time::Duration;
    use std::sync::{Mutex, PoisonError};
    use std::time::SystemTime;

    use time::OffsetDateTime;

    use super::Clock;

    /// The clock of the operating system, in UTC. Needs feature `std`.
    ///
    /// Times outside the years -9999 to 9999 become the nearest time inside.
    #[derive(Clone, Copy, Debug, Default)]
    #[must_use]
    pub struct SystemClock;

    impl Clock for SystemClock {
        fn now(&self) -> OffsetDateTime {
            utc(SystemTime::now())
        }
    }

    /// Saturates, because the conversion of the crate `time` panics outside its years.
    fn utc(time: SystemTime) -> OffsetDateTime {
        let epoch = OffsetDateTime::UNIX_EPOCH;
        let as_signed = |by: Duration| by.try_into().unwrap_or(time::Duration::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => epoch.saturating_add(as_signed(since)),
            Err(before) => epoch.saturating_sub(as_signed(before.duration())),
        }
    }

    #[test]
    fn every_system_time_is_converted() {
        let epoch = SystemTime::UNIX_EPOCH;
        let by = Duration::from_secs;
        for (time, seconds) in [
            (epoch, 0),
            (epoch + by(1_700_000_000), 1_700_000_000),
            (epoch - by(1), -1),
            (epoch + by(253_402_300_799), 253_402_300_799),
            (epoch + by(253_402_300_800), 253_402_300_799),
            (epoch + by(i64::MAX as u64), 253_402_300_799),
            (epoch - by(377_705_116_800), -377_705_116_800),
            (epoch - by(377_705_116_801), -377_705_116_800),
            (epoch - by(i64::MAX as u64), -377_705_116_800),
        ] {
            assert_eq!(utc(time).unix_timestamp(), seconds, "{time:?}");
        }
    }

    /// A clock for tests: it stands still until it is set or advanced. Needs feature `std`.
    ///
    /// Threads can share it, and all see the same time.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use whmcs_auth::time::OffsetDateTime;
    /// use whmcs_auth::{Clock, FixedClock};
    ///
    /// let clock = FixedClock::new(OffsetDateTime::UNIX_EPOCH);
    /// clock.advance(Duration::from_secs(900));
    /// assert_eq!(clock.now().unix_timestamp(), 900);
    /// clock.set(OffsetDateTime::UNIX_EPOCH);
    /// assert_eq!(clock.now().unix_timestamp(), 0);
    /// ```
    #[derive(Debug)]
    #[must_use]
    pub struct FixedClock(Mutex<OffsetDateTime>);

    impl FixedClock {
        /// Makes a clock that stands at `now`.
        pub const fn new(now: OffsetDateTime) -> Self {
            Self(Mutex::new(now))
        }

        /// Makes a clock that stands at this time, in seconds since 1970-01-01 00:00 UTC. A time outside the years
        /// -9999 to 9999 becomes the nearest time inside.
        ///
        /// # Examples
        ///
        /// ```
        /// use whmcs_auth::{Clock, FixedClock};
        ///
        /// assert_eq!(FixedClock::from_unix(1290100706).now().unix_timestamp(), 1290100706);
        /// ```
        pub const fn from_unix(seconds: i64) -> Self {
            let since = time::Duration::seconds(seconds);
            Self::new(OffsetDateTime::UNIX_EPOCH.saturating_add(since))
        }

        /// Sets the time. It may go forwards or backwards.
        pub fn set(&self, now: OffsetDateTime) {
            self.change(|time| *time = now);
        }

        /// Moves the time forwards. It stops at the end of the year 9999.
        pub fn advance(&self, by: Duration) {
            let by = by.try_into().unwrap_or(time::Duration::MAX);
            self.change(|time| *time = time.saturating_add(by));
        }

        fn change<T>(&self, change: impl FnOnce(&mut OffsetDateTime) -> T) -> T {
            change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    impl Clock for FixedClock {
        fn now(&self) -> OffsetDateTime {
            self.change(|time| *time)
        }
    }
}
