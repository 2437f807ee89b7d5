//! `/healthz` and `/readyz`, for a load balancer. They tell nothing that a stranger must not know.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio::task::JoinError;
use tokio::time::{Instant, timeout};

use crate::service::{Service, Shared};

/// How long a result is used again, so that strangers cannot keep the database busy with checks.
const FRESH: Duration = Duration::from_secs(1);

/// How long the database may take to answer.
const DATABASE_TIME: Duration = Duration::from_secs(1);

/// How long the shared state may take to answer.
const STATE_TIME: Duration = Duration::from_secs(1);

/// The result of the last check.
#[derive(Default)]
pub(crate) struct Readiness(Arc<Mutex<Option<Checked>>>);

#[derive(Clone, Copy)]
struct Checked {
    at: Instant,
    parts: [Part; 3],
}

/// Something that the service needs to answer requests.
#[derive(Clone, Copy)]
struct Part {
    name: &'static str,
    is_ready: bool,
}

impl Readiness {
    /// Checks all parts. Only one check runs at a time, and the others wait for its result. It goes on if the
    /// caller hangs up. Otherwise its result would not be there for the next caller.
    async fn check(&self, service: Shared) -> Result<Checked, JoinError> {
        let mut last = Arc::clone(&self.0).lock_owned().await;
        if let Some(checked) = *last
            && checked.at.elapsed() < FRESH
        {
            return Ok(checked);
        }
        let check = async move {
            let checked = Checked::now(&service, *last).await;
            *last = Some(checked);
            checked
        };
        tokio::spawn(check).await
    }
}

impl Checked {
    /// Checks all parts, and logs which have changed since the last check.
    async fn now(service: &Service, last: Option<Self>) -> Self {
        let parts = [
            Part { name: "database", is_ready: database_answers(service).await },
            Part { name: "log", is_ready: service.log_is_writing() },
            Part { name: "state", is_ready: state_answers(service).await },
        ];
        let before = last.map(|checked| checked.parts);
        for (index, part) in parts.iter().enumerate() {
            let was_ready = before.and_then(|parts| parts.get(index).copied());
            let was_ready = was_ready.is_none_or(|part| part.is_ready);
            match (was_ready, part.is_ready) {
                (true, false) => tracing::error!(part = part.name, "not ready"),
                (false, true) => tracing::info!(part = part.name, "ready again"),
                _ => {}
            }
        }
        Self { at: Instant::now(), parts }
    }
}

async fn database_answers(service: &Service) -> bool {
    let answer = timeout(DATABASE_TIME, service.database.ping()).await;
    let error = match answer {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(late) => late.to_string(),
    };
    tracing::debug!(error, "the database does not answer");
    false
}

/// Whether used links, sessions, tokens and failures can be kept.
async fn state_answers(service: &Service) -> bool {
    let error = match timeout(STATE_TIME, service.state.check()).await {
        Ok(Ok(())) => return true,
        Ok(Err(error)) => error.to_string(),
        Err(late) => late.to_string(),
    };
    tracing::warn!(error, "the shared state does not work");
    false
}

/// The process is alive.
pub(crate) async fn alive() -> &'static str {
    "alive\n"
}

/// Whether the service can answer requests, and which part fails.
pub(crate) async fn ready(State(service): State<Shared>) -> Response {
    let Ok(Checked { parts, .. }) = service.readiness.check(Arc::clone(&service)).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let status = match parts.iter().all(|part| part.is_ready) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let text = |is_ready| Value::from(if is_ready { "ready" } else { "not ready" });
    let parts: Map<_, _> =
        parts.iter().map(|part| (part.name.to_owned(), text(part.is_ready))).collect();
    let content_type = [(header::CONTENT_TYPE, "application/json")];
    (status, content_type, Value::Object(parts).to_string()).into_response()
}
