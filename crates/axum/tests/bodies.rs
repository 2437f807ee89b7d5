//! How long a body may be, and how long it may take.

mod support;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Request;
use axum::routing::any;
use http_body::Frame;
use http_body_util::{Full, Limited};
use support::{
    Answered, FORM, IDENTIFIER, MULTIPART, PAIR, SECRET, Store, auth, call, ending, form, from,
    multipart, post, router, send, store,
};
use tokio::sync::mpsc::unbounded_channel;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use whmcs_auth::gate::AddressGate;
use whmcs_auth_axum::{Access, ApiCall, Authenticator};

const ACCEPTED: &str = "result=success;id=7;mode=credential;action=getclients;search=-";

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit() {
    let send = async |limit: usize, body: String| {
        let auth = auth().with_body_limit(limit);
        send(router(auth), post(FORM, "responsetype=json", body)).await
    };
    let body = format!("action=GetClients&{PAIR}");
    let length = body.len();
    assert_eq!(send(length, body.clone()).await.status, 200);

    let answer = send(length - 1, body).await;
    assert_eq!(answer.verdict(), (413, "body_too_large"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.body, r#"{"result":"error","message":"Request Too Large"}"#);
}

#[tokio::test]
async fn a_body_may_have_two_mebibytes_by_default() {
    let body = |length: usize| {
        let fields = format!("action=GetClients&{PAIR}&x=");
        let rest = "x".repeat(length - fields.len());
        fields + &rest
    };
    assert_eq!(call(form(body(2 * 1024 * 1024))).await.status, 200);
    let answer = call(form(body(2 * 1024 * 1024 + 1))).await;
    assert_eq!(answer.verdict(), (413, "body_too_large"));
}

/// axum's own limit is 2 MiB.
#[tokio::test]
async fn the_limit_alone_bounds_a_multipart_body() {
    let file = "x".repeat(3 * 1024 * 1024);
    let body = multipart(&[
        ("; name=\"identifier\"", IDENTIFIER),
        ("; name=\"secret\"", SECRET),
        ("; name=\"file\"; filename=\"f\"", &file),
    ]);
    let request = || post(MULTIPART, "action=GetClients", body.clone());
    let auth = auth().with_body_limit(4 * 1024 * 1024);
    assert_eq!(send(router(auth), request()).await.body, ACCEPTED);
    assert_eq!(call(request()).await.code(), "body_too_large");
}

/// A body of many frames, which counts those that are read.
struct Frames {
    left: usize,
    read: Arc<AtomicUsize>,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        self.read.fetch_add(1, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}

/// Some clients read no answer before they have sent the whole body, but no body is read without end.
#[tokio::test]
async fn a_body_far_over_the_limit_is_cut_off() {
    for (sent, expected) in [(150, 150), (1_000_000, 101 + 16 * 1024 + 1)] {
        let read = Arc::default();
        let body = Body::new(Frames { left: sent, read: Arc::clone(&read) });
        let auth = auth().with_body_limit(100 * 1024);
        let answer = send(router(auth), post(FORM, "", body)).await;
        assert_eq!(answer.verdict(), (413, "body_too_large"));
        assert_eq!(AtomicUsize::load(&read, Ordering::SeqCst), expected);
    }
}

/// A body of that size, which ends once the test says so. The first channel tells that all of it was received.
fn held(size: usize) -> (Body, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (received, is_received) = oneshot::channel();
    let (end, may_end) = oneshot::channel::<()>();
    let fields = format!("action=GetClients&{PAIR}&x=");
    let rest = "x".repeat(size - fields.len());
    let body = ending(fields + &rest, async {
        let _ = received.send(());
        let _ = may_end.await;
        Ok(())
    });
    (body, is_received, end)
}

const KIB: usize = 1024;

const ONE: &str = "203.0.113.7";
const OTHER: &str = "203.0.113.8";
const IPV6: &str = "2001:db8::1";
/// In the same /64.
const SAME_IPV6: &str = "2001:db8::2:0:0:1";

/// Lets these callers in. Their bodies have so many KiB together.
fn with_memory(kib: usize) -> Authenticator<Store> {
    let addresses = AddressGate::new().with_entries([ONE, OTHER, IPV6, SAME_IPV6]);
    let auth = Authenticator::new(store(), Access::new().with_addresses(addresses));
    auth.with_body_limit(64 * KIB).with_body_memory(kib * KIB)
}

/// Sends a body to its end.
async fn send_now(auth: &Authenticator<Store>, caller: &str, size: usize) -> Answered {
    let (body, _, _) = held(size);
    send(router(auth.clone()), by(caller, body)).await
}

/// Sends a body except for its end.
async fn begin(
    auth: &Authenticator<Store>,
    caller: &str,
    size: usize,
) -> (JoinHandle<Answered>, oneshot::Sender<()>) {
    let (body, is_received, end) = held(size);
    let call = tokio::spawn(send(router(auth.clone()), by(caller, body)));
    is_received.await.unwrap();
    (call, end)
}

fn by(caller: &str, body: Body) -> Request<Body> {
    let peer = SocketAddr::new(caller.parse().unwrap(), 50_000);
    from(&peer.to_string(), post(FORM, "responsetype=json", body))
}

#[tokio::test]
async fn large_bodies_have_a_limit_together() {
    let auth = with_memory(100);
    for _ in 0..3 {
        let (first, end) = begin(&auth, ONE, 60 * KIB).await;
        let refused = send_now(&auth, OTHER, 60 * KIB).await;
        assert_eq!(refused.verdict(), (503, "bodies_full"));
        assert_eq!(refused.header("retry-after"), "1");
        assert_eq!(refused.body, r#"{"result":"error","message":"Service Unavailable"}"#);
        assert_eq!(send_now(&auth, OTHER, 40 * KIB).await.status, 200, "it fits");
        for _ in 0..20 {
            let small = send_now(&auth, OTHER, 16 * KIB).await;
            assert_eq!(small.status, 200, "a small one always fits");
        }
        end.send(()).unwrap();
        assert_eq!(first.await.unwrap().status, 200);
        assert_eq!(send_now(&auth, OTHER, 60 * KIB).await.status, 200, "the room is free again");
    }
}

/// Otherwise one caller could keep the large bodies of all others out.
#[tokio::test]
async fn one_network_has_half_of_the_room() {
    for (one, same, other) in [(ONE, ONE, IPV6), (IPV6, SAME_IPV6, ONE)] {
        let auth = with_memory(240);
        for _ in 0..3 {
            let (first, end_first) = begin(&auth, one, 60 * KIB).await;
            let (second, end_second) = begin(&auth, same, 60 * KIB).await;
            for size in [17, 60] {
                let refused = send_now(&auth, same, size * KIB).await;
                assert_eq!(refused.verdict(), (503, "bodies_full"), "{same} {size}");
            }
            let small = send_now(&auth, same, 16 * KIB).await;
            assert_eq!(small.status, 200, "a small one always fits");
            let (third, end_third) = begin(&auth, other, 60 * KIB).await;
            let fourth = send_now(&auth, other, 60 * KIB).await;
            assert_eq!(fourth.status, 200, "{other} has the other half");
            end_first.send(()).unwrap();
            assert_eq!(first.await.unwrap().status, 200);
            // Its room is free again, and no more.
            let (again, end_again) = begin(&auth, same, 60 * KIB).await;
            assert_eq!(send_now(&auth, same, 17 * KIB).await.verdict(), (503, "bodies_full"));
            for (call, end) in [(second, end_second), (third, end_third), (again, end_again)] {
                end.send(()).unwrap();
                assert_eq!(call.await.unwrap().status, 200);
            }
        }
    }
}

/// Also one that was refused, or whose caller hung up.
#[tokio::test]
async fn a_body_that_is_not_read_to_its_end_leaves_its_room() {
    let auth = auth().with_body_limit(64 * KIB).with_body_memory(64 * KIB);
    let send = |body: Body| send(router(auth.clone()), form(body));
    for _ in 0..3 {
        let broken = ending("x".repeat(60 * KIB), async { Err(io::Error::other("reset")) });
        assert_eq!(send(broken).await.code(), "body_broken");
        assert_eq!(send(Body::from("x".repeat(65 * KIB))).await.code(), "body_too_large");
        let (body, is_received, _end) = held(60 * KIB);
        let call = tokio::spawn(send(body));
        is_received.await.unwrap();
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
        let (body, _, _) = held(60 * KIB);
        assert_eq!(send(body).await.status, 200);
    }
}

#[tokio::test]
async fn a_body_has_its_room_until_the_call_is_answered() {
    let (carry_out, mut calls) = unbounded_channel();
    let handler = move |call: ApiCall<Store>| async move {
        let (end, may_end) = oneshot::channel::<()>();
        carry_out.send(end).unwrap();
        let _ = may_end.await;
        call.success(&[])
    };
    let auth = auth().with_body_limit(64 * KIB).with_body_memory(64 * KIB);
    let app = Router::new().route("/includes/api.php", any(handler)).with_state(auth);
    let send = || {
        let (body, _, _) = held(60 * KIB);
        send(app.clone(), form(body))
    };
    let first = tokio::spawn(send());
    let end = calls.recv().await.unwrap();
    let second = timeout(Duration::from_secs(60), send()).await;
    assert_eq!(second.expect("it is carried out").code(), "bodies_full");
    end.send(()).unwrap();
    assert_eq!(first.await.unwrap().status, 200);
    let second = tokio::spawn(send());
    calls.recv().await.unwrap().send(()).unwrap();
    assert_eq!(second.await.unwrap().status, 200);
}

#[tokio::test]
async fn there_is_always_room_for_one_body() {
    let auth = auth().with_body_memory(1);
    let (body, _, _) = held(2 * 1024 * KIB);
    assert_eq!(send(router(auth), form(body)).await.status, 200);
}

/// A body in frames of one byte, of which none may be kept.
struct Bits {
    text: std::vec::IntoIter<u8>,
    kept: Arc<()>,
}

struct Bit([u8; 1], #[allow(dead_code, reason = "it counts")] Arc<()>);

impl AsRef<[u8]> for Bit {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl HttpBody for Bits {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        assert_eq!(Arc::strong_count(&self.kept), 1, "a frame was kept");
        let bit = self.text.next().map(|byte| Bit([byte], Arc::clone(&self.kept)));
        Poll::Ready(bit.map(|bit| Ok(Frame::data(Bytes::from_owner(bit)))))
    }
}

/// Otherwise a body in small frames would take many times its size.
#[tokio::test]
async fn no_frame_is_kept() {
    let text = format!("action=GetClients&{PAIR}&x={}", "x".repeat(30_000));
    let body = Bits { text: text.into_bytes().into_iter(), kept: Arc::default() };
    assert_eq!(call(form(Body::new(body))).await.body, ACCEPTED);
}

#[tokio::test]
async fn the_limit_of_a_layer_is_reported_as_one() {
    let body = Limited::new(Full::new(Bytes::from(PAIR)), 10);
    let answer = call(post(FORM, "action=GetClients", Body::new(body))).await;
    assert_eq!(answer.verdict(), (413, "body_too_large"));
}

/// The error may hold text of the request.
#[tokio::test]
async fn a_body_that_ends_early_is_a_bad_request() {
    let body = ending(PAIR, async { Err(io::Error::other("length limit exceeded")) });
    let answer = call(post(FORM, "action=GetClients&responsetype=json", body)).await;
    assert_eq!(answer.verdict(), (400, "body_broken"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Bad Request"}"#);
    assert!(!answer.sentence().contains("exceeded"), "{}", answer.sentence());
    assert!(answer.report.unwrap().body().is_empty());
}

fn is_late(answer: &Answered) {
    assert_eq!(answer.verdict(), (408, "body_late"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Request Timeout"}"#);
}

#[tokio::test(start_paused = true)]
async fn a_body_may_take_ten_seconds_by_default() {
    let after = async |milliseconds| {
        let body = ending(PAIR, async move {
            sleep(Duration::from_millis(milliseconds)).await;
            Ok(())
        });
        call(post(FORM, "action=GetClients&responsetype=json", body)).await
    };
    assert_eq!(after(9_990).await.status, 200);
    is_late(&after(10_010).await);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_never_ends_is_late() {
    let started = Instant::now();
    let body = ending(PAIR, pending());
    let auth = auth().with_body_time(Duration::from_millis(2_500));
    let request = post(FORM, "action=GetClients&responsetype=json", body);
    let answer = send(router(auth), request).await;
    is_late(&answer);
    assert_eq!(answer.sentence(), "the body took longer than 2.5 s");
    let waited = started.elapsed();
    assert!(
        waited >= Duration::from_millis(2_500) && waited < Duration::from_secs(3),
        "{waited:?}"
    );
}

/// The rest is read, as some clients read no answer before, but no longer than the time.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_and_never_ends_is_too_large() {
    let started = Instant::now();
    let body = ending("x".repeat(100), pending());
    let auth = auth().with_body_limit(99);
    assert_eq!(send(router(auth), form(body)).await.verdict(), (413, "body_too_large"));
    assert!(started.elapsed() < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_time_that_no_clock_reaches_is_no_limit() {
    let body = ending(format!("action=GetClients&{PAIR}"), async {
        sleep(Duration::from_secs(3_600)).await;
        Ok(())
    });
    let auth = auth().with_body_time(Duration::MAX);
    assert_eq!(send(router(auth), form(body)).await.verdict(), (200, ""));
}
