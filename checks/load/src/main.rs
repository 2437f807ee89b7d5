//! The server with an API that performs every action for everybody, beside which the load test measures the server.
//!
//! usage: whmcs-auth-load DATABASE-URL

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::future::pending;
use std::io;

use tokio::net::TcpListener;
use whmcs_auth::gate::{AddressGate, TrustedProxies};
use whmcs_auth::{AutoAuthKeys, BcryptCost, SystemClock};
use whmcs_auth_server::database::Database;
use whmcs_auth_server::{
    Access, DEFAULT_API_ACCESS_PERMISSION, Limits, LogWriter, Service, Settings,
    serve_without_authentication,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: whmcs-auth-load DATABASE-URL")?;
    let (lines, log) = LogWriter::start(io::stderr());
    tracing_subscriber::fmt().json().with_span_list(false).with_writer(lines).init();
    let settings = Settings {
        allowed_ips_from_database: false,
        allow_get: false,
        action_error_statuses: false,
        one_time_links: false,
        role_ids: Default::default(),
        api_access_permission: DEFAULT_API_ACCESS_PERMISSION,
        bcrypt_cost: BcryptCost::WHMCS,
        base_path: Default::default(),
        base_url: "http://127.0.0.1".to_owned(),
        limits: Limits::default(),
    };
    let access = Access {
        addresses: AddressGate::new(),
        autoauth_keys: AutoAuthKeys::new([])?,
        trusted_proxies: TrustedProxies::new(),
    };
    let database = Database::open(&url, settings.bcrypt_cost, &settings.limits).await?;
    let service = Service::new(settings, access, database, SystemClock).with_log(log.monitor());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve_without_authentication(listener, service, pending()).await;
    Ok(())
}
