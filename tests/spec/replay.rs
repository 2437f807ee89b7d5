//! Login links that work once.

use std::collections::BTreeSet;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use time::{Duration, OffsetDateTime, PrimitiveDateTime};
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{AutoAuthLogin, AutoAuthPolicy, ReplayRefusal, verify_autoauth};

use crate::common::{KEY, SIGNED, at, hash_of, keys, link};

/// The login of a genuine link, verified at that time.
fn login(email: &str, timestamp: i64, now: OffsetDateTime) -> AutoAuthLogin<'static> {
    login_with(AutoAuthPolicy::new(), email, timestamp, &hash_of(email, timestamp, KEY), now)
}

fn login_with(
    policy: AutoAuthPolicy,
    email: &str,
    timestamp: i64,
    hash: &str,
    now: OffsetDateTime,
) -> AutoAuthLogin<'static> {
    let timestamp = timestamp.to_string();
    let request = link(email, &timestamp, hash);
    verify_autoauth(&request, &keys(&[KEY]), &now, &policy).unwrap().into_owned()
}

/// Uses the link of one of many clients.
fn use_link(guard: &ReplayGuard, client: usize, timestamp: i64, now: i64) -> Verdict {
    let login = login(&format!("{client}@example.com"), timestamp, at(timestamp));
    guard.first_use(&login, at(now))
}

type Verdict = Result<(), ReplayRefusal>;

#[test]
fn replay_1_only_the_first_use_of_a_link_passes() {
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
fn replay_1_a_link_from_before_the_start_is_refused() {
    let guard = ReplayGuard::new(10).since(at(SIGNED));
    let forgotten = Err(ReplayRefusal::MayBeForgotten);
    for (timestamp, verdict) in
        [(SIGNED - 900, forgotten), (SIGNED, forgotten), (SIGNED + 1, Ok(())), (SIGNED + 2, Ok(()))]
    {
        assert_eq!(use_link(&guard, 1, timestamp, SIGNED), verdict, "{timestamp}");
    }
    assert_eq!(guard.remembered(), 2);
    assert_eq!(use_link(&guard, 1, SIGNED + 1, SIGNED), Err(ReplayRefusal::Used));
}

/// The latest of all times counts, in whatever order they come.
#[test]
fn replay_1_what_may_be_forgotten_never_decreases() {
    let guard = ReplayGuard::new(10).since(at(SIGNED)).since(at(SIGNED - 500));
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED), Err(ReplayRefusal::MayBeForgotten));

    let guard = ReplayGuard::new(10);
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED), Ok(()));
    let guard = guard.since(at(SIGNED + 1000));
    // The first link is forgotten.
    assert_eq!(use_link(&guard, 1, SIGNED + 1001, SIGNED + 901), Ok(()));
    assert_eq!(guard.remembered(), 1);
    let refused = use_link(&guard, 1, SIGNED + 1000, SIGNED + 901);
    assert_eq!(refused, Err(ReplayRefusal::MayBeForgotten));
}

#[test]
fn link_7_the_case_of_the_hash_makes_no_other_link() {
    let email = "demo@example.com";
    let hash = hash_of(email, SIGNED, KEY);
    let guard = ReplayGuard::new(10);
    for (hash, verdict) in [
        (hash.to_uppercase(), Ok(())),
        (hash.clone(), Err(ReplayRefusal::Used)),
        (hash.to_uppercase(), Err(ReplayRefusal::Used)),
    ] {
        let login = login_with(AutoAuthPolicy::new(), email, SIGNED, &hash, at(SIGNED));
        let used = guard.first_use(&login, at(SIGNED));
        assert_eq!(used, verdict, "{hash}");
    }
}

/// The window is from 900 s before the timestamp to 900 s after it.
#[test]
fn replay_1_a_link_is_remembered_for_the_whole_window_and_refused_after_it() {
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
fn replay_1_an_expired_link_is_refused_even_if_it_was_never_used() {
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
fn replay_1_a_link_that_may_be_forgotten_is_refused_when_the_clock_steps_back() {
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
        // A link that was never used: as old as the forgotten one, older, and newer.
        (4, SIGNED, Err(ReplayRefusal::MayBeForgotten)),
        (4, SIGNED - 1, Err(ReplayRefusal::MayBeForgotten)),
        (4, SIGNED + 1, Ok(())),
    ] {
        let verdict_now = use_link(&guard, client, timestamp, SIGNED);
        assert_eq!(verdict_now, verdict, "{client}, {timestamp}");
    }
}

#[test]
fn replay_1_a_forgotten_link_is_refused_after_the_clock_jumped_ahead_and_back() {
    let guard = ReplayGuard::new(10);
    let day = 86_400;
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED), Ok(()));
    assert_eq!(use_link(&guard, 2, SIGNED + day, SIGNED + day), Ok(()));
    assert_eq!(use_link(&guard, 3, SIGNED + 1, SIGNED + 1), Ok(()));
    let forgotten = Err(ReplayRefusal::MayBeForgotten);
    assert_eq!(use_link(&guard, 1, SIGNED, SIGNED + 1), forgotten);

    // The clock is ahead for longer than a window. The guard forgets a link of that time, and so
    // refuses every older one.
    let later = SIGNED + day + 901;
    assert_eq!(use_link(&guard, 4, later, later), Ok(()));
    for timestamp in [SIGNED + 2, SIGNED + 3_600, SIGNED + day] {
        assert_eq!(use_link(&guard, 5, timestamp, timestamp), forgotten);
    }
    let there_again = SIGNED + day + 1;
    assert_eq!(use_link(&guard, 5, there_again, there_again), Ok(()));
}

#[test]
fn replay_1_a_full_guard_refuses_and_forgets_nothing() {
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
    // Once a link is forgotten, there is room for one.
    let now = SIGNED + 901;
    assert_eq!(use_link(&guard, 3, SIGNED + 5, now), Ok(()));
    assert_eq!(use_link(&guard, 4, SIGNED + 5, now), Err(ReplayRefusal::Full));
    // A refused link is not remembered, so it can be tried again.
    let now = SIGNED + 902;
    assert_eq!(use_link(&guard, 4, SIGNED + 5, now), Ok(()));

    let nothing = ReplayGuard::new(0);
    assert_eq!(use_link(&nothing, 1, SIGNED, SIGNED), Err(ReplayRefusal::Full));
}

#[test]
fn replay_1_every_time_has_a_verdict() {
    let first = PrimitiveDateTime::MIN.assume_utc();
    let last = PrimitiveDateTime::MAX.assume_utc();
    let endless = AutoAuthPolicy::new()
        .with_past_limit(std::time::Duration::MAX)
        .with_future_limit(std::time::Duration::MAX);
    let login = |policy, client: usize, timestamp: i64| {
        let email = client.to_string();
        let hash = hash_of(&email, timestamp, KEY);
        login_with(policy, &email, timestamp, &hash, at(timestamp))
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
    let hash = hash_of(&email, timestamp, KEY);
    let login = login_with(policy, &email, timestamp, &hash, at(timestamp));
    guard.first_use(&login, at(now))
}

#[test]
fn replay_3_a_link_that_was_forgotten_under_a_short_window_is_refused_under_a_long_one() {
    let guard = ReplayGuard::new(10);
    let refused = Err(ReplayRefusal::MayBeForgotten);
    for (window, client, timestamp, now, verdict) in [
        (60, 1, SIGNED, SIGNED, Ok(())),
        // Forgotten by now.
        (60, 2, SIGNED + 100, SIGNED + 100, Ok(())),
        (900, 1, SIGNED, SIGNED + 100, refused),
        // Never used, and as old.
        (900, 3, SIGNED, SIGNED + 100, refused),
        // Newer than every forgotten link.
        (900, 3, SIGNED + 1, SIGNED + 100, Ok(())),
        // From here on every link is remembered for 900 s, also under a shorter window.
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

/// The clock goes back and forth, and three policies take turns.
#[test]
fn replay_3_no_link_passes_twice_under_any_clock_and_policy() {
    let mut state = 20_261_122_u64;
    let mut random = |below: i64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as i64 % below
    };
    for capacity in [1, 5, 50, 1000] {
        let guard = ReplayGuard::new(capacity);
        let mut passed = BTreeSet::new();
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
fn expired_links_are_dropped() {
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
fn replay_2_exactly_one_of_sixteen_threads_passes_with_the_same_link() {
    const THREADS: usize = 16;
    const ROUNDS: usize = 1_000;
    let guard = ReplayGuard::new(ROUNDS);
    let logins: Vec<_> = (0..ROUNDS)
        .map(|round| login(&format!("{round}@example.com"), SIGNED, at(SIGNED)))
        .collect();
    // The threads count and do not assert: after a panic the others would wait for ever.
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
