//! What the operator asks: the metrics, and whether links can be accepted.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::Bridge;
use crate::metrics::Metrics;

/// The pages for the operator. Visitors must not reach them: the codes show whether a client exists.
pub fn router(bridge: Bridge) -> Router {
    Router::new().route("/metrics", get(metrics)).route("/readyz", get(is_ready)).with_state(bridge)
}

async fn metrics(State(bridge): State<Bridge>) -> Response {
    ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], bridge.0.metrics.text()).into_response()
}

/// Whether used links can be remembered. WHMCS is not asked: if it is down, it is down for every bridge.
async fn is_ready(State(bridge): State<Bridge>) -> Response {
    let checked = match &bridge.0.used_links {
        Some(store) => store.check().await,
        None => Ok(()),
    };
    match checked {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{}: {}\n", error.code, error.cause))
        }
    }
    .into_response()
}
