//! The server with an API that performs every action for everybody, beside which the load test measures the server.
//!
//! usage: whmcs-auth-load DATABASE-URL

#![forbid(unsafe_code)]

use std::env;
use std::error::Error;
use std::future::pending;
use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;
use whmcs_auth::{BcryptCost, SystemClock};
use whmcs_auth_axum::Access;
use whmcs_auth_server::database::Database;
use whmcs_auth_server::{Service, Settings, serve_without_authentication};
use whmcs_auth_services_base::LogWriter;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("usage: whmcs-auth-load DATABASE-URL")?;
    let (lines, log) = LogWriter::start(io::stderr());
    tracing_subscriber::fmt().json().with_span_list(false).with_writer(lines).init();
    let settings = Settings::new("http://127.0.0.1", BcryptCost::WHMCS);
    let database = Database::open(&url, settings.bcrypt_cost, &settings.limits).await?;
    let service = Service::new(settings, Access::new(), database, SystemClock, log.monitor());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    serve_without_authentication(listener, Arc::new(service), pending()).await;
    Ok(())
}
