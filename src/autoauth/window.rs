//! The timestamp (LINK-2), the window around it (LINK-5), and when a link can be used (LINK-7).

use core::time::Duration;

use time::OffsetDateTime;

use super::policy::AutoAuthPolicy;
use super::refusal::AutoAuthRefusal;
use crate::field::Malformed;

/// LINK-2: exactly ten digits. A digit that moved in from the e-mail or the key would make it nine
/// or eleven.
pub(super) fn read_timestamp(text: &str) -> Result<i64, Malformed> {
    match *text.as_bytes() {
        // `parse` accepts a sign in the first place only, and the first place holds a digit.
        [b'1'..=b'9', ref rest @ ..] if rest.len() == 9 => {
            text.parse().map_err(|_| Malformed::TimestampFormat)
        }
        _ => Err(Malformed::TimestampFormat),
    }
}

/// LINK-5: whether the clock is inside the window.
pub(super) fn check_window(
    timestamp: i64,
    now: OffsetDateTime,
    policy: &AutoAuthPolicy,
) -> Result<(), AutoAuthRefusal> {
    let now = now.unix_timestamp();
    let apart = timestamp.abs_diff(now);
    let excess = |limit: Duration| match apart.saturating_sub(limit.as_secs()) {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    };
    if now < 0 {
        Err(AutoAuthRefusal::ClockBefore1970)
    } else if timestamp <= now {
        excess(policy.past_limit).map_or(Ok(()), |by| Err(AutoAuthRefusal::Expired { by }))
    } else {
        excess(policy.future_limit).map_or(Ok(()), |by| Err(AutoAuthRefusal::FromFuture { by }))
    }
}

/// LINK-7: the first second after the window.
pub(super) fn forget_at(timestamp: i64, policy: &AutoAuthPolicy) -> i64 {
    timestamp.saturating_add_unsigned(policy.past_limit.as_secs()).saturating_add(1)
}

/// LINK-7: the first second of the window.
pub(super) fn opens_at(timestamp: i64, policy: &AutoAuthPolicy) -> i64 {
    timestamp.saturating_sub_unsigned(policy.future_limit.as_secs()).max(0)
}
