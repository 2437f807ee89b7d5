//! Which accepted requests were reported a short time ago. A client that asks for a wrong format does so on every call,
//! and one line is enough.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::network::client_network;

/// How long the same thing is not reported again.
const AGE: Duration = Duration::from_secs(60);

/// How many reports are remembered. Only accepted requests add one.
const CAPACITY: usize = 4096;

/// What is reported once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Reported {
    code: &'static str,
    network: Option<IpAddr>,
}

/// When each was reported.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<HashMap<Reported, Instant>>);

impl Recent {
    /// Notes a report, and returns whether the operator gets it: once a minute for each code and sender. If there were
    /// too many in this minute, nobody gets it.
    pub(crate) fn note(&self, code: &'static str, sender: Option<IpAddr>, now: Instant) -> bool {
        let reported = Reported { code, network: sender.map(client_network) };
        let is_recent = |time: &Instant| now.saturating_duration_since(*time) < AGE;
        let mut times = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if times.get(&reported).is_some_and(is_recent) {
            return false;
        }
        if times.len() >= CAPACITY {
            times.retain(|_, time| is_recent(time));
        }
        let is_free = times.len() < CAPACITY;
        if is_free {
            times.insert(reported, now);
        }
        is_free
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn each_code_of_each_sender_is_reported_once_a_minute() {
        let (recent, begin) = (Recent::default(), Instant::now());
        let note = |code, sender: &str, seconds| {
            let now = begin + Duration::from_secs(seconds);
            recent.note(code, sender.parse().ok(), now)
        };
        assert!(note("a", "192.0.2.1", 0));
        assert!(!note("a", "192.0.2.1", 0));
        assert!(!note("a", "192.0.2.1", 59));
        assert!(note("a", "192.0.2.2", 59));
        assert!(note("b", "192.0.2.1", 59));
        assert!(note("a", "192.0.2.1", 60));
        assert!(!note("a", "192.0.2.1", 119));
        // An IPv6 network is one sender. So are all whom a proxy hides.
        assert!(note("a", "2001:db8::1", 0));
        assert!(!note("a", "2001:db8::ffff", 0));
        assert!(note("a", "2001:db8:0:1::1", 0));
        assert!(note("a", "unknown", 0));
        assert!(!note("a", "unknown", 0));
    }

    #[test]
    fn the_memory_is_bounded() {
        let (recent, begin) = (Recent::default(), Instant::now());
        let note = |range: std::ops::Range<u32>, now| {
            range.filter(|n| recent.note("a", Some(Ipv4Addr::from_bits(*n).into()), now)).count()
        };
        assert_eq!(note(0..5_000, begin), CAPACITY);
        assert_eq!(recent.0.lock().unwrap().len(), CAPACITY);
        assert_eq!(note(4_900..5_000, begin + AGE), 100);
        assert_eq!(recent.0.lock().unwrap().len(), 100);
    }
}
