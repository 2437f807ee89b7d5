//! A store, an authenticator, a router, and requests for them.

#![allow(dead_code, reason = "no test uses all of it")]

use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::any;
use tower::ServiceExt;
use whmcs_auth::answer::Value;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, MemoryStore, ReadyStore, StoredPassword,
    StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator, Report};

pub const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const PAIR: &str =
    "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const FORM: &str = "application/x-www-form-urlencoded";
pub const CALLER: &str = "203.0.113.7:50000";

pub type Store = ReadyStore<MemoryStore<u64>>;

pub fn store() -> Store {
    let secret = StoredSecret::plain(SECRET).unwrap();
    let credential = ApiCredential::new(7, IDENTIFIER, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    // md5("password")
    let password = StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99").unwrap();
    let admin = Admin::new(1, "admin", password, AdminState::WithApiAccess);
    ReadyStore(MemoryStore::new([credential], [admin]).unwrap())
}

pub fn gate() -> ApiGate {
    let addresses = AddressGate::new().with_entries(["203.0.113.7"]);
    ApiGate::new(addresses.with_access_key("key#1+2").unwrap())
}

pub fn auth() -> Authenticator<Store> {
    Authenticator::new(store(), gate())
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

/// A multipart body of these parts: what follows `form-data`, and the value.
pub fn multipart(parts: &[(&str, &str)]) -> String {
    let parts = parts.iter().map(|(head, value)| {
        format!("--cut\r\nContent-Disposition: form-data{head}\r\n\r\n{value}\r\n")
    });
    parts.collect::<String>() + "--cut--\r\n"
}

pub struct Answered {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    pub report: Option<Report>,
}

impl Answered {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn code(&self) -> &'static str {
        self.report.as_ref().map_or("", |report| report.code)
    }

    pub fn cause(&self) -> &str {
        self.report.as_ref().map_or("", |report| &report.cause)
    }
}

pub async fn send(router: Router, request: Request<Body>) -> Answered {
    let response = router.oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    Answered {
        status: head.status,
        report: head.extensions.get::<Report>().cloned(),
        headers: head.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// Sends a request to the router of [`auth`].
pub async fn call(request: Request<Body>) -> Answered {
    send(router(auth()), request).await
}
