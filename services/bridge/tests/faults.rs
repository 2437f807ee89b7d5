//! A WHMCS that is slow, down, or answers nonsense: a plain page for the visitor, the cause for the operator,
//! and never a secret in the log.

mod support;

use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use support::*;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep};
use tracing_subscriber::fmt::MakeWriter;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth_state::Store;
use whmcs_auth_state::test_redis::TestRedis;

const LATER: &str = "The login does not work at the moment. Please try again later.";
const NEW_LINK: &str =
    "The login did not work, and the link cannot be used again. Please ask for a new link.";
const READY: &str = r#"{"log":"ready","state":"ready"}"#;
const CREATE: &str = "CreateSsoToken";
const FIND: &str = "GetClientsDetails";
const SEARCH: &str = "GetClients";

/// The log of all tests of this file.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Log {
    type Writer = Log;

    fn make_writer(&'w self) -> Log {
        self.clone()
    }
}

/// Everything that is logged, at every level.
fn log() -> String {
    static LOG: OnceLock<Log> = OnceLock::new();
    let log = LOG.get_or_init(|| {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE);
        subscriber.with_writer(log.clone()).init();
        log
    });
    String::from_utf8(log.0.lock().unwrap().clone()).unwrap()
}

/// WHMCS answers this action with the reply, and the other one rightly.
async fn with_fault(
    action: &'static str,
    fault: impl Fn() -> Reply + Send + Sync + 'static,
) -> Setup {
    let whmcs = works(PUBLIC);
    let answers = move |call: &Call| match call.field("action") == action {
        true => fault(),
        false => whmcs(call),
    };
    Setup::with(answers, Some(memory()), |_| {}).await
}

/// The visitor sees the page, and the operator the code and the cause.
async fn visit(setup: &Setup, status: u16, code: &str, message: &str, cause: &str) {
    let logged_before = log().len();
    let link = link(Some("viewinvoice.php?id=12"));
    let answer = setup.get(&link).await;
    assert_eq!(
        (answer.status, answer.page),
        (status, page(status, message).await),
        "{code} {cause}"
    );
    assert_eq!(answer.location, "");
    assert_eq!(setup.count(code).await, 1, "{code}");
    let log = log().split_off(logged_before);
    let code = format!("\"code\":\"{code}\"");
    let line = log.lines().find(|line| line.contains(&code) && line.contains(cause));
    assert!(line.is_some(), "{code} {cause}: {log}");
    let hash = link.split("hash=").nth(1).unwrap().split('&').next().unwrap();
    for secret in [SECRET, TOKEN, KEY, hash, "demo@whmcs.com"] {
        assert!(!log.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_whmcs_refuses() {
    for (message, code, cause) in [
        ("Authentication Failed", "whmcs_credential_refused", "refuses the API credential: Auth"),
        ("Invalid or missing credentials", "whmcs_credential_refused", "credential: Invalid or"),
        ("Access Denied", "whmcs_credential_refused", "credential: Access Denied"),
        ("Administrator Account Disabled", "whmcs_credential_refused", "credential: Admin"),
        ("Invalid IP 192.0.2.1", "whmcs_address_refused", "of the bridge: Invalid IP 192.0.2.1"),
        ("Forbidden IP 192.0.2.1", "whmcs_address_refused", "of the bridge: Forbidden IP 192.0.2"),
        (
            r"Invalid Permissions: API action \u0022x\u0022 is not allowed",
            "whmcs_permission_missing",
            "Invalid Permissions (31 more bytes, which are not shown)",
        ),
        (
            "Token could not be provisioned: no users",
            "whmcs_token_refused",
            "no token for the client: Token could not be provisioned (10 more bytes, which",
        ),
        ("Something else", "whmcs_refused", "with an error: 14 bytes, which are not shown"),
        ("", "whmcs_refused", "with an error: 0 bytes, which are not shown"),
    ] {
        for (action, calls) in [(FIND, &[FIND][..]), (SEARCH, &[FIND, SEARCH])] {
            let setup = with_fault(action, move || error(message)).await;
            visit(&setup, 502, code, LATER, cause).await;
            assert_eq!(setup.whmcs.actions(), calls);
        }
        let setup = with_fault(CREATE, move || error(message)).await;
        visit(&setup, 502, code, NEW_LINK, cause).await;
        assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE], "{message}");
        // Without JSON, and with the mark that a file of WHMCS may start with.
        let text = format!("\u{feff}result=error;message={};\n", message.replace("\\u0022", "\""));
        let setup = with_fault(CREATE, move || reply("200 OK", "", &text)).await;
        visit(&setup, 502, code, NEW_LINK, cause).await;
    }
    // The permission that is missing is named.
    for (action, message) in [(FIND, LATER), (SEARCH, LATER), (CREATE, NEW_LINK)] {
        let setup = with_fault(action, || error("Invalid Permissions")).await;
        let cause = format!("does not allow {action}: Invalid Permissions");
        visit(&setup, 502, "whmcs_permission_missing", message, &cause).await;
    }
    // Only an answer about the target is asked for again.
    let setup = with_fault(CREATE, || error("Invalid Destination")).await;
    let cause = "WHMCS refuses the goto: Invalid destination";
    visit(&setup, 502, "whmcs_goto_refused", NEW_LINK, cause).await;
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE, CREATE]);
    // The client was removed in between.
    let setup = with_fault(CREATE, || error("Client not found")).await;
    let cause = "WHMCS knows no such client: Client Not Found";
    visit(&setup, 502, "whmcs_client_unknown", NEW_LINK, cause).await;
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE]);
}

/// A firewall, a page in place of the API, and a message of PHP.
#[tokio::test]
async fn what_came_in_place_of_an_answer() {
    let html = "<!DOCTYPE html><html><h1>Just a moment</h1></html>";
    let warning = r#"Warning: Undefined variable in /home/x.php on line 3{"result":"success"}"#;
    let in_html = r#"<br />
<b>Deprecated</b>:  Optional parameter<br />{"result":"success","redirect_url":"https://billing.example/"}"#;
    let mitigated = "cf-mitigated: challenge\r\n";
    for (status, headers, body, code, cause) in [
        ("403 Forbidden", mitigated, html, "whmcs_firewall", "refuses the call with status 403"),
        ("200 OK", mitigated, html, "whmcs_firewall", "refuses the call with status 200"),
        ("403 Forbidden", "", html, "whmcs_firewall", "refuses the call with status 403"),
        ("403 Forbidden", "", "error code: 1020", "whmcs_firewall", "with status 403"),
        ("429 Too Many", "", "", "whmcs_firewall", "refuses the call with status 429"),
        ("200 OK", "", html, "whmcs_page", "in place of JSON, with status 200"),
        (
            "200 OK",
            "",
            "\u{feff}\n<html></html>",
            "whmcs_page",
            "in place of JSON, with status 200",
        ),
        ("503 Unavailable", "", html, "whmcs_page", "in place of JSON, with status 503"),
        ("200 OK", "", warning, "whmcs_php_message", "a message of PHP came before the JSON"),
        ("200 OK", "", in_html, "whmcs_php_message", "a message of PHP came before the JSON"),
        ("200 OK", "", "PHP Notice:  x", "whmcs_php_message", "a message of PHP came before"),
    ] {
        for (action, message) in [(FIND, LATER), (SEARCH, LATER), (CREATE, NEW_LINK)] {
            let setup = with_fault(action, move || reply(status, headers, body)).await;
            visit(&setup, 502, code, message, cause).await;
        }
    }
}

/// Some installations have a file with such a mark, or with several.
#[tokio::test]
async fn a_byte_order_mark_before_the_json_is_skipped() {
    let whmcs = works(PUBLIC);
    let setup = Setup::start(move |call| {
        let Reply(bytes, _) = whmcs(call);
        let text = String::from_utf8(bytes).unwrap();
        let body = text.split_once("\r\n\r\n").unwrap().1;
        reply("200 OK", "", &format!("\u{feff}\u{feff}\r\n{body}\n"))
    })
    .await;
    assert_eq!(setup.get(&link(Some("viewinvoice.php?id=12"))).await.status, 302);
}

#[tokio::test]
async fn answers_that_make_no_sense() {
    let success_with = |status| {
        let body = r#"{"result":"success","client":{"id":7,"email":"demo@whmcs.com","status":"Active"},"redirect_url":"https://billing.example/"}"#;
        reply(status, "", body)
    };
    let nonsense = move || -> Vec<(&'static str, Reply)> {
        let success = |body: &str| json(&format!(r#"{{"result":"success"{body}}}"#));
        vec![
            ("5 bytes and no JSON, with status 200", reply("200 OK", "", "hello")),
            ("8 bytes and no JSON, with status 503", reply("503 Unavailable", "", "<?xml />")),
            ("no JSON", reply("200 OK", "", "result=success;userid=7;email=demo@whmcs.com")),
            ("0 bytes and no JSON", reply("200 OK", "", "")),
            ("no JSON", json(r#"{"result":"success","client":{"id":7,"#)),
            ("no JSON", json(r#"["success"]"#)),
            ("no JSON", json(&format!("{}{}", "[".repeat(1000), "]".repeat(1000)))),
            ("its result is no success or error", json("{}")),
            ("its result is no success or error", json(r#"{"result":true}"#)),
            ("a success with status 500", success_with("500 Error")),
            ("a success with status 404", success_with("404 Not Found")),
            ("a success with status 201", success_with("201 Created")),
            ("a success with status 403", success_with("403 Forbidden")),
            (
                "it redirects with status 301",
                reply("301 Moved", "location: https://evil.example/\r\n", ""),
            ),
            ("it has more than 262144 bytes", json(&" ".repeat(262_145))),
            ("shows no", success("")),
            (
                "shows no",
                success(r#","client":{"id":-1,"email":"demo@whmcs.com","status":"Active"}"#),
            ),
            (
                "shows no",
                success(r#","client":{"id":7,"email":["demo@whmcs.com"],"status":"Active"}"#),
            ),
            (
                "shows no",
                success(r#","client":{"id":7,"email":"demo@whmcs.com"},"redirect_url":"/a""#),
            ),
            ("shows no", success(r#","redirect_url":["https://billing.example/"]"#)),
        ]
    };
    for action in [FIND, CREATE] {
        for number in 0..nonsense().len() {
            let cause = nonsense().swap_remove(number).0;
            let setup = with_fault(action, move || nonsense().swap_remove(number).1).await;
            let message = if action == CREATE { NEW_LINK } else { LATER };
            visit(&setup, 502, "whmcs_nonsense", message, cause).await;
            let expected: &[&str] =
                if action == CREATE { &[FIND, SEARCH, CREATE] } else { &[FIND] };
            assert_eq!(setup.whmcs.actions(), expected, "{cause}");
        }
    }
}

#[tokio::test]
async fn answers_of_a_search_that_make_no_sense() {
    let clients = |body: &str| json(&format!(r#"{{"result":"success",{body}}}"#));
    let many: String = [r#"{"id":8,"email":"demo@whmcs.com","status":"Active"}"#; 4].join(",");
    for (code, reply) in [
        ("whmcs_nonsense", clients(r#""clients":{}"#)),
        ("whmcs_nonsense", clients(r#""totalresults":1,"clients":[]"#)),
        ("whmcs_nonsense", clients(r#""totalresults":2,"clients":{"client":[{"id":7}]}"#)),
        (
            "whmcs_nonsense",
            clients(r#""totalresults":1,"clients":{"client":[{"id":7,"email":"demo@whmcs.com"}]}"#),
        ),
        (
            "whmcs_nonsense",
            clients(
                r#""totalresults":1,"clients":{"client":[{"id":7,"email":null,"status":"Active"}]}"#,
            ),
        ),
        ("whmcs_many_clients", found(&many)),
    ] {
        let bytes = reply.0;
        let setup = with_fault(SEARCH, move || Reply(bytes.clone(), Duration::ZERO)).await;
        visit(&setup, 502, code, LATER, "").await;
        assert_eq!(setup.whmcs.actions(), [FIND, SEARCH]);
    }
}

/// Strangers sign up with the e-mail as the start of a long name, or very often. Its owner gets in all the same.
#[tokio::test]
async fn strangers_with_the_email_as_their_name_keep_nobody_out() {
    const OWNER: &str = r#"{"id":7,"email":"demo@whmcs.com","status":"Active"}"#;
    let name = format!("demo@whmcs.com{}", "x".repeat(300_000));
    let stranger = format!(
        r#"{{"id":8,"email":"stranger@whmcs.com","status":"Active","companyname":"{name}"}}"#
    );
    let crowd = r#"{"result":"success","totalresults":"101","clients":{"client":[]}}"#;
    for (search, cause) in [
        (found(&format!("{OWNER},{stranger}")), "finds more than 262144 bytes"),
        (json(crowd), "finds 101 clients"),
    ] {
        for (owner, is_accepted) in [
            (OWNER.to_owned(), true),
            // Then nothing shows that no other client is a better one.
            (OWNER.replace("demo", "Demo"), false),
            (OWNER.replace("Active", "Closed"), false),
        ] {
            let (whmcs, search) = (works(PUBLIC), search.0.clone());
            let answers = move |call: &Call| match call.field("action") {
                FIND => json(&format!(r#"{{"result":"success","client":{owner}}}"#)),
                SEARCH => Reply(search.clone(), Duration::ZERO),
                _ => whmcs(call),
            };
            let setup = Setup::with(answers, Some(memory()), |_| {}).await;
            if !is_accepted {
                visit(&setup, 502, "whmcs_search_inconclusive", LATER, cause).await;
                assert_eq!(setup.whmcs.actions(), [FIND, SEARCH]);
                continue;
            }
            let logged_before = log().len();
            assert_eq!(setup.get(&link(None)).await.status, 302, "{cause}");
            assert_eq!(setup.whmcs.calls.lock().unwrap()[2].field("client_id"), "7");
            let log = log().split_off(logged_before);
            let code = r#""client":7,"code":"whmcs_search_inconclusive""#;
            let line = log.lines().find(|line| line.contains(code) && line.contains(cause));
            assert!(line.is_some_and(|line| line.contains("WARN")), "{cause}: {log}");
            assert!(!log.contains("demo@whmcs.com"));
        }
    }
}

#[tokio::test]
async fn visitors_are_sent_to_whmcs_only() {
    for url in [
        "https://evil.example/whmcs/oauth/singlesignon.php",
        "http://billing.example/whmcs/",
        "https://billing.example:8443/whmcs/",
        "https://billing.example.evil.example/",
        "https://billing.example@evil.example/",
        "https://evil@billing.example/",
        "https://:evil@billing.example/",
        r"https://evil.example\\@billing.example/",
        "//evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        "blob:https://billing.example/whmcs/oauth/singlesignon.php",
        "filesystem:https://billing.example/whmcs/",
        "https://whmcs.internal/whmcs/",
    ] {
        let body =
            format!(r#"{{"result":"success","access_token":"{TOKEN}","redirect_url":"{url}"}}"#);
        let setup = with_fault(CREATE, move || json(&body)).await;
        let code = if url.starts_with("//") { "whmcs_nonsense" } else { "whmcs_foreign_redirect" };
        let cause = if url.starts_with("//") { "no redirect_url" } else { "another site" };
        visit(&setup, 502, code, NEW_LINK, cause).await;
    }
    // The origin of the API is not that of the visitors.
    let base = Arc::new(OnceLock::<String>::new());
    let (api, whmcs) = (Arc::clone(&base), works(PUBLIC));
    let answers = move |call: &Call| match call.field("action") {
        CREATE => works(&format!("{}/", api.get().unwrap()))(call),
        _ => whmcs(call),
    };
    let setup = Setup::with(answers, Some(memory()), |settings| {
        settings.public_url = PUBLIC.replace("https", "http").parse().unwrap();
    })
    .await;
    base.set(setup.whmcs.url.to_string()).unwrap();
    visit(&setup, 502, "whmcs_foreign_redirect", NEW_LINK, "another site").await;
    // What is sent is the URL as it was read, so no browser reads another.
    let body = r#"{"result":"success","redirect_url":"\thttps://BILLING.example:443\\oauth/\n?access_token=a b"}"#;
    let setup = with_fault(CREATE, move || json(body)).await;
    let answer = setup.get(&link(None)).await;
    assert_eq!(answer.location, "https://billing.example/oauth/?access_token=a%20b");
}

#[tokio::test]
async fn a_slow_whmcs_is_given_up() {
    for (slow, message, calls) in [
        (FIND, LATER, &[FIND][..]),
        (SEARCH, LATER, &[FIND, SEARCH]),
        (CREATE, NEW_LINK, &[FIND, SEARCH, CREATE]),
    ] {
        let whmcs = works(PUBLIC);
        let answers = move |call: &Call| match call.field("action") == slow {
            true => late(json("{}"), 600),
            false => whmcs(call),
        };
        let setup = Setup::with(answers, Some(memory()), |settings| {
            settings.call_time = Duration::from_secs(2);
        })
        .await;
        let cause = "did not answer in time: no answer in 2s (option --call-time)";
        visit(&setup, 503, "whmcs_slow", message, cause).await;
        assert_eq!(setup.whmcs.actions(), calls, "the call is not made twice");
    }
    // The body stops in the middle.
    let head = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{";
    let setup = with_fault(FIND, move || Reply(head.into(), Duration::ZERO)).await;
    visit(&setup, 503, "whmcs_unreachable", LATER, "cannot be reached").await;
}

#[tokio::test]
async fn a_whmcs_that_is_down_is_asked_again_where_that_is_safe() {
    // The connection is closed without an answer.
    let closed = || Reply(Vec::new(), Duration::ZERO);
    let setup = with_fault(FIND, closed).await;
    visit(&setup, 503, "whmcs_unreachable", LATER, "cannot be reached").await;
    assert_eq!(setup.whmcs.actions(), [FIND, FIND]);
    let setup = with_fault(SEARCH, closed).await;
    visit(&setup, 503, "whmcs_unreachable", LATER, "cannot be reached").await;
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, SEARCH]);
    let setup = with_fault(CREATE, closed).await;
    visit(&setup, 503, "whmcs_unreachable", NEW_LINK, "cannot be reached").await;
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE], "a token may have been made");
    // A client of HTTP may repeat a call by itself if an open connection ends.
    let whmcs = works(PUBLIC);
    let answers = move |call: &Call| match call.field("action") {
        CREATE => closed(),
        _ => kept_alive(whmcs(call)),
    };
    let setup = Setup::with(answers, Some(memory()), |_| {}).await;
    visit(&setup, 503, "whmcs_unreachable", NEW_LINK, "cannot be reached").await;
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE], "a token may have been made");
    let no_http = || Reply(b"SSH-2.0-OpenSSH\r\n".to_vec(), Duration::ZERO);
    let setup = with_fault(CREATE, no_http).await;
    visit(&setup, 503, "whmcs_unreachable", NEW_LINK, "cannot be reached").await;
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE]);
    // Nobody listens there.
    let setup = Setup::with(works(PUBLIC), None, |settings| {
        settings.whmcs_url = "http://127.0.0.1:9/".parse().unwrap();
    })
    .await;
    visit(&setup, 503, "whmcs_unreachable", LATER, "Connection refused").await;
    // The first answer is lost, the second one arrives.
    let (whmcs, is_first) = (works(PUBLIC), Mutex::new(true));
    let setup = Setup::start(move |call| match std::mem::take(&mut *is_first.lock().unwrap()) {
        true => closed(),
        false => whmcs(call),
    })
    .await;
    assert_eq!(setup.get(&link(None)).await.status, 302);
}

/// The link was not used up, because no token was asked for.
#[tokio::test]
async fn a_link_survives_a_failure_before_the_token() {
    let (whmcs, is_first) = (works(PUBLIC), Mutex::new(true));
    let answers = move |call: &Call| match std::mem::take(&mut *is_first.lock().unwrap()) {
        true => error("Authentication Failed"),
        false => whmcs(call),
    };
    let setup = Setup::with(answers, Some(memory()), |_| {}).await;
    let link = link(None);
    assert_eq!(setup.get(&link).await.status, 502);
    assert_eq!(setup.get(&link).await.status, 302);
}

/// And it is used up by a failure of the token, which may have been made.
#[tokio::test]
async fn a_link_does_not_survive_a_failure_of_the_token() {
    let setup = with_fault(CREATE, || error("Authentication Failed")).await;
    let link = link(None);
    assert_eq!(setup.get(&link).await.status, 502);
    assert_eq!(setup.get(&link).await.page, page(403, "This login link has expired.").await);
    assert_eq!(setup.whmcs.actions(), [FIND, SEARCH, CREATE, FIND, SEARCH]);
}

#[tokio::test]
async fn logins_in_flight_are_bounded() {
    let whmcs = works(PUBLIC);
    let answers = move |call: &Call| late(whmcs(call), 1);
    let setup = Setup::with(answers, None, |settings| {
        settings.max_calls_in_flight = 2;
        settings.call_time = Duration::from_secs(600);
    })
    .await;
    let setup = Arc::new(setup);
    let mut visits = JoinSet::new();
    let (mut most, mut made) = (0, 0);
    // Until one was seen: on a busy machine all may have ended before.
    while most == 0 || !visits.is_empty() {
        while visits.len() < 6 && most == 0 {
            let setup = Arc::clone(&setup);
            // Each link once: a link has one login in flight.
            made += 1;
            let link = link_made_in(made, "demo@whmcs.com", None);
            visits.spawn(async move { setup.get(&link).await });
        }
        let (_, metrics) = setup.operator("/metrics").await;
        let (_, count) = metrics.split_once("\nwhmcs_auth_logins_in_flight ").unwrap();
        most = most.max(count.lines().next().unwrap().parse().unwrap());
        while let Some(visit) = visits.try_join_next() {
            assert_eq!(visit.unwrap().status, 302);
        }
    }
    assert!(most <= 2, "{most}");
    assert!(setup.operator("/metrics").await.1.contains("whmcs_auth_logins_in_flight 0\n"));
}

#[tokio::test]
async fn a_login_waits_for_its_turn_for_a_while() {
    let setup = Setup::with(works(PUBLIC), None, |settings| {
        // So no turn comes.
        settings.max_calls_in_flight = 0;
        settings.call_time = Duration::from_millis(300);
    })
    .await;
    let begun = Instant::now();
    let answer = setup.get(&link(None)).await;
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(answer.status, 503);
    assert_eq!(answer.page, page(503, LATER).await);
    assert_eq!(setup.count("too_many_logins").await, 1);
    assert!(setup.whmcs.actions().is_empty());
    assert!(setup.operator("/metrics").await.1.contains("whmcs_auth_logins_in_flight 0\n"));
}

/// Opens a link in a task, which hangs up if it is aborted.
fn open_in_a_task(setup: &Arc<Setup>, link: &str) -> JoinHandle<Answer> {
    let (setup, link) = (Arc::clone(setup), link.to_owned());
    tokio::spawn(async move { setup.get(&link).await })
}

/// So whoever repeats a link does not take the turns of all others.
#[tokio::test]
async fn a_link_has_one_login_in_flight() {
    let (whmcs, is_first) = (works(PUBLIC), Mutex::new(true));
    let answers = move |call: &Call| match std::mem::take(&mut *is_first.lock().unwrap()) {
        true => late(whmcs(call), 600),
        false => whmcs(call),
    };
    let setup = Setup::with(answers, Some(memory()), |settings| {
        settings.max_calls_in_flight = 2;
        settings.call_time = Duration::from_secs(600);
    })
    .await;
    let (setup, once) = (Arc::new(setup), link(None));
    let first = open_in_a_task(&setup, &once);
    while setup.whmcs.actions().is_empty() {
        sleep(Duration::from_millis(10)).await;
    }
    // Another target does not make another link.
    for link in [&once, &format!("{once}&goto=cart.php")] {
        let answer = setup.get(link).await;
        assert_eq!((answer.status, answer.page), (503, page(503, LATER).await));
    }
    assert_eq!(setup.count("link_in_flight").await, 2);
    assert_eq!(setup.whmcs.actions(), [FIND]);
    let other = link_made_in(-100, "demo@whmcs.com", None);
    assert_eq!(setup.get(&other).await.status, 302);
    // The visitor goes away. WHMCS carries on with the call, so the login keeps its places.
    first.abort();
    sleep(Duration::from_millis(300)).await;
    assert_eq!(setup.get(&once).await.status, 503);
    assert!(setup.operator("/metrics").await.1.contains("whmcs_auth_logins_in_flight 1\n"));
    // The visitor comes back after the call. No token was made for nobody, and the link is not used up.
    setup.whmcs.hurry.notify_waiters();
    let begun = Instant::now();
    while setup.get(&once).await.status != 302 {
        assert!(begun.elapsed() < Duration::from_secs(60));
        sleep(Duration::from_millis(10)).await;
    }
    let actions = setup.whmcs.actions();
    assert_eq!(actions.iter().filter(|action| *action == CREATE).count(), 2);
    assert_eq!(setup.count("visitor_gone").await, 1);
}

/// Once the link is used up, the operator learns how the login ended, although nobody waits for it.
#[tokio::test]
async fn a_login_without_a_visitor_is_in_the_log() {
    for (token, code) in [(true, "accepted"), (false, "whmcs_refused")] {
        let whmcs = works(PUBLIC);
        let answers = move |call: &Call| match (call.field("action"), token) {
            (CREATE, true) => late(whmcs(call), 600),
            (CREATE, false) => late(error("Something"), 600),
            _ => whmcs(call),
        };
        let setup = Setup::with(answers, Some(memory()), |settings| {
            settings.call_time = Duration::from_secs(600);
        })
        .await;
        let (setup, link) = (Arc::new(setup), link(None));
        let visit = open_in_a_task(&setup, &link);
        while setup.whmcs.actions().last().is_none_or(|action| action != CREATE) {
            sleep(Duration::from_millis(10)).await;
        }
        visit.abort();
        sleep(Duration::from_millis(300)).await;
        setup.whmcs.hurry.notify_waiters();
        let begun = Instant::now();
        while setup.count(code).await == 0 {
            assert!(begun.elapsed() < Duration::from_secs(60), "{code}");
            sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(setup.get(&link).await.status, 403);
    }
}

/// The login works, and the operator learns why another page opened.
#[tokio::test]
async fn a_target_outside_of_whmcs_is_reported() {
    let _ = log();
    let setup = Setup::start(works(PUBLIC)).await;
    let logged_before = log().len();
    assert_eq!(setup.get(&format!("{}&goto=/elsewhere.php", link(None))).await.status, 302);
    assert_eq!(setup.count("accepted").await, 1);
    let log = log().split_off(logged_before);
    let line = log.lines().find(|line| line.contains(r#""code":"goto_outside""#)).unwrap();
    assert!(line.contains(r#""span":{"address":"127.0.0.1""#), "{line}");
    assert!(!line.contains("findings") && !line.contains("elsewhere"), "{line}");
}

/// A server that is no WHMCS repeats what it received, and a visitor's text does not get into the log.
#[tokio::test]
async fn nothing_secret_is_logged() {
    let echo = |call: &Call| error(&format!("got {:?}", call.fields).replace('"', "'"));
    visit(&Setup::start(echo).await, 502, "whmcs_refused", LATER, " bytes, which").await;
    for name in ["identifier", "secret", "email"] {
        let repeat = move |call: &Call| error(&format!("no {}", call.field(name).to_uppercase()));
        visit(&Setup::start(repeat).await, 502, "whmcs_refused", LATER, " bytes, which").await;
    }
    // Nobody knows all the ways in which a text can be escaped.
    for (message, cause) in [
        ("no o&#039;brien-marker", "an error: 22 bytes, which"),
        ("no demo%2Bb%40marker", "an error: 20 bytes, which"),
        (r"no marker\\u0040whmcs.com", "an error: 24 bytes, which"),
        ("Authentication Failed for marker", "Authentication Failed (10 more bytes, which"),
        ("Invalid IP 192.0.2.1, marker", "Invalid IP (17 more bytes, which"),
        ("Access Denied 203.0.113.77", "Access Denied (12 more bytes, which"),
    ] {
        let setup = Setup::start(move |_| error(message)).await;
        let logged_before = log().len();
        setup.get(&link(None)).await;
        let log = log().split_off(logged_before);
        assert!(log.contains(cause), "{message}: {log}");
        assert!(!log.contains("marker") && !log.contains("203.0.113.77"), "{log}");
    }
    let repeat = |call: &Call| match call.field("sso_redirect_path") {
        "" => works(PUBLIC)(call),
        path => error(&format!("Invalid destination {path}")),
    };
    let setup = Setup::start(repeat).await;
    assert_eq!(setup.get(&link(Some("private-page.php"))).await.status, 302);
    assert!(!log().contains("private-page"));
    let line =
        r#""WHMCS refuses the goto: Invalid destination (16 more bytes, which are not shown)""#;
    assert!(log().contains(line));

    let proxies = TrustedProxies::new().with_addresses(["127.0.0.1".parse().unwrap()]);
    let setup = Setup::with(works(PUBLIC), None, |settings| {
        settings.access = access().with_proxies(proxies).into();
    })
    .await;
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    let answer = setup.send(reqwest::Method::GET, &link(None), &forwarded).await;
    assert_eq!(answer.status, 302);
    let log = log();
    assert!(
        log.contains(
            r#""client":7,"key":0,"is_repaired":false,"code":"accepted"},"target":"whmcs_auth_bridge::dologin","span":{"address":"203.0.113.7""#
        ),
        "{log}"
    );
    for secret in [SECRET, TOKEN, KEY] {
        assert!(!log.contains(secret));
    }
    let shown = format!("{:?}", settings("http://127.0.0.1".parse().unwrap()));
    assert!(!shown.contains(SECRET) && !shown.contains(KEY), "{shown}");
}

/// Waits for an answer of `/readyz` that contains a text. A result is used again for a second.
async fn becomes(setup: &Setup, status: u16, text: &str) {
    let start = Instant::now();
    loop {
        let answer = setup.operator("/readyz").await;
        if answer.0 == status && answer.1.contains(text) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{answer:?}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn links_wait(setup: &Setup) -> u64 {
    let text = setup.operator("/metrics").await.1;
    let name = "whmcs_auth_links_wait_seconds ";
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap().parse().unwrap()
}

#[tokio::test]
async fn without_its_redis_the_bridge_accepts_no_link() {
    let _ = log();
    let mut server = TestRedis::start(&[]);
    let store: Arc<dyn Store> = Arc::new(server.old_store().await);
    let two = [
        Setup::with(works(PUBLIC), Some(Arc::clone(&store)), |_| {}).await,
        Setup::with(works(PUBLIC), Some(Arc::new(server.store())), |_| {}).await,
    ];
    let once = link(None);
    assert_eq!(two[0].get(&once).await.status, 302);
    assert_eq!(two[1].get(&once).await.page, page(403, "This login link has expired.").await);
    assert_eq!(two[1].operator("/readyz").await, (200, READY.to_owned()));

    server.kill();
    let other = link_made_in(-100, "demo@whmcs.com", None);
    let answer = two[1].get(&other).await;
    assert_eq!((answer.status, answer.page), (503, page(503, LATER).await));
    assert_eq!(two[1].count("state_unreachable").await, 1);
    assert_eq!(
        two[1].whmcs.actions(),
        [FIND, SEARCH, FIND, SEARCH],
        "no token without a first use"
    );
    becomes(&two[1], 503, r#"{"log":"ready","state":"not ready: Redis: "#).await;

    // It comes back without its data, and nobody knows which links were used.
    server.restart(&[]);
    becomes(&two[1], 503, r#""state":"not ready: Redis remembers used links since "#).await;
    assert!((60..=181).contains(&links_wait(&two[1]).await));
    assert!(log().contains("\"not ready: Redis remembers used links since "));
    for link in [&once, &other] {
        let answer = two[1].get(link).await;
        assert_eq!((answer.status, answer.page), (503, page(503, LATER).await));
        assert!(answer.headers.contains(&"retry-after".to_owned()), "{:?}", answer.headers);
    }
    assert_eq!(two[1].count("state_young").await, 2);

    // Links that were made before are never accepted, because they may have been used.
    server.remembers_since(OffsetDateTime::now_utc().unix_timestamp() - 200).await;
    becomes(&two[1], 200, READY).await;
    assert_eq!(links_wait(&two[1]).await, 0);
    assert_eq!(two[1].get(&other).await.page, page(403, "This login link has expired.").await);
    assert_eq!(two[1].count("link_may_be_forgotten").await, 1);
    server.remembers_for_long().await;
    assert_eq!(two[1].get(&link_made_in(-200, "demo@whmcs.com", None)).await.status, 302);
}
