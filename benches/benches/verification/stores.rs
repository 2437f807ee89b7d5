//! Stores of one, a thousand and a million credentials, and one of them under one thread and two.

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use md5::{Digest, Md5};
use sha2::Sha256;
use whmcs_auth::*;
use whmcs_auth_benches::many::{credential, identifier, secret, text};
use whmcs_auth_benches::measure::Work;

use crate::ratios::{Group, is_wanted};

pub fn measure() {
    for count in [1, 1_000, 1_000_000] {
        for form in [StoredScheme::Plain, StoredScheme::Md5, StoredScheme::Sha256] {
            in_random_order(count, form);
        }
    }
    on_threads();
}

fn in_random_order(count: u64, form: StoredScheme) {
    let name = format!("one of {count} credentials, {form}");
    // A million records take seconds to make.
    if !is_wanted(&name) {
        return;
    }
    let records = || (0..count).map(|number| credential(number, form));
    // The same kind of map, over the same records.
    let map: HashMap<_, _> =
        records().map(|record| (record.identifier().to_owned(), record)).collect();
    let store = MemoryStore::new(records(), []).expect("identifiers apart");
    let presented = secret(0);

    let mut group = Group::new(name);
    let look_up =
        pair_after_pair("bare look-up", count, |name, _| map.get(name).map(|record| *record.id()));
    let look_up = group.floor(look_up);
    let hash = match form {
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
    group.run();
}

fn verified(store: &MemoryStore<u64>, name: &str, secret: &str) -> Option<u64> {
    let request = ApiRequest::from_pairs([("identifier", name), ("secret", secret)]);
    let caller = verify_api_request(&request, store, &ApiPolicy::new());
    Some(caller.ok()?.id)
}

/// Calls with one pair after another. Which is next depends on what was found, so that no two look-ups
/// overlap, as those of two requests do not.
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
            // Copied, as a caller's fields have just been received.
            let (name, secret) = black_box(pairs[next.get()]);
            let found = call(text(&name), text(&secret)).expect("a known pair");
            let step = 1 + (black_box(found) & black_box(0)) as usize;
            next.set((next.get() + step) % pairs.len());
        }
        start.elapsed()
    })
}

/// As many calls on each thread: where they do not stand in each other's way, the ratio is 1.
fn on_threads() {
    for form in [StoredScheme::Plain, StoredScheme::Sha256] {
        let records = (0..1_000).map(|number| credential(number, form));
        let store = MemoryStore::new(records, []).expect("identifiers apart");
        let pair = (identifier(7), secret(7));
        let call = || {
            let (name, secret) = black_box(&pair);
            verified(&store, text(name), text(secret)).expect("a known pair")
        };
        let mut group = Group::new(format!("one store under two threads, {form}"));
        let one = Work::timed("one thread", |calls| time_on(1, calls, call));
        let one = group.floor(one);
        group.case(Work::timed("two threads", |calls| time_on(2, calls, call)), &[one], None);
        group.run();
    }
}

fn time_on(threads: usize, calls: u32, call: impl Fn() -> u64 + Copy + Send) -> Duration {
    let run = move || {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let times = running.into_iter().map(|thread| thread.join());
        times.map(|time| time.expect("its time")).max().expect("a thread")
    })
}
