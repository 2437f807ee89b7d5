//! Stores of one, a thousand and a million credentials, and one store that two threads use.

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use sha2::Sha256;
use whmcs_auth::{ApiPolicy, ApiRequest, MemoryStore, StoredScheme, verify_api_request};
use whmcs_auth_benches::many::{credential, identifier, secret, text};
use whmcs_auth_benches::measure::Work;

use crate::ratios::{Group, Run};

pub fn measure(run: &mut Run) {
    for count in [1, 1_000, 1_000_000] {
        for scheme in [StoredScheme::Plain, StoredScheme::Md5, StoredScheme::Sha256] {
            in_random_order(run, count, scheme);
        }
    }
    on_threads(run);
}

fn in_random_order(run: &mut Run, count: u64, scheme: StoredScheme) {
    let name = format!("one of {count} credentials, {scheme}");
    // A million records take seconds to make.
    if !run.wants(&name) {
        return;
    }
    let records = || (0..count).map(|number| credential(number, scheme));
    // The same kind of map, with the same records.
    let map: HashMap<_, _> =
        records().map(|record| (record.identifier().to_owned(), record)).collect();
    let store = MemoryStore::new(records(), []).expect("identifiers differ");
    let presented = secret(0);

    let mut group = Group::new(name);
    let look_up =
        pair_after_pair("bare look-up", count, |name, _| map.get(name).map(|record| *record.id()));
    let look_up = group.floor(look_up);
    let hash = match scheme {
        StoredScheme::Md5 => Some(Work::new("bare Md5", || Md5::digest(black_box(presented)))),
        StoredScheme::Sha256 => {
            Some(Work::new("bare Sha256", || Sha256::digest(black_box(presented))))
        }
        _ => None,
    };
    let hash = hash.map(|hash| group.floor(hash));
    let floors: Vec<_> = [look_up].into_iter().chain(hash).collect();
    let verify =
        pair_after_pair("decoded fields", count, |name, secret| verified(&store, name, secret));
    group.case(verify, &floors, (count == 1_000_000).then_some(1.25));
    run.measure(group);
}

fn verified(store: &MemoryStore<u64>, name: &str, secret: &str) -> Option<u64> {
    let request = ApiRequest::from_pairs([("identifier", name), ("secret", secret)]);
    let caller = verify_api_request(&request, store, &ApiPolicy::new());
    Some(caller.ok()?.id)
}

/// Work that presents another pair at each call, in random order. The next pair depends on the result of the
/// last call. So the CPU cannot begin a look-up before the last one ends, as it cannot for two requests.
fn pair_after_pair<'w>(
    name: &str,
    count: u64,
    call: impl Fn(&str, &str) -> Option<u64> + 'w,
) -> Work<'w> {
    let pairs: Vec<_> = (0..count)
        .map(|number| {
            let number = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count;
            (identifier(number), secret(number))
        })
        .collect();
    let next = Cell::new(0);
    Work::timed(name, move |calls| {
        let start = Instant::now();
        for _ in 0..calls {
            // A copy is in the cache, as are fields that were just received.
            let (name, secret) = black_box(pairs[next.get()]);
            let found = call(text(&name), text(&secret)).expect("a known pair");
            let step = 1 + (black_box(found) & black_box(0)) as usize;
            next.set((next.get() + step) % pairs.len());
        }
        start.elapsed()
    })
}

/// Each thread makes as many calls as the one thread of the floor. The ratio is 1 if they do not slow each other
/// down.
fn on_threads(run: &mut Run) {
    for scheme in [StoredScheme::Plain, StoredScheme::Sha256] {
        let records = (0..1_000).map(|number| credential(number, scheme));
        let store = MemoryStore::new(records, []).expect("identifiers differ");
        let pair = (identifier(7), secret(7));
        let call = || {
            let (name, secret) = black_box(&pair);
            verified(&store, text(name), text(secret)).expect("a known pair")
        };
        let mut group = Group::new(format!("one store under two threads, {scheme}"));
        let one = Work::timed("one thread", |calls| time_on(1, calls, call));
        let one = group.floor(one);
        group.case(Work::timed("two threads", |calls| time_on(2, calls, call)), &[one], None);
        run.measure(group);
    }
}

fn time_on(threads: usize, calls: u32, call: impl Fn() -> u64 + Copy + Send) -> Duration {
    let time_calls = move || {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(time_calls)).collect();
        let times = running.into_iter().map(|thread| thread.join());
        times.map(|time| time.expect("a time")).max().expect("at least one thread")
    })
}
