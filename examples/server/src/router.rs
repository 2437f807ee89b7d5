//! The routes, the headers of every answer, and the log of requests.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, field};

use crate::client_address::{ClientAddress, Peer, is_from_this_machine};
use crate::metrics::Metrics;
use crate::service::Shared;
use crate::{api, health, pages};

/// The routes. The server must add [`Peer`] and [`ClientAddress`] to the extensions of each request.
pub(crate) fn router(service: Shared) -> Router {
    Router::new()
        .route("/includes/api.php", any(api::call))
        .route("/dologin.php", page(get(pages::dologin)))
        .route("/oauth/singlesignon.php", page(get(pages::single_sign_on)))
        .route("/clientarea.php", page(get(pages::client_area)))
        .route("/logout.php", page(get(pages::logout)))
        .route("/metrics", page(get(metrics)))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(pages::not_found)
        .with_state(service)
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .layer(fixed(header::REFERRER_POLICY, "no-referrer"))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(log_answer)
                // Already logged with its cause, by `Service::refused`.
                .on_failure(()),
        )
}

/// A page that only accepts GET. By default HEAD runs the GET handler, so it would log in and use up
/// one-time links and tokens.
fn page(get: MethodRouter<Shared>) -> MethodRouter<Shared> {
    get.head(pages::get_only).fallback(pages::get_only)
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

/// The log's description of a request. It shows the route, not the path or the query that the client
/// sent, because those may contain a secret. Later code fills in the empty fields.
fn span(request: &Request<Body>) -> Span {
    let path = request.extensions().get::<MatchedPath>();
    let address = request.extensions().get::<ClientAddress>();
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = path.map(MatchedPath::as_str),
        address = address.and_then(|address| address.0.ok()).map(field::display),
        caller = field::Empty,
        mode = field::Empty,
        action = field::Empty,
    )
}

fn log_answer(response: &Response, duration: Duration, _: &Span) {
    tracing::debug!(status = response.status().as_u16(), ?duration, "answered");
}

/// Only for programs on this machine, because the codes show whether a name exists.
async fn metrics(
    State(service): State<Shared>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    if !is_from_this_machine(peer, &headers) {
        return pages::not_found().await;
    }
    let content_type = [(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)];
    (content_type, service.metrics.text()).into_response()
}
