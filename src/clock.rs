//! The time, as a value that somebody else provides.
//!
//! A complete custom clock, here one that runs ahead to make up for a server that lags:
//!
//! ```
//! # #[cfg(feature = "std")] {
//! use whmcs_auth::{Clock, SystemClock};
//! use time::{Duration, OffsetDateTime};
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

/// Tells the time.
///
/// An [`OffsetDateTime`] is a clock that stands still at that time: take care that it is now.
/// References, `Box` and `Arc` of a clock are clocks.
pub trait Clock {
    /// The time now, with any offset.
    ///
    /// Must not panic. May go backwards: each verification asks once.
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

    /// The clock of the operating system, in UTC. Past the end of the year 9999 it tells that. Needs
    /// feature `std`.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct SystemClock;

    impl Clock for SystemClock {
        fn now(&self) -> OffsetDateTime {
            utc(SystemTime::now())
        }
    }

    /// The conversion of the crate `time` would panic outside its years.
    fn utc(time: SystemTime) -> OffsetDateTime {
        let epoch = OffsetDateTime::UNIX_EPOCH;
        let signed = |by: Duration| by.try_into().unwrap_or(time::Duration::MAX);
        match time.duration_since(SystemTime::UNIX_EPOCH) {
            Ok(since) => epoch.saturating_add(signed(since)),
            Err(before) => epoch.saturating_sub(signed(before.duration())),
        }
    }

    #[test]
    fn every_time_of_the_system_is_told() {
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

    /// A clock that stands still until it is set or advanced, for tests. It can be shared between
    /// threads, which all see the same time. Needs feature `std`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use time::OffsetDateTime;
    /// use whmcs_auth::{Clock, FixedClock};
    ///
    /// let clock = FixedClock::new(OffsetDateTime::UNIX_EPOCH);
    /// clock.advance(Duration::from_secs(900));
    /// assert_eq!(clock.now().unix_timestamp(), 900);
    /// clock.set(OffsetDateTime::UNIX_EPOCH);
    /// assert_eq!(clock.now().unix_timestamp(), 0);
    /// ```
    #[derive(Debug)]
    pub struct FixedClock(Mutex<OffsetDateTime>);

    impl FixedClock {
        /// A clock that stands at `now`.
        pub const fn new(now: OffsetDateTime) -> Self {
            Self(Mutex::new(now))
        }

        /// Sets the time, forwards or backwards.
        pub fn set(&self, now: OffsetDateTime) {
            self.change(|time| *time = now);
        }

        /// Moves the time forwards. At the end of the year 9999 it stops.
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
