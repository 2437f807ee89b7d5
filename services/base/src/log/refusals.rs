//! Limits the lines about refusals, because strangers can cause as many refusals as they like. The first
//! refusal of a kind gets a line. The others are summed up in one line at the end of an interval.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use whmcs_auth_axum::client_network;

/// How many kinds of refusals are remembered in an interval.
const REMEMBERED: usize = 10_000;

/// How many causes have an entry of their own in an interval. A text that varies from refusal to refusal is no cause that
/// deserves a line each time.
const CAUSES: usize = 200;

/// How many lines at the end of an interval name an address. They are about the most frequent kinds.
const SUMMARIES: usize = 50;

const SECOND: Duration = Duration::from_secs(1);

/// What makes two refusals alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) endpoint: &'static str,
    pub(crate) code: &'static str,
    /// The likeliest finding.
    pub(crate) finding: Option<&'static str>,
    /// The hash of a cause, if one code has several.
    cause: Option<u64>,
    /// An IPv4 address or an IPv6 /64. `None` if a proxy hides the address, or if the kind stands for many
    /// addresses.
    pub(crate) network: Option<IpAddr>,
}

impl Kind {
    pub(crate) fn new(endpoint: &'static str, code: &'static str, address: Option<IpAddr>) -> Self {
        let network = address.map(client_network);
        Self { endpoint, code, finding: None, cause: None, network }
    }

    /// The kind of refusals that also share the likeliest finding.
    pub(crate) fn with_finding(self, finding: Option<&'static str>) -> Self {
        Self { finding, ..self }
    }

    /// The kind of refusals that also share the cause. A code such as `store_failure` stands for many, and the second
    /// one must not be hidden by the first.
    pub(crate) fn with_cause(self, cause: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        cause.hash(&mut hasher);
        Self { cause: Some(hasher.finish()), ..self }
    }

    fn of_all_addresses(self) -> Self {
        Self { network: None, finding: None, ..self }
    }
}

/// Decides which refusals get a line of their own, and counts the others.
pub(crate) struct RefusalLines {
    lines_by_second: u32,
    interval: Mutex<Interval>,
}

/// What happened since the last summary.
struct Interval {
    /// The kinds that had a line, and how often each came again without one.
    repeated: HashMap<Kind, u64>,
    /// The refusals of addresses that had no line, by endpoint, code and cause. Each of these that had a line has an
    /// entry.
    others: HashMap<Kind, u64>,
    second: Instant,
    lines_in_second: u32,
}

/// Refusals of one kind that had no lines of their own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) kind: Kind,
    /// Whether the kind stands for all addresses that have no summary of their own.
    pub(crate) is_of_many: bool,
    pub(crate) count: u64,
}

impl RefusalLines {
    pub(crate) fn new(lines_by_second: u32) -> Self {
        Self {
            lines_by_second,
            interval: Mutex::new(Interval {
                repeated: HashMap::new(),
                others: HashMap::new(),
                second: Instant::now(),
                lines_in_second: 0,
            }),
        }
    }

    /// Whether the refusal gets a line. The first of its kind does, unless there are too many in this
    /// second. The first of its code and cause always does.
    pub(crate) fn gets_line(&self, kind: Kind, now: Instant) -> bool {
        let mut interval = self.lock();
        if let Some(count) = interval.repeated.get_mut(&kind) {
            *count = count.saturating_add(1);
            return false;
        }
        if now.saturating_duration_since(interval.second) >= SECOND {
            interval.second = now;
            interval.lines_in_second = 0;
        }
        let is_free = interval.lines_in_second < self.lines_by_second;
        let mut of_all = kind.of_all_addresses();
        if interval.others.len() >= CAUSES && !interval.others.contains_key(&of_all) {
            of_all.cause = None;
        }
        match interval.others.entry(of_all) {
            Entry::Vacant(first) => drop(first.insert(0)),
            Entry::Occupied(_) if is_free => {}
            Entry::Occupied(mut count) => {
                *count.get_mut() = count.get().saturating_add(1);
                return false;
            }
        }
        interval.lines_in_second = interval.lines_in_second.saturating_add(1);
        if interval.repeated.len() < REMEMBERED {
            interval.repeated.insert(kind, 0);
        }
        true
    }

    /// Ends the interval. Returns the refusals without lines, the most frequent first.
    pub(crate) fn end_interval(&self) -> Vec<Summary> {
        let (repeated, mut others) = {
            let mut interval = self.lock();
            (std::mem::take(&mut interval.repeated), std::mem::take(&mut interval.others))
        };
        let mut repeated: Vec<_> = repeated.into_iter().filter(|(_, count)| *count > 0).collect();
        repeated.sort_unstable_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        for (kind, count) in repeated.drain(SUMMARIES.min(repeated.len())..) {
            let sum = others.entry(kind.of_all_addresses()).or_default();
            *sum = sum.saturating_add(count);
        }
        let mut others: Vec<_> = others.into_iter().filter(|(_, count)| *count > 0).collect();
        others.sort_unstable_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        let summary = |is_of_many| move |(kind, count)| Summary { kind, is_of_many, count };
        repeated
            .into_iter()
            .map(summary(false))
            .chain(others.into_iter().map(summary(true)))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Interval> {
        self.interval.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn lines() -> RefusalLines {
        RefusalLines::new(3)
    }

    fn kind(code: &'static str, address: &str) -> Kind {
        Kind::new("api", code, Some(address.parse().unwrap()))
    }

    #[test]
    fn the_first_of_each_kind_gets_a_line_and_the_others_are_summed_up() {
        let (lines, now) = (lines(), Instant::now());
        let kinds = [kind("a", "192.0.2.1"), kind("b", "192.0.2.1"), kind("a", "192.0.2.2")];
        assert_eq!(kinds.map(|kind| lines.gets_line(kind, now)), [true; 3]);
        for _ in 0..2 {
            assert_eq!(kinds.map(|kind| lines.gets_line(kind, now)), [false; 3]);
        }
        assert!(!lines.gets_line(kinds[1], now));
        assert!(lines.gets_line(kinds[1].with_finding(Some("f")), now + SECOND));
        assert!(lines.gets_line(kinds[1].with_finding(Some("g")), now + SECOND));
        assert!(!lines.gets_line(kinds[1].with_finding(Some("f")), now + SECOND));
        let summary = |kind, count| Summary { kind, is_of_many: false, count };
        let with_finding = summary(kinds[1].with_finding(Some("f")), 1);
        let expected =
            [summary(kinds[1], 3), summary(kinds[0], 2), summary(kinds[2], 2), with_finding];
        assert_eq!(lines.end_interval(), expected);
        // The next interval starts with whole lines. Without a repetition it has no summary.
        assert_eq!(kinds.map(|kind| lines.gets_line(kind, now + 2 * SECOND)), [true; 3]);
        assert_eq!(lines.end_interval(), []);
    }

    #[test]
    fn each_cause_of_a_code_gets_a_line() {
        let (lines, now) = (lines(), Instant::now());
        let of = |address: &str, cause: &str| kind("a", address).with_cause(cause);
        assert!(lines.gets_line(of("192.0.2.1", "locked"), now));
        assert!(lines.gets_line(of("192.0.2.1", "no such table"), now));
        assert!(!lines.gets_line(of("192.0.2.1", "no such table"), now));
        // Lines of other addresses leave room for a new cause.
        for last in 2..10 {
            let _ = lines.gets_line(of(&format!("192.0.2.{last}"), "locked"), now);
        }
        assert!(lines.gets_line(of("192.0.2.1", "disk full"), now));
        // A text that is never the same twice does not fill the log.
        let varying = (0..1000).map(|number| number.to_string());
        let varying = varying.filter(|cause| lines.gets_line(of("192.0.2.1", cause), now));
        assert!(varying.count() <= CAUSES);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let (lines, now) = (lines(), Instant::now());
        assert!(lines.gets_line(kind("a", "2001:db8::1"), now));
        assert!(!lines.gets_line(kind("a", "2001:db8::ffff"), now));
        assert!(lines.gets_line(kind("a", "2001:db8:0:1::1"), now));
    }

    #[test]
    fn many_addresses_do_not_fill_the_log() {
        let (lines, now) = (lines(), Instant::now());
        let address = |number| Some(IpAddr::from(Ipv4Addr::from_bits(number)));
        let kind_of = |n| {
            Kind::new("api", "a", address(n)).with_finding(Some(if n % 2 == 0 { "f" } else { "g" }))
        };
        let flood = |range: std::ops::Range<u32>, now| -> usize {
            range.filter(|n| lines.gets_line(kind_of(*n), now)).count()
        };
        assert_eq!(flood(0..100, now), 3);
        // A code that was not seen in this interval is never hidden.
        assert!(lines.gets_line(kind("b", "192.0.2.1"), now));
        assert!(lines.gets_line(Kind::new("dologin", "a", address(1)), now));
        assert_eq!(flood(100..200, now + SECOND), 3);
        // An address that had no line gets one as soon as there is room.
        assert!(lines.gets_line(Kind::new("api", "a", address(50)), now + 2 * SECOND));
        let of_many = Kind::new("api", "a", None);
        let expected = [Summary { kind: of_many, is_of_many: true, count: 97 + 97 }];
        assert_eq!(lines.end_interval(), expected);
    }

    #[test]
    fn memory_and_summaries_are_bounded() {
        let lines = RefusalLines::new(u32::MAX);
        let now = Instant::now();
        let kinds = (0..20_000).map(|n| Kind::new("api", "a", Some(Ipv4Addr::from_bits(n).into())));
        for _ in 0..2 {
            kinds.clone().for_each(|kind| {
                let _ = lines.gets_line(kind, now);
            });
        }
        assert_eq!(lines.lock().repeated.len(), REMEMBERED);
        let summaries = lines.end_interval();
        assert_eq!(summaries.len(), SUMMARIES + 1);
        let sum: u64 = summaries.iter().map(|summary| summary.count).sum();
        assert_eq!(sum, 10_000, "every refusal without a line is counted once");
    }
}
