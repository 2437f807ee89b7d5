//! Starts the bridge.

#![forbid(unsafe_code)]

#[cfg(feature = "demo")]
mod demo;
mod options;

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use axum::Router;
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use whmcs_auth_bridge::{Bridge, operator_router, router};

use self::options::Options;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn Error>> {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env()?;
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(io::stderr).init();

    #[cfg(feature = "demo")]
    let (options, demo) = demo::start(options).await?;
    let (listener, operator) = (bind(options.listen).await?, bind(options.operator_listen).await?);
    let base = format!("http://{}", listener.local_addr()?);
    let text =
        format!("listening on {base}, and for the operator on http://{}\n", operator.local_addr()?);
    #[cfg(feature = "demo")]
    let text = match &demo {
        Some(demo) => text + &demo.link(&base)?,
        None => text,
    };
    let used_links = options.used_links()?;
    if let Some(store) = &used_links
        && let Err(error) = store.check().await
    {
        // The bridge starts all the same, and accepts links as soon as the store works.
        tracing::error!(code = error.code, "{error}");
    }
    let bridge = Bridge::new(options.into_settings()?, used_links)?;

    // The bridge runs even if standard output is closed.
    let _ = io::stdout().write_all(text.as_bytes());
    tokio::try_join!(
        serve(listener, router(bridge.clone())),
        serve(operator, operator_router(bridge)),
    )?;
    Ok(())
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    let bound = TcpListener::bind(address).await;
    bound.map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Serves until SIGTERM or SIGINT. Logins in progress are still answered.
async fn serve(listener: TcpListener, router: Router) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(stop).await
}
