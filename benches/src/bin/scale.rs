//! Measures how many verifications one core makes in a second, how the cost grows, and how many bytes a
//! credential takes in a `MemoryStore`. `--record` writes the tables to `docs/figures.json`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use sha2::{Digest, Sha256};
use time::OffsetDateTime;
use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiPolicy, ApiRequest, AutoAuthKey, AutoAuthKeys,
    AutoAuthPolicy, AutoAuthRequest, MemoryStore, StoredPassword, StoredScheme, StoredSecret,
    sign_autoauth, verify_api_request, verify_autoauth,
};
use whmcs_auth_benches::many::{credential, identifier, secret, text};
use whmcs_auth_benches::measure::record::{Table, is_asked, print_machine, record, rounded};
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
    let is_recorded = is_asked();
    let tables = [per_second(), credentials(), keys(), lengths()];
    tables.iter().for_each(Table::print);
    print_machine();
    if is_recorded {
        record("scale", "bench: LTO, one codegen unit", &tables);
    }
}

/// The seconds of one call of each work, in the quietest rounds.
fn quiet(works: &[Work<'_>]) -> Vec<f64> {
    let times = times(&works.iter().collect::<Vec<_>>(), Duration::from_secs(4));
    times.into_iter().map(|time| time.quiet).collect()
}

fn per_second() -> Table {
    let secrets = [
        StoredSecret::plain(SECRET),
        StoredSecret::md5(MD5),
        StoredSecret::sha256(SHA256),
        StoredSecret::bcrypt(BCRYPT_10),
    ];
    let passwords = [StoredPassword::md5(MD5), StoredPassword::bcrypt_of_md5(BCRYPT_10_OF_MD5)];
    let mut works = vec![Work::new("login link", link(32, 1))];
    for secret in secrets {
        let secret = secret.expect("a valid secret");
        let name = format!("identifier and secret, {}", StoredScheme::from(secret.scheme()));
        works.push(Work::new(name, request(secret, SECRET)));
    }
    for password in passwords {
        let password = password.expect("a valid password");
        let name = format!("admin login, {}", StoredScheme::from(password.scheme()));
        let admin = Admin::new(7, NAME, password, AdminState::WithApiAccess);
        let store = MemoryStore::new([], [admin]).expect("one admin");
        let fields = [("username", NAME), ("password", MD5)];
        works.push(Work::new(name, move || verify(&store, &fields)));
    }
    // Bcrypt is measured apart: it would leave time for only a few rounds of the others.
    let (slow, fast): (Vec<_>, Vec<_>) =
        works.into_iter().partition(|work| work.name.contains("bcrypt"));
    let mut rows = Vec::new();
    for works in [fast, slow] {
        for (work, time) in works.iter().zip(quiet(&works)) {
            let per_second = two_digits(1.0 / time);
            rows.push(json!({ "verified": work.name, "per second and core": per_second }));
        }
    }
    Table::new("per second", rows)
}

/// Two significant digits: the third differs from run to run.
fn two_digits(number: f64) -> u64 {
    let unit = 10_f64.powf(number.log10().floor() - 1.0);
    ((number / unit).round() * unit).round() as u64
}

fn credentials() -> Table {
    let counts = [1, 1_000, 1_000_000];
    let mut bytes = Vec::new();
    let works = counts.map(|count| {
        let store_of = |scheme| {
            let before = ALLOCATED.load(Ordering::Relaxed);
            let records = (0..count).map(|number| credential(number, scheme));
            let store = MemoryStore::new(records, []).expect("identifiers differ");
            (store, (ALLOCATED.load(Ordering::Relaxed) - before) / count)
        };
        let (_, with_plain) = store_of(StoredScheme::Plain);
        let (store, with_digest) = store_of(StoredScheme::Sha256);
        bytes.push([with_plain, with_digest]);
        // A random order, so that the caches do not hold the next record.
        let number = |call: u64| call.wrapping_mul(0x9E37_79B9_7F4A_7C15) % count;
        let pairs: Vec<_> =
            (0..count).map(|call| (identifier(number(call)), secret(number(call)))).collect();
        let next = Cell::new(0);
        Work::new("", move || {
            let (name, secret) = black_box(pairs[next.get()]);
            next.set((next.get() + 1) % pairs.len());
            verify(&store, &[("identifier", text(&name)), ("secret", text(&secret))]);
        })
    });
    let times = quiet(&works);
    let rows = counts.iter().zip(&times).zip(bytes).map(|((count, time), [plain, digest])| {
        json!({
            "credentials": count,
            "time, sha256": rounded(time / times[0]),
            "bytes each, plain": plain,
            "bytes each, sha256": digest,
        })
    });
    Table::new("credentials", rows.collect())
}

fn keys() -> Table {
    let counts = [1, 2, 3, 10];
    let times = quiet(&counts.map(|count| Work::new("", link(32, count))));
    let row = |(count, time)| json!({ "keys": count, "time": rounded(time / times[0]) });
    Table::new("keys", counts.iter().zip(&times).map(row).collect())
}

fn lengths() -> Table {
    let lengths = [32, 64, 128, 254, 1024];
    // An e-mail has 254 bytes at most.
    let links = lengths.map(|length| Work::new("", link(length.min(254), 1)));
    let plain = lengths.map(|length| {
        let secret = "s".repeat(length);
        let stored = StoredSecret::plain(&*secret).expect("a valid secret");
        Work::new("", request(stored, secret))
    });
    let digests = lengths.map(|length| {
        let secret = "s".repeat(length);
        Work::new("", request(sha256_of(&secret), secret))
    });
    let works: Vec<_> = links.into_iter().chain(plain).chain(digests).collect();
    let times = quiet(&works);
    let rows = lengths.iter().enumerate().map(|(index, &length)| {
        let [link, plain, digest] = [0, 1, 2].map(|kind| {
            let times = &times[kind * lengths.len()..];
            rounded(times[index] / times[0])
        });
        json!({
            "bytes": length,
            "e-mail of a link": (length <= 254).then_some(link),
            "secret, plain": plain,
            "secret, sha256": digest,
        })
    });
    Table::new("lengths", rows.collect())
}

/// Verifies a genuine link for an e-mail of that length. There are that many keys, and the last one signed it.
fn link(email_length: usize, keys: usize) -> impl Fn() {
    let domain = "@example.com";
    let email = format!("{}{domain}", "a".repeat(email_length - domain.len()));
    let keys: Vec<_> = (0..keys)
        .map(|index| AutoAuthKey::new(format!("{index:032}")).expect("a valid key"))
        .collect();
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a valid time");
    let last = keys.last().expect("at least one key");
    let minted = sign_autoauth(&email, None, last, &now).expect("a link");
    let (_, hash) = minted.query().rsplit_once("hash=").expect("a hash");
    let hash = hash.to_owned();
    let keys = AutoAuthKeys::new(keys).expect("no key ends with another");
    move || {
        let fields = [("email", &*email), ("timestamp", "1700000000"), ("hash", &*hash)];
        let request = AutoAuthRequest::from_pairs(black_box(&fields));
        let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new());
        let _ = black_box(login.expect("a genuine link"));
    }
}

/// Verifies an identifier and its secret over a store of one record.
fn request(stored: StoredSecret, secret: impl Into<String>) -> impl Fn() {
    let secret = secret.into();
    let record = ApiCredential::new(7, NAME, stored, AdminState::WithApiAccess);
    let store = MemoryStore::new([record], []).expect("one credential");
    move || verify(&store, &[("identifier", NAME), ("secret", &secret)])
}

fn verify(store: &MemoryStore<u64>, fields: &[(&str, &str)]) {
    let request = ApiRequest::from_pairs(black_box(fields));
    let caller = verify_api_request(&request, store, &ApiPolicy::new());
    let _ = black_box(caller.expect("a known caller"));
}

fn sha256_of(secret: &str) -> StoredSecret {
    let digest = hex::encode(Sha256::digest(secret));
    StoredSecret::sha256(&digest).expect("a digest")
}
