//! The gateway in front of an upstream that records what reaches it.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use axum::response::Response;
use tokio::net::TcpListener;
use tower::ServiceExt;
use whmcs_auth::gate::AddressGate;
use whmcs_auth_axum::{Access, Authenticator, Report, Watch};
use whmcs_auth_gateway::{Upstream, router, store};

const FORM: &str = "application/x-www-form-urlencoded";
const MAX_FORM: usize = 200;
const CALL: &str = "action=GetClients&identifier=id&secret=s%2Be+c";

/// What reaches the upstream.
struct Seen {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

struct Setup {
    gateway: Router,
    upstream: Receiver<Seen>,
}

impl Setup {
    async fn new() -> Self {
        Self::with(Watch::new(|_| ())).await
    }

    async fn with(log: Watch) -> Self {
        let (sender, upstream) = channel();
        let service = Router::new().fallback(async move |request: Request<Body>| {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            sender
                .send(Seen { method: head.method, uri: head.uri, headers: head.headers, body })
                .unwrap();
            Response::builder()
                .status(StatusCode::CREATED)
                .header("content-type", "text/x-answer")
                .header("set-cookie", "WHMCS=1")
                .body(Body::from("the answer"))
                .unwrap()
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream_address = listener.local_addr().unwrap();
        tokio::spawn(async { axum::serve(listener, service).await.unwrap() });
        Self { gateway: gateway(upstream_address, log), upstream }
    }

    async fn send(&self, request: Request<&'static str>) -> (StatusCode, HeaderMap, String) {
        answer(&self.gateway, [203, 0, 113, 7], request).await
    }

    fn nothing_was_forwarded(&self) -> bool {
        self.upstream.try_recv().is_err()
    }
}

fn gateway(upstream: SocketAddr, log: Watch) -> Router {
    let addresses = AddressGate::new().with_entries(["203.0.113.7", "127.0.0.1"]);
    let access = Access::new().with_addresses(addresses);
    let auth = Authenticator::new(store("id", "s+e c").unwrap(), access);
    let auth = auth.with_max_fields(10).with_get(true);
    let url = format!("http://{upstream}/whmcs/includes/api.php").parse().unwrap();
    router(auth, Upstream { url, max_form: MAX_FORM }, log)
}

async fn answer(
    gateway: &Router,
    peer: [u8; 4],
    request: Request<&'static str>,
) -> (StatusCode, HeaderMap, String) {
    let peer = MockConnectInfo(SocketAddr::from((peer, 1)));
    let gateway = gateway.clone().layer(peer);
    let (head, body) = gateway.oneshot(request.map(Body::from)).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn post(query: &str, content_type: &str, body: &'static str) -> Request<&'static str> {
    let request = Request::post(format!("/includes/api.php?{query}"));
    request.header("content-type", content_type).body(body).unwrap()
}

#[tokio::test]
async fn a_verified_call_is_forwarded_as_a_form_of_its_own() {
    let setup = Setup::new().await;
    let mut request = post("x=1&action=GetClients", FORM, "secret=s%2Be+c&y=%FF&identifier=id");
    for name in ["cookie", "authorization", "x-forwarded-host", "referer"] {
        request.headers_mut().insert(name, "username=admin".parse().unwrap());
    }
    let (status, headers, body) = setup.send(request).await;

    let seen = setup.upstream.try_recv().unwrap();
    assert_eq!((seen.method, &*seen.uri.to_string()), (Method::POST, "/whmcs/includes/api.php"));
    let mut names: Vec<&str> = seen.headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-length", "content-type", "host"]);
    assert_eq!(seen.headers["content-type"], FORM);
    assert_eq!(seen.body, "identifier=id&secret=s%2Be+c&action=GetClients&x=1&y=%FF");

    assert_eq!((status, &*body), (StatusCode::CREATED, "the answer"));
    assert_eq!(headers["content-type"], "text/x-answer");
    assert!(!headers.contains_key("set-cookie"));
}

/// PHP would drop the fields of a longer form, and carry out a call without them.
#[tokio::test]
async fn a_form_is_as_long_as_php_takes() {
    let setup = Setup::new().await;
    let longest = MAX_FORM - "identifier=id&secret=s%2Be+c&action=GetClients&x=".len();
    // Each byte that is not a letter takes three when it is encoded.
    for (value, status) in [
        ("a".repeat(longest), StatusCode::CREATED),
        ("a".repeat(longest + 1), StatusCode::PAYLOAD_TOO_LARGE),
        (format!("{}%FF", "a".repeat(longest - 3)), StatusCode::CREATED),
        (format!("{}%FF", "a".repeat(longest - 2)), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let body = String::leak(format!("{CALL}&x={value}"));
        assert_eq!(setup.send(post("", FORM, body)).await.0, status, "{value}");
        let forwarded = setup.upstream.try_recv();
        assert_eq!(forwarded.is_ok(), status == StatusCode::CREATED, "{value}");
    }
}

#[tokio::test]
async fn what_is_not_verified_is_refused_in_the_format_of_the_caller() {
    let setup = Setup::new().await;
    let rows = [
        (
            post("responsetype=json", FORM, "action=x&identifier=id&secret=wrong"),
            403,
            r#"{"result":"error","message":"Authentication Failed"}"#,
        ),
        (
            post("a[]=1", FORM, "a[]=2&action=x&identifier=id&secret=s%2Be+c"),
            400,
            "result=error;message=Bad Request",
        ),
        (
            post("a=1&a=2&a=3&a=4&a=5&a=6&a=7&a=8", FORM, CALL),
            403,
            "result=error;message=Authentication Failed",
        ),
    ];
    for (request, status, body) in rows {
        let shown = format!("{request:?}");
        let answer = setup.send(request).await;
        assert_eq!((answer.0.as_u16(), &*answer.2), (status, body), "{shown}");
    }
    assert!(setup.nothing_was_forwarded());
}

#[tokio::test]
async fn other_paths_are_not_found() {
    let setup = Setup::new().await;
    let request = Request::post(format!("/admin/index.php?{CALL}")).body("").unwrap();
    assert_eq!(setup.send(request).await.0, StatusCode::NOT_FOUND);
    assert!(setup.nothing_was_forwarded());
}

#[tokio::test]
async fn without_an_upstream_the_service_is_unavailable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let (status, _, body) = answer(
        &gateway(address, Watch::new(|_| ())),
        [203, 0, 113, 7],
        post("responsetype=xml", FORM, CALL),
    )
    .await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(body.contains("<message>Service Unavailable</message>"), "{body}");
}

#[test]
fn the_url_of_the_upstream_is_that_of_the_api() {
    for url in [
        "http://127.0.0.1:9/",
        "http://127.0.0.1:9/includes/api.php?a",
        "https://a.example/api.php",
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-gateway"))
            .args(["--upstream", url])
            .output()
            .unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{url}");
        assert!(
            errors.contains("not a URL such as http://127.0.0.1:8081/includes/api.php"),
            "{errors}"
        );
    }
}

#[test]
fn an_address_in_use_is_named_with_its_option() {
    let used = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = used.local_addr().unwrap().to_string();
    let upstream = "http://127.0.0.1:9/includes/api.php";
    let output = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-gateway"))
        .args(["--listen", &address, "--upstream", upstream])
        .output()
        .unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let expected = format!("cannot listen on {address} (--listen): Address already in use");
    assert_eq!(output.status.code(), Some(1));
    assert!(errors.starts_with(&expected), "{errors}");
}

/// What the README shows: the line of a call that is forwarded, and not as its sender meant.
#[tokio::test]
async fn a_forwarded_call_that_asks_for_no_format_has_a_line() {
    let lines = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&lines);
    let log = Watch::new(move |report: &Report| seen.lock().unwrap().push(report.to_string()));
    let setup = Setup::with(log).await;
    for (query, origin) in [
        ("json=json", None),
        ("json=json", None),
        ("responsetype=json", None),
        ("responsetype=json", Some("https://shop.example")),
    ] {
        let mut request = post(query, FORM, CALL);
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let (status, ..) = answer(&setup.gateway, [127, 0, 0, 1], request).await;
        assert_eq!(status, StatusCode::CREATED);
    }
    let lines = lines.lock().unwrap();
    let [format, browser] = &lines[..] else { panic!("{lines:?}") };
    let readme = include_str!("../README.md");
    assert!(readme.contains(&format!("\n{format}\n")), "{format}");
    assert!(browser.starts_with("browser_call: "), "{browser}");
}
