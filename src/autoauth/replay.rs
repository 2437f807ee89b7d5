//! Login links that work only once.
//!
//! A link can be used again until its window closes. A service that accepts each link once asks a
//! [`ReplayGuard`] after every other check, directly before the login. Needs feature `std`.
//!
//! What is remembered is the replay key of rule LINK-7 of
//! [`verify_autoauth`](crate::verify_autoauth).
//!
//! Source: WHMCS's scheme lets a link be used again inside its window. One-time links are this
//! crate's.
//!
//! # Examples
//!
//! ```
//! use time::{Duration, OffsetDateTime};
//! use whmcs_auth::replay::ReplayGuard;
//! use whmcs_auth::{
//!     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth,
//! };
//!
//! let guard = ReplayGuard::new(100_000);
//! let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
//! let request = AutoAuthRequest::from_pairs([
//!     ("email", "demo@whmcs.com"),
//!     ("timestamp", "1290100706"),
//!     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
//! ]);
//!
//! let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
//! let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
//! // Look the account up here, and call `login.check_account`.
//! guard.first_use(&login, now)?;
//!
//! let now = now + Duration::minutes(15);
//! let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
//! let refusal = guard.first_use(&login, now).unwrap_err();
//! assert_eq!(refusal.to_string(), "the link was used before");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On several machines
//!
//! A guard knows only the links that it was asked about. Services that share the load must share
//! one memory, such as a database. One statement must both ask and remember. With a look-up
//! followed by an insertion, two services can accept the same link.
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
//! In Redis, write the replay key in hex. The answer `OK` means the first use, and a nil answer
//! means that the link was used before. `SECONDS` is `remember_until` minus the current time plus
//! 3600; the extra hour is for the same reason:
//!
//! ```text
//! SET used_link:6624fa4b6fb3c5fcd24e587154a949911046d92b 1 NX EX SECONDS
//! ```
//!
//! Services that share a memory must also use the same
//! [`past_limit`](crate::AutoAuthPolicy::with_past_limit). A link that was remembered for a short
//! window may be forgotten while a longer window is still open.
//!
//! If the database does not answer, refuse the login. Do not use a Redis that may evict keys, or a
//! replica that lags behind: both forget links.
//!
//! # Requests without a visitor
//!
//! Programs open links, too. Mail scanners and messengers fetch the links in a message. A browser
//! may fetch a page before the visitor asks for it. A HEAD request asks for the headers alone. Each
//! of these uses up a one-time link, and the visitor is then refused.
//!
//! - Log in on GET only, and answer HEAD without a call of [`first_use`](ReplayGuard::first_use).
//! - Refuse prefetch requests: those with the header `Sec-Purpose: prefetch`.
//! - If scanners are a problem, let the link show a page with one button. Call `first_use` when the
//!   button posts the same fields.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::login::AutoAuthLogin;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Remembers in memory which links were used, until their windows close. Needs feature `std`.
///
/// It never accepts a link that it may have seen before: it refuses if it is full, and if it may
/// have forgotten the link. Threads can share it; only one of them gets the first use. Services
/// with different policies can share it, too: it goes by the links' own timestamps, and remembers
/// every link for the longest window that it has met so far.
///
/// [The module](crate::replay) has an example.
///
/// # Security
///
/// - The memory is lost when the process ends. After a restart, links that were used shortly before
///   can be used once more.
/// - Make the capacity large enough for the logins of the whole window, 30 minutes by default.
///   Otherwise whoever holds many genuine links can keep others out.
/// - A longer [`past_limit`](crate::AutoAuthPolicy::with_past_limit) than any before may reopen the
///   window of links that were forgotten. The guard then refuses every link whose timestamp is not
///   later than the newest one it has forgotten, whether the link was used or not.
/// - If the clock runs ahead for longer than a window and then steps back, links are refused until
///   the clock reaches that time again. A new guard accepts them at once.
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

    /// Remembers the link of a login, and accepts only its first use. `now` is the time of the
    /// clock that verified the link.
    ///
    /// It drops the links that need not be remembered any more. Each link is added once and dropped
    /// once, so the cost of a call does not grow with the number of links. After a pause, one call
    /// drops all old links.
    ///
    /// # Errors
    ///
    /// Nothing is remembered if one of these is returned. The first that applies is returned.
    ///
    /// - [`ReplayRefusal::Used`] if the link is remembered.
    /// - [`ReplayRefusal::MayBeForgotten`] if the window of the link is closed at `now`, or if a
    ///   link with this timestamp or a later one was forgotten.
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
            // Links up to this timestamp are refused from now on, so it never decreases.
            self.forgotten = Some(*oldest.key());
            for key in oldest.remove() {
                self.keys.remove(&key);
            }
        }
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

/// Why [`ReplayGuard::first_use`] refused a genuine link.
///
/// Display is for the operator and names the cause. The caller gets
/// [`public_message`](Refusal::public_message): `Service Unavailable` from a full guard, otherwise
/// the message of an expired link.
///
/// Source: the public messages and statuses are this crate's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayRefusal {
    /// The link was used before. Code `link_used`.
    #[error("the link was used before")]
    Used,
    /// The guard does not know whether the link was used. Its window is closed, or a link with its
    /// timestamp or a later one was already forgotten: the clock stepped back, or the window became
    /// longer. Code `link_may_be_forgotten`.
    #[error("the link may have been used and forgotten: its time is over, or the clock went back")]
    MayBeForgotten,
    /// The guard remembers as many links as its capacity allows. Code `replay_guard_full`.
    #[error("the replay guard is full: its capacity is too small for the logins of a window")]
    Full,
}

impl Refusal for ReplayRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Used => "link_used",
            Self::MayBeForgotten => "link_may_be_forgotten",
            Self::Full => "replay_guard_full",
        }
    }
}

impl Sealed for ReplayRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Used | Self::MayBeForgotten => PublicAnswer::LinkExpired,
            Self::Full => PublicAnswer::ServiceUnavailable,
        }
    }
}
