//! `/metrics`, `/healthz` and `/readyz`, for the operator and a load balancer, on a listener of their own. So they are
//! answered even if visitors hold every connection.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio::time::Instant;

use crate::log::LogMonitor;
use crate::serve::{ConnectionLimits, serve};

/// How long a result is used again, so that frequent requests cannot keep the parts busy with checks.
const FRESH: Duration = Duration::from_secs(1);

const METRICS_CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the operator asks of a program.
pub trait Operated: Send + Sync + 'static {
    /// All metrics, in the OpenMetrics text format.
    fn metrics(&self) -> String;

    /// Checks what the program needs to answer visitors. It should take a second at most.
    fn check(&self) -> impl Future<Output = Vec<Part>> + Send;
}

/// Something that a program needs to answer visitors.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its name.
    pub name: &'static str,
    /// Why it does not work, if it does not.
    pub fault: Option<Fault>,
}

/// Why a part does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What the operator should know.
    pub cause: String,
    /// The time until the part works again by itself, if that is known.
    pub wait: Option<Duration>,
}

impl Part {
    fn cause(&self) -> Option<&str> {
        self.fault.as_ref().map(|fault| fault.cause.as_str())
    }
}

/// Serves the operator. Visitors must not reach it: the codes of the metrics show whether a name exists.
pub async fn operator<O: Operated>(listener: TcpListener, operated: Arc<O>, log: LogMonitor) {
    let asked = Asked { operated, log, last: Arc::default() };
    let router = Router::new()
        .route("/metrics", get(metrics::<O>))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready::<O>))
        .with_state(asked);
    // A scraper and a balancer need few connections, and their heads come at once.
    let limits = ConnectionLimits {
        open: 64,
        open_by_peer: 64,
        idle: 8,
        head_time: Duration::from_secs(2),
        idle_time: Duration::from_secs(30),
        ..ConnectionLimits::default()
    };
    serve(listener, router, &limits, |_| false, std::future::pending()).await;
}

struct Asked<O> {
    operated: Arc<O>,
    log: LogMonitor,
    /// The result of the last check.
    last: Arc<Mutex<Option<Checked>>>,
}

impl<O> Clone for Asked<O> {
    fn clone(&self) -> Self {
        let Self { operated, log, last } = self;
        Self { operated: Arc::clone(operated), log: log.clone(), last: Arc::clone(last) }
    }
}

#[derive(Clone)]
struct Checked {
    at: Instant,
    parts: Vec<Part>,
}

impl<O: Operated> Asked<O> {
    /// Checks all parts. Only one check runs at a time, and the others wait for its result. It continues if the caller
    /// hangs up, so that the next caller gets its result.
    async fn check(self) -> Result<Vec<Part>, JoinError> {
        let mut last = Arc::clone(&self.last).lock_owned().await;
        if let Some(checked) = &*last
            && checked.at.elapsed() < FRESH
        {
            return Ok(checked.parts.clone());
        }
        let check = async move {
            let parts = self.operated.check().await;
            for part in &parts {
                let mut before = last.iter().flat_map(|checked| &checked.parts);
                let before = before.find(|before| before.name == part.name);
                let cause_before = before.and_then(|before| before.cause());
                match part.cause() {
                    cause if cause == cause_before => {}
                    Some(cause) => tracing::error!(part = part.name, "not ready: {cause}"),
                    None => tracing::info!(part = part.name, "ready again"),
                }
            }
            *last = Some(Checked { at: Instant::now(), parts: parts.clone() });
            parts
        };
        tokio::spawn(check).await
    }
}

async fn metrics<O: Operated>(State(asked): State<Asked<O>>) -> Response {
    ([(header::CONTENT_TYPE, METRICS_CONTENT_TYPE)], asked.operated.metrics()).into_response()
}

/// Whether the program can answer visitors, and why a part fails. A log that is not written is shown, but the program
/// still counts as ready. Otherwise one failed log collector would take every server out of service.
async fn ready<O: Operated>(State(asked): State<Asked<O>>) -> Response {
    let is_log_written = asked.log.is_writing();
    if !is_log_written {
        // The log monitor needs a new line to notice that the log works again.
        tracing::warn!(total = asked.log.lost(), "the log lost lines");
    }
    let Ok(parts) = asked.check().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let log = if is_log_written { "ready" } else { "not ready" };
    let mut shown = BTreeMap::from([("log", log.to_owned())]);
    shown.extend(parts.iter().map(|part| {
        let ready = || "ready".to_owned();
        (part.name, part.cause().map_or_else(ready, |cause| format!("not ready: {cause}")))
    }));
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    let mut response = (content_type, Value::from_iter(shown).to_string()).into_response();
    let faults: Vec<_> = parts.iter().filter_map(|part| part.fault.as_ref()).collect();
    if !faults.is_empty() {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    // If one of several waits is not known, nobody knows when the program is ready.
    let waits: Option<Vec<_>> = faults.iter().map(|fault| fault.wait).collect();
    if let Some(wait) = waits.into_iter().flatten().max() {
        let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0));
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Mutex as StdMutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tempfile::NamedTempFile;

    use super::*;

    #[derive(Default)]
    struct Parts {
        parts: StdMutex<Vec<Part>>,
        checks: AtomicUsize,
    }

    impl Operated for Parts {
        fn metrics(&self) -> String {
            String::new()
        }

        async fn check(&self) -> Vec<Part> {
            self.checks.fetch_add(1, Ordering::Relaxed);
            self.parts.lock().unwrap().clone()
        }
    }

    fn part(name: &'static str, fault: Option<(&str, Option<u64>)>) -> Part {
        let fault = fault.map(|(cause, millis)| Fault {
            cause: cause.to_owned(),
            wait: millis.map(Duration::from_millis),
        });
        Part { name, fault }
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_is_logged_once_and_so_is_its_end() {
        let file = NamedTempFile::new().unwrap();
        let lines = tracing_subscriber::fmt().with_writer(file.reopen().unwrap());
        let lines = lines.without_time().with_ansi(false).finish();
        let _subscriber = tracing::subscriber::set_default(lines);
        let operated = Arc::new(Parts::default());
        let (log, last) = (LogMonitor::default(), Arc::default());
        let asked = Asked { operated: Arc::clone(&operated), log, last };
        for (parts, status, retry_after) in [
            ([part("a", None), part("b", None)], 200, None),
            ([part("a", None), part("b", Some(("x", Some(1_500))))], 503, Some("2")),
            (
                [part("a", Some(("y", Some(3_000)))), part("b", Some(("x", Some(100))))],
                503,
                Some("3"),
            ),
            ([part("a", Some(("z", None))), part("b", Some(("x", Some(100))))], 503, None),
            ([part("a", None), part("b", None)], 200, None),
            ([part("a", None), part("b", None)], 200, None),
        ] {
            *operated.parts.lock().unwrap() = parts.to_vec();
            let before = operated.checks.load(Ordering::Relaxed);
            for _ in 0..2 {
                let response = ready(State(asked.clone())).await;
                assert_eq!(response.status(), status, "{parts:?}");
                let header = response.headers().get(header::RETRY_AFTER);
                assert_eq!(header.map(|value| value.to_str().unwrap()), retry_after, "{parts:?}");
                tokio::time::advance(FRESH / 2).await;
            }
            assert_eq!(
                operated.checks.load(Ordering::Relaxed) - before,
                1,
                "a fresh result is used again"
            );
        }
        let written = fs::read_to_string(file.path()).unwrap();
        let expected = [
            "ERROR whmcs_auth_services_base::operator: not ready: x part=\"b\"",
            "ERROR whmcs_auth_services_base::operator: not ready: y part=\"a\"",
            "ERROR whmcs_auth_services_base::operator: not ready: z part=\"a\"",
            " INFO whmcs_auth_services_base::operator: ready again part=\"a\"",
            " INFO whmcs_auth_services_base::operator: ready again part=\"b\"",
        ];
        assert_eq!(written.lines().collect::<Vec<_>>(), expected);
    }
}
