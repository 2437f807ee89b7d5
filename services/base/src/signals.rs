//! SIGTERM and SIGINT end a program. SIGHUP lets it read its files anew.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;

/// Completes on SIGTERM or SIGINT.
///
/// # Errors
///
/// If the signals cannot be received.
pub fn stop() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "stopping"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping"),
        }
    })
}

/// Receives SIGHUP from now on. Otherwise the signal would end the process.
///
/// # Errors
///
/// If the signal cannot be received.
pub fn hangups() -> io::Result<Signal> {
    signal(SignalKind::hangup())
}

/// Calls `read` at each SIGHUP. `read` reads the files and replaces the settings. If one file cannot be used,
/// `read` leaves all settings as they were.
pub async fn reload<E: ToString>(
    mut hangups: Signal,
    read: impl Fn() -> Result<(), E> + Send + Sync + 'static,
) {
    let read = Arc::new(read);
    while hangups.recv().await.is_some() {
        let read = Arc::clone(&read);
        // In a thread of its own, because a file can be slow.
        let outcome = spawn_blocking(move || read().map_err(|error| error.to_string())).await;
        if let Err(failure) = outcome.map_err(|stopped| stopped.to_string()).flatten() {
            tracing::error!("the addresses and keys stay as they were: {failure}");
        }
    }
}
