//! Whose address counts, and what a caller from another one gets.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{Request, header};
use support::{
    ACCESS_KEY, Answered, FORM, PAIR, STRANGER, access, access_without_key, auth, counted, from,
    multipart, post, router, send, store, unreadable,
};
use tokio::sync::oneshot;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth_axum::{Access, Authenticator, CurrentAccess};

/// A genuine call over that connection. With `proxies`, 192.0.2.9 is a trusted proxy.
async fn over(peer: &str, headers: &[(&str, &str)], proxies: bool) -> Answered {
    let peer: SocketAddr = peer.parse().unwrap();
    let trusted = TrustedProxies::new().with_addresses(["192.0.2.9".parse().unwrap()]);
    let access = if proxies { access().with_proxies(trusted) } else { access() };
    let mut request = Request::post("/includes/api.php?action=GetClients&responsetype=json")
        .extension(ConnectInfo(peer))
        .header(header::CONTENT_TYPE, FORM);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router(Authenticator::new(store(), access)), request.body(PAIR.into()).unwrap()).await
}

fn is_refused(answer: &Answered, code: &str, message: &str) {
    assert_eq!(answer.verdict(), (403, code));
    assert_eq!(answer.body, format!(r#"{{"result":"error","message":"{message}"}}"#));
}

#[tokio::test]
async fn nobody_may_call_by_default() {
    let auth = Authenticator::new(store(), Access::new());
    let answer =
        send(router(auth), post(FORM, "action=GetClients&responsetype=json", unreadable()));
    is_refused(&answer.await, "address_list_empty", "Invalid IP 203.0.113.7");
}

#[tokio::test]
async fn the_peer_is_the_caller() {
    assert_eq!(over("203.0.113.7:1", &[], false).await.status, 200);
    assert_eq!(over("[::ffff:203.0.113.7]:1", &[], false).await.status, 200);

    let answer = over("198.51.100.1:1", &[], false).await;
    is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    let address = answer.report.unwrap().address();
    assert_eq!(address, Some("198.51.100.1".parse().unwrap()));
}

#[tokio::test]
async fn without_the_peers_address_nobody_is_let_in() {
    let mut request = post(FORM, "action=GetClients&responsetype=json", unreadable());
    request.extensions_mut().clear();
    let answer = send(router(auth()), request).await;
    assert_eq!(answer.verdict(), (503, "no_connect_info"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Service Unavailable"}"#);
    let sentence = answer.sentence();
    assert!(sentence.contains("into_make_service_with_connect_info"), "{sentence}");
    assert_eq!(answer.report.unwrap().address(), None);
}

/// What axum has for tests of a router.
#[tokio::test]
async fn a_mock_address_counts_where_there_is_no_real_one() {
    let answer = async |peer: &str, real: Option<&str>| {
        let peer: SocketAddr = peer.parse().unwrap();
        let mut request = post(FORM, "action=GetClients", PAIR);
        request.extensions_mut().clear();
        if let Some(real) = real {
            request = from(real, request);
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
    assert_eq!(over("192.0.2.9:1", &forwarded, true).await.status, 200);

    let forwarded = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "198.51.100.1")];
    let answer = over("192.0.2.9:1", &forwarded, true).await;
    is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
}

#[tokio::test]
async fn the_header_of_anybody_else_does_not_count() {
    let forwarded = [("x-forwarded-for", "203.0.113.7")];
    for proxies in [false, true] {
        let answer = over("198.51.100.1:1", &forwarded, proxies).await;
        is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    }
}

#[tokio::test]
async fn a_proxy_that_hides_the_caller_lets_nobody_in() {
    let is_hidden = |answer: Answered, code| {
        is_refused(&answer, code, "Invalid IP");
        assert_eq!(answer.report.unwrap().address(), None);
    };
    is_hidden(over("192.0.2.9:1", &[], true).await, "forwarded_for_missing");
    let unknown = [("x-forwarded-for", "unknown")];
    is_hidden(over("192.0.2.9:1", &unknown, true).await, "forwarded_for_unreadable");
    let other = [("x-real-ip", "203.0.113.7")];
    is_hidden(over("192.0.2.9:1", &other, true).await, "other_forwarding_header");
    // A proxy on this machine that nobody named, and the machine itself.
    is_hidden(over("127.0.0.1:1", &other, false).await, "untrusted_proxy");
    is_hidden(over("[::1]:1", &[("via", "1.1 proxy")], false).await, "untrusted_proxy");
    let answer = over("127.0.0.1:1", &[], false).await;
    is_refused(&answer, "loopback_not_listed", "Invalid IP 127.0.0.1");
}

#[tokio::test]
async fn the_access_key_lifts_the_restriction() {
    let stranger = async |query: &str, body: String| {
        send(router(auth()), from(STRANGER, post(FORM, query, body))).await
    };
    let body = format!("{PAIR}&{ACCESS_KEY}");
    assert_eq!(stranger("action=GetClients", body).await.status, 200);
    assert_eq!(stranger(&format!("action=GetClients&{ACCESS_KEY}"), PAIR.into()).await.status, 200);
    for (query, body) in [
        ("action=GetClients&accesskey=key", PAIR.to_owned()),
        ("action=GetClients", format!("{PAIR}&accesskey=key")),
    ] {
        assert_eq!(stranger(query, body).await.verdict(), (403, "wrong_access_key"));
    }
    // Sent twice, in one place or in two, or under a name that PHP reads as this one.
    let call = "action=GetClients&responsetype=json";
    let query = format!("{call}&{ACCESS_KEY}");
    for (query, body) in [
        (&*query, format!("{PAIR}&{ACCESS_KEY}")),
        (call, format!("{PAIR}&{ACCESS_KEY}&{ACCESS_KEY}")),
        (call, format!("{PAIR}&accesskey[]=x")),
    ] {
        let answer = stranger(query, body).await;
        is_refused(&answer, "malformed_access_key", "Invalid IP 198.51.100.1");
        assert!(answer.sentence().contains("; the access key is malformed: "));
    }
    // The key proves nothing else.
    let body = format!("identifier=x&secret=y&{ACCESS_KEY}");
    assert_eq!(stranger("", body).await.verdict(), (403, "unknown_identifier"));
}

#[tokio::test]
async fn the_access_key_may_be_a_part_of_a_multipart_body() {
    let parts = multipart(&[
        ("; name=\"identifier\"", support::IDENTIFIER),
        ("; name=\"secret\"", support::SECRET),
        ("; name=\"accesskey\"", "key#1+2"),
    ]);
    let request = post(support::MULTIPART, "action=GetClients", parts);
    assert_eq!(send(router(auth()), from(STRANGER, request)).await.status, 200);
}

/// A body that is read would panic.
#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read_if_no_key_could_be_in_it() {
    let keyless = || Authenticator::new(store(), access_without_key());
    for (auth, query, code) in [
        (keyless(), "", "address_not_listed"),
        (keyless(), "&accesskey=x", "address_not_listed"),
        (auth(), "&accesskey=wrong", "wrong_access_key"),
        (auth(), "&accesskey[]=key%231%2B2", "malformed_access_key"),
    ] {
        for content_type in [FORM, support::MULTIPART, "application/json"] {
            let query = format!("action=GetClients&responsetype=json{query}");
            let request = from(STRANGER, post(content_type, &query, unreadable()));
            let answer = send(router(auth.clone()), request).await;
            is_refused(&answer, code, "Invalid IP 198.51.100.1");
            assert!(answer.report.unwrap().body().is_empty());
        }
    }
}

#[tokio::test]
async fn the_body_is_read_once_if_a_key_could_be_in_it() {
    for (text, verdict) in [
        (format!("{PAIR}&{ACCESS_KEY}"), (200, "")),
        (format!("{PAIR}&accesskey=wrong"), (403, "wrong_access_key")),
        (PAIR.to_owned(), (403, "address_not_listed")),
    ] {
        let count = Arc::default();
        let request = from(STRANGER, post(FORM, "action=GetClients", counted(text, &count)));
        assert_eq!(send(router(auth()), request).await.verdict(), verdict);
        assert_eq!(AtomicUsize::load(&count, Ordering::SeqCst), 1);
    }
}

/// So a stranger learns nothing about the body.
#[tokio::test]
async fn a_stranger_is_refused_for_the_address_whatever_the_body_is() {
    for (content_type, body) in [
        (support::MULTIPART, "garbage".to_owned()),
        ("application/json", "{}".to_owned()),
        (FORM, "x".repeat(3 * 1024 * 1024)),
    ] {
        let request = post(content_type, "responsetype=json", Body::from(body));
        let answer = send(router(auth()), from(STRANGER, request)).await;
        is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    }
}

/// Nor about the methods that are allowed.
#[tokio::test]
async fn a_stranger_is_refused_for_the_address_whatever_the_method_is() {
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let request = support::request(method, "/includes/api.php?responsetype=json");
        let request = from(STRANGER, request.body(unreadable()).unwrap());
        let answer = send(router(auth()), request).await;
        is_refused(&answer, "address_not_listed", "Invalid IP 198.51.100.1");
    }
}

/// A slow body does not keep an old list alive.
#[tokio::test]
async fn an_access_that_is_replaced_while_the_body_comes_counts() {
    let nobody = Access::new();
    for (replaced, verdict) in [(access(), (200, "")), (nobody, (403, "address_list_empty"))] {
        let current = CurrentAccess::from(access());
        let router = router(Authenticator::new(store(), current.clone()));
        let (begun, is_reading) = oneshot::channel();
        let (end, may_end) = oneshot::channel();
        let body = support::ending(PAIR, async {
            begun.send(()).unwrap();
            may_end.await.unwrap();
            Ok(())
        });
        let answer = tokio::spawn(send(router, post(FORM, "action=GetClients", body)));
        is_reading.await.unwrap();
        current.replace(replaced);
        end.send(()).unwrap();
        assert_eq!(answer.await.unwrap().verdict(), verdict);
    }
}
