//! Login links that work only once.
//!
//! A link can be used again until its window closes. A service that accepts each link once calls
//! [`AccountLogin::use_once`] with a [`ReplayGuard`], after every other check and directly before the
//! login. Needs feature `std`.
//!
//! What is remembered is the replay key of rule LINK-7 of
//! [`verify_autoauth`](crate::verify_autoauth).
//!
//! Source: WHMCS's scheme lets a link be used again inside its window. One-time links are this crate's addition.
//!
//! # Examples
//!
//! ```
//! use whmcs_auth::time::{Duration, OffsetDateTime};
//! use whmcs_auth::replay::ReplayGuard;
//! use whmcs_auth::{
//!     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth,
//! };
//!
//! // When the process started.
//! let start = OffsetDateTime::from_unix_timestamp(1290100700)?;
//! let guard = ReplayGuard::new(100_000).since(start);
//! let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
//! let request = AutoAuthRequest::from_pairs([
//!     ("email", "demo@whmcs.com"),
//!     ("timestamp", "1290100706"),
//!     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
//! ]);
//!
//! let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
//! let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
//! // All accounts that the database found for `login.email()`.
//! let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true)?;
//! let login = login.use_once(&guard, now)?;
//! assert_eq!(login.account(), &"demo@whmcs.com");
//!
//! let now = now + Duration::minutes(15);
//! let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
//! let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true)?;
//! let refusal = login.use_once(&guard, now).unwrap_err();
//! assert_eq!(refusal.to_string(), "the link was used before");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On several machines
//!
//! A guard knows only the links that it was asked about. Services that share the load must share
//! one memory, such as a database. One statement must both ask and remember. With a look-up
//! followed by an insertion, two services can accept the same link. Pass to
//! [`AccountLogin::used_once`] whether the statement inserted the key.
//!
//! In SQL, the replay key is the primary key. If the insertion succeeds, this is the first use. If
//! it fails as a duplicate, the link was used before. The values of the insertion are the 20 bytes
//! of the replay key (`BYTEA` in PostgreSQL) and `remember_until` in Unix seconds. The value of the
//! deletion is the current time in Unix seconds:
//!
//! ```sql
//! CREATE TABLE used_links (
//!     replay_key BINARY(20) PRIMARY KEY,
//!     remember_until BIGINT NOT NULL
//! );
//! INSERT INTO used_links (replay_key, remember_until) VALUES (?, ?);
//! -- From time to time. The extra hour covers clocks that differ or step back.
//! DELETE FROM used_links WHERE remember_until < ? - 3600;
//! ```
//!
//! In Redis, write the replay key with [`to_hex`](crate::ReplayKey::to_hex). `SECONDS` is
//! [`remember_seconds`](AutoAuthLogin::remember_seconds). The answer `OK` means the first use, and a nil
//! answer means that the link was used before:
//!
//! ```text
//! SET used_link:6624fa4b6fb3c5fcd24e587154a949911046d92b 1 NX EX SECONDS
//! ```
//!
//! A store that forgets lets used links in again. A Redis may evict keys, a restarted one may have lost
//! the newest keys, and a replica may lag behind. So note since when the store remembers everything, and
//! refuse a link as [`MayBeForgotten`](ReplayRefusal::MayBeForgotten) unless
//! [`valid_from`](AutoAuthLogin::valid_from) is later. If the store does not answer, refuse the login.
//!
//! Calls in one process may use different policies. Several processes that share a database must use the
//! same [`past_limit`](crate::AutoAuthPolicy::with_past_limit) and the same
//! [`future_limit`](crate::AutoAuthPolicy::with_future_limit). A link that was remembered for a short window may
//! be forgotten while a longer window is still open.
//!
//! # Requests without a visitor
//!
//! Programs also open links. Mail scanners and messengers fetch the links in a message. A browser
//! may fetch a page before the visitor asks for it. A HEAD request asks only for the headers. Each
//! of these uses up a one-time link, and the visitor is then refused.
//!
//! - Log in on GET only, and answer HEAD without a call of [`use_once`](AccountLogin::use_once).
//! - Refuse prefetch requests: those with the header `Sec-Purpose: prefetch`.
//! - If scanners are a problem, let the link show a page with one button. Call `use_once` when the
//!   button posts the same fields.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::account::{AcceptedLogin, AccountLogin};
use super::login::AutoAuthLogin;

use super::refusal::ReplayRefusal;

/// Remembers in memory which links were used, until their windows close. Needs feature `std`.
///
/// - **REPLAY-1**: It never accepts a link that it may have seen before: it refuses if it is full, if it may
///   have forgotten the link, and if the link was not made after [`since`](Self::since). If a clock was wrong,
///   `since` does not cover all that another process saw.
/// - **REPLAY-2**: Threads can share it; only one of them gets the first use.
/// - **REPLAY-3**: Calls with different policies can also share it: it goes by the links' own timestamps, and
///   remembers every link for the longest window so far.
///
/// [The module](crate::replay) has an example.
///
/// # Security
///
/// - The memory is lost when the process ends. Without [`since`](Self::since), a link that was used before a restart
///   works once more after it.
/// - Make the capacity large enough for the logins of the whole window. By default it lasts from 15
///   minutes before the timestamp until 15 minutes after it: 30 minutes. Otherwise whoever holds many
///   genuine links can keep others out.
/// - If you lengthen [`past_limit`](crate::AutoAuthPolicy::with_past_limit), the guard refuses every
///   link up to the newest timestamp that it has forgotten. This includes links that were never used.
/// - If the clock was ahead at [`since`](Self::since), or for longer than a window, and then steps back, new links
///   are refused until the clock catches up. A new guard accepts links at once, including used ones.
/// - Debug shows the capacity and how many links are remembered, and no replay key.
#[must_use]
pub struct ReplayGuard {
    capacity: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    keys: HashSet<[u8; 20]>,
    /// The same keys by the links' own timestamps. It has at most one entry for each second of a
    /// window, however many links there are.
    by_timestamp: BTreeMap<i64, Vec<[u8; 20]>>,
    /// For how many seconds after its timestamp a link is remembered: the longest window so far.
    lifetime: i64,
    /// The newest timestamp of all forgotten links. A link with this timestamp or an earlier one
    /// may have been used.
    forgotten: Option<i64>,
}

impl ReplayGuard {
    /// Makes a guard that remembers at most `capacity` links. With capacity 0, it refuses every
    /// link.
    ///
    /// A link takes 60 to 120 bytes, or 200 if there is only one link in each second. Memory that
    /// was allocated is kept for later links.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, used: Mutex::default() }
    }

    /// Refuses every link whose timestamp is not after `start`, the time when the process started. A link that was used
    /// before a restart then does not work again.
    ///
    /// A link that was not used before the restart is also refused. The timestamp of a link may be ahead of the clock
    /// by [`future_limit`](crate::AutoAuthPolicy::with_future_limit). If such a link was used before a restart, and its
    /// timestamp is after `start`, it works once more. So set a low limit. And if the clock is behind at the start and
    /// is set later, links from before look newer than `start`. So start the process after its clock is synchronised.
    pub fn since(self, start: OffsetDateTime) -> Self {
        self.used().forget_until(start.unix_timestamp());
        self
    }

    /// Remembers the link of a login, and accepts only its first use. `now` is the time of the
    /// clock that verified the link.
    ///
    /// It drops the links that may be forgotten. On average the cost does not grow with the number of
    /// links. After a pause, one call drops all old links and takes longer.
    ///
    /// # Errors
    ///
    /// Nothing is remembered if one of these is returned. The first that applies is returned.
    ///
    /// - [`ReplayRefusal::Used`] if the link is remembered.
    /// - [`ReplayRefusal::MayBeForgotten`] if the window of the link is closed at `now`, if a link with this
    ///   timestamp or a later one was forgotten, or if the link was not made after [`since`](Self::since).
    /// - [`ReplayRefusal::Full`] if the guard remembers `capacity` links.
    pub fn first_use(
        &self,
        login: &AutoAuthLogin<'_>,
        now: OffsetDateTime,
    ) -> Result<(), ReplayRefusal> {
        let now = now.unix_timestamp();
        let key = *login.replay_key().as_bytes();
        let timestamp = login.timestamp();
        let mut used = self.used();
        used.lifetime = used.lifetime.max(login.forget_at.saturating_sub(timestamp));
        used.forget(now);
        let is_over = login.forget_at <= now;
        if used.keys.contains(&key) {
            Err(ReplayRefusal::Used)
        } else if is_over || used.forgotten.is_some_and(|newest| timestamp <= newest) {
            Err(ReplayRefusal::MayBeForgotten)
        } else if used.keys.len() >= self.capacity {
            Err(ReplayRefusal::Full)
        } else {
            used.keys.insert(key);
            used.by_timestamp.entry(timestamp).or_default().push(key);
            Ok(())
        }
    }

    /// How many links are remembered: a metric to compare with the capacity.
    #[must_use]
    pub fn remembered(&self) -> usize {
        self.used().keys.len()
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    fn forget(&mut self, now: i64) {
        while let Some(oldest) = self.by_timestamp.first_entry()
            && oldest.key().saturating_add(self.lifetime) <= now
        {
            let timestamp = *oldest.key();
            for key in oldest.remove() {
                self.keys.remove(&key);
            }
            self.forget_until(timestamp);
        }
    }

    /// Links up to this timestamp are refused from now on.
    fn forget_until(&mut self, timestamp: i64) {
        self.forgotten = self.forgotten.max(Some(timestamp));
    }
}

impl fmt::Debug for ReplayGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplayGuard")
            .field("capacity", &self.capacity)
            .field("remembered", &self.remembered())
            .finish()
    }
}

impl<'a, A> AccountLogin<'a, A> {
    /// Accepts the link if this is its first use, as the guard remembers. `now` is the time of the clock
    /// that verified the link. Needs feature `std`.
    ///
    /// # Errors
    ///
    /// The errors of [`ReplayGuard::first_use`].
    pub fn use_once(
        self,
        guard: &ReplayGuard,
        now: OffsetDateTime,
    ) -> Result<AcceptedLogin<'a, A>, ReplayRefusal> {
        guard.first_use(self.login(), now)?;
        Ok(self.repeatable())
    }
}
