#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing
)]

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::string::String;
use std::{format, thread, vec::Vec};

use super::*;

const KEY: [u8; 32] = *b"32 random bytes, new each start.";

fn one_set() -> VerificationCache {
    VerificationCache::new(KEY).with_capacity(WAYS)
}

/// A string as long as a bcrypt text. Its last characters look random.
fn text(number: usize) -> String {
    format!("$2y$10${:0>53}", hex::encode(crate::digest::md5(&number.to_le_bytes())))
}

fn remember(cache: &VerificationCache, text: &str, presented: &str, now: Instant) {
    let match_ = BcryptMatch::of_secret(text.as_bytes(), presented);
    cache.remember(cache.fingerprint(&match_), now);
}

fn remembers(cache: &VerificationCache, text: &str, presented: &str, now: Instant) -> bool {
    let match_ = BcryptMatch::of_secret(text.as_bytes(), presented);
    cache.remembers(&cache.fingerprint(&match_), now).into()
}

#[test]
fn the_digest_is_hmac_sha_256_over_the_texts_with_their_lengths() {
    let cache = one_set();
    for (match_, message) in [
        (
            BcryptMatch::of_secret(b"stored", "s"),
            &b"\x01\0\0\0\0\0\0\0\x06\0\0\0\x01\0\0\0storeds"[..],
        ),
        (
            BcryptMatch::of_password(b"text", "md5"),
            b"\x02\0\0\0\0\0\0\0\x04\0\0\0\x03\0\0\0textmd5",
        ),
        (
            BcryptMatch::of_compat(b"before", b"text", "md5"),
            b"\x03\0\0\0\x06\0\0\0\x04\0\0\0\x03\0\0\0beforetextmd5",
        ),
    ] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&KEY).unwrap();
        mac.update(message);
        let digest = mac.finalize().into_bytes();
        let bytes = cache.fingerprint(&match_).digest.map(u64::to_le_bytes).concat();
        assert_eq!(bytes, &digest[..16]);
    }
}

/// A text in another place changes the digest. So does a byte that moves from one text to the next.
#[test]
fn no_two_matches_have_the_same_digest() {
    let cache = one_set();
    let matches = [
        BcryptMatch::of_secret(b"ab", "cd"),
        BcryptMatch::of_secret(b"abc", "d"),
        BcryptMatch::of_secret(b"a", "bcd"),
        BcryptMatch::of_secret(b"ab", "cD"),
        BcryptMatch::of_secret(b"aB", "cd"),
        BcryptMatch::of_password(b"ab", "cd"),
        BcryptMatch::of_compat(b"", b"ab", "cd"),
        BcryptMatch::of_compat(b"a", b"b", "cd"),
        BcryptMatch::of_compat(b"ab", b"", "cd"),
        BcryptMatch::of_compat(b"a", b"bc", "d"),
    ];
    let other_key = VerificationCache::new([7; 32]);
    let caches = [&cache, &other_key];
    let digests: HashSet<_> = caches
        .iter()
        .flat_map(|cache| matches.iter().map(|match_| cache.fingerprint(match_).digest))
        .collect();
    assert_eq!(digests.len(), 2 * matches.len());
}

/// A caller with one record can write only one entry, however many secrets match.
#[test]
fn cache_5_a_stored_text_has_one_entry() {
    let (cache, now) = (one_set(), Instant::now());
    for number in 1..WAYS {
        remember(&cache, &text(number), "s", now);
    }
    for number in 0..100 {
        remember(&cache, &text(0), &format!("{number}"), now + Duration::from_secs(1));
        assert!(remembers(&cache, &text(0), &format!("{number}"), now));
    }
    assert!(!remembers(&cache, &text(0), "98", now));
    assert!((1..WAYS).all(|number| remembers(&cache, &text(number), "s", now)));
    assert_eq!(cache.remembered(now), WAYS);
}

#[test]
fn in_a_full_set_the_oldest_entry_makes_way() {
    let (cache, now) = (one_set(), Instant::now());
    let at = |second: usize| now + Duration::from_secs(second as u64);
    // Not in the order of their ages.
    let ages: Vec<_> = (0..WAYS).map(|number| (number * 7 + 3) % WAYS).collect();
    for age in &ages {
        remember(&cache, &text(*age), "s", at(*age));
    }
    for new in WAYS..3 * WAYS {
        remember(&cache, &text(new), "s", at(new));
        let oldest = new - WAYS;
        for number in 0..=new {
            let expected = number > oldest;
            assert_eq!(remembers(&cache, &text(number), "s", now), expected, "{number} {new}");
        }
    }
}

/// A new entry takes an expired place first.
#[test]
fn an_old_entry_makes_way_before_a_new_one() {
    let cache = one_set().with_max_age(Duration::from_secs(10));
    let now = Instant::now();
    for number in 0..WAYS {
        let age = if number == 5 { 0 } else { 100 };
        remember(&cache, &text(number), "s", now + Duration::from_secs(age));
    }
    let later = now + Duration::from_secs(105);
    assert_eq!(cache.remembered(later), WAYS - 1);
    remember(&cache, &text(WAYS), "s", later);
    assert_eq!(cache.remembered(later), WAYS);
}

#[test]
fn the_capacity_is_a_multiple_of_16_and_is_never_exceeded() {
    let now = Instant::now();
    assert_eq!(VerificationCache::new(KEY).capacity(), 4096);
    for (entries, capacity) in [(0, 0), (1, 16), (16, 16), (17, 32), (100, 112)] {
        let cache = VerificationCache::new(KEY).with_capacity(entries);
        assert_eq!((cache.capacity(), cache.remembered(now)), (capacity, 0));
        for number in 0..2_000 {
            remember(&cache, &text(number), "s", now);
            assert_eq!(remembers(&cache, &text(number), "s", now), capacity > 0);
        }
        assert_eq!(cache.remembered(now), capacity);
    }
    assert!(size_of::<Set>() <= 33 * WAYS);
}

#[test]
fn a_quarter_of_the_capacity_is_remembered_whole() {
    for key in 0..20 {
        let (cache, now) = (VerificationCache::new([key; 32]), Instant::now());
        for number in 0..1024 {
            remember(&cache, &text(number), "s", now);
        }
        assert_eq!(cache.remembered(now), 1024);
    }
}

/// Only somebody who knows the key knows which texts share a set.
#[test]
fn the_key_chooses_the_sets() {
    let sets = |key| {
        let cache = VerificationCache::new([key; 32]);
        let place = |number| cache.place(&BcryptMatch::of_secret(text(number).as_bytes(), "s"));
        (0..100).map(|number| place(number) >> 56).collect::<Vec<_>>()
    };
    let [one, other] = [1, 2].map(sets);
    let same = one.iter().zip(&other).filter(|(a, b)| a == b).count();
    assert!(same < 10, "{same}");
    // An even factor would leave a bit of each text unused.
    let is_odd = (0..32).all(|key| *VerificationCache::new([key; 32]).place_factor % 2 == 1);
    assert!(is_odd);
}

#[test]
fn a_poisoned_lock_is_a_lock() {
    let (cache, now) = (one_set(), Instant::now());
    remember(&cache, &text(0), "s", now);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = cache.sets[0].write();
        panic!("while the set is locked");
    }));
    assert!(panicked.is_err() && cache.sets[0].is_poisoned());
    assert!(remembers(&cache, &text(0), "s", now));
    remember(&cache, &text(1), "s", now);
    assert_eq!(cache.remembered(now), 2);
}

#[test]
fn threads_share_a_cache() {
    let (cache, now) = (VerificationCache::new(KEY).with_capacity(64), Instant::now());
    let known: Vec<_> = (0..8).map(text).collect();
    thread::scope(|scope| {
        for thread in 0..8 {
            let (cache, known) = (&cache, &known);
            scope.spawn(move || {
                for turn in 0..2_000 {
                    // All threads write and read the same entries, and each writes others.
                    let mine = &known[turn % known.len()];
                    remember(cache, mine, "s", now);
                    remember(cache, &text(100 + thread), &format!("{turn}"), now);
                    assert!(!remembers(cache, mine, "wrong", now));
                    assert!(remembers(cache, mine, "s", now));
                    cache.count_hit();
                }
            });
        }
    });
    assert_eq!((cache.hits(), cache.misses()), (16_000, 0));
    assert_eq!(cache.remembered(now), 16);
}

#[test]
fn an_entry_with_another_word_is_another_entry() {
    let [first, second] = [0x1234_5678_9abc_def0, 0x0fed_cba9_8765_4321];
    let entry = |digest| Entry { fingerprint: Fingerprint { digest, place: 7 }, forget_at: 10 };
    let fingerprint = Fingerprint { digest: [first, second], place: 7 };
    let difference = |digest, now| entry(digest).difference(&fingerprint, now);
    assert_eq!(difference([first, second], 9), 0);
    assert_ne!(difference([first, second], 10), 0);
    for bit in (0..64).map(|bit| 1 << bit) {
        assert_ne!(difference([first ^ bit, second], 9), 0);
        assert_ne!(difference([first, second ^ bit], 9), 0);
        assert_ne!(difference([first ^ bit, second ^ bit], 9), 0);
    }
}
