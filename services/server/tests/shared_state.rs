//! Two services on one Redis.

mod support;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Response;
use support::*;
use tokio::time::{Instant, sleep, timeout};
use whmcs_auth_server::Settings;
use whmcs_auth_state::Store;
use whmcs_auth_state::test_redis::TestRedis;

/// Two services, and a Redis that remembers for long enough to know about every link.
async fn two(limit_of_failures: u32) -> ([Server; 2], TestRedis) {
    let redis = TestRedis::start(&[]);
    let start = async || {
        let state: Arc<dyn Store> = Arc::new(redis.store());
        state.check().await.unwrap();
        Server::with_state(state, |settings| {
            settings.one_time_links = true;
            settings.limits.failures = limit_of_failures;
            settings.limits.sessions_by_client = 2;
        })
        .await
    };
    let servers = [start().await, start().await];
    redis.remembers_for_long().await;
    (servers, redis)
}

async fn token(server: &Server) -> String {
    let ask = format!("action=CreateSsoToken&client_id=1&{PAIR}");
    let (status, answer) = server.json(&ask).await;
    assert_eq!(status, 200, "{answer}");
    format!("/oauth/singlesignon.php?access_token={}", answer["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn a_link_works_once_on_both() {
    let ([one, other], _redis) = two(1000).await;
    let link = one.link("demo@whmcs.com", None);
    assert_eq!(one.get(&link).await.status(), 302);
    for server in [&one, &other] {
        assert_eq!(server.get(&link).await.status(), 403);
        assert_eq!(server.count("dologin", "link_used").await, 1);
    }
}

#[tokio::test]
async fn sessions_are_shared() {
    let ([one, other], redis) = two(1000).await;
    let session = cookie(&one.get(&one.link("demo@whmcs.com", None)).await);
    let status = async |server: &Server, cookie: &str| {
        server.get_with("/clientarea.php", "cookie", cookie).await.status().as_u16()
    };
    assert_eq!([status(&one, &session).await, status(&other, &session).await], [200, 200]);
    // The id of the session is not in Redis.
    let id = session.split_once('=').unwrap().1;
    let keys: Vec<String> = redis.run(&["KEYS", "*"]).await;
    assert!(keys.iter().all(|key| !key.contains(id)), "{keys:?}");

    // The sessions of a client are counted over both, and the oldest one ends.
    let mut sessions = vec![session];
    for (server, seconds) in [(&other, 1), (&one, 2)] {
        server.clock.set(at(1_700_000_000 + seconds));
        sessions.push(cookie(&server.get(&server.link("demo@whmcs.com", None)).await));
    }
    let mut statuses = Vec::new();
    for session in &sessions {
        statuses.push(status(&one, session).await);
    }
    assert_eq!(statuses, [403, 200, 200]);

    let request = other.http.post(format!("{}/logout.php", other.base));
    let answer = request.header("cookie", &sessions[2]).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!([status(&one, &sessions[2]).await, status(&one, &sessions[1]).await], [403, 200]);
}

#[tokio::test]
async fn a_token_of_one_works_once_on_the_other() {
    let ([one, other], _redis) = two(1000).await;
    let token = token(&one).await;
    assert_eq!(other.get(&token).await.status(), 302);
    for server in [&one, &other] {
        assert_eq!(server.get(&token).await.status(), 403);
        assert_eq!(server.count("singlesignon", "sso_token_unknown").await, 1);
    }
}

#[tokio::test]
async fn failures_are_counted_together() {
    let ([one, other], _redis) = two(4).await;
    let ask = "action=GetClients&identifier=x&secret=y";
    for server in [&one, &other, &one, &other] {
        assert_eq!(server.call(ask).await.0, 403);
    }
    for server in [&one, &other] {
        let answer = server.post(ask).await;
        assert_eq!(answer.status(), 429);
        let wait: u64 = head(&answer, "retry-after").unwrap().parse().unwrap();
        assert!((50..=60).contains(&wait), "{wait}");
    }
    assert_eq!(one.get(&one.link("demo@whmcs.com", None)).await.status(), 302, "not its links");
}

/// Callers who hang up start no check each.
#[tokio::test]
async fn a_check_goes_on_if_its_caller_hangs_up() {
    let ([one, _], redis) = two(1000).await;
    let checks = async || {
        let counts: String = redis.run(&["INFO", "commandstats"]).await;
        let count = counts.split("cmdstat_info:calls=").nth(1).unwrap();
        // Those of this function count, too.
        count.split(',').next().unwrap().parse::<u32>().unwrap()
    };
    let before = checks().await;
    redis.run::<()>(&["CLIENT", "PAUSE", "300"]).await;
    let visit = one.ask("/readyz");
    assert!(timeout(Duration::from_millis(100), visit).await.is_err(), "it was answered");
    assert_eq!(answer_of(&one).await.0, 200);
    assert_eq!(checks().await, before + 2);
}

#[tokio::test]
async fn without_redis_nobody_is_let_in() {
    let ([one, other], mut redis) = two(1000).await;
    let session = cookie(&one.get(&one.link("demo@whmcs.com", None)).await);
    let token = token(&one).await;
    let link = one.link("a+b@example.com", None);
    redis.kill();
    sleep(Duration::from_millis(100)).await;
    for server in [&one, &other] {
        for path in [&link, &token, "/dologin.php"] {
            let answer = server.get(path).await;
            assert_eq!(head(&answer, "set-cookie"), None);
            assert_eq!(answer.status(), 503, "{path}");
        }
        let page = server.get_with("/clientarea.php", "cookie", &session).await;
        assert_eq!(page.status(), 503);
        let request = server.http.post(format!("{}/logout.php", server.base));
        let answer = request.header("cookie", &session).send().await.unwrap();
        assert_eq!(answer.status(), 503, "the session has not ended");
        let ask = format!("action=GetClients&{PAIR}");
        let unavailable = "result=error;message=Service Unavailable".to_owned();
        assert_eq!(server.call(&ask).await, (503, unavailable));
        assert_eq!(server.count("dologin", "state_unreachable").await, 2);
        assert_eq!(server.count("api", "state_unreachable").await, 1);
        let (status, text) = answer_of(server).await;
        assert_eq!(status, 503);
        let not_ready = r#"{"database":"ready","log":"ready","state":"not ready: Redis: "#;
        assert!(text.starts_with(not_ready), "{text}");
    }

    // It comes back empty: sessions and tokens are gone, and a link may have been used.
    redis.restart(&[]);
    for server in [&one, &other] {
        is_young(server).await;
        let page = server.get_with("/clientarea.php", "cookie", &session).await;
        assert_eq!(page.status(), 403);
        assert_eq!(server.get(&token).await.status(), 403);
        let answer = server.get(&link).await;
        assert_eq!(answer.status(), 503);
        wait_of(&answer);
        assert_eq!(server.count("dologin", "state_young").await, 1);
    }
    // What was refused was not used up.
    redis.remembers_for_long().await;
    assert_eq!(one.get(&link).await.status(), 302);
    assert_eq!(other.get(&link).await.status(), 403);
    assert_eq!(other.count("dologin", "link_used").await, 1);
    let ready = r#"{"database":"ready","log":"ready","state":"ready"}"#;
    for server in [&one, &other] {
        becomes(server, |status, text| status == 200 && text == ready).await;
        assert_eq!(links_wait(server).await, 0);
    }
}

/// The seconds until links are accepted again. It is three minutes after a start, and tests are slow at times.
fn wait_of(answer: &Response) {
    let wait: u64 = head(answer, "retry-after").unwrap().parse().unwrap();
    assert!((60..=181).contains(&wait), "{wait}");
}

/// A balancer sends visitors elsewhere, and the operator learns why and for how long.
async fn is_young(server: &Server) {
    becomes(server, |status, text| {
        status == 503 && text.contains("Redis remembers used links since ")
    })
    .await;
    wait_of(&server.ask("/readyz").await);
    assert!((60..=181).contains(&links_wait(server).await));
}

async fn links_wait(server: &Server) -> u64 {
    let text = server.ask("/metrics").await.text().await.unwrap();
    let name = "whmcs_auth_links_wait_seconds ";
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

/// Waits for an answer of `/readyz`. A result is used again for a second.
async fn becomes(server: &Server, expected: impl Fn(u16, &str) -> bool) {
    let start = Instant::now();
    loop {
        let (status, text) = answer_of(server).await;
        if expected(status, &text) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{status} {text}");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A server whose links work more than once needs no memory of them.
#[tokio::test]
async fn a_young_redis_does_not_matter_if_links_are_not_used_up() {
    let redis = TestRedis::start(&[]);
    let repeatable = Server::with_state(Arc::new(redis.store()), |_| {}).await;
    assert_eq!(answer_of(&repeatable).await.0, 200);
    let once = |settings: &mut Settings| settings.one_time_links = true;
    let once = Server::with_state(Arc::new(redis.store()), once).await;
    is_young(&once).await;
}

async fn answer_of(server: &Server) -> (u16, String) {
    answer(server.ask("/readyz").await).await
}
