//! Login links that work once.
//!
//! A link can be used again until its window closes. A service that wants each to work once asks a
//! [`ReplayGuard`] after everything else was found in order, last of all before the login. Needs
//! feature `std`.
//!
//! # Examples
//!
//! ```
//! use time::{Duration, OffsetDateTime};
//! use whmcs_auth::replay::ReplayGuard;
//! use whmcs_auth::*;
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
//! // Here the account is looked up, and `login.check_account` asked.
//! guard.first_use(&login, now)?;
//!
//! let now = now + Duration::minutes(15);
//! let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
//! let refusal = guard.first_use(&login, now).unwrap_err();
//! assert_eq!(refusal.to_string(), "the link was used before");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # On many machines
//!
//! A guard knows the links that it was asked about. Services that share the load must share the
//! memory, and let one statement both ask and remember. A look-up first and an insertion after it
//! would let two of them pass.
//!
//! In SQL, the key is the primary key. The insertion that succeeds is the first use; one that is
//! refused as a duplicate is a replay. The values are the 20 bytes of the replay key (`BYTEA` in
//! PostgreSQL) and `remember_until` in Unix seconds, and for the deletion the time now:
//!
//! ```sql
//! CREATE TABLE used_links (
//!     replay_key BINARY(20) PRIMARY KEY,
//!     remember_until BIGINT NOT NULL
//! );
//! INSERT INTO used_links (replay_key, remember_until) VALUES (?, ?);
//! -- Now and then. The hour is for clocks that are apart, or step back.
//! DELETE FROM used_links WHERE remember_until < ? - 3600;
//! ```
//!
//! In Redis, the replay key is written in hex. The answer `OK` is the first use, and a nil answer a
//! replay. `SECONDS` is `remember_until` less now, and 3600 more for the same reason:
//!
//! ```text
//! SET used_link:6624fa4b6fb3c5fcd24e587154a949911046d92b 1 NX EX SECONDS
//! ```
//!
//! Services that share a memory must share the
//! [`past_limit`](crate::AutoAuthPolicy::with_past_limit), too: what was remembered for a short window may
//! be forgotten while a longer one is still open.
//!
//! Where the database does not answer, nobody is let in. A Redis that may evict keys, or a replica
//! that lags, forgets.
//!
//! # Requests that nobody made
//!
//! Programs open links, too. Mail scanners and messengers fetch the links of a message, a browser may
//! fetch a page before its visitor asks for it, and a HEAD request asks for the header alone. Each of
//! these uses a one-time link up, and then the visitor is refused.
//!
//! - Log in on GET only, and answer HEAD without [`first_use`](ReplayGuard::first_use).
//! - Refuse requests that say that they fetch ahead: those with `Sec-Purpose: prefetch`.
//! - Where scanners are a problem, let the link show a page with one button, and use the link up when
//!   the button posts the same fields.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use time::OffsetDateTime;

use super::login::AutoAuthLogin;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Remembers in memory which links were used, until they are refused anyway.
///
/// It lets no link through that it may have seen: when it is full it refuses, and so it does where it
/// may have forgotten. It can be shared between threads, one of which has the first use, and between
/// policies: it remembers each link for the longest window that it was asked about.
///
/// Needs feature `std`.
///
/// # Security
///
/// - It forgets when the process ends: links that were used shortly before can be used once more
///   after a restart.
/// - Size it for the logins of the whole window, 30 minutes by default, or else whoever has many
///   genuine links can keep others out.
/// - When it first meets a longer [`past_limit`](crate::AutoAuthPolicy::with_past_limit) it refuses links
///   as old as the newest that it has forgotten, used or not.
/// - After a clock that ran ahead for longer than a window, links are refused until the clock is
///   there again. A new guard ends that.
///
/// Debug shows how many links it remembers, and no key.
///
/// An example stands at [the module](crate::replay).
pub struct ReplayGuard {
    capacity: usize,
    used: Mutex<Used>,
}

#[derive(Default)]
struct Used {
    keys: HashSet<[u8; 20]>,
    /// The keys again, by the links' own timestamps. A window has so many seconds and no more,
    /// however many links.
    by_timestamp: BTreeMap<i64, Vec<[u8; 20]>>,
    /// For how many seconds after its timestamp a link is remembered: the longest so far.
    lifetime: i64,
    /// The newest timestamp of a link that was forgotten. A link of that second, or of one before it,
    /// may have been used.
    forgotten: Option<i64>,
}

impl ReplayGuard {
    /// A guard that remembers at most `capacity` links, in 60 to 120 bytes each, or 200 where there
    /// is one a second. Room once taken is kept for later. With capacity 0 it refuses every link.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, used: Mutex::default() }
    }

    /// Remembers the link of a login, and passes its first use only. `now` is the time by the clock
    /// that verified the link.
    ///
    /// What need not be remembered any more is dropped. Each link is put down once and dropped once,
    /// so that the cost does not grow with their number; after a pause one call drops them all.
    ///
    /// # Errors
    ///
    /// [`ReplayRefusal`]; nothing is remembered then.
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

    /// How many links are remembered, for a metric beside the capacity.
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
            // No older link is remembered from now on, so this only grows.
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

/// Why a genuine link is not let through. For the operator: Display names the cause.
///
/// Source: the public messages and statuses are this crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayRefusal {
    /// The link was used before. Code `link_used`.
    #[error("the link was used before")]
    Used,
    /// It cannot be told whether the link was used: its time is over, or a link of its time or of a
    /// later one was forgotten before the clock stepped back. Code `link_may_be_forgotten`.
    #[error("the link may have been used and forgotten: its time is over, or the clock went back")]
    MayBeForgotten,
    /// The guard remembers as many links as it may. Code `replay_guard_full`.
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
