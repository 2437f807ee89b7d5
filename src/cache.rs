//! A cache of matches: bcrypt once for a secret, not on every call.
//!
//! Bcrypt takes tens of milliseconds, and a client sends the same secret with every call. A
//! [`VerificationCache`] remembers that a secret matched a stored bcrypt text. The next call with the same
//! secret and the same stored text is accepted without bcrypt. Needs feature `cache`.
//!
//! - **CACHE-1**: Only matches are remembered. A wrong secret or an unknown name costs as much as without a cache.
//! - **CACHE-2**: The records are looked up on every call. A changed secret is another stored text, so it is not
//!   remembered. A disabled admin, a deleted credential and a changed policy count at once.
//! - **CACHE-3**: The verdict is the same with and without a cache, in every field.
//! - **CACHE-4**: Before a refusal, the cache is asked the same number of times for a known and for an unknown
//!   name. Then the same bcrypt checks are made as without a cache (API-8). A remembered secret of a disabled
//!   admin is refused in the same way.
//! - **CACHE-5**: A stored text has at most one entry. So a caller with one credential cannot push out
//!   another caller's entry, except by its own first call.
//!
//! [`ApiGate::with_cache`](crate::gate::ApiGate::with_cache) asks it for every call of a gate, and
//! [`ApiAttempt::with_cache`](crate::ApiAttempt::with_cache) for one attempt. Then
//! [`PendingDecision::decide_without_bcrypt`](crate::PendingDecision::decide_without_bcrypt) accepts a remembered
//! secret without a thread.
//!
//! Source: this crate's decision.
//!
//! # Security
//!
//! An entry is an HMAC-SHA-256 of the stored text and of what was presented, cut to 128 bits. The key is in
//! the same memory. So whoever reads the memory of the process can test a guess of a remembered secret at the
//! speed of HMAC, not of bcrypt. That matters for secrets and passwords that people chose. Nobody can guess
//! a random secret of 32 characters at any speed. The memory also holds the presented secrets of running calls,
//! with or without a cache.
//!
//! **Failures.** If your service counts failed calls, count them where the decision ends. A caller who hangs up must
//! also count. Otherwise it could guess without being counted. A second call that is fast would then show that
//! the guess was right.
//!
//! **Other callers.** A caller who changes its secret again and again leaves old entries in the cache until they are
//! too old. Each entry costs this caller one bcrypt. It can push out an entry of another caller, who then needs one
//! more bcrypt.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//! use std::time::{Duration, Instant};
//! use whmcs_auth::cache::VerificationCache;
//! use whmcs_auth::{
//!     AdminState, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, StoredSecret,
//! };
//!
//! // Draw the key from a cryptographic random number generator when the process starts.
//! let key = *b"32 random bytes, new each start.";
//! let cache = Arc::new(VerificationCache::new(key).with_max_age(Duration::from_secs(60)));
//!
//! // The lowest cost, to keep this example fast.
//! let secret = StoredSecret::bcrypt("$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm")?;
//! let credential = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess);
//! let store = MemoryStore::new([credential], [])?;
//! let request = ApiRequest::from_pairs([
//!     ("identifier", "id"),
//!     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
//! ]);
//! for _ in 0..3 {
//!     let attempt = request.attempt(&ApiPolicy::new()).with_cache(&cache, Instant::now());
//!     let caller = attempt.look_up(&store)?.decide()?;
//!     assert_eq!(caller.id, 7);
//! }
//! assert_eq!((cache.hits(), cache.misses()), (2, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::boxed::Box;
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Instant;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::digest::declassify_place;
use crate::stored::bcrypt_match::BcryptMatch;

/// Remembers which secrets matched which stored bcrypt texts. Needs feature `cache`.
///
/// Threads share it. It is off unless a service gives it to a gate or an attempt: [the module](self) has an example.
///
/// | setting | default |
/// |---|---|
/// | [`with_capacity`](Self::with_capacity) | 4096 entries |
/// | [`with_max_age`](Self::with_max_age) | 5 minutes |
///
/// The time is a parameter of each call. It is an [`Instant`], which never goes backwards, so no entry gets
/// older than the maximum.
///
/// # Security
///
/// The key is wiped on drop. Debug shows only the settings and the counts.
#[must_use]
pub struct VerificationCache {
    /// It holds the key. It is cloned for each digest.
    mac: Hmac<Sha256>,
    /// A secret odd number: see [`place`](Self::place).
    place_factor: Zeroizing<u64>,
    started: Instant,
    max_age: Duration,
    sets: Box<[Set]>,
    counts: Counts,
}

/// The entries of the stored texts that share a place. The size is fixed, so a look-up costs the same however full
/// the set is.
type Set = RwLock<[Entry; WAYS]>;

/// How many entries a set has. Few sets are ever full: see [`VerificationCache::with_capacity`].
const WAYS: usize = 16;

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;

#[derive(Clone, Copy, Default)]
struct Entry {
    fingerprint: Fingerprint,
    /// In milliseconds after the cache was made. An empty entry has 0.
    forget_at: u64,
}

/// A match under the key of the cache.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fingerprint {
    /// The digest of the stored texts and of what was presented.
    digest: [u64; 2],
    /// It depends only on the stored text. It says which set holds the match, and which entry is replaced.
    place: u64,
}

/// It has cache lines of its own, because a count changes with each call and the key never does.
#[derive(Default)]
#[repr(align(128))]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl VerificationCache {
    /// Makes an empty cache. `key` is 32 bytes from a cryptographic random number generator, drawn for each
    /// process and stored nowhere.
    ///
    /// # Security
    ///
    /// Whoever knows the key and reads the entries can test guesses of the remembered secrets. Wipe your own
    /// copy of the key.
    pub fn new(key: [u8; 32]) -> Self {
        let key = Zeroizing::new(key);
        // HMAC appends zeros to a short key.
        let mut block = Zeroizing::new([0; 64]);
        block.iter_mut().zip(*key).for_each(|(byte, of_key)| *byte = of_key);
        let mac = Hmac::new((&*block).into());
        // The message of a match is longer, so its digest is never this one.
        let [drawn, _] = first_half(Mac::chain_update(mac.clone(), b"place"));
        let place_factor = Zeroizing::new(drawn | 1);
        Self {
            mac,
            place_factor,
            started: Instant::now(),
            max_age: Duration::from_secs(300),
            sets: Box::default(),
            counts: Counts::default(),
        }
        .with_capacity(4096)
    }

    /// Sets how many entries there are, and empties the cache. The number is rounded up to a multiple of 16.
    /// With 0, nothing is remembered.
    ///
    /// An entry takes 33 bytes. All of the memory is allocated here. If there is not enough, the process ends, as
    /// with any allocation.
    ///
    /// Choose at least four times the number of credentials and admins that call. The entries are in groups of
    /// 16, and a stored text belongs to one group. In a full group, a new entry takes the place of the oldest.
    /// With four times as many entries, fewer than 1 in 100,000 groups is full.
    pub fn with_capacity(mut self, entries: usize) -> Self {
        self.sets = (0..entries.div_ceil(WAYS)).map(|_| Set::default()).collect();
        self
    }

    /// Sets how long a match is remembered.
    ///
    /// It changes no verdict, because the same secret always matches the same stored text. It limits how long the
    /// memory shows that a secret was used.
    pub const fn with_max_age(mut self, age: Duration) -> Self {
        self.max_age = age;
        self
    }

    /// How many entries there are, including empty ones.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sets.len().saturating_mul(WAYS)
    }

    /// How many matches are remembered at that time. It looks at every entry.
    #[must_use]
    pub fn remembered(&self, now: Instant) -> usize {
        let now = self.milliseconds(now);
        let is_fresh = |entry: &&Entry| now < entry.forget_at;
        self.sets.iter().map(|set| read(set).iter().filter(is_fresh).count()).sum()
    }

    /// How many calls were accepted because a match was remembered.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.counts.hits.load(Ordering::Relaxed)
    }

    /// How many decisions had to run bcrypt: the first call of each secret, and every refusal that costs bcrypt.
    #[must_use]
    pub fn misses(&self) -> u64 {
        self.counts.misses.load(Ordering::Relaxed)
    }

    pub(crate) fn count_hit(&self) {
        self.counts.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_miss(&self) {
        self.counts.misses.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether that match is remembered. Every entry that could hold it is compared.
    pub(crate) fn remembers(&self, fingerprint: &Fingerprint, now: Instant) -> Choice {
        #[cfg(test)]
        crate::digest::work::note(crate::digest::work::Work::Recall);
        let now = self.milliseconds(now);
        let Some(set) = self.set(fingerprint.place) else { return Choice::from(0) };
        // One `ct_eq` for all entries, because one call takes several times as long as the rest of the loop.
        let differences = read(set).iter().map(|entry| entry.difference(fingerprint, now)).min();
        differences.unwrap_or(u64::MAX).ct_eq(&0)
    }

    /// Remembers a match that bcrypt has found. It takes the place of an earlier match of the same stored
    /// text, or else of the oldest entry. An empty entry is older than any other.
    pub(crate) fn remember(&self, fingerprint: Fingerprint, now: Instant) {
        let max_age = self.max_age.as_millis().try_into().unwrap_or(u64::MAX);
        let forget_at = self.milliseconds(now).saturating_add(max_age);
        let Some(set) = self.set(fingerprint.place) else { return };
        let mut entries = set.write().unwrap_or_else(PoisonError::into_inner);
        let is_other = |entry: &Entry| entry.fingerprint.place != fingerprint.place;
        let replaced = entries.iter_mut().min_by_key(|entry| (is_other(entry), entry.forget_at));
        if let Some(entry) = replaced {
            *entry = Entry { fingerprint, forget_at };
        }
    }

    /// What is remembered of a match. The time depends only on the lengths of the texts.
    pub(crate) fn fingerprint(&self, match_: &BcryptMatch<'_>) -> Fingerprint {
        Fingerprint { digest: self.digest(match_), place: self.place(match_) }
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started);
        since.as_millis().try_into().unwrap_or(u64::MAX)
    }

    fn digest(&self, match_: &BcryptMatch<'_>) -> [u64; 2] {
        let mut mac = self.mac.clone();
        mac.update(&match_.head());
        // One of them is empty in most matches, and an empty update also takes time.
        match_.texts().filter(|text| !text.is_empty()).for_each(|text| mac.update(text));
        first_half(mac)
    }

    /// Which set a stored text belongs to, and which entry of the set. The last characters of the text come from
    /// bcrypt, so the products are spread evenly. The factor is secret, so nobody outside the process can tell which
    /// texts share a set.
    fn place(&self, match_: &BcryptMatch<'_>) -> u64 {
        let characters = match_.compared().last_chunk().copied().unwrap_or_default();
        declassify_place(self.place_factor.wrapping_mul(u64::from_le_bytes(characters)))
    }

    fn set(&self, place: u64) -> Option<&Set> {
        // The high word of the product is less than the number of sets.
        let product = u128::from(place).wrapping_mul(self.sets.len() as u128);
        self.sets.get((product >> 64) as usize)
    }
}

impl Entry {
    /// 0 if the entry holds that fingerprint and is not too old.
    fn difference(&self, fingerprint: &Fingerprint, now: u64) -> u64 {
        let [first, second] = self.fingerprint.digest;
        let [expected_first, expected_second] = fingerprint.digest;
        let difference = (first ^ expected_first) | (second ^ expected_second);
        if now < self.forget_at { difference } else { u64::MAX }
    }
}

fn first_half(mac: Hmac<Sha256>) -> [u64; 2] {
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let mut half = [0; 2];
    half.iter_mut().zip(digest.as_chunks().0).for_each(|(word, b)| *word = u64::from_le_bytes(*b));
    half
}

fn read(set: &Set) -> RwLockReadGuard<'_, [Entry; WAYS]> {
    set.read().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for VerificationCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationCache")
            .field("capacity", &self.capacity())
            .field("max_age", &self.max_age)
            .field("hits", &self.hits())
            .field("misses", &self.misses())
            .finish_non_exhaustive()
    }
}
