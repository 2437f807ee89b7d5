//! `--demo`: runs the server as WHMCS in this process, with a database that is removed at the end.

use std::error::Error;
use std::future::pending;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::net::TcpListener;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::time::Duration;
use whmcs_auth::{AutoAuthKey, BcryptCost, Clock, SystemClock, sign_autoauth};
use whmcs_auth_axum::Access;
use whmcs_auth_server::database::Database;
use whmcs_auth_server::database::demo::{EMAIL, IDENTIFIER, SECRET};
use whmcs_auth_server::{Limits, Service, Settings, serve};
use whmcs_auth_services_base::LogMonitor;

use crate::options::Options;

/// The folder of the demo's database. It is removed at the end.
pub struct Demo(#[expect(dead_code, reason = "dropping it removes the folder")] TempDir);

/// Starts the server if `--demo` is set, and sets the options that it needs.
pub async fn start(
    mut options: Options,
) -> Result<(Options, Option<Demo>), Box<dyn Error + Send + Sync>> {
    if !options.demo {
        return Ok((options, None));
    }
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite:{}", folder.path().join("whmcs.db").display());
    // The lowest cost, because the secrets of the demo are public.
    let bcrypt_cost = BcryptCost::new(4)?;
    let database = Database::open(&database, bcrypt_cost, &Limits::default()).await?;
    let key = database.demo_autoauth_key().await?.ok_or("the demo data has no AutoAuth key")?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let settings = Settings::new(&url, bcrypt_cost);
    // It has no AutoAuth key, like WHMCS 8.1.
    let addresses = AddressGate::new().with_entries(["127.0.0.1", "::1"]);
    let access = Access::new().with_addresses(addresses);
    let service = Service::new(settings, access, database, SystemClock, LogMonitor::default());
    tokio::spawn(serve(listener, Arc::new(service), pending()));
    options.set_demo(url.parse()?, (IDENTIFIER, SECRET), &key);
    Ok((options, Some(Demo(folder))))
}

/// A link that works, for the bridge at this URL.
pub fn link(base: &str, key: &AutoAuthKey) -> Result<String, Box<dyn Error + Send + Sync>> {
    // A link must be made after the start.
    let soon = SystemClock.now() + Duration::SECOND;
    let link = sign_autoauth(EMAIL, Some("clientarea.php"), key, &soon)?;
    let url = link.url(base)?;
    Ok(format!("a login link for {EMAIL}, valid for 15 minutes:\n  {url}\n"))
}
