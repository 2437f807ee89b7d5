//! What can be a clock.

use std::sync::Arc;

use time::OffsetDateTime;
use whmcs_auth::Clock;

use crate::common::at;

#[test]
fn a_time_is_a_clock_that_stands_still() {
    let now = at(1_700_000_000);
    assert_eq!(now.now(), now);
}

#[test]
fn references_boxes_and_arcs_of_a_clock_are_clocks() {
    fn ask<C: Clock>(clock: C) -> OffsetDateTime {
        clock.now()
    }
    let now = at(7);
    let dynamic: &dyn Clock = &now;
    assert_eq!(ask::<&OffsetDateTime>(&now), now);
    assert_eq!(ask::<&dyn Clock>(dynamic), now);
    assert_eq!(ask::<Box<dyn Clock + Send>>(Box::new(now)), now);
    assert_eq!(ask::<Arc<dyn Clock>>(Arc::new(now)), now);
    assert_eq!(ask::<&Arc<Box<dyn Clock>>>(&Arc::new(Box::new(now))), now);
}

#[cfg(feature = "std")]
mod with_std {
    use std::time::Duration;

    use time::PrimitiveDateTime;
    use whmcs_auth::{FixedClock, SystemClock};

    use super::*;

    #[test]
    fn the_system_clock_tells_the_time() {
        let before = std::time::SystemTime::now();
        let now = SystemClock.now();
        assert!(before <= std::time::SystemTime::from(now));
        assert!(now <= SystemClock.now());
        assert!(now.offset().is_utc());
    }

    #[test]
    fn a_fixed_clock_stands_still_until_it_is_set_or_advanced() {
        let clock = FixedClock::new(at(100));
        assert_eq!([clock.now(), clock.now()], [at(100); 2]);
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(clock.now(), at(101) + time::Duration::milliseconds(500));
        clock.set(at(-5));
        assert_eq!(clock.now(), at(-5));
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), PrimitiveDateTime::MAX.assume_utc());
        clock.advance(Duration::from_secs(1));
        assert_eq!(clock.now(), PrimitiveDateTime::MAX.assume_utc());
    }

    #[test]
    fn threads_share_a_fixed_clock() {
        let clock = Arc::new(FixedClock::new(at(0)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let clock = Arc::clone(&clock);
                std::thread::spawn(move || {
                    (0..100).for_each(|_| clock.advance(Duration::from_secs(1)));
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(clock.now(), at(400));
    }
}
