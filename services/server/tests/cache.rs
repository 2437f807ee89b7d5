//! The cache of matches, and the queue of the calls that need bcrypt.

mod support;

use std::time::Duration;

use support::{ADMIN, PAIR, Server, answer, head, proxies};
use tokio::task::JoinSet;
use tokio::time::sleep;
use whmcs_auth::BcryptCost;
use whmcs_auth::gate::AddressGate;
use whmcs_auth_axum::Access;

const ASK: &str = "action=GetClients";

/// How often the cache was asked: hits and misses. `None` if there is no cache.
async fn asked(server: &Server) -> Option<(u64, u64)> {
    let text = server.ask("/metrics").await.text().await.unwrap();
    let count = |result: &str| {
        let name = format!("whmcs_auth_cache_total{{result=\"{result}\"}} ");
        Some(text.lines().find_map(|line| line.strip_prefix(&name))?.parse().unwrap())
    };
    Some((count("hit")?, count("miss")?))
}

#[tokio::test]
async fn a_match_is_remembered() {
    let server = Server::start().await;
    for fields in [PAIR, ADMIN] {
        let before = asked(&server).await.unwrap();
        let (status, first) = server.call(&format!("{ASK}&{fields}")).await;
        assert_eq!(status, 200);
        assert_eq!(asked(&server).await, Some((before.0, before.1 + 1)));
        assert_eq!(server.call(&format!("{ASK}&{fields}")).await, (status, first));
        assert_eq!(asked(&server).await, Some((before.0 + 1, before.1 + 1)));
    }
}

#[tokio::test]
async fn what_changed_in_the_database_counts_at_once() {
    let disabled = "UPDATE tbladmins SET disabled = 1 WHERE id = 1";
    for (change, back, code) in [
        (
            "UPDATE tbldeviceauth SET deleted_at = '2023-01-01'",
            "UPDATE tbldeviceauth SET deleted_at = NULL",
            "unknown_identifier",
        ),
        (disabled, "UPDATE tbladmins SET disabled = 0 WHERE id = 1", "admin_disabled"),
        (
            // The hash of another secret.
            "UPDATE tbldeviceauth SET secret = '$2y$04$CCCCCCCCCCCCCCCCCCCCC.dLUoTZYAYhjJIMNnYdFOPqe.ld6Ae1i'",
            "SELECT 1",
            "wrong_secret",
        ),
    ] {
        let server = Server::start().await;
        for _ in 0..2 {
            assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, 200);
        }
        server.sql(change).await;
        assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, 403, "{change}");
        assert_eq!(server.count("api", code).await, 1, "{change}");
        server.sql(back).await;
        let status = if code == "wrong_secret" { 403 } else { 200 };
        assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, status, "{back}");
    }
}

#[tokio::test]
async fn a_match_is_forgotten_with_time() {
    let server = Server::with(|settings| {
        settings.limits.cache_age = Duration::from_millis(300);
    })
    .await;
    for misses in 1..=2 {
        assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, 200);
        assert_eq!(asked(&server).await, Some((0, misses)));
        sleep(Duration::from_millis(400)).await;
    }
}

#[tokio::test]
async fn the_cache_can_be_switched_off() {
    for (entries, seconds) in [(0, 300), (4096, 0)] {
        let server = Server::with(|settings| {
            settings.limits.cache_entries = entries;
            settings.limits.cache_age = Duration::from_secs(seconds);
        })
        .await;
        for _ in 0..2 {
            assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, 200);
        }
        assert_eq!(asked(&server).await, None);
    }
}

/// Calls with a wrong secret, each of which takes hundreds of milliseconds.
fn flood(server: &Server, count: usize) -> JoinSet<u16> {
    let mut calls = JoinSet::new();
    for number in 0..count {
        let call = server.form(format!("{ASK}&identifier=x{number}&secret=wrong")).send();
        calls.spawn(async { call.await.unwrap().status().as_u16() });
    }
    calls
}

#[tokio::test]
async fn a_remembered_match_waits_for_nobody() {
    let server = Server::with(|settings| settings.bcrypt_cost = BcryptCost::new(11).unwrap()).await;
    assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, 200);
    let mut wrong = flood(&server, 4);
    sleep(Duration::from_millis(50)).await;
    for _ in 0..5 {
        assert_eq!(server.call(&format!("{ASK}&{PAIR}")).await.0, 200);
    }
    assert!(wrong.try_join_next().is_none(), "the first wrong secret is still being verified");
    assert_eq!(wrong.join_all().await, [403; 4]);
}

#[tokio::test]
async fn calls_at_the_same_time_need_one_verification() {
    let server = Server::with(|settings| settings.bcrypt_cost = BcryptCost::new(9).unwrap()).await;
    let mut calls = JoinSet::new();
    for _ in 0..60 {
        let call = server.form(format!("{ASK}&{PAIR}")).send();
        calls.spawn(async { call.await.unwrap().status().as_u16() });
    }
    assert_eq!(calls.join_all().await, [200; 60]);
    let (hits, misses) = asked(&server).await.unwrap();
    // Those that began before the first one ended need bcrypt.
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert!(hits >= 60 - cores, "{hits} hits and {misses} misses");
}

/// Two networks have the same secret. Only the first needed bcrypt.
#[tokio::test]
async fn a_remembered_match_proves_a_network() {
    let networks = (0..100).map(|number| format!("203.0.113.{number}"));
    let access = Access::new()
        .with_addresses(AddressGate::new().with_entries(networks))
        .with_proxies(proxies(&["127.0.0.1"]));
    let server = Server::with_access(access, |settings| {
        settings.bcrypt_cost = BcryptCost::new(12).unwrap();
        settings.limits.waiting_calls = 1;
    })
    .await;
    let call = |number: usize, fields: &str| {
        let call = server.form(format!("{ASK}&{fields}"));
        let call = call.header("x-forwarded-for", format!("203.0.113.{number}")).send();
        async { call.await.unwrap().status().as_u16() }
    };
    assert_eq!(call(1, PAIR).await, 200);
    assert_eq!(call(2, PAIR).await, 200);
    assert_eq!(asked(&server).await, Some((1, 1)));

    // New networks take their half of the slots and their only place in the queue.
    let cores = std::thread::available_parallelism().unwrap().get();
    let mut flood = JoinSet::new();
    for number in 0..(cores / 2).max(1) + 1 {
        flood.spawn(call(10 + number, "identifier=unknown&secret=wrong"));
    }
    while !server.ask("/metrics").await.text().await.unwrap().contains("_waiting 1\n") {
        assert!(flood.try_join_next().is_none(), "the flood was over before it waited");
        sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(call(2, "identifier=unknown&secret=wrong").await, 403);
    flood.join_all().await;
}

#[tokio::test]
async fn calls_that_find_no_place_in_the_queue_are_told_to_wait() {
    let full = Server::with(|settings| settings.limits.waiting_calls = 0).await;
    let full_for_network =
        Server::with(|settings| settings.limits.waiting_calls_by_network = 0).await;
    for (server, status, message, code) in [
        (full, 503, "Service Unavailable", "too_many_wait"),
        (full_for_network, 429, "Too Many Requests", "network_waits"),
    ] {
        for fields in [PAIR, "identifier=unknown&secret=x"] {
            let response = server.post(&format!("{ASK}&{fields}")).await;
            assert_eq!(head(&response, "retry-after"), Some("1"));
            assert_eq!(answer(response).await, (status, format!("result=error;message={message}")));
        }
        assert_eq!(server.count("api", code).await, 2);
    }
}

/// Otherwise a caller could guess without being counted, and ask the cache by a second call.
#[tokio::test]
async fn a_guess_counts_if_the_caller_hangs_up() {
    let server = Server::with(|settings| {
        settings.bcrypt_cost = BcryptCost::new(10).unwrap();
        settings.limits.failures = 2;
    })
    .await;
    let is_verifying = async || {
        let metrics = server.ask("/metrics").await.text().await.unwrap();
        !metrics.contains("whmcs_auth_verifications 0\n")
    };
    for _ in 0..2 {
        let guess = tokio::spawn(server.form("identifier=x&secret=wrong").send());
        // A busy machine may answer before this sees it. The guess counts then too.
        while !is_verifying().await && !guess.is_finished() {
            sleep(Duration::from_millis(5)).await;
        }
        guess.abort();
        while is_verifying().await {
            sleep(Duration::from_millis(5)).await;
        }
    }
    assert_eq!(server.call(PAIR).await.0, 429);
}
