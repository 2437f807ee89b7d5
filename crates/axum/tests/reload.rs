//! What is replaced while the service runs counts on connections that are open.

mod support;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{any, post};
use support::{FORM, PAIR, Store, api, store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use whmcs_auth::gate::{AddressGate, TrustedProxies};
use whmcs_auth::{AutoAuthKey, FixedClock};
use whmcs_auth_axum::{
    Access, Authenticator, CurrentAccess, LinkVerifier, LoginLink, Rejection, Report, Watch, watch,
};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CALLER: &str = "203.0.113.7";
const LINK: &str =
    "email=demo@whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";

#[derive(Clone, FromRef)]
struct App {
    auth: Authenticator<Store>,
    links: LinkVerifier,
}

async fn dologin(LoginLink { login, .. }: LoginLink) -> Result<Response, Rejection> {
    let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true)?;
    Ok(login.repeatable().redirect("clientarea.php"))
}

/// One connection to a service, which stays open.
struct Connection {
    stream: TcpStream,
    access: CurrentAccess,
    codes: Arc<Mutex<Vec<&'static str>>>,
}

impl Connection {
    async fn open(access: Access) -> Self {
        let access = CurrentAccess::from(access);
        let clock = FixedClock::from_unix(1_290_100_706);
        let app = App {
            auth: Authenticator::new(store(), access.clone()),
            links: LinkVerifier::new(access.clone()).with_clock(clock),
        };
        let codes = Arc::<Mutex<Vec<_>>>::default();
        let seen = Arc::clone(&codes);
        let log = Watch::new(move |report: &Report| seen.lock().unwrap().push(report.code()));
        let router = Router::new()
            .route("/includes/api.php", post(api))
            .route("/dologin.php", any(dologin))
            .layer(from_fn_with_state(log, watch))
            .with_state(app);
        let listener = TcpListener::bind((HERE, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async { axum::serve(listener, service).await });
        let stream = TcpStream::connect(address).await.unwrap();
        Self { stream, access, codes }
    }

    /// The status of the answer, and the code of the report.
    async fn ask(&mut self, request: String) -> (u16, &'static str) {
        self.stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let is_whole = |answer: &[u8]| {
            let text = std::str::from_utf8(answer).unwrap();
            let (head, body) = text.split_once("\r\n\r\n")?;
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
            (body.len() == length.parse::<usize>().unwrap()).then(|| text[9..12].parse().unwrap())
        };
        loop {
            let count = self.stream.read_buf(&mut answer).await.unwrap();
            assert!(count > 0, "the connection was closed");
            if let Some(status) = is_whole(&answer) {
                let mut codes = self.codes.lock().unwrap();
                return (status, codes.pop().unwrap_or_default());
            }
        }
    }

    /// A genuine call, with another header.
    async fn call(&mut self, header: &str) -> (u16, &'static str) {
        let length = PAIR.len();
        self.ask(format!(
            "POST /includes/api.php?action=GetClients HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n\
             Content-Length: {length}\r\n{header}\r\n{PAIR}"
        ))
        .await
    }

    /// A visit with a genuine link.
    async fn visit(&mut self) -> (u16, &'static str) {
        self.ask(format!("GET /dologin.php?{LINK} HTTP/1.1\r\nHost: x\r\n\r\n")).await
    }
}

fn addresses(entries: &[&str]) -> AddressGate {
    AddressGate::new().with_entries(entries)
}

#[tokio::test]
async fn a_list_of_addresses_alone_is_replaced() {
    let listed = || Access::new().with_addresses(addresses(&["127.0.0.1"]));
    let others = || Access::new().with_addresses(addresses(&[CALLER]));
    let mut connection = Connection::open(listed()).await;
    for _ in 0..2 {
        assert_eq!(connection.call("").await, (200, ""));
        connection.access.replace(others());
        assert_eq!(connection.call("").await, (403, "loopback_not_listed"));
        connection.access.replace(listed());
    }
}

#[tokio::test]
async fn an_access_key_alone_is_replaced() {
    let keyed = |key: &str| {
        let addresses = addresses(&[CALLER]).with_access_key(key).unwrap();
        Access::new().with_addresses(addresses)
    };
    let length = PAIR.len();
    let call = format!(
        "POST /includes/api.php?action=GetClients&accesskey=old HTTP/1.1\r\nHost: x\r\n\
         Content-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n{PAIR}"
    );
    let mut connection = Connection::open(keyed("old")).await;
    assert_eq!(connection.ask(call.clone()).await, (200, ""));
    connection.access.replace(keyed("new"));
    assert_eq!(connection.ask(call.clone()).await, (403, "wrong_access_key"));
    connection.access.replace(keyed("old"));
    assert_eq!(connection.ask(call).await, (200, ""));
}

#[tokio::test]
async fn proxies_alone_are_replaced() {
    let untrusted = || Access::new().with_addresses(addresses(&[CALLER, "127.0.0.1"]));
    let trusted = || untrusted().with_proxies(TrustedProxies::new().with_addresses([HERE]));
    assert!(trusted().proxies().trusts(HERE) && !untrusted().proxies().trusts(HERE));
    let forwarded = format!("X-Forwarded-For: {CALLER}\r\n");
    let mut connection = Connection::open(untrusted()).await;
    for _ in 0..2 {
        assert_eq!(connection.call(&forwarded).await, (403, "untrusted_proxy"));
        assert_eq!(connection.call("").await, (200, ""));
        connection.access.replace(trusted());
        assert_eq!(connection.call(&forwarded).await, (200, ""));
        assert_eq!(connection.call("").await, (403, "forwarded_for_missing"));
        connection.access.replace(untrusted());
    }
}

#[tokio::test]
async fn keys_alone_are_replaced() {
    let with = |key: &str| Access::new().with_keys(AutoAuthKey::new(key).unwrap());
    let mut connection = Connection::open(Access::new()).await;
    for _ in 0..2 {
        assert_eq!(connection.visit().await, (403, "autoauth_disabled"));
        connection.access.replace(with("abcXYZ123"));
        assert_eq!(connection.visit().await, (302, ""));
        connection.access.replace(with("another"));
        assert_eq!(connection.visit().await, (403, "hash_mismatch"));
        connection.access.replace(Access::new());
    }
}
