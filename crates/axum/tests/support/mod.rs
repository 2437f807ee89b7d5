//! A store, an authenticator, a router, and requests for them.

#![allow(dead_code, reason = "no test uses all of it")]

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::any;
use http_body_util::{BodyExt, Full};
use tower::ServiceExt;
use whmcs_auth::answer::Value;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, MemoryStore,
    StoredPassword, StoredSecret,
};
use whmcs_auth_axum::{Access, ApiCall, Authenticator, Report, Watch, watch};

pub const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
/// With the lowest cost, so that tests are fast.
pub const SECRET_BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
pub const SECRET_MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
pub const SECRET_MD5_BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
pub const SECRET_SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
pub const PAIR: &str =
    "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const FORM: &str = "application/x-www-form-urlencoded";
pub const MULTIPART: &str = "multipart/form-data; boundary=cut";
pub const CALLER: &str = "203.0.113.7:50000";
pub const STRANGER: &str = "198.51.100.1:50000";
/// The access key `key#1+2`, as a field.
pub const ACCESS_KEY: &str = "accesskey=key%231%2B2";

pub type Store = MemoryStore<u64>;

/// A credential with that secret, and the admin `admin` with the password `password`.
pub fn store_of(secret: StoredSecret) -> Store {
    let credential = ApiCredential::new(7, IDENTIFIER, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let password = StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99").unwrap();
    let admin = Admin::new(1, "admin", password, AdminState::WithApiAccess);
    MemoryStore::new([credential], [admin]).unwrap()
}

pub fn store() -> Store {
    store_of(StoredSecret::plain(SECRET).unwrap())
}

/// Lets 203.0.113.7 in, and the access key.
pub fn access() -> Access {
    let addresses = AddressGate::new().with_entries(["203.0.113.7"]);
    Access::new().with_addresses(addresses.with_access_key("key#1+2").unwrap())
}

/// The same without an access key.
pub fn access_without_key() -> Access {
    Access::new().with_addresses(AddressGate::new().with_entries(["203.0.113.7"]))
}

pub fn auth() -> Authenticator<Store> {
    Authenticator::new(store(), access())
}

/// Shows what it got.
pub async fn api(call: ApiCall<Store>) -> Response {
    call.success(&[
        ("id", Value::from(i64::try_from(call.caller().id).unwrap())),
        ("mode", Value::from(call.caller().mode.to_string())),
        ("action", Value::from(call.action().as_str())),
        ("search", Value::from(call.parameter("search").unwrap_or("-"))),
    ])
}

pub fn router(auth: Authenticator<Store>) -> Router {
    Router::new().route("/includes/api.php", any(api)).with_state(auth)
}

/// The handler of any store. It shows nothing.
pub async fn empty<S: AsyncCredentialStore>(call: ApiCall<S>) -> Response {
    call.success(&[])
}

/// A request from the listed address.
pub fn request(method: &str, path: &str) -> Builder {
    let peer: SocketAddr = CALLER.parse().unwrap();
    Request::builder().method(method).uri(path).extension(ConnectInfo(peer))
}

/// A POST of that body, with that query.
pub fn post(content_type: &str, query: &str, body: impl Into<Body>) -> Request<Body> {
    let request = request("POST", &format!("/includes/api.php?{query}"));
    request.header(header::CONTENT_TYPE, content_type).body(body.into()).unwrap()
}

pub fn form(body: impl Into<Body>) -> Request<Body> {
    post(FORM, "", body)
}

/// The same request from that peer.
pub fn from(peer: &str, mut request: Request<Body>) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// A multipart body of these parts: what follows `form-data`, and the value.
pub fn multipart(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(head, value)| {
        format!("--cut\r\nContent-Disposition: form-data{head}\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--cut--\r\n"
}

/// A body that counts how many of its frames were read.
pub fn counted(text: impl Into<Bytes>, count: &Arc<AtomicUsize>) -> Body {
    let count = Arc::clone(count);
    Body::new(Full::new(text.into()).map_frame(move |frame| {
        count.fetch_add(1, Ordering::SeqCst);
        frame
    }))
}

/// A body that nobody may read.
pub fn unreadable() -> Body {
    Body::new(Full::new(Bytes::from(PAIR)).map_frame(|frame| {
        assert!(frame.is_trailers(), "the body was read");
        frame
    }))
}

/// A body of that text, which ends once the future has ended: well, or with its error.
pub fn ending(
    text: impl Into<Bytes>,
    end: impl Future<Output = io::Result<()>> + Send + 'static,
) -> Body {
    let text = Full::new(text.into()).map_err(|never: Infallible| match never {});
    Body::new(text.with_trailers(async { end.await.err().map(Err) }))
}

#[derive(Debug)]
pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    /// What the layer `watch` handed to the service.
    pub report: Option<Report>,
}

impl Answered {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// All headers, sorted.
    pub fn all_headers(&self) -> Vec<String> {
        let headers = self.headers.iter();
        let mut headers: Vec<_> =
            headers.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        headers.sort();
        headers
    }

    /// The code of the report. Empty if there is none.
    pub fn code(&self) -> &'static str {
        self.report.as_ref().map_or("", Report::code)
    }

    pub fn sentence(&self) -> &str {
        self.report.as_ref().map_or("", |report| report.cause().sentence())
    }

    /// Status and code.
    pub fn verdict(&self) -> (u16, &'static str) {
        (self.status.as_u16(), self.code())
    }
}

/// Watches the router, and sends it a request.
pub async fn send(router: Router, request: Request<Body>) -> Answered {
    let reports = Arc::<Mutex<Vec<Report>>>::default();
    let seen = Arc::clone(&reports);
    let log = Watch::new(move |report: &Report| seen.lock().unwrap().push(report.clone()));
    let response = router.layer(from_fn_with_state(log, watch)).oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    assert!(head.extensions.get::<Report>().is_none(), "the layer left the report");
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut reports = std::mem::take(&mut *reports.lock().unwrap());
    assert!(reports.len() <= 1, "{reports:?}");
    if let Some(report) = reports.last() {
        assert_eq!(report.http_status(), head.status);
    }
    Answered {
        status: head.status,
        report: reports.pop(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// Sends a request to the router of [`auth`].
pub async fn call(request: Request<Body>) -> Answered {
    send(router(auth()), request).await
}
