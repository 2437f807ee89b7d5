//! Whose address counts, and what a caller from another one gets.

mod support;

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{Request, header};
use support::{Answered, FORM, PAIR, auth, post, router, send};
use whmcs_auth::gate::TrustedProxies;

/// A genuine call over that connection. With `proxies`, 192.0.2.9 is a trusted proxy.
async fn from(peer: &str, headers: &[(&str, &str)], proxies: bool) -> Answered {
    let peer: SocketAddr = peer.parse().unwrap();
    let trusted = TrustedProxies::new().with_addresses(["192.0.2.9".parse().unwrap()]);
    let auth = if proxies { auth().with_proxies(trusted) } else { auth() };
    let mut request = Request::post("/includes/api.php?action=GetClients&responsetype=json")
        .extension(ConnectInfo(peer))
        .header(header::CONTENT_TYPE, FORM);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router(auth), request.body(PAIR.into()).unwrap()).await
}

fn is_refused(answer: &Answered, code: &str, message: &str) {
    assert_eq!((answer.status.as_u16(), answer.code()), (403, code));
    assert_eq!(answer.body, format!(r#"{{"result":"error","message":"{message}"}}"#));
}

#[tokio::test]
async fn the_peer_is_the_caller() {
    assert_eq!(from("203.0.113.7:1", &[], false).await.status, 200);
    assert_eq!(from("[::ffff:203.0.113.7]:1", &[], false).await.status, 200);

    let answer = from("198.51.100.1:1", &[], false).await;
    is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    let address = answer.report.unwrap().address;
    assert_eq!(address, Some("198.51.100.1".parse().unwrap()));
}

#[tokio::test]
async fn without_the_peers_address_nobody_is_let_in() {
    let mut request = post(FORM, "action=GetClients&responsetype=json", PAIR);
    request.extensions_mut().clear();
    let answer = send(router(auth()), request).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "no_connect_info"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Service Unavailable"}"#);
    assert!(answer.cause().contains("into_make_service_with_connect_info"), "{}", answer.cause());
    assert_eq!(answer.report.unwrap().address, None);
}

/// What axum has for tests of a router.
#[tokio::test]
async fn a_mock_address_counts_where_there_is_no_real_one() {
    let answer = async |peer: &str, real: Option<&str>| {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut request = post(FORM, "action=GetClients", PAIR);
        request.extensions_mut().clear();
        if let Some(real) = real {
            let real: SocketAddr = real.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(real));
        }
        send(router(auth()).layer(MockConnectInfo(peer)), request).await.status
    };
    assert_eq!(answer("203.0.113.7:1", None).await, 200);
    assert_eq!(answer("198.51.100.1:1", None).await, 403);
    assert_eq!(answer("203.0.113.7:1", Some("198.51.100.1:1")).await, 403);
}

#[tokio::test]
async fn a_trusted_proxy_names_the_caller() {
    let forwarded = [("x-forwarded-for", "198.51.100.1, 203.0.113.7")];
    assert_eq!(from("192.0.2.9:1", &forwarded, true).await.status, 200);

    let forwarded = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.1")];
    let answer = from("192.0.2.9:1", &forwarded, true).await;
    is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
}

#[tokio::test]
async fn the_header_of_anybody_else_does_not_count() {
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    for proxies in [false, true] {
        let answer = from("198.51.100.1:1", &forwarded, proxies).await;
        is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    }
}

#[tokio::test]
async fn a_proxy_that_hides_the_caller_lets_nobody_in() {
    let is_hidden = |answer: Answered, code| {
        is_refused(&answer, code, "Invalid IP");
        assert_eq!(answer.report.unwrap().address, None);
    };
    is_hidden(from("192.0.2.9:1", &[], true).await, "forwarded_for_missing");
    let unknown = [("x-forwarded-for", "unknown")];
    is_hidden(from("192.0.2.9:1", &unknown, true).await, "forwarded_for_unreadable");
    let other = [("x-real-ip", "203.0.113.7")];
    is_hidden(from("192.0.2.9:1", &other, true).await, "other_forwarding_header");
    // A proxy on this machine that nobody named, and the machine itself.
    is_hidden(from("127.0.0.1:1", &other, false).await, "untrusted_proxy");
    is_hidden(from("[::1]:1", &[("via", "1.1 proxy")], false).await, "untrusted_proxy");
    let answer = from("127.0.0.1:1", &[], false).await;
    is_refused(&answer, "loopback_not_listed", "Invalid IP 127.0.0.1");
}

#[tokio::test]
async fn the_access_key_lifts_the_restriction() {
    let stranger = async |query: &str, body: String| {
        let mut request = post(FORM, query, body);
        let peer: SocketAddr = "198.51.100.1:1".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        send(router(auth()), request).await
    };
    let key = "accesskey=key%231%2B2";
    let body = format!("{PAIR}&{key}");
    assert_eq!(stranger("action=GetClients", body).await.status, 200);
    assert_eq!(stranger(&format!("action=GetClients&{key}"), PAIR.into()).await.status, 200);
    let answer = stranger("action=GetClients&accesskey=key", PAIR.into()).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "wrong_access_key"));
    // Sent twice, in one place or in two, or under a name that PHP reads as this one.
    let call = "action=GetClients&responsetype=json";
    let query = format!("{call}&{key}");
    for (query, body) in [
        (&*query, format!("{PAIR}&{key}")),
        (call, format!("{PAIR}&{key}&{key}")),
        (call, format!("{PAIR}&accesskey[]=x")),
    ] {
        let answer = stranger(query, body).await;
        is_refused(&answer, "malformed_access_key", "Invalid IP 198.51.100.1");
        assert!(answer.report.unwrap().cause.contains("; the access key is malformed: "));
    }
}

/// The address is checked first, so a stranger learns nothing about the body.
#[tokio::test]
async fn a_stranger_is_refused_for_the_address_whatever_the_body_is() {
    for (content_type, body) in [
        ("multipart/form-data; boundary=cut", "garbage".to_owned()),
        ("application/json", "{}".to_owned()),
        (FORM, "x".repeat(3 * 1024 * 1024)),
    ] {
        let mut request = post(content_type, "responsetype=json", Body::from(body));
        let peer: SocketAddr = "198.51.100.1:1".parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let answer = send(router(auth()), request).await;
        is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    }
}
