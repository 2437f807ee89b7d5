//! What `docs/scale.md` states: how many requests of each stored form one core verifies in a second, how
//! that changes with what grows, and what a million credentials take in memory.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use whmcs_auth::*;
use whmcs_auth_benches::many::{credential, identifier, secret, text};
use whmcs_auth_benches::measure::{Work, times};
use whmcs_auth_benches::{BCRYPT_10, BCRYPT_10_OF_MD5, MD5, NAME, SECRET, SHA256};

static ALLOCATED: AtomicU64 = AtomicU64::new(0);

struct Counting;

// Safety: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size() as u64, Ordering::Relaxed);
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() {
    forms();
    credentials();
    keys();
    lengths();
}

/// The seconds of one call of each, in the quietest rounds.
fn quiet(works: &[Work<'_>]) -> Vec<f64> {
    let times = times(&works.iter().collect::<Vec<_>>(), Duration::from_secs(4));
    times.into_iter().map(|time| time.quiet).collect()
}

fn forms() {
    let secrets = [
        StoredSecret::plain(SECRET),
        StoredSecret::md5(MD5),
        StoredSecret::sha256(SHA256),
        StoredSecret::bcrypt(BCRYPT_10),
    ];
    let passwords = [StoredPassword::md5(MD5), StoredPassword::bcrypt_of_md5(BCRYPT_10_OF_MD5)];
    let mut works = vec![Work::new("a login link", link(32, 1))];
    for secret in secrets {
        let secret = secret.expect("a stored form");
        let name = format!("secret, {}", StoredScheme::from(secret.scheme()));
        works.push(Work::new(name, request(secret, SECRET)));
    }
    for password in passwords {
        let password = password.expect("a stored form");
        let name = format!("admin's password, {}", StoredScheme::from(password.scheme()));
        let admin = Admin::new(7, NAME, password, AdminState::WithApiAccess);
        let store = MemoryStore::new([], [admin]).expect("one admin");
        let fields = [("username", NAME), ("password", MD5)];
        works.push(Work::new(name, move || verify(&store, &fields)));
    }
    println!("| what is verified | a second and core |\n|---|---:|");
    // Bcrypt apart, as it would leave time for few rounds of the others.
    let (slow, fast): (Vec<_>, Vec<_>) =
        (works.into_iter()).partition(|work| work.name.contains("bcrypt"));
    for works in [fast, slow] {
        for (work, time) in works.iter().zip(quiet(&works)) {
            println!("| {} | {:.0} |", work.name, 1.0 / time);
        }
    }
}

fn credentials() {
    let counts = [1, 1_000, 1_000_000];
    let mut bytes = Vec::new();
    let works = counts.map(|count| {
        let store_of = |form| {
            let before = ALLOCATED.load(Ordering::Relaxed);
            let records = (0..count).map(|number| credential(number, form));
            let store = MemoryStore::new(records, []).expect("identifiers apart");
            (store, (ALLOCATED.load(Ordering::Relaxed) - before) / count)
        };
        let (_, with_plain) = store_of(StoredScheme::Plain);
        let (store, with_digest) = store_of(StoredScheme::Sha256);
        bytes.push([with_plain, with_digest]);
        // In an order in which no cache knows what comes next.
        let number = |call: u64| call.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count;
        let pairs: Vec<_> =
            (0..count).map(|call| (identifier(number(call)), secret(number(call)))).collect();
        let next = Cell::new(0);
        Work::new(count.to_string(), move || {
            let (name, secret) = black_box(pairs[next.get()]);
            next.set((next.get() + 1) % pairs.len());
            verify(&store, &[("identifier", text(&name)), ("secret", text(&secret))]);
        })
    });
    println!("\n| credentials | time, sha256 | bytes a credential, plain | a digest |");
    println!("|---:|---:|---:|---:|");
    let times = quiet(&works);
    for ((work, time), [with_plain, with_digest]) in works.iter().zip(&times).zip(bytes) {
        let ratio = time / times[0];
        println!("| {} | {ratio:.1} | {with_plain} | {with_digest} |", work.name);
    }
}

fn keys() {
    let works = [1, 2, 3, 10].map(|keys| Work::new(keys.to_string(), link(32, keys)));
    println!("\n| keys | time of a link |\n|---:|---:|");
    let times = quiet(&works);
    for (work, time) in works.iter().zip(&times) {
        println!("| {} | {:.1} |", work.name, time / times[0]);
    }
}

fn lengths() {
    println!("\n| bytes | e-mail of a link | secret, plain | secret, sha256 |");
    println!("|---:|---:|---:|---:|");
    let lengths = [32, 64, 128, 254, 1024];
    let links = lengths.map(|length| Work::new("", link(length.min(254), 1)));
    let plain = lengths.map(|length| {
        let secret = "s".repeat(length);
        let stored = StoredSecret::plain(&*secret).expect("a stored form");
        Work::new("", request(stored, secret))
    });
    let digests = lengths.map(|length| {
        let secret = "s".repeat(length);
        Work::new("", request(sha256_of(&secret), secret))
    });
    let works: Vec<_> = links.into_iter().chain(plain).chain(digests).collect();
    let times = quiet(&works);
    let [links, plain, digests] = [0, 1, 2].map(|kind| {
        let times = &times[kind * lengths.len()..][..lengths.len()];
        times.iter().map(|time| format!("{:.1}", time / times[0])).collect::<Vec<_>>()
    });
    for (index, length) in lengths.into_iter().enumerate() {
        let link = if length <= 254 { &*links[index] } else { "" };
        println!("| {length} | {link} | {} | {} |", plain[index], digests[index]);
    }
}

/// A genuine link for an e-mail of that length, over that many keys, of which the last made it.
fn link(email_length: usize, keys: usize) -> impl Fn() {
    let domain = "@example.com";
    let email = format!("{}{domain}", "a".repeat(email_length - domain.len()));
    let keys: Vec<_> =
        (0..keys).map(|index| AutoAuthKey::new(format!("{index:032}")).expect("a key")).collect();
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    let last = keys.last().expect("a key");
    let minted = sign_autoauth(&email, None, last, &now).expect("a link");
    let (_, hash) = minted.query().rsplit_once("hash=").expect("a hash");
    let hash = hash.to_owned();
    let keys = AutoAuthKeys::new(keys).expect("keys apart");
    move || {
        let fields = [("email", &*email), ("timestamp", "1700000000"), ("hash", &*hash)];
        let request = AutoAuthRequest::from_pairs(black_box(&fields).iter().copied());
        let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new());
        let _ = black_box(login.expect("a genuine link"));
    }
}

/// An identifier and its secret, over a store that holds nothing else.
fn request(stored: StoredSecret, secret: impl Into<String>) -> impl Fn() {
    let secret = secret.into();
    let record = ApiCredential::new(7, NAME, stored, AdminState::WithApiAccess);
    let store = MemoryStore::new([record], []).expect("one credential");
    move || verify(&store, &[("identifier", NAME), ("secret", &secret)])
}

fn verify(store: &MemoryStore<u64>, fields: &[(&str, &str)]) {
    let request = ApiRequest::from_pairs(black_box(fields).iter().copied());
    let caller = verify_api_request(&request, store, &ApiPolicy::new());
    let _ = black_box(caller.expect("a known caller"));
}

fn sha256_of(secret: &str) -> StoredSecret {
    let plain = StoredSecret::plain(secret).expect("a stored form");
    let record = ApiCredential::new(7, NAME, plain, AdminState::WithApiAccess);
    let request = ApiRequest::from_pairs([("identifier", NAME), ("secret", secret)]);
    let digest = upgrade::sha256(&request.attempt(), &record).expect("a digest");
    StoredSecret::detect(digest.as_str()).expect("a stored form")
}
