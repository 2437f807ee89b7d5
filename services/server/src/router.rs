//! The routes, the headers of every answer, and the log of requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Redirect, Response};
use axum::routing::{MethodRouter, get};
use tower_http::request_id::{PropagateRequestIdLayer, RequestId, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, field};
use whmcs_auth_axum::{Authenticator, LinkVerifier, Report, Watch, watch};

use crate::client_address::ClientAddress;
use crate::database::Credentials;
use crate::deadline::with_time;
use crate::pages;
use crate::request_id::RandomId;
use crate::service::Shared;
use crate::unreadable;

/// What the handlers and extractors need.
#[derive(Clone)]
pub(crate) struct App {
    service: Shared,
    authenticator: Authenticator<Credentials>,
    links: LinkVerifier,
}

impl FromRef<App> for Shared {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.service)
    }
}

impl FromRef<App> for Authenticator<Credentials> {
    fn from_ref(app: &App) -> Self {
        app.authenticator.clone()
    }
}

impl FromRef<App> for LinkVerifier {
    fn from_ref(app: &App) -> Self {
        app.links.clone()
    }
}

/// The routes, with `api` for the API. The server must add [`ClientAddress`] to the extensions of each
/// request.
pub(crate) fn router(service: Shared, api: MethodRouter<App>) -> Router {
    let app = App {
        authenticator: service.authenticator(),
        links: service.links(),
        service: Arc::clone(&service),
    };
    let watcher = Arc::clone(&service);
    let log = Watch::new(move |report: &Report| watcher.reported(report));
    let base = service.settings.base_path.clone();
    let path = |path: &str| format!("{base}{path}");
    let mut router = Router::new()
        .route(&path("/"), page(get(pages::home), "GET"))
        .route(&path("/index.php"), page(get(pages::home), "GET"))
        .route(&path("/includes/api.php"), api)
        .route(&path("/dologin.php"), page(get(pages::dologin), "GET"))
        .route(&path("/oauth/singlesignon.php"), page(get(pages::single_sign_on), "GET"))
        .route(&path("/clientarea.php"), page(get(pages::client_area), "GET"))
        .route(
            &path("/logout.php"),
            page(get(pages::logout::ask).post(pages::logout::log_out), "GET, POST"),
        );
    if !base.as_str().is_empty() {
        let start = path("/");
        let to_start = page(get(async move || Redirect::temporary(&start)), "GET");
        router = router.route("/", to_start.clone()).route(base.as_str(), to_start);
    }
    router
        .fallback(pages::not_found)
        .with_state(app)
        .layer(from_fn_with_state(log, watch))
        .layer(from_fn_with_state(service, time))
        .layer(header_of_all(header::CACHE_CONTROL, "no-store"))
        .layer(header_of_all(header::REFERRER_POLICY, "no-referrer"))
        .layer(header_of_all(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(header_of_all(
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(
            TraceLayer::new_for_http()
                .make_span_with(span)
                .on_response(log_answer)
                // Already logged with its cause, by `Service::refused`.
                .on_failure(()),
        )
        .layer(SetRequestIdLayer::x_request_id(RandomId))
}

/// A page that only accepts the allowed methods. By default HEAD runs the GET handler, so it would log in
/// and use up one-time links and tokens.
fn page(methods: MethodRouter<App>, allow: &'static str) -> MethodRouter<App> {
    let refuse = move |service, address| pages::method_not_allowed(service, address, allow);
    methods.head(refuse).fallback(refuse)
}

/// A header of every answer that does not set it by itself.
fn header_of_all(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
}

/// The log's description of a request. It shows the route, not the path or the query that the client
/// sent, because those may contain a secret. Later code fills in the empty fields.
fn span(request: &Request<Body>) -> Span {
    let path = request.extensions().get::<MatchedPath>();
    let address = request.extensions().get::<ClientAddress>();
    let id = request.extensions().get::<RequestId>();
    tracing::info_span!(
        "request",
        id = id.and_then(|id| id.header_value().to_str().ok()),
        method = method(request),
        path = path.map(MatchedPath::as_str),
        address = address.and_then(|address| address.0.ok()).map(field::display),
        caller = field::Empty,
        mode = field::Empty,
        action = field::Empty,
    )
}

/// Limits and measures the time until the answer.
async fn time(State(service): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map(|path| within(path.as_str(), service.settings.base_path.as_str()));
    let endpoint = match path {
        Some("/includes/api.php") => "api",
        Some("/dologin.php") => "dologin",
        Some("/oauth/singlesignon.php") => "singlesignon",
        Some("/clientarea.php") => "clientarea",
        Some("/logout.php") => "logout",
        Some(_) => "page",
        None => "unrouted",
    };
    let begun = Instant::now();
    let limit = service.settings.limits.answer_time;
    let response = unreadable::noting(with_time(limit, next.run(request))).await;
    service.metrics.answered_in(endpoint, begun.elapsed());
    response
}

/// The path within the folder of the installation.
fn within<'a>(path: &'a str, base: &str) -> &'a str {
    path.strip_prefix(base).unwrap_or(path)
}

/// A client may send any text as the method, so a long one is not logged.
fn method(request: &Request<Body>) -> &str {
    let method = request.method().as_str();
    if method.len() <= 16 { method } else { "other" }
}

fn log_answer(response: &Response, duration: Duration, _: &Span) {
    tracing::debug!(status = response.status().as_u16(), ?duration, "answered");
}
