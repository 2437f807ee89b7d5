//! Login links that work once.
#![cfg(feature = "std")]

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha1::{Digest, Sha1};
use time::{Duration, OffsetDateTime};
use whmcs_auth::replay::{ReplayGuard, ReplayRefusal};
use whmcs_auth::*;

const SIGNED: i64 = 1_700_000_000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// The login of a genuine link, verified at that time.
fn login(email: &str, timestamp: i64, now: OffsetDateTime) -> AutoAuthLogin<'static> {
    let hash = hex::encode(Sha1::digest(format!("{email}{timestamp}key")));
    login_by(email, timestamp, &hash, now)
}

fn login_by(
    email: &str,
    timestamp: i64,
    hash: &str,
    now: OffsetDateTime,
) -> AutoAuthLogin<'static> {
    login_under(AutoAuthPolicy::new(), email, timestamp, hash, now)
}

fn login_under(
    policy: AutoAuthPolicy,
    email: &str,
    timestamp: i64,
    hash: &str,
    now: OffsetDateTime,
) -> AutoAuthLogin<'static> {
    let keys = AutoAuthKeys::from(AutoAuthKey::new("key").unwrap());
    let timestamp = timestamp.to_string();
    let pairs = [("email", email), ("timestamp", &timestamp), ("hash", hash)];
    let request = AutoAuthRequest::from_pairs(pairs);
    let login = verify_autoauth(&request, &keys, &now, &policy);
    login.unwrap().into_owned()
}

/// Uses the link of one of many clients.
fn use_link(guard: &ReplayGuard, client: usize, timestamp: i64, now: i64) -> Verdict {
    let login = login(&format!("{client}@example.com"), timestamp, at(timestamp));
    guard.first_use(&login, at(now))
}

type Verdict = Result<(), ReplayRefusal>;

#[test]
fn the_first_use_passes_and_no_other() {
    let guard = ReplayGuard::new(10);
    for (now, verdict) in [
        (SIGNED, Ok(())),
        (SIGNED, Err(ReplayRefusal::Used)),
        (SIGNED + 1, Err(ReplayRefusal::Used)),
        (SIGNED - 1, Err(ReplayRefusal::Used)),
        (SIGNED + 900, Err(ReplayRefusal::Used)),
    ] {
        assert_eq!(use_link(&guard, 1, SIGNED, now), verdict, "{now}");
    }
    // Another client, and another second, are other links.
    assert_eq!(use_link(&guard, 2, SIGNED, SIGNED), Ok(()));
    assert_eq!(use_link(&guard, 1, SIGNED + 1, SIGNED), Ok(()));
}

#[test]
fn a_link_is_the_same_in_either_case_of_its_hex() {
    let email = "demo@example.com";
    let hash = hex::encode(Sha1::digest(format!("{email}{SIGNED}key")));
    let guard = ReplayGuard::new(10);
    for (hash, verdict) in [
        (hash.to_uppercase(), Ok(())),
        (hash.clone(), Err(ReplayRefusal::Used)),
        (hash.to_uppercase(), Err(ReplayRefusal::Used)),
    ] {
        let login = login_by(email, SIGNED, &hash, at(SIGNED));
        let used = guard.first_use(&login, at(SIGNED));
        assert_eq!(used, verdict, "{hash}");
    }
}

/// From 900 s before its time to 900 s after it.
#[test]
fn a_link_is_remembered_for_the_whole_window_and_refused_after_it() {
    for first in [SIGNED - 900, SIGNED, SIGNED + 900] {
        let guard = ReplayGuard::new(10);
        assert_eq!(use_link(&guard, 1, SIGNED, first), Ok(()));
        for later in [first, SIGNED + 899, SIGNED + 900] {
            let verdict = use_link(&guard, 1, SIGNED, later);
            assert_eq!(verdict, Err(ReplayRefusal::Used), "{first}, {later}");
        }
        for after in [SIGNED + 901, SIGNED + 902, SIGNED + 1_000_000] {
            let verdict = use_link(&guard, 1, SIGNED, after);
            assert_eq!(verdict, Err(ReplayRefusal::MayBeForgotten), "{after}");
        }
    }
}

#[test]
fn a_link_whose_time_is_over_is_refused_though_it_was_never_seen() {
    let guard = ReplayGuard::new(10);
    for (now, verdict) in
        [(SIGNED + 901, Err(ReplayRefusal::MayBeForgotten)), (SIGNED + 900, Ok(()))]
    {
        assert_eq!(use_link(&guard, 1, SIGNED, now), verdict);
    }
    // To the nanosecond.
    let first = login("2@example.com", SIGNED, at(SIGNED));
    let over = at(SIGNED + 901);
    for (now, verdict) in [
        (over - Duration::NANOSECOND, Ok(())),
        (over - Duration::NANOSECOND, Err(ReplayRefusal::Used)),
        (over, Err(ReplayRefusal::MayBeForgotten)),
    ] {
        assert_eq!(guard.first_use(&first, now), verdict, "{now}");
    }
}

#[test]
fn a_link_that_may_have_been_forgotten_is_refused_when_the_clock_steps_back() {
    let guard = ReplayGuard::new(10);
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED), Ok(()));
    assert_eq!(use_link(&guard, 2, SIGNED + 100, SIGNED), Ok(()));
    // The first is forgotten, and the second remembered.
    assert_eq!(use_link(&guard, 3, SIGNED + 950, SIGNED + 950), Ok(()));
    assert_eq!(guard.remembered(), 2);
    for (client, timestamp, verdict) in [
        (1, SIGNED, Err(ReplayRefusal::MayBeForgotten)),
        (2, SIGNED + 100, Err(ReplayRefusal::Used)),
        (3, SIGNED + 950, Err(ReplayRefusal::Used)),
        // Never seen, and of the time that was forgotten, or before, or after it.
        (4, SIGNED, Err(ReplayRefusal::MayBeForgotten)),
        (4, SIGNED - 1, Err(ReplayRefusal::MayBeForgotten)),
        (4, SIGNED + 1, Ok(())),
    ] {
        let verdict_now = use_link(&guard, client, timestamp, SIGNED);
        assert_eq!(verdict_now, verdict, "{client}, {timestamp}");
    }
}

#[test]
fn a_clock_that_jumped_ahead_and_back_keeps_out_what_was_forgotten_meanwhile() {
    let guard = ReplayGuard::new(10);
    let day = 86_400;
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED), Ok(()));
    assert_eq!(use_link(&guard, 2, SIGNED + day, SIGNED + day), Ok(()));
    assert_eq!(use_link(&guard, 3, SIGNED + 1, SIGNED + 1), Ok(()));
    let forgotten = Err(ReplayRefusal::MayBeForgotten);
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED + 1), forgotten);

    // Ahead for longer than a window, it forgot a link of its own time, and so of any before.
    let later = SIGNED + day + 901;
    assert_eq!(use_link(&guard, 4, later, later), Ok(()));
    for timestamp in [SIGNED + 2, SIGNED + 3_600, SIGNED + day] {
        assert_eq!(use_link(&guard, 5, timestamp, timestamp), forgotten);
    }
    let there_again = SIGNED + day + 1;
    assert_eq!(use_link(&guard, 5, there_again, there_again), Ok(()));
}

#[test]
fn a_full_guard_refuses_and_forgets_nothing() {
    let guard = ReplayGuard::new(3);
    for client in 0..3 {
        assert_eq!(use_link(&guard, client, SIGNED + client as i64, SIGNED), Ok(()));
    }
    for now in [SIGNED, SIGNED + 900] {
        assert_eq!(use_link(&guard, 3, SIGNED + 5, now), Err(ReplayRefusal::Full));
        for client in 0..3 {
            let verdict = use_link(&guard, client, SIGNED + client as i64, now);
            assert_eq!(verdict, Err(ReplayRefusal::Used));
        }
    }
    // When one is forgotten there is room for one.
    let now = SIGNED + 901;
    assert_eq!(use_link(&guard, 3, SIGNED + 5, now), Ok(()));
    assert_eq!(use_link(&guard, 4, SIGNED + 5, now), Err(ReplayRefusal::Full));
    // A refusal remembers nothing, so that the link can be tried again.
    let now = SIGNED + 902;
    assert_eq!(use_link(&guard, 4, SIGNED + 5, now), Ok(()));

    let nothing = ReplayGuard::new(0);
    assert_eq!(use_link(&nothing, 1, SIGNED, SIGNED), Err(ReplayRefusal::Full));
}

#[test]
fn every_time_is_judged() {
    let first = time::PrimitiveDateTime::MIN.assume_utc();
    let last = time::PrimitiveDateTime::MAX.assume_utc();
    let endless = AutoAuthPolicy::new()
        .with_past_limit(std::time::Duration::MAX)
        .with_future_limit(std::time::Duration::MAX);
    let login = |policy, client: usize, timestamp: i64| {
        let email = client.to_string();
        let hash = hex::encode(Sha1::digest(format!("{email}{timestamp}key")));
        login_under(policy, &email, timestamp, &hash, at(timestamp))
    };
    let guard = ReplayGuard::new(10);
    let refused = Err(ReplayRefusal::MayBeForgotten);
    for (policy, client, timestamp, now, verdict) in [
        (AutoAuthPolicy::new(), 1, SIGNED, first, Ok(())),
        (AutoAuthPolicy::new(), 1, SIGNED, at(0), Err(ReplayRefusal::Used)),
        (AutoAuthPolicy::new(), 2, SIGNED, last, refused),
        (AutoAuthPolicy::new(), 2, SIGNED, first, refused),
        (endless, 3, 9_999_999_999, first, Ok(())),
        (endless, 3, 9_999_999_999, last, Err(ReplayRefusal::Used)),
        (endless, 4, 1_000_000_000, last, refused),
        (endless, 5, 9_999_999_998, last, Ok(())),
    ] {
        let used = guard.first_use(&login(policy, client, timestamp), now);
        assert_eq!(used, verdict, "{client} {now}");
    }
}

fn within(seconds: u64) -> AutoAuthPolicy {
    AutoAuthPolicy::new().with_past_limit(std::time::Duration::from_secs(seconds))
}

/// Uses the link of one of many clients, verified under that policy.
fn use_link_under(
    guard: &ReplayGuard,
    policy: AutoAuthPolicy,
    client: usize,
    timestamp: i64,
    now: i64,
) -> Verdict {
    let email = format!("{client}@example.com");
    let hash = hex::encode(Sha1::digest(format!("{email}{timestamp}key")));
    let login = login_under(policy, &email, timestamp, &hash, at(timestamp));
    guard.first_use(&login, at(now))
}

#[test]
fn a_link_that_was_forgotten_under_a_short_window_is_refused_under_a_long_one() {
    let guard = ReplayGuard::new(10);
    let refused = Err(ReplayRefusal::MayBeForgotten);
    for (window, client, timestamp, now, verdict) in [
        (60, 1, SIGNED, SIGNED, Ok(())),
        // Forgotten by now.
        (60, 2, SIGNED + 100, SIGNED + 100, Ok(())),
        (900, 1, SIGNED, SIGNED + 100, refused),
        // Used under neither, and as old.
        (900, 3, SIGNED, SIGNED + 100, refused),
        // Newer than all that was forgotten.
        (900, 3, SIGNED + 1, SIGNED + 100, Ok(())),
        // From here on links are remembered for 900 s, under whatever window they are used.
        (60, 4, SIGNED + 200, SIGNED + 200, Ok(())),
        (60, 5, SIGNED + 900, SIGNED + 900, Ok(())),
        (900, 4, SIGNED + 200, SIGNED + 900, Err(ReplayRefusal::Used)),
        (60, 4, SIGNED + 200, SIGNED + 900, Err(ReplayRefusal::Used)),
        (900, 6, SIGNED + 200, SIGNED + 900, Ok(())),
    ] {
        let used = use_link_under(&guard, within(window), client, timestamp, now);
        assert_eq!(used, verdict, "{window} {client} {timestamp} {now}");
    }
}

/// Against a list that never forgets, over a clock that goes back and forth, under three policies.
#[test]
fn no_link_passes_twice_whatever_the_clock_and_the_policies_do() {
    let mut state = 20_261_122_u64;
    let mut random = |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as i64 % below
    };
    for capacity in [1, 5, 50, 1000] {
        let guard = ReplayGuard::new(capacity);
        let mut passed = std::collections::BTreeSet::new();
        let mut now = SIGNED;
        for _ in 0..3_000 {
            now += random(400) - 150;
            let link = (random(5), now + random(1_800) - 900);
            let policy = within([60, 900, 3_600][random(3) as usize]);
            let verdict = use_link_under(&guard, policy, link.0 as usize, link.1, now);
            let is_new = !passed.contains(&link);
            assert!(is_new || verdict.is_err(), "{link:?} passed twice");
            if verdict.is_ok() {
                passed.insert(link);
            }
            let live = passed.iter().filter(|(_, signed)| signed + 3_601 > now);
            assert!(verdict != Err(ReplayRefusal::Full) || live.count() >= capacity);
        }
        assert!(passed.len() > capacity);
    }
}

#[test]
fn what_has_expired_is_dropped() {
    let guard = ReplayGuard::new(usize::MAX);
    for second in 0..5_000 {
        for client in 0..2 {
            assert_eq!(use_link(&guard, client, SIGNED + second, SIGNED + second), Ok(()));
        }
    }
    // The 901 seconds that are still in the window.
    assert_eq!(guard.remembered(), 1_802);
}

#[test]
fn of_sixteen_threads_with_one_link_exactly_one_passes() {
    const THREADS: usize = 16;
    const ROUNDS: usize = 1_000;
    let guard = ReplayGuard::new(ROUNDS);
    let logins: Vec<_> = (0..ROUNDS)
        .map(|round| login(&format!("{round}@example.com"), SIGNED, at(SIGNED)))
        .collect();
    // A panic in one thread would leave the others at the barrier.
    let count = || (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect::<Vec<_>>();
    let (passed, used) = (count(), count());
    let start = Barrier::new(THREADS);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for (round, login) in logins.iter().enumerate() {
                    start.wait();
                    match guard.first_use(login, at(SIGNED)) {
                        Ok(()) => passed[round].fetch_add(1, Ordering::Relaxed),
                        Err(ReplayRefusal::Used) => used[round].fetch_add(1, Ordering::Relaxed),
                        Err(_) => 0,
                    };
                }
            });
        }
    });
    for round in 0..ROUNDS {
        assert_eq!(passed[round].load(Ordering::Relaxed), 1, "round {round}");
        assert_eq!(used[round].load(Ordering::Relaxed), THREADS - 1, "round {round}");
    }
}

#[test]
fn every_refusal_has_its_code_its_cause_and_its_answer() {
    for (refusal, code, cause, public, status) in [
        (
            ReplayRefusal::Used,
            "link_used",
            "the link was used before",
            "This login link has expired.",
            403,
        ),
        (
            ReplayRefusal::MayBeForgotten,
            "link_may_be_forgotten",
            "the link may have been used and forgotten: its time is over, or the clock went back",
            "This login link has expired.",
            403,
        ),
        (
            ReplayRefusal::Full,
            "replay_guard_full",
            "the replay guard is full: its capacity is too small for the logins of a window",
            "Service Unavailable",
            503,
        ),
    ] {
        assert_eq!(refusal.code(), code);
        assert_eq!(refusal.to_string(), cause);
        assert_eq!(refusal.public_message(), public);
        assert_eq!(refusal.http_status(), status);
    }
}
