//! How often the library allocates, and whether freed memory still holds a secret.
//!
//! The allocator of this process counts, and searches every block for a marker before it frees the block.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use time::OffsetDateTime;
use whmcs_auth::gate::{AddressGate, ApiGate};
#[cfg(any(feature = "std", feature = "sha2"))]
use whmcs_auth::{AdminState, ApiCredential};
use whmcs_auth::{
    ApiPolicy, ApiRequest, AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, Refusal,
    StoredPassword, StoredSecret, verify_autoauth,
};
#[cfg(feature = "std")]
use whmcs_auth::{MemoryStore, verify_api_request};

const MARKER: &str = "a marker that no other text holds";
/// The allocator searches for this beginning of the marker.
const NEEDLE: &[u8] = b"a marker that no";
/// It also searches for the end of the SHA-256 of `s`.
const DIGITS: &[u8] = b"3f925d0e52beaf89";

thread_local! {
    static ALLOCATED: Cell<usize> = const { Cell::new(0) };
    static BYTES: Cell<usize> = const { Cell::new(0) };
    static FREED_WITH_MARKER: Cell<usize> = const { Cell::new(0) };
    static FREED_NEEDLES: Cell<usize> = const { Cell::new(0) };
    /// The size of a block to keep when it is freed, and what was in it.
    static KEPT: Cell<(usize, [u8; 1024])> = const { Cell::new((0, [0; 1024])) };
}

struct Watching;

// Safety: every call goes to the system's allocator unchanged. A block is read before it is freed, while
// it still belongs to its owner, and byte by byte, because parts of it may be uninitialised.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATED.try_with(|count| count.set(count.get() + 1));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().wrapping_add(layout.size())));
        // Zeroed: a marker that is found later was written to this block.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let bytes = unsafe { std::slice::from_raw_parts(block, layout.size()) };
        if bytes.windows(16).any(|window| window == NEEDLE || window == DIGITS) {
            let _ = FREED_WITH_MARKER.try_with(|count| count.set(count.get() + 1));
        }
        let _ = FREED_NEEDLES.try_with(|count| count.set(count.get() + needles(bytes)));
        let _ = BYTES.try_with(|bytes| bytes.set(bytes.get().wrapping_sub(layout.size())));
        let _ = KEPT.try_with(|kept| {
            let (size, mut copy) = kept.get();
            if size == bytes.len() {
                copy[..size].copy_from_slice(bytes);
                kept.set((0, copy));
            }
        });
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// How many blocks were allocated, and how many were freed with the marker in them.
fn watch<T>(work: impl FnOnce() -> T) -> (usize, usize) {
    let before = (ALLOCATED.get(), FREED_WITH_MARKER.get());
    drop(black_box(work()));
    (ALLOCATED.get() - before.0, FREED_WITH_MARKER.get() - before.1)
}

fn needles(bytes: &[u8]) -> usize {
    let windows = bytes.windows(NEEDLE.len());
    windows.filter(|window| *window == NEEDLE).count()
}

/// How many needles are wiped from a box when it is dropped. A move can copy other needles from the stack
/// into the padding. Those are not wiped.
fn wiped<T>(boxed: Box<T>) -> usize {
    let (block, length) = (std::ptr::from_ref(&*boxed).cast::<u8>(), size_of::<T>());
    // Safety: the block belongs to the box. Its padding may be uninitialised, as in `dealloc`.
    let held = needles(unsafe { std::slice::from_raw_parts(block, length) });
    let freed = FREED_NEEDLES.get();
    drop(black_box(boxed));
    held - (FREED_NEEDLES.get() - freed)
}

fn left_behind<T>(work: impl FnOnce() -> T) -> usize {
    watch(work).1
}

fn marker() -> String {
    MARKER.to_owned()
}

#[test]
fn the_control_sees_an_allocation_and_a_marker() {
    assert_eq!(watch(|| vec![0_u8; 100]), (1, 0));
    assert_eq!(watch(marker), (1, 1));
    assert_eq!(watch(|| ()), (0, 0));
}

/// Without the feature `zeroize` each of these leaves the marker behind.
#[test]
fn secrets_that_the_library_owns_are_wiped() {
    let left = usize::from(!cfg!(feature = "zeroize"));
    let pairs = || [("username", marker()), ("password", marker())];

    assert_eq!(left_behind(|| StoredSecret::plain(marker()).unwrap()), left);
    assert_eq!(left_behind(|| StoredSecret::plain(MARKER).unwrap()), left);
    assert_eq!(left_behind(|| StoredPassword::plain(marker()).unwrap()), left);
    assert_eq!(left_behind(|| AutoAuthKey::new(marker()).unwrap()), left);
    let too_long = || MARKER.repeat(100);
    assert_eq!(left_behind(|| StoredSecret::plain(too_long()).unwrap_err()), left);

    let md5 = hex::encode(NEEDLE);
    let wipes = usize::from(cfg!(feature = "zeroize"));
    assert_eq!(wiped(Box::new(StoredPassword::md5(&md5).unwrap())), wipes);
    assert_eq!(wiped(Box::new(StoredSecret::md5(&md5).unwrap())), wipes);

    let secret = StoredSecret::plain(MARKER).unwrap();
    assert_eq!(left_behind(|| secret.clone()), left);
    let keys = AutoAuthKeys::from(AutoAuthKey::new(MARKER).unwrap());
    assert_eq!(left_behind(|| keys.clone()), left);

    assert_eq!(left_behind(|| ApiRequest::from_pairs(pairs())), 2 * left);
    let borrowed = || ApiRequest::from_pairs([("accesskey", MARKER)]);
    assert_eq!(left_behind(|| borrowed().into_owned()), left);
    let twice = || [("secret", marker()), ("secret", marker())];
    assert_eq!(left_behind(|| ApiRequest::from_pairs(twice())), 2 * left);
    let request = ApiRequest::from_pairs([("username", MARKER), ("password", MARKER)]);
    assert_eq!(left_behind(|| request.attempt(&ApiPolicy::new()).into_owned()), 2 * left);
    let link = || AutoAuthRequest::from_pairs([("hash", marker())]);
    assert_eq!(left_behind(link), left);

    let gate = || AddressGate::new().with_access_key(marker()).unwrap();
    assert_eq!(left_behind(gate), left);
    assert_eq!(left_behind(|| gate().with_access_key("").unwrap()), left);
    let request = ApiRequest::from_pairs([("username", MARKER), ("password", MARKER)]);
    let open = ApiGate::new(AddressGate::open());
    let admitted = || open.admit([127, 0, 0, 1].into(), &request).unwrap().into_owned();
    assert_eq!(left_behind(admitted), 2 * left);
}

/// What arrives in the form, what it is read into, and what is replaced when another part is added.
#[cfg(feature = "form")]
#[test]
fn what_was_received_is_wiped() {
    use whmcs_auth::Received;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    const TYPE: Option<&str> = Some("multipart/form-data; boundary=Z");
    let left = usize::from(!cfg!(feature = "zeroize"));
    let query = format!("secret={}", MARKER.replace(' ', "+"));
    let body = format!("x=%61&password={}", MARKER.replace(' ', "%20"));
    let disposition = "Content-Disposition: form-data; name=\"password\"";
    let parts = format!("--Z\r\n{disposition}\r\n\r\n{MARKER}\r\n--Z--");

    let of_query = || Received::new().with_query(&query);
    assert_eq!(left_behind(of_query), left);
    assert_eq!(left_behind(|| Received::new().with_body(FORM, &body)), left);
    assert_eq!(left_behind(|| Received::new().with_body(TYPE, &parts)), left);
    let received = of_query();
    assert_eq!(left_behind(|| received.clone()), left);
    assert_eq!(left_behind(|| drop(received.api_request().into_owned())), left);
    assert_eq!(left_behind(|| drop(received.autoauth_request().into_owned())), 0);
    // The first buffer, which the second part replaces, and the second.
    assert_eq!(left_behind(|| of_query().with_body(FORM, &body)), 2 * left);
    assert_eq!(left_behind(|| of_query().with_body(TYPE, &parts)), 2 * left);
    assert_eq!(left_behind(|| of_query().with_query("")), 2 * left);
    // The form for PHP is not wiped. It never grows, so it is the only copy.
    let digits = std::str::from_utf8(DIGITS).unwrap();
    let others = "&x=%00".repeat(100);
    let received_digits =
        Received::new().with_query(&format!("identifier=x&secret={digits}{others}"));
    let forward = || received_digits.to_api_form().unwrap();
    assert_eq!(left_behind(|| std::mem::forget(forward())), 0);
    assert_eq!(left_behind(forward), 1);
    // A field that is not kept.
    assert_eq!(left_behind(|| Received::new().with_max_fields(0).with_query(&query)), 0);
    // The request borrows what is UTF-8, and owns the rest.
    assert_eq!(left_behind(|| drop(received.api_request())), 0);
    let of_bytes = Received::new().with_query(&format!("{query}%FF"));
    assert_eq!(left_behind(|| drop(of_bytes.api_request())), left);
}

/// Everything but the link, which is wiped when it is dropped.
#[cfg(feature = "form")]
#[test]
fn a_signed_link_leaves_nothing_behind() {
    let left = usize::from(!cfg!(feature = "zeroize"));
    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let digits = std::str::from_utf8(DIGITS).unwrap();
    let goto = format!("cart.php?a={}", "%20".repeat(600));
    let link = || whmcs_auth::sign_autoauth(digits, Some(&goto), &key, &now).unwrap();
    assert_eq!(left_behind(link), left);
    assert_eq!(left_behind(|| std::mem::forget(link())), 0);
}

/// A field of two bytes takes its bytes and a span. The last field may have one byte.
#[cfg(feature = "form")]
#[test]
fn a_request_takes_at_most_16_bytes_for_each_byte_received() {
    use whmcs_auth::Received;

    const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
    let body = "a&".repeat(9_900);
    for (body, fields) in [("a", 1), ("a&b", 2), (&body, 9_900)] {
        let before = BYTES.get();
        let received = Received::new().with_max_fields(10_000).with_body(FORM, body);
        let taken = BYTES.get() - before;
        assert_eq!(
            format!("{received:?}"),
            format!("Received {{ fields: {fields}, fault: None }}")
        );
        assert!(taken <= 16 * body.len() + 24, "{taken} for {}", body.len());
    }

    // No more than the fields that are read, and the bytes that were received.
    let before = BYTES.get();
    let received = Received::new().with_max_fields(10).with_body(FORM, &body);
    let taken = BYTES.get() - before;
    assert!(taken <= body.len() + 1_000, "{taken} for {received:?}");
}

#[cfg(feature = "std")]
#[test]
fn a_decoded_request_over_a_borrowing_store_allocates_nothing() {
    use whmcs_auth::{Admin, AllowedActions};

    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    let mut secrets =
        vec![StoredSecret::plain("password").unwrap(), StoredSecret::md5(md5).unwrap()];
    if cfg!(feature = "sha2") {
        let sha256 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8";
        secrets.push(StoredSecret::sha256(sha256).unwrap());
    }
    if cfg!(feature = "bcrypt") {
        let bcrypt = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.FXJHjF.8tyWAsIeGLxC7hC/nyX4QxgC";
        secrets.push(StoredSecret::bcrypt(bcrypt).unwrap());
    }
    for secret in secrets {
        let password = StoredPassword::md5(md5).unwrap();
        let credential = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess)
            .with_actions(AllowedActions::new(["getclients"]));
        let admin = Admin::new(2, "admin", password, AdminState::WithApiAccess);
        let store = MemoryStore::new([credential], [admin]).unwrap();
        for (pairs, accepted) in [
            ([("identifier", "id"), ("secret", "password")], true),
            ([("identifier", "id"), ("secret", "wrong")], false),
            ([("identifier", "other"), ("secret", "password")], false),
            ([("username", "id"), ("password", "password")], true),
            ([("username", "ADMIN"), ("password", md5)], true),
            ([("username", "other"), ("password", md5)], false),
        ] {
            let verify = || {
                let request = ApiRequest::from_pairs(pairs);
                let verdict = verify_api_request(&request, &store, &ApiPolicy::new());
                assert_eq!(verdict.is_ok(), accepted);
            };
            assert_eq!(watch(verify), (0, 0), "{pairs:?}");
            let gate = ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]));
            let verify = || {
                let [name, secret] = pairs;
                let request = ApiRequest::from_pairs([name, secret, ("action", "GetClients")]);
                let verdict = gate.verify([127, 0, 0, 1].into(), &request, &store);
                assert_eq!(verdict.is_ok(), accepted);
            };
            assert_eq!(watch(verify), (0, 0), "{pairs:?}");
        }
    }
}

#[test]
fn a_decoded_link_allocates_only_where_its_email_is_repaired() {
    let keys = ["abcXYZ123", "other"].map(|key| AutoAuthKey::new(key).unwrap());
    let keys = AutoAuthKeys::new(keys).unwrap();
    let hash = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";
    for (email, now, verdict, allocated) in [
        ("a+b@example.com", 1_700_000_000, "accepted", 0),
        ("a+b@example.com", 1_700_001_000, "expired", 0),
        ("c+d@example.com", 1_700_000_000, "hash_mismatch", 0),
        ("a b@example.com", 1_700_000_000, "accepted", 1),
    ] {
        let now = OffsetDateTime::from_unix_timestamp(now).unwrap();
        let verify = || {
            let request = AutoAuthRequest::from_pairs([
                ("email", email),
                ("timestamp", "1700000000"),
                ("hash", hash),
                ("goto", "clientarea.php?action=products"),
            ]);
            match verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()) {
                Ok(_) => assert_eq!(verdict, "accepted"),
                Err(refusal) => assert_eq!(verdict, refusal.code()),
            }
        };
        assert_eq!(watch(verify), (allocated, 0), "{email}");
    }
}

/// `docs/performance.md` gives these counts.
#[cfg(all(feature = "std", feature = "form"))]
#[test]
fn every_other_path_allocates_this_often() {
    use whmcs_auth::answer::Answer;
    use whmcs_auth::{ApiRefusal, Received, sign_autoauth};

    let (name, secret) = ("D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo");
    let stored = StoredSecret::plain(secret).unwrap();
    let record = ApiCredential::new(1, name, stored, AdminState::WithApiAccess);
    let store = MemoryStore::new([record], []).unwrap();
    let form =
        |body: &String| Received::new().with_body(Some("application/x-www-form-urlencoded"), body);
    let verify = |request: &ApiRequest<'_>| {
        let _ = verify_api_request(request, &store, &ApiPolicy::new()).unwrap();
    };
    let body = format!("action=GetClients&identifier={name}&secret={secret}");
    let encoded = body.replace("Flo", "F%6Co");
    let long = format!("secret=%61{}", "a".repeat(65));
    let pairs = [("identifier", name), ("secret", secret)];
    let request = ApiRequest::from_pairs(pairs);

    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let long_email = format!("{}@b.test", "a".repeat(205));
    let minted = sign_autoauth("a+b@example.com", Some("cart.php"), &key, &now).unwrap();
    let url = minted.url("https://billing.example.com").unwrap();
    let keys = AutoAuthKeys::from(key.clone());
    let check = |link: &AutoAuthRequest<'_>| {
        let _ = verify_autoauth(link, &keys, &now, &AutoAuthPolicy::new()).unwrap();
    };
    let link = AutoAuthRequest::from_query(minted.query());
    let login = verify_autoauth(&link, &keys, &now, &AutoAuthPolicy::new()).unwrap();
    let refused = ApiRefusal::WrongSecret;

    for (path, work, allocated) in [
        ("raw body", &(|| verify(&form(&body).api_request())) as &dyn Fn(), 2),
        ("raw body, one value encoded", &|| verify(&form(&encoded).api_request()), 2),
        ("raw body, a long value encoded", &|| drop(form(&long)), 2),
        ("query and body", &|| drop(form(&encoded).with_query(&long)), 4),
        ("empty request", &|| drop(Received::new().with_query("").with_body(None, "")), 0),
        ("attempt, owned", &|| drop(request.attempt(&ApiPolicy::new()).into_owned()), 2),
        ("request, owned", &|| drop(ApiRequest::from_pairs(pairs).into_owned()), 2),
        ("link, its e-mail encoded", &|| check(&AutoAuthRequest::from_query(minted.query())), 3),
        ("link, from a whole URL", &|| check(&AutoAuthRequest::from_url(&url)), 3),
        ("login, owned", &|| drop(login.clone().into_owned()), 2),
        (
            "link minted for a long e-mail",
            &|| drop(sign_autoauth(&long_email, None, &key, &now).unwrap()),
            3,
        ),
        ("link minted", &|| drop(sign_autoauth("a@b.test", None, &key, &now).unwrap()), 3),
        ("answer", &|| drop(Answer::refusal(&refused, &request)), 1),
    ] {
        assert_eq!(watch(work).0, allocated, "{path}");
    }
}

/// After an hour of logins the guard remembers the links of the last 901 seconds.
#[cfg(feature = "std")]
#[test]
fn a_replay_guard_takes_60_to_120_bytes_a_link_and_up_to_200_at_one_login_a_second() {
    use sha1::{Digest, Sha1};
    use whmcs_auth::replay::ReplayGuard;

    let keys = AutoAuthKeys::from(AutoAuthKey::new("key").unwrap());
    for (a_second, expected) in [(1, 120..=200), (5, 60..=120), (10, 60..=120)] {
        let before = BYTES.get();
        let guard = ReplayGuard::new(usize::MAX);
        for second in 0..3_600 {
            let timestamp = 1_700_000_000 + second;
            let now = OffsetDateTime::from_unix_timestamp(timestamp).unwrap();
            for client in 0..a_second {
                let email = format!("{client}@example.com");
                let timestamp = timestamp.to_string();
                let hash = hex::encode(Sha1::digest(format!("{email}{timestamp}key")));
                let pairs = [("email", email), ("timestamp", timestamp), ("hash", hash)];
                let request = AutoAuthRequest::from_pairs(pairs);
                let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new());
                let login = login.unwrap();
                let used = guard.first_use(&login, now);
                assert_eq!(used, Ok(()));
            }
        }
        let bytes_a_link = (BYTES.get() - before) / (901 * a_second);
        assert!(expected.contains(&bytes_a_link), "{a_second}: {bytes_a_link}");
    }
}

/// The key is kept as the inner and the outer state of HMAC-SHA-256, of 32 bytes each, and as 8 bytes more.
#[cfg(feature = "cache")]
#[test]
fn the_key_of_a_cache_is_wiped() {
    use whmcs_auth::cache::VerificationCache;

    let size = size_of::<VerificationCache>();
    let cache = Box::new(VerificationCache::new([7; 32]));
    let block = std::ptr::from_ref(&*cache).cast::<u8>();
    // Safety: the block belongs to the cache. Its padding may be uninitialised, as in `dealloc`.
    let held = unsafe { std::slice::from_raw_parts(block, size) }.to_vec();
    KEPT.set((size, [0; 1024]));
    drop(black_box(cache));
    let (left, freed) = KEPT.get();
    assert_eq!(left, 0, "the block was freed");
    let wiped = held.iter().zip(freed).filter(|(held, freed)| **held != 0 && *freed == 0);
    // A few bytes of the key may be 0 by chance.
    assert!(wiped.count() >= 68);
}

/// The memory is bounded from the start, and a call allocates nothing.
#[cfg(feature = "cache")]
#[test]
fn a_cache_allocates_only_when_it_is_made() {
    use std::sync::Arc;
    use std::time::Instant;
    use whmcs_auth::cache::VerificationCache;

    let before = BYTES.get();
    let cache = VerificationCache::new([7; 32]).with_capacity(1000);
    assert!(BYTES.get().wrapping_sub(before) <= 33 * cache.capacity());
    let cache = Arc::new(cache);

    let bcrypt = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.FXJHjF.8tyWAsIeGLxC7hC/nyX4QxgC";
    let secret = StoredSecret::bcrypt(bcrypt).unwrap();
    let record = ApiCredential::new(1, "id", secret, AdminState::WithApiAccess);
    let store = MemoryStore::new([record], []).unwrap();
    let now = Instant::now();
    for (presented, counts) in
        [("password", [0, 1]), ("password", [1, 1]), ("wrong", [1, 2]), ("password", [2, 2])]
    {
        let verify = || {
            let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", presented)]);
            let attempt = request.attempt(&ApiPolicy::new()).with_cache(&cache, now);
            let verdict = attempt.look_up(&store).unwrap().decide();
            assert_eq!(verdict.is_ok(), presented == "password");
        };
        assert_eq!(watch(verify), (0, 0), "{presented}");
        assert_eq!([cache.hits(), cache.misses()], counts);
    }
}
