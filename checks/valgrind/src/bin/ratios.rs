//! Counts the instructions of verifications, and divides each count by that of a bare hash of the same run. It fails
//! if a ratio is above its limit. The limits are about 1.5 times what was measured, so they hold for any compiler
//! and fail only if an operation does much more than it must.

use std::hint::black_box;
use std::process::ExitCode;

use sha1::Sha1;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use whmcs_auth::*;
use whmcs_auth_valgrind::*;

struct Ratio {
    name: &'static str,
    /// The hash that the count is divided by, as an index into [`hashes`].
    hash: usize,
    limit: f64,
    work: Work,
}

const OF_SHA1: usize = 0;
const OF_SHA256: usize = 1;

fn main() -> ExitCode {
    let works = hashes();
    let ratios = ratios();
    let mut named: Vec<(&str, &Work)> = works.iter().map(|work| ("hashed", work)).collect();
    named.extend(ratios.iter().map(|ratio| ("accepted", &ratio.work)));
    let counts = callgrind::counts(&named);
    let (bare, counts) = counts.split_at(2);
    println!(
        "{:>9}  SHA-1 of 54 bytes\n{:>9}  SHA-256 of 32 bytes",
        bare[OF_SHA1], bare[OF_SHA256]
    );

    let mut passed = true;
    for (Ratio { name, hash, limit, .. }, count) in ratios.iter().zip(counts) {
        let ratio = *count as f64 / bare[*hash] as f64;
        let is_control = name.starts_with("control");
        let verdict = match (ratio <= *limit, is_control) {
            (true, false) => "ok",
            (false, true) => "reported, as it must be",
            (false, false) => "TOO MANY",
            (true, true) => "THE CONTROL DID NOT FAIL",
        };
        passed &= (ratio > *limit) == is_control;
        println!("{count:>9}  {ratio:>5.2} of at most {limit:.1}  {verdict}  {name}");
    }
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// One block of each hash.
fn hashes() -> [Work; 2] {
    [
        Box::new(|| {
            black_box(Sha1::digest(black_box([7; 54])));
            "hashed"
        }),
        Box::new(|| {
            black_box(Sha256::digest(black_box([7; 32])));
            "hashed"
        }),
    ]
}

/// The limit of a link. The control is the same link under four keys, which is hashed four times.
const OF_A_LINK: f64 = 3.0;

fn ratios() -> [Ratio; 5] {
    let plain = StoredSecret::plain(SECRET).expect("a plain secret");
    let sha256 = StoredSecret::sha256(SHA256).expect("a digest");
    let one = keys([KEY.to_owned()]);
    let four = keys(["other key", "third key", "fourth key", KEY].map(str::to_owned));
    [
        ratio("link", OF_SHA1, OF_A_LINK, link(one)),
        ratio("plain secret", OF_SHA1, 1.6, call(plain)),
        ratio("sha256 of a secret", OF_SHA256, 2.2, call(sha256)),
        ratio("bcrypt of a secret, remembered", OF_SHA256, 5.4, remembered()),
        ratio("control: link under four keys", OF_SHA1, OF_A_LINK, link(four)),
    ]
}

fn ratio(name: &'static str, hash: usize, limit: f64, work: Work) -> Ratio {
    Ratio { name, hash, limit, work }
}

/// From decoded fields.
fn link(keys: AutoAuthKeys) -> Work {
    let fields = [("email", "a+b@example.com"), ("timestamp", "1700000000"), ("hash", HASH)];
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    Box::new(move || {
        let request = AutoAuthRequest::from_pairs(black_box(fields));
        code_of(verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()))
    })
}

const FIELDS: [(&str, &str); 2] = [("identifier", NAME), ("secret", SECRET)];

/// From decoded fields, over a store in memory.
fn call(secret: StoredSecret) -> Work {
    let store = store_of(secret);
    Box::new(move || {
        let request = ApiRequest::from_pairs(black_box(FIELDS));
        code_of(verify_api_request(&request, &store, &ApiPolicy::new()))
    })
}

/// The second call with the same secret, over a cache.
fn remembered() -> Work {
    let store = store_of(StoredSecret::bcrypt(BCRYPT).expect("a bcrypt text"));
    let (cache, now) = (cache(), std::time::Instant::now());
    Box::new(move || {
        let request = ApiRequest::from_pairs(black_box(FIELDS));
        let attempt = request.attempt(&ApiPolicy::new()).with_cache(&cache, now);
        let pending = attempt.look_up(&store).expect("a store in memory does not fail");
        code_of(pending.decide())
    })
}

fn store_of(secret: StoredSecret) -> MemoryStore<()> {
    let record = ApiCredential::new((), NAME, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["getclients", "getproducts", "getinvoices"]));
    MemoryStore::new([record], []).expect("one credential")
}

/// Uses the whole verdict. Otherwise the compiler removes the code of its unused parts.
fn code_of<T>(verdict: Result<T, impl Refusal>) -> &'static str {
    match verdict {
        Ok(accepted) => {
            black_box(accepted);
            "accepted"
        }
        Err(refusal) => refusal.code(),
    }
}
