//! Requests to the router, without a network.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;
use whmcs_auth::time::Duration;
use whmcs_auth::{AutoAuthKey, Clock, SystemClock, sign_autoauth};

use crate::demo::AUTOAUTH_KEY;
use crate::{Service, router, service};

const PAIR: &str =
    "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const ADMIN: &str = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";

async fn send(
    service: &Service,
    peer: &str,
    method: Method,
    uri: &str,
    body: String,
) -> (StatusCode, HeaderMap, String) {
    let peer: SocketAddr = peer.parse().unwrap();
    let request = Request::builder().method(method).uri(uri).extension(ConnectInfo(peer));
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Body::from(body)).unwrap();
    let response = router(service.clone()).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

async fn call(service: &Service, fields: &str) -> (u16, String) {
    let path = "/includes/api.php?action=GetClients";
    let (status, _, body) =
        send(service, "127.0.0.1:9", Method::POST, path, fields.to_owned()).await;
    (status.as_u16(), body)
}

async fn visit(service: &Service, method: Method, link: &str) -> (u16, HeaderMap, String) {
    let (status, headers, body) = send(service, "127.0.0.1:9", method, link, String::new()).await;
    (status.as_u16(), headers, body)
}

fn link(email: &str, goto: Option<&str>) -> String {
    let key = AutoAuthKey::new(AUTOAUTH_KEY).unwrap();
    let soon = SystemClock.now() + Duration::SECOND;
    let link = sign_autoauth(email, goto, &key, &soon).unwrap();
    format!("/dologin.php?{}", link.query())
}

#[tokio::test]
async fn each_mode_is_accepted_and_answered_in_the_callers_format() {
    let service = service().unwrap();
    let login = PAIR.replace("identifier", "username").replace("secret", "password");
    for (fields, body) in [
        (format!("{PAIR}&responsetype=json"), r#"{"result":"success","totalresults":2}"#),
        (
            format!("{login}&responsetype=xml"),
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>getclients</action>\n\
             <result>success</result>\n<totalresults>2</totalresults>\n</whmcsapi>",
        ),
        (ADMIN.to_owned(), "result=success;totalresults=2"),
    ] {
        assert_eq!(call(&service, &fields).await, (200, body.to_owned()), "{fields}");
    }
}

#[tokio::test]
async fn a_refusal_says_no_more_than_whmcs_does() {
    let service = service().unwrap();
    let body = r#"{"result":"error","message":"Authentication Failed"}"#.to_owned();
    let wrong = call(&service, "identifier=x&secret=y&responsetype=json").await;
    assert_eq!(wrong, (403, body));
    let path = "/includes/api.php";
    for (peer, fields, status, message) in [
        ("192.0.2.1:9", format!("action=GetClients&{PAIR}"), 403, "Invalid IP 192.0.2.1"),
        (
            "127.0.0.1:9",
            format!("action=DeleteClient&{PAIR}"),
            403,
            "Invalid Permissions: API action \"deleteclient\" is not allowed",
        ),
        ("127.0.0.1:9", format!("action=DeleteClient&{ADMIN}"), 404, "Command Not Found"),
    ] {
        let (got, _, body) = send(&service, peer, Method::POST, path, fields).await;
        let expected = format!("result=error;message={message}");
        assert_eq!((got.as_u16(), body), (status, expected));
    }
}

#[tokio::test]
async fn a_link_logs_in_once() {
    let service = service().unwrap();
    let link = link("demo@whmcs.com", Some("viewinvoice.php?id=12"));
    assert_eq!(visit(&service, Method::HEAD, &link).await.0, 405);

    let (status, headers, _) = visit(&service, Method::GET, &link).await;
    assert_eq!((status, &headers["location"]), (302, &"viewinvoice.php?id=12".parse().unwrap()));
    assert_eq!(headers["cache-control"], "no-store");
    assert_eq!(headers["referrer-policy"], "no-referrer");

    let (status, headers, body) = visit(&service, Method::GET, &link).await;
    assert_eq!((status, &*body), (403, "This login link has expired."));
    assert!(!headers.contains_key("location"));
    assert_eq!(headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_link_is_refused_and_its_goto_ignored() {
    let service = service().unwrap();
    let genuine = link("demo@whmcs.com", None);
    let refused = (403, "This login link is not valid.");
    for link in [genuine.replace("demo", "dem0"), link("nobody@example.com", None)] {
        let (status, _, body) = visit(&service, Method::GET, &link).await;
        assert_eq!((status, &*body), refused, "{link}");
    }
    for (email, goto) in
        [("demo@whmcs.com", "https://evil.example"), ("a%2Bb@example.com", "logout.php")]
    {
        let signed = crate::tests::link(&email.replace("%2B", "+"), None);
        let (status, headers, _) =
            visit(&service, Method::GET, &format!("{signed}&goto={goto}")).await;
        assert_eq!(
            (status, &headers["location"]),
            (302, &"clientarea.php".parse().unwrap()),
            "{goto}"
        );
    }
}
