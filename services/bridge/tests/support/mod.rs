//! A WHMCS that answers as a test wants, and a bridge in front of it.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::redirect::Policy;
use reqwest::{Response, Url};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::sync::watch;
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{AutoAuthKey, sign_autoauth};
use whmcs_auth_axum::Access;
use whmcs_auth_bridge::{Bridge, Settings, serve};
use whmcs_auth_services_base::{ConnectionLimits, LogMonitor, Page, advice, operator, title};
use whmcs_auth_state::{Capacity, Memory, Store};

pub const KEY: &str = "abcXYZ123";
pub const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const TOKEN: &str = "tokentokentokentokentokentoken42";

/// The bytes that the fake WHMCS sends, after a while.
pub struct Reply(pub Vec<u8>, pub Duration);

/// An answer with this status.
pub fn reply(status: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    );
    Reply([head.as_bytes(), body.as_bytes()].concat(), Duration::ZERO)
}

pub fn json(body: &str) -> Reply {
    reply("200 OK", "content-type: application/json\r\n", body)
}

/// An error of WHMCS, with the status that newer versions send.
pub fn error(message: &str) -> Reply {
    let body = format!(r#"{{"result":"error","message":"{message}"}}"#);
    reply("403 Forbidden", "content-type: application/json\r\n", &body)
}

/// The answer, after which the connection is open for the next call.
pub fn kept_alive(Reply(bytes, after): Reply) -> Reply {
    let text = String::from_utf8(bytes).unwrap();
    Reply(text.replace("connection: close", "connection: keep-alive").into_bytes(), after)
}

/// An answer that comes late.
pub fn late(reply: Reply, seconds: u64) -> Reply {
    Reply(reply.0, Duration::from_secs(seconds))
}

pub type Answers = dyn Fn(&Call) -> Reply + Send + Sync;

/// A call of the API: its path, and the fields of its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub path: String,
    pub fields: Vec<(String, String)>,
}

impl Call {
    pub fn field(&self, name: &str) -> &str {
        let mut fields = self.fields.iter().filter(|(field, _)| field == name);
        fields.next().map_or("", |(_, value)| value)
    }
}

pub struct Whmcs {
    pub url: Url,
    pub calls: Arc<Mutex<Vec<Call>>>,
    /// Late answers that wait now come at once.
    pub hurry: Arc<Notify>,
}

impl Whmcs {
    pub async fn start(answers: Arc<Answers>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/whmcs", listener.local_addr().unwrap()).parse().unwrap();
        let calls = Arc::new(Mutex::new(Vec::new()));
        let hurry = Arc::new(Notify::new());
        let (seen, hurried) = (Arc::clone(&calls), Arc::clone(&hurry));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (answers, seen) = (Arc::clone(&answers), Arc::clone(&seen));
                tokio::spawn(answer(stream, answers, seen, Arc::clone(&hurried)));
            }
        });
        Self { url, calls, hurry }
    }

    /// The actions that were called.
    pub fn actions(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(|call| call.field("action").to_owned()).collect()
    }
}

async fn answer(
    mut stream: TcpStream,
    answers: Arc<Answers>,
    seen: Arc<Mutex<Vec<Call>>>,
    hurry: Arc<Notify>,
) {
    let mut received = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap_or(0);
        if count == 0 {
            return;
        }
        received.extend_from_slice(&chunk[..count]);
        let Some(call) = call_of(&String::from_utf8_lossy(&received)) else { continue };
        received.clear();
        seen.lock().unwrap().push(call.clone());
        let Reply(bytes, after) = answers(&call);
        let _ = tokio::time::timeout(after, hurry.notified()).await;
        let _ = stream.write_all(&bytes).await;
        if !String::from_utf8_lossy(&bytes).contains("connection: keep-alive") {
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// The call, once all of it has arrived.
fn call_of(text: &str) -> Option<Call> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
    });
    if body.len() < length? {
        return None;
    }
    let mut words = head.split(' ');
    assert_eq!(words.next(), Some("POST"));
    let path = words.next()?.to_owned();
    let base: Url = format!("http://localhost/?{body}").parse().unwrap();
    let fields = base.query_pairs().map(|(name, value)| (name.into(), value.into())).collect();
    Some(Call { path, fields })
}

/// What `GetClients` answers: these clients, separated by commas.
pub fn found(clients: &str) -> Reply {
    let total = clients.matches("\"status\"").count();
    json(&format!(
        r#"{{"result":"success","totalresults":{total},"startnumber":0,"numreturned":{total},"clients":{{"client":[{clients}]}}}}"#
    ))
}

/// A WHMCS that knows `demo@whmcs.com`, and sends visitors to its own site.
pub fn works(public: &str) -> impl Fn(&Call) -> Reply + Send + Sync + use<> {
    let redirect = format!("{public}oauth/singlesignon.php?access_token={TOKEN}");
    move |call| match call.field("action") {
        "GetClientsDetails" => json(
            r#"{"result":"success","userid":9,"client":{"id":7,"email":"demo@whmcs.com","status":"Active"}}"#,
        ),
        "GetClients" => found(r#"{"id":7,"email":"demo@whmcs.com","status":"Active"}"#),
        "CreateSsoToken" => json(&format!(
            r#"{{"result":"success","access_token":"{TOKEN}","redirect_url":"{redirect}"}}"#
        )),
        action => error(&format!("unexpected {action}")),
    }
}

pub const PUBLIC: &str = "https://billing.example/whmcs/";

/// A bridge over a fake WHMCS.
pub struct Setup {
    pub whmcs: Whmcs,
    pub base: String,
    pub operator: String,
    http: reqwest::Client,
}

pub fn settings(whmcs_url: Url) -> Settings {
    Settings {
        whmcs_url,
        public_url: PUBLIC.parse().unwrap(),
        identifier: IDENTIFIER.to_owned(),
        secret: watch::channel(SECRET.into()).1,
        access: access().into(),
        policy: Default::default(),
        max_calls_in_flight: 16,
        call_time: Duration::from_secs(30),
    }
}

pub fn access() -> Access {
    Access::new().with_keys(AutoAuthKey::new(KEY).unwrap())
}

pub fn memory() -> Arc<dyn Store> {
    Arc::new(Memory::new(Capacity { links: 1000, ..Capacity::default() }))
}

impl Setup {
    /// A bridge whose links may be used again.
    pub async fn start(answers: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(answers, None, |_| {}).await
    }

    pub async fn with(
        answers: impl Fn(&Call) -> Reply + Send + Sync + 'static,
        used_links: Option<Arc<dyn Store>>,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let whmcs = Whmcs::start(Arc::new(answers)).await;
        let mut settings = settings(whmcs.url.clone());
        change(&mut settings);
        let log = LogMonitor::default();
        let bridge = Bridge::new(settings, used_links, log.clone()).unwrap();
        let (listener, base) = listen().await;
        let (operator_listener, operator_base) = listen().await;
        tokio::spawn(operator(operator_listener, Arc::new(bridge.clone()), log));
        tokio::spawn(async move {
            serve(listener, bridge, &ConnectionLimits::default(), pending()).await;
        });
        let http = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
        Self { whmcs, base, operator: operator_base, http }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(reqwest::Method::GET, path, &[]).await
    }

    pub async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request.send().await.unwrap()).await
    }

    /// The metric: how often a login ended with a code.
    pub async fn count(&self, code: &str) -> u64 {
        let text = self.operator("/metrics").await.1;
        let name = format!("whmcs_auth_answers_total{{endpoint=\"dologin\",code=\"{code}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    }

    pub async fn operator(&self, path: &str) -> (u16, String) {
        let response = self.http.get(format!("{}{path}", self.operator)).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

/// What a visitor got.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// The names of the headers, sorted.
    pub headers: Vec<String>,
    pub location: String,
    pub allow: String,
    pub page: String,
}

impl Answer {
    async fn of(response: Response) -> Self {
        let head = |name: &str| {
            let value = response.headers().get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(head("set-cookie"), "");
        if response.url().path() == "/dologin.php" {
            assert_eq!(head("cache-control"), "no-store");
            assert_eq!(head("referrer-policy"), "no-referrer");
            assert_eq!(head("x-content-type-options"), "nosniff");
        }
        let status = response.status().as_u16();
        let mut headers: Vec<_> = response.headers().keys().map(ToString::to_string).collect();
        headers.sort_unstable();
        let (location, allow) = (head("location"), head("allow"));
        Self { status, headers, location, allow, page: response.text().await.unwrap() }
    }
}

/// The page of a refusal.
pub async fn page(status: u16, message: &str) -> String {
    let status = StatusCode::from_u16(status).unwrap();
    let page = Page::new(title(status)).says(message);
    let page = match status {
        StatusCode::FORBIDDEN => page.says(advice(message == "This login link is not valid.")),
        _ => page,
    };
    let body = page.answer(status).into_body();
    String::from_utf8(axum::body::to_bytes(body, 1 << 20).await.unwrap().to_vec()).unwrap()
}

/// A link that was signed so many seconds from now.
pub fn link_made_in(seconds: i64, email: &str, goto: Option<&str>) -> String {
    let at = OffsetDateTime::now_utc() + whmcs_auth::time::Duration::seconds(seconds);
    let link = sign_autoauth(email, goto, &AutoAuthKey::new(KEY).unwrap(), &at).unwrap();
    format!("/dologin.php?{}", link.query())
}

pub fn link(goto: Option<&str>) -> String {
    link_made_in(0, "demo@whmcs.com", goto)
}
