//! Starts the service, and prints commands to try. Or runs another command of an operator.

#![forbid(unsafe_code)]

mod commands;
mod options;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::Parser;
use tokio::signal::unix::Signal;
use whmcs_auth::time::Duration;
use whmcs_auth::{AutoAuthKey, BcryptCost, Clock, SignError, SystemClock, sign_autoauth};
use whmcs_auth_axum::CurrentAccess;
use whmcs_auth_server::database::demo::{ADMIN, EMAIL, IDENTIFIER, PASSWORD_MD5, SECRET};
use whmcs_auth_server::database::{Database, Surprises};
use whmcs_auth_server::{Service, serve};
use whmcs_auth_services_base::{
    LogMonitor, hangups, listen_for_operator, listen_for_visitors, operator, stop,
};
use whmcs_auth_state::check_at_start;

use self::options::{AccessError, AccessOptions, CommandLine, Options, ReadAccess};

fn main() -> ExitCode {
    let CommandLine { command, options } = CommandLine::parse();
    if let Some(command) = command {
        return command.run();
    }
    whmcs_auth_services_base::run(async move |log| run(options, log).await)
}

async fn run(options: Options, log: LogMonitor) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stop = stop()?;
    let hangups = hangups()?;
    let bcrypt_cost = BcryptCost::new(options.bcrypt_cost)?;
    let database_url = options.database.url()?;
    let limits = options.limits()?;
    let database = Database::open(&database_url, bcrypt_cost, &limits).await?;
    let demo_key = database.demo_autoauth_key().await?;
    let listener = listen_for_visitors(options.listen).await?;
    let operator_listener = listen_for_operator(options.operator_listen).await?;
    let base_url = format!("http://{}{}", listener.local_addr()?, options.base_path);

    let read = options.access.read(demo_key.as_deref())?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %listener.local_addr()?,
        database = database.kind(),
        autoauth_keys = read.autoauth_keys.len(),
        access_key = read.has_access_key,
        allowed_networks = read.allowed_networks,
        trusted_networks = read.trusted_networks,
        "started"
    );
    warn_of_tables(&database).await?;
    let ReadAccess { access, autoauth_keys, .. } = read;
    let operator_address = operator_listener.local_addr()?;
    let mut text = format!(
        "listening on {base_url}\nlistening for the operator on http://{operator_address}\n"
    );
    let url = database.system_url().await?.unwrap_or_else(|| base_url.clone());
    let redis = options.state.redis(&url)?;
    let settings = options.settings(base_url.clone(), bcrypt_cost, limits);
    let is_once = settings.one_time_links;
    let access = CurrentAccess::from(access);
    tokio::spawn(reload(hangups, options.access, demo_key.clone(), access.clone()));
    let mut service = Service::new(settings, access, database, SystemClock, log.clone());
    if demo_key.is_some() {
        // After the service, which refuses older links.
        text.push_str(&what_to_try(&base_url, autoauth_keys.first())?);
    }
    if let Some(redis) = redis {
        check_at_start(&redis, is_once).await?;
        service = service.with_state(Arc::new(redis));
    }
    // The service runs even if nobody reads standard output, or if it is closed.
    thread::Builder::new().spawn(move || io::stdout().write_all(text.as_bytes()))?;
    let service = Arc::new(service);
    tokio::spawn(operator(operator_listener, Arc::clone(&service), log));
    serve(listener, service, stop).await;
    tracing::info!("stopped");
    Ok(())
}

/// Warns of rows that are not what an operator expects.
async fn warn_of_tables(database: &Database) -> Result<(), Box<dyn Error + Send + Sync>> {
    let Surprises { weak_admins, unreadable_admins, weak_credentials, has_allowed_ips } =
        database.surprises().await?;
    if weak_admins > 0 {
        tracing::warn!(
            table = "tbladmins",
            count = weak_admins,
            "passwords of admins are stored as MD5 or as plain text: whoever reads the table can log in with them"
        );
    }
    if unreadable_admins > 0 {
        tracing::warn!(
            table = "tbladmins",
            count = unreadable_admins,
            "passwords of admins are not bcrypt, and passwordhash is not empty, so these admins are refused: \
             after a reset by MD5, empty passwordhash"
        );
    }
    if weak_credentials > 0 {
        tracing::warn!(
            table = "tbldeviceauth",
            count = weak_credentials,
            "secrets are not stored as bcrypt, so these credentials are refused"
        );
    }
    if has_allowed_ips {
        tracing::warn!(
            table = "tblconfiguration",
            "the addresses of APIAllowedIPs are not used: list them with --allow-ip or --allow-ip-file"
        );
    }
    Ok(())
}

/// Reads the files of addresses and keys anew at each SIGHUP.
async fn reload(
    hangups: Signal,
    options: AccessOptions,
    demo_key: Option<String>,
    current: CurrentAccess,
) {
    let read = move || -> Result<(), AccessError> {
        let read = options.read(demo_key.as_deref())?;
        tracing::info!(
            autoauth_keys = read.autoauth_keys.len(),
            access_key = read.has_access_key,
            allowed_networks = read.allowed_networks,
            trusted_networks = read.trusted_networks,
            "read addresses and keys anew"
        );
        current.replace(read.access);
        Ok(())
    };
    whmcs_auth_services_base::reload(hangups, read).await;
}

/// Commands for the three modes over the demo data, and a login link.
fn what_to_try(base_url: &str, key: Option<&AutoAuthKey>) -> Result<String, SignError> {
    let api = format!("{base_url}/includes/api.php");
    let action = "action=GetClients&responsetype=json&limitnum=2";
    let mut text = format!(
        "
identifier and secret:
  curl '{api}' -d '{action}&identifier={IDENTIFIER}&secret={SECRET}'
the same pair as username and password:
  curl '{api}' -d '{action}&username={IDENTIFIER}&password={SECRET}'
admin username and md5 of the password:
  curl '{api}' -d '{action}&username={ADMIN}&password={PASSWORD_MD5}'
"
    );
    if let Some(key) = key {
        // A link must be made after the start.
        let soon = SystemClock.now() + Duration::SECOND;
        let link = sign_autoauth(EMAIL, None, key, &soon)?.url(base_url)?;
        text += &format!("a login link for {EMAIL}, valid for 15 minutes:\n  {link}\n");
    }
    Ok(text)
}
