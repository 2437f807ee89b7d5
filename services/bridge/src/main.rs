//! Starts the bridge.

#![forbid(unsafe_code)]

#[cfg(feature = "demo")]
mod demo;
mod options;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use clap::Parser;
use tokio::sync::watch;
use whmcs_auth_axum::CurrentAccess;
use whmcs_auth_bridge::{Bridge, serve};
use whmcs_auth_services_base::{
    LogMonitor, hangups, listen_for_operator, listen_for_visitors, operator, reload, stop,
};
use whmcs_auth_state::check_at_start;

use self::options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    if let Err(error) = options.check_urls() {
        // Not `eprintln`, which panics if standard error is closed.
        let _ = writeln!(io::stderr(), "{error}");
        return ExitCode::from(2);
    }
    whmcs_auth_services_base::run(async move |log| run(options, log).await)
}

async fn run(options: Options, log: LogMonitor) -> Result<(), Box<dyn Error + Send + Sync>> {
    let stop = stop()?;
    let hangups = hangups()?;
    #[cfg(feature = "demo")]
    let (options, demo) = demo::start(options).await?;
    let listener = listen_for_visitors(options.listen).await?;
    let operator_listener = listen_for_operator(options.operator_listen).await?;
    let base = format!("http://{}", listener.local_addr()?);
    let operator_address = operator_listener.local_addr()?;
    let text =
        format!("listening on {base}\nlistening for the operator on http://{operator_address}\n");

    let used_links = options.used_links()?;
    let read = options.changing.read()?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        address = %listener.local_addr()?,
        autoauth_keys = read.autoauth_keys.len(),
        trusted_networks = read.trusted_networks,
        "started"
    );
    #[cfg(feature = "demo")]
    let text = match (&demo, read.autoauth_keys.first()) {
        (Some(_), Some(key)) => text + &demo::link(&base, key)?,
        _ => text,
    };
    if let Some(store) = &used_links {
        check_at_start(&**store, true).await?;
    }
    let limits = options.connection_limits();
    let (secret, current_secret) = watch::channel(read.secret);
    let access = CurrentAccess::from(read.access);
    let (settings, changing) = options.into_settings(current_secret, access.clone())?;
    tokio::spawn(reload(hangups, move || {
        changing.read().map(|read| {
            tracing::info!(
                autoauth_keys = read.autoauth_keys.len(),
                trusted_networks = read.trusted_networks,
                "read addresses and keys anew"
            );
            secret.send_replace(read.secret);
            access.replace(read.access);
        })
    }));
    let bridge = Bridge::new(settings, used_links, log.clone())?;
    tokio::spawn(operator(operator_listener, Arc::new(bridge.clone()), log));
    // The bridge runs even if nobody reads standard output, or if it is closed.
    thread::Builder::new().spawn(move || io::stdout().write_all(text.as_bytes()))?;
    serve(listener, bridge, &limits, stop).await;
    tracing::info!("stopped");
    Ok(())
}
