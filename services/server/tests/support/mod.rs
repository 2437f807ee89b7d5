//! Starts a service for one test, on a free port and with its own database file.

#![allow(dead_code, reason = "no test file uses all of it")]

pub mod program;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, header};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tempfile::TempDir;
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use whmcs_auth::gate::{AddressGate, TrustedProxies};
use whmcs_auth::{AutoAuthKey, BcryptCost, FixedClock, sign_autoauth};
use whmcs_auth_axum::Access;
use whmcs_auth_server::database::Database;
use whmcs_auth_server::{Limits, Service, Settings, serve};
use whmcs_auth_services_base::LogMonitor;
use whmcs_auth_state::Store;

pub const PAIR: &str =
    "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const LOGIN: &str =
    "username=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&password=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const ADMIN: &str = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";
pub const AUTOAUTH_KEY: &str = "abcXYZ123";
pub const FORM: &str = "application/x-www-form-urlencoded";

pub struct Server {
    pub base: String,
    pub operator: String,
    pub http: reqwest::Client,
    pub clock: Arc<FixedClock>,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<()>,
}

/// Bcrypt is fast, and the limit of failures is high.
pub fn settings() -> Settings {
    Settings {
        limits: Limits { failures: 1000, ..Limits::default() },
        ..Settings::new("http://billing.example", BcryptCost::new(4).unwrap())
    }
}

/// Loopback may call.
pub fn access() -> Access {
    Access::new()
        .with_addresses(AddressGate::new().with_entries(["127.0.0.1", "::1"]))
        .with_keys(AutoAuthKey::new(AUTOAUTH_KEY).unwrap())
}

/// A client that follows no redirect.
pub fn http() -> reqwest::Client {
    // Plain HTTP needs none, but reqwest asks for one if the bridge is built with it.
    whmcs_auth_state::choose_tls_provider();
    reqwest::Client::builder().redirect(Policy::none()).build().unwrap()
}

impl Server {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with_access(access(), change).await
    }

    pub async fn with_access(access: Access, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_as(None, access, change).await
    }

    /// A service that keeps its state in a store.
    pub async fn with_state(state: Arc<dyn Store>, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_as(Some(state), access(), change).await
    }

    /// A service with that state, which is in memory if there is none.
    pub async fn start_as(
        state: Option<Arc<dyn Store>>,
        access: Access,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("whmcs.db").display());
        let mut settings = settings();
        change(&mut settings);
        let database = Database::open(&url, settings.bcrypt_cost, &settings.limits).await.unwrap();
        let clock = Arc::new(FixedClock::new(at(1_690_000_000)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let log = LogMonitor::default();
        let mut service = Service::new(settings, access, database, Arc::clone(&clock), log.clone());
        // Links are made after the start.
        clock.set(at(1_700_000_000));
        if let Some(state) = state {
            service = service.with_state(state);
        }
        let service = Arc::new(service);
        let operator_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let operator = format!("http://{}", operator_listener.local_addr().unwrap());
        tokio::spawn(whmcs_auth_services_base::operator(
            operator_listener,
            Arc::clone(&service),
            log,
        ));
        let served = tokio::spawn(serve(listener, service, async {
            let _ = stopped.await;
        }));
        Self { base, operator, http: http(), clock, folder, stop: Some(stop), served }
    }

    pub fn database_file(&self) -> PathBuf {
        self.folder.path().join("whmcs.db")
    }

    async fn connect(&self) -> SqliteConnection {
        let url = format!("sqlite:{}", self.database_file().display());
        let options = SqliteConnectOptions::from_str(&url).unwrap();
        options.connect().await.unwrap()
    }

    /// Reads from the database directly.
    pub async fn text(&self, query: &'static str) -> String {
        let mut connection = self.connect().await;
        let text = sqlx::query_scalar(query).fetch_one(&mut connection).await;
        connection.close().await.unwrap();
        text.unwrap()
    }

    /// Changes the database directly.
    pub async fn sql(&self, statements: &str) {
        let mut connection = self.connect().await;
        let done = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await;
        done.unwrap();
        connection.close().await.unwrap();
    }

    /// Lets the collation of e-mails ignore spaces at the end, and gives a client this e-mail.
    pub async fn fold_emails(&self, client: i64, email: &str) {
        self.sql(&format!(
            "CREATE TABLE folded (id, firstname, lastname, companyname, email TEXT COLLATE RTRIM,
                                  datecreated, groupid, status, allow_sso);
             INSERT INTO folded SELECT * FROM tblclients;
             UPDATE folded SET email = '{email}' WHERE id = {client};
             DROP TABLE tblclients;
             ALTER TABLE folded RENAME TO tblclients"
        ))
        .await;
    }

    pub async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.base);
        self.http.get(url).send().await.unwrap()
    }

    /// What the operator gets.
    pub async fn ask(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.operator)).send().await.unwrap()
    }

    pub async fn get_with(&self, path: &str, name: &str, value: &str) -> Response {
        let request = self.http.get(format!("{}{path}", self.base));
        request.header(name, value).send().await.unwrap()
    }

    /// A POST of a form to the API, not yet sent.
    pub fn form(&self, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.http.post(format!("{}/includes/api.php", self.base));
        request.header(header::CONTENT_TYPE, FORM).body(body)
    }

    /// Posts a form to the API.
    pub async fn post(&self, body: &str) -> Response {
        self.post_to("/includes/api.php", FORM, body).await
    }

    pub async fn post_to(&self, path: &str, content_type: &str, body: &str) -> Response {
        let request = self.http.post(format!("{}{path}", self.base));
        let request = request.header(header::CONTENT_TYPE, content_type);
        request.body(body.to_owned()).send().await.unwrap()
    }

    /// Posts a form to the API, and returns status and body.
    pub async fn call(&self, body: &str) -> (u16, String) {
        answer(self.post(body).await).await
    }

    pub async fn json(&self, body: &str) -> (u16, serde_json::Value) {
        let (status, text) = self.call(&format!("{body}&responsetype=json")).await;
        (status, serde_json::from_str(&text).unwrap())
    }

    /// Locks the database until the returned connection is dropped.
    pub async fn lock(&self) -> SqliteConnection {
        let mut connection = self.connect().await;
        let begin = sqlx::raw_sql("BEGIN EXCLUSIVE");
        begin.execute(&mut connection).await.unwrap();
        connection
    }

    /// A login link, signed now.
    pub fn link(&self, email: &str, goto: Option<&str>) -> String {
        let key = AutoAuthKey::new(AUTOAUTH_KEY).unwrap();
        let link = sign_autoauth(email, goto, &key, &self.clock).unwrap();
        format!("/dologin.php?{}", link.query())
    }

    /// The metric: how often an endpoint answered with a code.
    pub async fn count(&self, endpoint: &str, code: &str) -> u64 {
        let text = self.ask("/metrics").await.text().await.unwrap();
        let name = format!("whmcs_auth_answers_total{{endpoint=\"{endpoint}\",code=\"{code}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        line.map_or(0, |count| count.parse().unwrap())
    }

    /// Stops the service, and waits for its end.
    pub async fn stop(mut self) {
        self.ask_to_stop();
        self.served.await.unwrap();
    }

    pub fn ask_to_stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap();
        }
    }

    pub fn has_stopped(&self) -> bool {
        self.served.is_finished()
    }
}

pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

/// The cookie of an answer, as a browser sends it back.
pub fn cookie(response: &Response) -> String {
    let set = head(response, "set-cookie").expect("a cookie");
    set.split(';').next().unwrap().to_owned()
}

pub fn proxies(addresses: &[&str]) -> TrustedProxies {
    let addresses = addresses.iter().map(|address| address.parse().unwrap());
    TrustedProxies::new().with_addresses(addresses)
}

pub async fn answer(response: Response) -> (u16, String) {
    (response.status().as_u16(), response.text().await.unwrap())
}

pub fn head<'r>(response: &'r Response, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}
