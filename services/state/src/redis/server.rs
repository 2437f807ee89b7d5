//! What a server says about itself: whether it may forget, and since when it remembers.

use std::time::Duration;

use time::OffsetDateTime;
use tokio::time::Instant;

use crate::StateError;

/// How far the clock of a machine and the clock of Redis may differ. If they differ more, no link is
/// accepted.
pub const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// How far ahead of the clock the timestamp of a link may be, on every machine that shares a Redis. It is one
/// number for all: after a loss, each machine must know how early another can have accepted a link.
pub const MAX_AHEAD: Duration = Duration::from_secs(120);

/// The id of the process, of its data and of its evictions, out of the answer to `INFO`. If it is another one than
/// before, the server may have forgotten something.
///
/// A server that forgets without a trace is refused.
pub(super) fn memory_id(info: &str) -> Result<String, StateError> {
    let field = |name: &str| {
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim()).ok_or_else(|| {
            let cause = format!("INFO does not show {name}, so nobody knows whether Redis forgets");
            StateError::new("state_unknown", cause)
        })
    };
    let mode = field("redis_mode")?;
    if mode != "standalone" {
        let cause = format!("Redis runs in the mode {mode}, and only standalone is supported");
        return Err(StateError::new("state_mode", cause));
    }
    if field("role")? != "master" {
        return Err(StateError::new("state_replica", "this Redis is a replica"));
    }
    let policy = field("maxmemory_policy")?;
    if policy != "noeviction" && field("maxmemory")? != "0" {
        let cause = format!("Redis evicts keys when it is full: its maxmemory-policy is {policy}");
        return Err(StateError::new("state_evicts", cause));
    }
    Ok(format!("{}:{}:{}", field("run_id")?, field("master_replid")?, field("evicted_keys")?))
}

/// What the server's clock showed, and when it was asked.
#[derive(Clone, Copy)]
pub(super) struct ServerClock {
    showed: i64,
    asked: Instant,
}

impl ServerClock {
    pub(super) fn new(showed: i64) -> Self {
        Self { showed, asked: Instant::now() }
    }

    pub(super) fn showed(self) -> i64 {
        self.showed
    }

    pub(super) fn age(self) -> Duration {
        self.asked.elapsed()
    }

    /// What it shows now, unless somebody has set it.
    pub(super) fn expected(self) -> i64 {
        let age = i64::try_from(self.age().as_secs()).unwrap_or(i64::MAX);
        self.showed.saturating_add(age)
    }

    /// Whether somebody has set it, if it shows this now.
    pub(super) fn was_set(self, now: i64) -> bool {
        self.expected().abs_diff(now) > MAX_CLOCK_DIFFERENCE.as_secs()
    }
}

/// When the server remembers from, and the time, both by its own clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Since {
    at: i64,
    now: i64,
}

impl Since {
    /// Refuses a clock that differs too much from the clock of this machine.
    pub(super) fn new(at: i64, now: i64) -> Result<Self, StateError> {
        let difference = OffsetDateTime::now_utc().unix_timestamp().abs_diff(now);
        if difference > MAX_CLOCK_DIFFERENCE.as_secs() {
            let cause = format!("the clocks of this machine and of Redis are {difference} s apart");
            return Err(StateError::new("state_clock", cause));
        }
        Ok(Self { at, now })
    }

    /// The latest start from which a server knows every use of a link of this timestamp. The first use may be
    /// [`MAX_AHEAD`] before the timestamp, by a clock that runs ahead.
    pub(super) fn latest_for(timestamp: i64) -> i64 {
        timestamp.saturating_sub(unproven_seconds())
    }

    /// Whether a link of this timestamp, if it was used, is remembered.
    pub(super) fn proves(self, timestamp: i64) -> bool {
        self.at <= Self::latest_for(timestamp)
    }

    /// Why links that are made now are refused, if they are.
    pub(super) fn refuses_new_links(self) -> Option<StateError> {
        if self.proves(self.now) {
            return None;
        }
        let end = self.at.saturating_add(unproven_seconds());
        let left = u64::try_from(end.saturating_sub(self.now)).unwrap_or_default();
        let cause = format!(
            "Redis remembers used links since {}, and links are refused until {}, because one that was used \
             before may be forgotten",
            utc(self.at),
            utc(end)
        );
        Some(StateError {
            wait: Some(Duration::from_secs(left)),
            ..StateError::new("state_young", cause)
        })
    }
}

/// How long after its start a server cannot know whether a link that is made then was used.
fn unproven_seconds() -> i64 {
    let seconds = MAX_AHEAD.saturating_add(MAX_CLOCK_DIFFERENCE).as_secs();
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_add(1)
}

fn utc(seconds: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (hour, minute, second) = time.time().as_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} UTC", time.date())
}
