//! From the command line to the exit status: the log, the runtime, and the end of both.

use std::error::Error;
use std::io::{self, Write};
use std::panic;
use std::process::ExitCode;

use tokio::runtime::Runtime;
use tracing::field;
use tracing_appender::non_blocking::NonBlocking;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::log::{LogMonitor, LogWriter};

/// Runs a service to its end, with the log on standard error.
pub fn run(
    service: impl AsyncFnOnce(LogMonitor) -> Result<(), Box<dyn Error + Send + Sync>>,
) -> ExitCode {
    let (lines, log) = LogWriter::start(io::stderr());
    let outcome = start_log(lines).and_then(|()| {
        let runtime = Runtime::new()?;
        let outcome = runtime.block_on(service(log.monitor()));
        // A blocking thread may still verify a secret of a caller who hung up. Do not wait for it.
        runtime.shutdown_background();
        outcome
    });
    log.end();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Not `eprintln`, which panics if standard error is closed.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// The log has one JSON object a line.
fn start_log(lines: NonBlocking) -> Result<(), Box<dyn Error + Send + Sync>> {
    let filter =
        EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env()?;
    tracing_subscriber::fmt()
        .json()
        .with_span_list(false)
        .with_env_filter(filter)
        .with_writer(lines)
        // Otherwise it would report a failure to standard error, and panic if that fails.
        .log_internal_errors(false)
        .init();
    // Without the message of the panic, which may hold text of a request.
    panic::set_hook(Box::new(|panic| {
        tracing::error!(location = panic.location().map(field::display), "a thread panicked");
    }));
    Ok(())
}
