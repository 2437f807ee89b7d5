//! Which points of accepted requests were told a short time ago. A client that asks for a wrong format does so on every
//! call.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::network::client_network;

/// How long a point is not told again.
const AGE: Duration = Duration::from_secs(60);

/// How many points are remembered. Only accepted requests add one.
const CAPACITY: usize = 4096;

/// What is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Point {
    code: &'static str,
    network: Option<IpAddr>,
}

/// When each point was told.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<Point, Instant>>);

impl Recent {
    /// Whether a point may be told to the operator now: once a minute for each sender. If too many were told in this
    /// minute, it may not.
    pub(crate) fn may_tell(
        &self,
        code: &'static str,
        sender: Option<IpAddr>,
        now: Instant,
    ) -> bool {
        let point = Point { code, network: sender.map(client_network) };
        let is_recent = |told: &Instant| now.saturating_duration_since(*told) < AGE;
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(&point).is_some_and(is_recent) {
            return false;
        }
        if told.len() >= CAPACITY {
            told.retain(|_, told| is_recent(told));
        }
        let is_free = told.len() < CAPACITY;
        if is_free {
            told.insert(point, now);
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_point_of_each_sender_is_told_once_a_minute() {
        let (recent, begin) = (Recent::default(), Instant::now());
        let tell = |code, sender: &str, seconds| {
            let now = begin + Duration::from_secs(seconds);
            recent.may_tell(code, sender.parse().ok(), now)
        };
        assert!(tell("a", "192.0.2.1", 0));
        assert!(!tell("a", "192.0.2.1", 0));
        assert!(!tell("a", "192.0.2.1", 59));
        assert!(tell("a", "192.0.2.2", 59));
        assert!(tell("b", "192.0.2.1", 59));
        assert!(tell("a", "192.0.2.1", 60));
        assert!(!tell("a", "192.0.2.1", 119));
        // A network of IPv6 is one sender. So are all whom a proxy hides.
        assert!(tell("a", "2001:db8::1", 0));
        assert!(!tell("a", "2001:db8::ffff", 0));
        assert!(tell("a", "2001:db8:0:1::1", 0));
        assert!(tell("a", "unknown", 0));
        assert!(!tell("a", "unknown", 0));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (recent, begin) = (Recent::default(), Instant::now());
        let tell = |range: std::ops::Range<u32>, now| {
            range
                .filter(|n| recent.may_tell("a", Some(Ipv4Addr::from_bits(*n).into()), now))
                .count()
        };
        assert_eq!(tell(0..5_000, begin), CAPACITY);
        assert_eq!(recent.0.lock().unwrap().len(), CAPACITY);
        assert_eq!(tell(4_900..5_000, begin + AGE), 100);
        assert_eq!(recent.0.lock().unwrap().len(), 100);
    }
}
