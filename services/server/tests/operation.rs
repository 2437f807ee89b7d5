//! Metrics, limits, failures of the database, and the shutdown.

mod support;

use std::time::Duration;

use support::{ADMIN, FORM, LOGIN, PAIR, Server, access, answer, cookie, head, proxies};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use whmcs_auth::gate::AddressGate;
use whmcs_auth_axum::Access;

const UNAVAILABLE: &str = r#"{"result":"error","message":"Service Unavailable"}"#;

#[tokio::test]
async fn metrics_count_each_code_and_are_for_the_operator() {
    let server = Server::start().await;
    let response = server.ask("/metrics").await;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(head(&response, "content-type"), Some(content_type));
    assert_eq!(server.count("api", "missing_credentials").await, 0);
    for _ in 0..3 {
        server.call("").await;
    }
    assert_eq!(server.count("api", "missing_credentials").await, 3);
    // Visitors do not get them.
    for path in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(server.get(path).await.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn metrics_show_times_connections_and_the_process() {
    let server = Server::start().await;
    for _ in 0..2 {
        assert_eq!(server.call(&format!("action=GetClients&{PAIR}")).await.0, 200);
    }
    let visit = server.get(&server.link("demo@whmcs.com", None)).await;
    assert_eq!(visit.status(), 302);
    server.json(&format!("action=CreateSsoToken&client_id=1&{PAIR}")).await;
    server.call("identifier=x&secret=y").await;
    server.get("/nothing").await;
    let text = server.ask("/metrics").await.text().await.unwrap();
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    };
    for (name, expected) in [
        (r#"whmcs_auth_answer_seconds_count{endpoint="api"}"#, 4.0),
        (r#"whmcs_auth_answer_seconds_bucket{le="+Inf",endpoint="api"}"#, 4.0),
        (r#"whmcs_auth_answer_seconds_count{endpoint="dologin"}"#, 1.0),
        (r#"whmcs_auth_answer_seconds_count{endpoint="unrouted"}"#, 1.0),
        (r#"whmcs_auth_kept{kind="session"}"#, 1.0),
        (r#"whmcs_auth_kept{kind="sso_token"}"#, 1.0),
        (r#"whmcs_auth_kept{kind="failures"}"#, 1.0),
        (r#"whmcs_auth_verifications_waiting"#, 0.0),
        (r#"whmcs_auth_database_connections{pool="api",state="waiting"}"#, 0.0),
    ] {
        assert_eq!(value(name), expected, "{name}");
    }
    let connections = |pool, state| {
        value(&format!(r#"whmcs_auth_database_connections{{pool="{pool}",state="{state}"}}"#))
    };
    for pool in ["api", "pages"] {
        assert!((0.0..=connections(pool, "open")).contains(&connections(pool, "idle")), "{text}");
    }
    let seconds = value(r#"whmcs_auth_answer_seconds_sum{endpoint="api"}"#);
    assert!(seconds > 0.0 && seconds < 10.0);
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 3.0);
    assert!(value("process_cpu_seconds_total") >= 0.0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let age = now.as_secs_f64() - value("process_start_time_seconds");
    assert!((-2.0..3600.0).contains(&age), "{age}");
}

#[tokio::test]
async fn an_answer_has_the_id_of_its_request() {
    let server = Server::start().await;
    let id = |response: &reqwest::Response| head(response, "x-request-id").unwrap().to_owned();
    let first = id(&server.get("/clientarea.php").await);
    let second = id(&server.get("/clientarea.php").await);
    for id in [&first, &second] {
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    }
    assert_ne!(first, second);
    let chosen = server.get_with("/clientarea.php", "x-request-id", "chosen").await;
    assert_ne!(id(&chosen), "chosen", "a stranger chooses no id");

    let server = Server::with_access(access().with_proxies(proxies(&["127.0.0.1"])), |_| {}).await;
    let chosen = server.get_with("/nothing", "x-request-id", "chosen-1.2_3").await;
    assert_eq!(id(&chosen), "chosen-1.2_3");
    let chosen = server.get_with("/nothing", "x-request-id", "no id").await;
    assert_eq!(id(&chosen).len(), 32);
}

/// Asks until the answer has this status, because an answer is used again for a second.
async fn readiness(server: &Server, expected: u16) -> String {
    let answers = async {
        loop {
            let (status, text) = answer(server.ask("/readyz").await).await;
            if status == expected {
                return text;
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(60), answers).await.expect("the status changes")
}

#[tokio::test]
async fn a_balancer_learns_whether_the_service_is_ready() {
    // A locked database would not answer for an hour.
    let server =
        Server::with(|settings| settings.limits.query_time = Duration::from_secs(3600)).await;
    let response = server.ask("/readyz").await;
    assert_eq!(head(&response, "content-type"), Some("application/json"));
    let ready = r#"{"database":"ready","log":"ready","state":"ready"}"#;
    assert_eq!(answer(response).await, (200, ready.to_owned()));
    let says = |answer: &str, cause: &str| {
        let expected = format!(r#"{{"database":"not ready: {cause}"#);
        assert!(answer.starts_with(&expected), "{answer}");
        assert!(answer.ends_with(r#"","log":"ready","state":"ready"}"#), "{answer}");
    };
    let kept = server.database_file().with_extension("kept");
    std::fs::rename(server.database_file(), &kept).unwrap();
    says(&readiness(&server, 503).await, "");
    assert_eq!(head(&server.ask("/readyz").await, "retry-after"), None, "nobody knows");
    assert_eq!(answer(server.ask("/healthz").await).await, (200, "alive\n".to_owned()));
    std::fs::rename(&kept, server.database_file()).unwrap();
    assert_eq!(readiness(&server, 200).await, ready);
    let locked = server.lock().await;
    says(&readiness(&server, 503).await, "it did not answer in a second");
    drop(locked);
    assert_eq!(readiness(&server, 200).await, ready);
    for path in ["/healthz", "/readyz"] {
        let url = format!("{}{path}", server.operator);
        assert_eq!(server.http.head(&url).send().await.unwrap().status(), 200, "{path}");
        assert_eq!(server.http.post(&url).send().await.unwrap().status(), 405, "{path}");
    }
}

#[tokio::test]
async fn without_the_database_everything_is_refused() {
    let server = Server::with(|settings| settings.one_time_links = true).await;
    let ask = format!("action=GetClients&responsetype=json&{PAIR}");
    assert_eq!(server.call(&ask).await.0, 200);
    let link = server.link("demo@whmcs.com", None);
    let session = server.get(&server.link("a+b@example.com", None)).await;
    let cookie = cookie(&session);
    let sso = server.json(&format!("action=CreateSsoToken&client_id=1&{PAIR}")).await.1;
    let sso =
        format!("/oauth/singlesignon.php?access_token={}", sso["access_token"].as_str().unwrap());

    let kept = server.database_file().with_extension("kept");
    std::fs::rename(server.database_file(), &kept).unwrap();
    for fields in [PAIR, LOGIN, ADMIN] {
        let ask = format!("action=GetClients&responsetype=json&{fields}");
        assert_eq!(server.call(&ask).await, (503, UNAVAILABLE.to_owned()));
    }
    for wrong in ["identifier=x&secret=y", "username=x&password=y"] {
        let ask = format!("responsetype=json&{wrong}");
        assert_eq!(server.call(&ask).await, (503, UNAVAILABLE.to_owned()));
    }
    for path in [&link, &sso] {
        let response = server.get(path).await;
        assert_eq!(head(&response, "set-cookie"), None);
        let (status, page) = answer(response).await;
        assert_eq!(status, 503);
        assert!(page.contains("Your login cannot be checked now."), "{page}");
    }
    let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
    assert_eq!(page.status(), 503);
    assert_eq!(server.count("api", "store_failure").await, 5);
    assert_eq!(server.count("dologin", "store_failure").await, 1);
    // This refusal needs no database.
    assert_eq!(server.call("responsetype=json").await.0, 403);
    assert!(!server.database_file().exists(), "no empty database was created");

    // No link and no token was used up.
    std::fs::rename(&kept, server.database_file()).unwrap();
    assert_eq!(server.call(&ask).await.0, 200);
    assert_eq!(server.get(&link).await.status(), 302);
    assert_eq!(server.get(&sso).await.status(), 302);
    let page = server.get_with("/clientarea.php", "cookie", &cookie).await;
    assert_eq!(page.status(), 200);
}

#[tokio::test]
async fn a_missing_table_uses_up_no_link_and_no_token() {
    let server = Server::with(|settings| settings.one_time_links = true).await;
    let link = server.link("demo@whmcs.com", None);
    let (_, made) = server.json(&format!("action=CreateSsoToken&client_id=1&{PAIR}")).await;
    let token = made["access_token"].as_str().unwrap();
    let token = format!("/oauth/singlesignon.php?access_token={token}");
    server.sql("ALTER TABLE tblclients RENAME TO gone").await;
    for path in [&link, &token] {
        assert_eq!(server.get(path).await.status(), 503);
    }
    server.sql("ALTER TABLE gone RENAME TO tblclients").await;
    for path in [&link, &token] {
        assert_eq!(server.get(path).await.status(), 302);
        assert_eq!(server.get(path).await.status(), 403);
    }
}

#[tokio::test]
async fn a_replaced_database_counts_at_once() {
    let server = Server::start().await;
    let ask = format!("action=GetClients&{PAIR}");
    assert_eq!(server.call(&ask).await.0, 200);
    let other = Server::start().await;
    other.sql("DELETE FROM tbldeviceauth").await;
    std::fs::rename(other.database_file(), server.database_file()).unwrap();
    assert_eq!(server.call(&ask).await.0, 403);
    assert_eq!(server.count("api", "unknown_identifier").await, 1);
}

#[tokio::test]
async fn an_address_with_too_many_failures_is_refused_for_a_while() {
    let access =
        Access::new().with_addresses(AddressGate::open()).with_proxies(proxies(&["127.0.0.1"]));
    let server = Server::with_access(access, |settings| {
        settings.limits.failures = 3;
        settings.limits.failure_time = Duration::from_secs(10);
    })
    .await;
    let call = async |address: &str, fields: &str| {
        let request = server.http.post(format!("{}/includes/api.php", server.base));
        let request = request.header("x-forwarded-for", address).header("content-type", FORM);
        let request = request.body(format!("responsetype=json&{fields}"));
        request.send().await.unwrap()
    };
    let allowed = format!("{PAIR}&action=GetClients");
    let wrong = "username=admin&password=x";
    // Accepted calls do not count, and neither do forbidden actions of a verified caller.
    for _ in 0..5 {
        assert_eq!(call("192.0.2.1", &allowed).await.status(), 200);
        let denied = call("192.0.2.1", &format!("{PAIR}&action=x")).await;
        assert_eq!(denied.status(), 403);
    }
    for expected in [403, 403, 403, 429, 429] {
        assert_eq!(call("192.0.2.1", wrong).await.status(), expected);
    }
    let throttled = call("192.0.2.1", &allowed).await;
    let seconds: u64 = head(&throttled, "retry-after").unwrap().parse().unwrap();
    assert!((1..=10).contains(&seconds), "{seconds}");
    let throttled = answer(throttled).await;
    let message = "result=error;message=Too Many Requests".to_owned();
    assert_eq!(throttled, (429, message), "whether or not the secret is right");
    assert_eq!(server.count("api", "throttled").await, 3);
    // Other addresses are not affected.
    assert_eq!(call("192.0.2.2", &allowed).await.status(), 200);
    // An IPv6 /64 counts as one address.
    for (address, expected) in [
        ("2001:db8::1", 403),
        ("2001:db8::2", 403),
        ("2001:db8::ffff:ffff:ffff:ffff", 403),
        ("2001:db8::4", 429),
        ("2001:db8:0:1::1", 403),
    ] {
        assert_eq!(call(address, wrong).await.status(), expected, "{address}");
    }
    // A mapped address is the IPv4 address.
    assert_eq!(call("::ffff:192.0.2.1", &allowed).await.status(), 429);
    sleep(Duration::from_secs(11)).await;
    assert_eq!(call("192.0.2.1", &allowed).await.status(), 200);
}

#[tokio::test]
async fn failures_of_links_and_of_the_api_count_apart() {
    let server = Server::with(|settings| settings.limits.failures = 2).await;
    let genuine = server.link("demo@whmcs.com", None);
    let wrong = genuine.replace("demo", "dem0");
    let token = format!("/oauth/singlesignon.php?access_token={}", "0".repeat(64));
    let ask = format!("action=GetClients&{PAIR}");
    // The two kinds of links count together.
    assert_eq!(server.get(&wrong).await.status(), 403);
    assert_eq!(server.get(&token).await.status(), 403);
    for link in [&genuine, &wrong, &token] {
        let refused = server.get(link).await;
        assert_eq!(head(&refused, "set-cookie"), None, "{link}");
        let seconds: u64 = head(&refused, "retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
        let (status, page) = answer(refused).await;
        assert_eq!(status, 429, "{link}");
        let again = ["Open it again in ", &seconds.to_string(), " seconds."].concat();
        assert!(page.contains("Too many login links from your network"), "{page}");
        assert!(page.contains(&again), "{page}");
    }
    assert_eq!(server.call(&ask).await.0, 200, "the API is not affected");

    let server = Server::with(|settings| settings.limits.failures = 2).await;
    for expected in [403, 403, 429] {
        assert_eq!(server.call("").await.0, expected);
    }
    assert_eq!(server.call(&ask).await.0, 429);
    assert_eq!(server.get(&genuine).await.status(), 302, "links are not affected");
}

#[tokio::test]
async fn only_a_wrong_hash_or_token_is_a_failed_guess() {
    let server = Server::with(|settings| settings.limits.failures = 1).await;
    let genuine = server.link("demo@whmcs.com", None);
    let unknown = server.link("nobody@example.com", None);
    server.clock.advance(Duration::from_secs(901));
    let token = "/oauth/singlesignon.php?access_token=";
    let long_hash = format!("{genuine}0");
    let repeated = format!("{genuine}&hash=x");
    let short_timestamp = genuine.replace("1700000000", "1");
    let short_token = format!("{token}{}", "0".repeat(63));
    let upper_token = format!("{token}{}", "A".repeat(64));
    for (link, code) in [
        ("/dologin.php", "missing_field"),
        ("/dologin.php?email=a&timestamp=1700000000&hash=c", "hash_format"),
        (&long_hash, "field_too_long"),
        (&repeated, "repeated_field"),
        (&short_timestamp, "timestamp_format"),
        (&genuine, "expired"),
        (&unknown, "expired"),
        ("/oauth/singlesignon.php", "sso_token_format"),
        (token, "sso_token_format"),
        (&short_token, "sso_token_format"),
        (&upper_token, "sso_token_format"),
    ] {
        let endpoint = if link.starts_with("/dologin") { "dologin" } else { "singlesignon" };
        let before = server.count(endpoint, code).await;
        for _ in 0..3 {
            assert_eq!(server.get(link).await.status(), 403, "{link}");
        }
        assert_eq!(server.count(endpoint, code).await, before + 3, "{link}");
    }
    let fresh = server.link("demo@whmcs.com", None);
    assert_eq!(server.get(&fresh).await.status(), 302);
}

#[tokio::test]
async fn a_foreign_page_and_a_prefetch_use_up_no_link_and_guess_nothing() {
    let server = Server::with(|settings| {
        settings.limits.failures = 1;
        settings.one_time_links = true;
    })
    .await;
    let genuine = server.link("demo@whmcs.com", None);
    let wrong = genuine.replace("demo", "dem0");
    let (_, made) = server.json(&format!("action=CreateSsoToken&client_id=1&{PAIR}")).await;
    let token = made["access_token"].as_str().unwrap();
    let token = format!("/oauth/singlesignon.php?access_token={token}");
    let no_token = format!("/oauth/singlesignon.php?access_token={}", "0".repeat(64));
    for path in [&genuine, &wrong, &token, &no_token] {
        for (name, value, expected) in [
            ("sec-fetch-dest", "image", 403),
            ("sec-fetch-dest", "iframe", 403),
            ("sec-fetch-dest", "empty", 403),
            ("sec-fetch-dest", "", 403),
            ("sec-purpose", "prefetch", 503),
            ("sec-purpose", "Prefetch;prerender", 503),
            ("purpose", "prefetch", 503),
            ("x-purpose", "preview", 503),
            ("x-moz", "prefetch", 503),
        ] {
            let response = server.get_with(path, name, value).await;
            assert_eq!(head(&response, "set-cookie"), None, "{path} {name}: {value}");
            assert_eq!(response.status(), expected, "{path} {name}: {value}");
        }
    }
    // The same from a browser's window, and from other programs, is a visit.
    for path in [&genuine, &token] {
        let visit = server.get_with(path, "sec-fetch-dest", "document").await;
        assert_eq!(visit.status(), 302, "{path}");
    }
    assert_eq!(server.get_with(&wrong, "sec-purpose", "navigate").await.status(), 403);
    assert_eq!(server.get(&wrong).await.status(), 429, "the visit before was counted");
}

#[tokio::test]
async fn a_request_whose_address_is_hidden_is_refused() {
    let server = Server::with_access(access().with_proxies(proxies(&["127.0.0.1"])), |settings| {
        settings.limits.failures = 1;
    })
    .await;
    let token = "/oauth/singlesignon.php?access_token=x";
    for _ in 0..2 {
        let call = server.call(&format!("action=GetClients&{PAIR}")).await;
        assert_eq!(call, (403, "result=error;message=Invalid IP".to_owned()));
        for (endpoint, path) in
            [("dologin", &*server.link("demo@whmcs.com", None)), ("singlesignon", token)]
        {
            assert_eq!(server.get(path).await.status(), 403, "{endpoint}");
        }
    }
    for endpoint in ["api", "dologin", "singlesignon"] {
        assert_eq!(server.count(endpoint, "forwarded_for_missing").await, 2);
    }
}

/// Many clients send the whole body before they read the answer.
#[tokio::test]
async fn a_client_that_sends_a_whole_large_body_gets_its_answer() {
    let server = Server::with(|settings| settings.limits.body_kib = 1).await;
    let body = "A".repeat(8 * 1024 * 1024);
    let length = body.len();
    let head = format!(
        "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n"
    );
    let answer = raw(&server, &(head + &body)).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.ends_with("result=error;message=Request Too Large"), "{answer}");
}

/// A body of over 16 KiB needs room.
#[tokio::test]
async fn large_bodies_have_room_beside_each_other() {
    let server = Server::start().await;
    let body = format!("action=GetClients&{PAIR}&x={}", "x".repeat(300_000));
    let (start, end) = body.split_at(body.len() - 1);
    let head = format!(
        "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: {FORM}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut calls = Vec::new();
    for _ in 0..3 {
        let Open(mut stream) = Open::to(&server).await;
        stream.write_all(format!("{head}{start}").as_bytes()).await.unwrap();
        calls.push(stream);
    }
    // The service reads them meanwhile.
    sleep(Duration::from_millis(200)).await;
    for mut stream in calls {
        stream.write_all(end.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
}

/// Everything that the service sends until it closes the connection.
async fn raw(server: &Server, request: &str) -> String {
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let whole = stream.read_to_string(&mut text);
    let _ =
        timeout(Duration::from_secs(20), whole).await.expect("the service closes the connection");
    text
}

#[tokio::test]
async fn slow_requests_are_refused() {
    let server = Server::with(|settings| {
        settings.limits.connections.head_time = Duration::from_millis(300);
        settings.limits.body_time = Duration::from_millis(300);
    })
    .await;
    let begun = Instant::now();
    let answer = raw(&server, "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nX-").await;
    assert_eq!(answer, "");
    let post = "POST /includes/api.php?responsetype=json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10\r\n\r\nabc";
    let answer = raw(&server, post).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.ends_with(r#"{"result":"error","message":"Request Timeout"}"#), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(server.count("api", "body_late").await, 1);
}

const PAGE: &str = "GET /clientarea.php HTTP/1.1\r\nHost: x\r\n\r\n";

/// An open connection, for requests whose answers keep it open.
struct Open(TcpStream);

impl Open {
    async fn to(server: &Server) -> Self {
        let address = server.base.strip_prefix("http://").unwrap();
        Self(TcpStream::connect(address).await.unwrap())
    }

    /// The head of the answer to a request for a page.
    async fn page(&mut self) -> String {
        self.0.write_all(PAGE.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            head.push(char::from(self.0.read_u8().await.unwrap()));
        }
        let length = head.split_once("content-length: ").unwrap().1.split_once("\r\n").unwrap().0;
        self.0.read_exact(&mut vec![0; length.parse().unwrap()]).await.unwrap();
        head
    }

    /// Waits until the service closes the connection.
    async fn end(mut self) {
        let end = timeout(Duration::from_secs(60), self.0.read_u8()).await;
        assert!(end.expect("the service closes the connection").is_err());
    }
}

/// `services/base` tests each time by itself.
#[tokio::test]
async fn a_connection_waits_for_the_next_request_for_a_while() {
    const SHORT: Duration = Duration::from_millis(300);
    // Longer than the test waits.
    const LONG: Duration = Duration::from_secs(3600);
    let server = async |head_time, idle_time| {
        Server::with(|settings| {
            settings.limits.connections.head_time = head_time;
            settings.limits.connections.idle_time = idle_time;
            settings.limits.connections.request_time = LONG;
        })
        .await
    };
    let idles_shortly = server(LONG, SHORT).await;
    let mut open = Open::to(&idles_shortly).await;
    let begun = Instant::now();
    open.page().await;
    open.end().await;
    assert!(begun.elapsed() >= SHORT, "after a request the connection is idle");

    let reads_shortly = server(SHORT, LONG).await;
    let begun = Instant::now();
    Open::to(&reads_shortly).await.end().await;
    assert!(begun.elapsed() >= SHORT, "a new connection owes a head");
}

#[tokio::test]
async fn idle_connections_have_a_limit() {
    let server = Server::with(|settings| settings.limits.connections.idle = 1).await;
    let mut first = Open::to(&server).await;
    assert!(!first.page().await.contains("connection: close"));
    let mut second = Open::to(&server).await;
    assert!(second.page().await.contains("connection: close"));
    second.end().await;
    // A request in progress is not idle, and a closed connection leaves its place.
    assert!(!first.page().await.contains("connection: close"));
    drop(first);
    // Once the service has noticed.
    while Open::to(&server).await.page().await.contains("connection: close") {
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_broken_body_is_refused() {
    let server = Server::start().await;
    let head = "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = raw(&server, &format!("{head}3\r\nabcdef\r\n")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.ends_with("result=error;message=Bad Request"), "{answer}");
    assert_eq!(server.count("api", "body_broken").await, 1);
    let form = format!("action=GetClients&{PAIR}");
    let whole = format!("{head}{:x}\r\n{form}\r\n0\r\n\r\n", form.len());
    let answer = raw(&server, &whole).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

#[tokio::test]
async fn a_slow_answer_is_abandoned() {
    let server = Server::with(|settings| {
        settings.limits.answer_time = Duration::from_millis(300);
    })
    .await;
    // Every reader waits for this lock.
    let locked = server.lock().await;
    let ask = format!("responsetype=json&{PAIR}");
    assert_eq!(server.call(&ask).await, (503, UNAVAILABLE.to_owned()));
    let response = server.get(&server.link("demo@whmcs.com", None)).await;
    assert_eq!((response.status().as_u16(), head(&response, "set-cookie")), (503, None));
    assert_eq!(server.count("api", "too_slow").await, 1);
    assert_eq!(server.count("dologin", "too_slow").await, 1);
    drop(locked);
}

#[tokio::test]
async fn connections_of_a_peer_have_a_limit() {
    let server = Server::with(|settings| settings.limits.connections.open_by_peer = 2).await;
    let address = server.base.strip_prefix("http://").unwrap();
    let idle =
        [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    sleep(Duration::from_millis(100)).await;
    let request = server.http.get(format!("{}/nothing", server.base));
    assert!(request.send().await.is_err(), "the connection is closed");
    drop(idle);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(server.get("/nothing").await.status(), 404);

    // A trusted proxy has no limit.
    let server = Server::with_access(access().with_proxies(proxies(&["127.0.0.1"])), |settings| {
        settings.limits.connections.open_by_peer = 0;
    })
    .await;
    assert_eq!(server.get("/nothing").await.status(), 404);
}

#[tokio::test]
async fn a_connection_has_a_longest_life() {
    let server = Server::with(|settings| {
        settings.limits.connections.request_time = Duration::from_millis(300);
    })
    .await;
    let begun = Instant::now();
    let post = "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc";
    assert_eq!(raw(&server, post).await, "");
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_request_in_progress_is_answered_before_the_shutdown() {
    let mut server = Server::start().await;
    let address = &*server.base.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let body = format!("action=GetClients&responsetype=json&{PAIR}");
    let post = format!(
        "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(post.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    server.ask_to_stop();
    sleep(Duration::from_millis(100)).await;
    assert!(!server.has_stopped());
    assert!(TcpStream::connect(address).await.is_err(), "no new connection is accepted");
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    timeout(Duration::from_secs(5), server.stop()).await.expect("the service stops");
}

#[tokio::test]
async fn connections_that_do_not_end_are_closed() {
    let mut server = Server::with(|settings| {
        settings.limits.connections.shutdown_time = Duration::from_millis(200);
    })
    .await;
    let address = server.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let post = "POST /includes/api.php HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n";
    stream.write_all(post.as_bytes()).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    server.ask_to_stop();
    timeout(Duration::from_secs(5), server.stop()).await.expect("the service stops");
}

#[tokio::test]
async fn unknown_pages_are_not_found() {
    let server = Server::start().await;
    for path in ["/index.html", "/whmcs/", "//x", "/%00", "/api.php", "/includes.php"] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        assert_eq!(head(&response, "referrer-policy"), Some("no-referrer"), "{path}");
        let (_, page) = answer(response).await;
        assert!(page.contains("<h1>Page not found</h1>"), "{page}");
    }
}

#[tokio::test]
async fn an_unknown_path_under_includes_is_answered_in_json() {
    for (base_path, paths) in [
        (
            "/",
            [
                "/includes",
                "/includes/",
                "/includes/api",
                "/includes/api.php/",
                "/x/includes/api.php",
            ],
        ),
        (
            "/whmcs",
            [
                "/includes/api.php",
                "/whmcs/includes/apis.php",
                "/whmcs/includes/api.php/x",
                "/WHMCS/includes/api.php",
                "/billing/includes/api.php",
            ],
        ),
    ] {
        let server = Server::with(|settings| settings.base_path = base_path.parse().unwrap()).await;
        let api = format!("{}/includes/api.php", base_path.trim_end_matches('/'));
        let message = format!(
            r#"{{"result":"error","message":"Not Found: the API is {}"}}"#,
            api.replace('/', "\\/")
        );
        for path in paths {
            let response = server.post_to(path, FORM, PAIR).await;
            assert_eq!(head(&response, "content-type"), Some("application/json"), "{path}");
            assert_eq!(answer(response).await, (404, message.clone()), "{path}");
            assert_eq!(server.get(path).await.status(), 404, "{path}");
        }
        let mut counted = 0;
        for code in
            ["path_unknown", "path_case", "path_base", "path_slash_at_end", "path_without_php"]
        {
            counted += server.count("unrouted", code).await;
        }
        assert_eq!(counted, 10);
    }
}

#[tokio::test]
async fn an_installation_in_a_folder() {
    let server = Server::with(|settings| {
        settings.base_path = "/a/whmcs/".parse().unwrap();
        settings.base_url = "http://billing.example/a/whmcs".to_owned();
    })
    .await;
    let ask = format!("action=GetClients&{PAIR}");
    for path in [
        "/a/whmcs/includes/api.php",
        "//a/whmcs/includes/api.php",
        "/a//whmcs//includes///api.php",
        "/a/whmcs//includes/api.php?responsetype=json",
    ] {
        assert_eq!(server.post_to(path, FORM, &ask).await.status(), 200, "{path}");
    }
    for path in ["/clientarea.php", "/dologin.php", "/whmcs/", "/a/whmcs2/", "/a/whmcs/metrics"] {
        assert_eq!(server.get(path).await.status(), 404, "{path}");
    }
    for path in ["/", "/a/whmcs"] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 307, "{path}");
        assert_eq!(head(&response, "location"), Some("/a/whmcs/"), "{path}");
    }

    let link = server.link("demo@whmcs.com", None);
    let login = server.get(&format!("/a/whmcs{link}")).await;
    assert_eq!(head(&login, "location"), Some("clientarea.php"));
    assert!(head(&login, "set-cookie").unwrap().ends_with("; Path=/a/whmcs"));
    let session = cookie(&login);
    let page = server.get_with("/a/whmcs/clientarea.php", "cookie", &session).await;
    let text = page.text().await.unwrap();
    for link in ["/a/whmcs/", "/a/whmcs/logout.php"] {
        assert!(text.contains(&format!(r#"href="{link}""#)), "{text}");
    }
    let logout = server.http.post(format!("{}/a/whmcs/logout.php", server.base));
    let logout = logout.header("cookie", &session).send().await.unwrap();
    assert!(head(&logout, "set-cookie").unwrap().contains("; Path=/a/whmcs;"));

    // The token's page is one folder below its targets, and doubled slashes are folders to a browser.
    let ask = format!("action=CreateSsoToken&client_id=1&{PAIR}");
    for (start, location) in [
        ("/a/whmcs/oauth/", "../clientarea.php"),
        ("//a/whmcs/oauth/", "../clientarea.php"),
        ("/a/whmcs/oauth//", "../../clientarea.php"),
    ] {
        let (_, made) = answer(server.post_to("/a/whmcs/includes/api.php", FORM, &ask).await).await;
        let (_, url) = made.split_once("redirect_url=").unwrap();
        let token = url.strip_prefix("http://billing.example/a/whmcs/oauth/").unwrap();
        let visit = server.get(&format!("{start}{token}")).await;
        assert_eq!(head(&visit, "location"), Some(location), "{start}");
    }
}
