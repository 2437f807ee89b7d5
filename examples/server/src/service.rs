//! What all requests share, and the doors to it.

use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, any, get};
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;
use tracing::{Span, field};
use whmcs_auth::Clock;
use whmcs_auth::replay::ReplayGuard;

use crate::client_address::{ClientAddress, Peer, is_from_this_machine};
use crate::database::Database;
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::sso_tokens::SsoTokens;
use crate::throttle::Throttle;
use crate::{api, pages};

/// The service, shared by its requests.
pub type Shared = Arc<Service>;

/// The settings, the tables, and what is remembered between requests.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) database: Database,
    pub(crate) sessions: Sessions,
    pub(crate) sso_tokens: SsoTokens,
    pub(crate) replay_guard: Option<ReplayGuard>,
    pub(crate) throttle: Throttle,
    /// How many secrets may be verified at once.
    pub(crate) verifications: Arc<Semaphore>,
    metrics: Metrics,
    clock: Box<dyn Clock + Send + Sync>,
}

impl Service {
    /// A service over these tables, by this clock.
    pub fn new(
        settings: Settings,
        database: Database,
        clock: impl Clock + Send + Sync + 'static,
    ) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let links = settings.limits.remembered_links;
        Self {
            sessions: Sessions::new(&settings.limits),
            sso_tokens: SsoTokens::new(),
            replay_guard: settings.one_time_links.then(|| ReplayGuard::new(links)),
            throttle: Throttle::new(&settings.limits),
            verifications: Arc::new(Semaphore::new(cores)),
            metrics: Metrics::new(),
            clock: Box::new(clock),
            settings,
            database,
        }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Gives up on what takes too long.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let limit = self.settings.limits.answer_time;
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|late| Err(Refusal::unavailable("too_slow", late)))
    }

    pub(crate) fn accepted(&self, door: &'static str) {
        const CODE: &str = "accepted";
        self.metrics.count(door, CODE);
        tracing::info!(door, code = CODE);
    }

    pub(crate) fn refused(&self, door: &'static str, address: ClientAddress, refusal: &Refusal) {
        let Refusal { code, cause, .. } = refusal;
        self.metrics.count(door, code);
        if refusal.is_failure {
            self.throttle.count(address);
        }
        let status = refusal.status().as_u16();
        match status {
            500.. => tracing::error!(door, code, status, "{cause}"),
            _ => tracing::warn!(door, code, status, "{cause}"),
        }
    }
}

/// The doors of the service. Whoever serves it adds [`Peer`] and [`ClientAddress`] to each request.
pub(crate) fn router(service: Shared) -> Router {
    Router::new()
        .route("/includes/api.php", any(api::call))
        .route("/dologin.php", page(get(pages::dologin)))
        .route("/oauth/singlesignon.php", page(get(pages::single_sign_on)))
        .route("/clientarea.php", page(get(pages::client_area)))
        .route("/logout.php", page(get(pages::logout)))
        .route("/metrics", page(get(metrics)))
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
                .on_response(log_answer),
        )
}

/// A page for GET alone. HEAD would log in like GET, and use up what works once.
fn page(get: MethodRouter<Shared>) -> MethodRouter<Shared> {
    get.head(pages::get_only).fallback(pages::get_only)
}

fn fixed(name: HeaderName, value: &'static str) -> SetResponseHeaderLayer<HeaderValue> {
    SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value))
}

/// What is known of a request. Its path and query are left out: anybody may have written a secret
/// there. The rest is filled in as it is found out.
fn span(request: &Request<Body>) -> Span {
    let path = request.extensions().get::<MatchedPath>();
    let address = request.extensions().get::<ClientAddress>();
    tracing::info_span!(
        "request",
        method = %request.method(),
        path = path.map(MatchedPath::as_str),
        address = address.map(|ClientAddress(address)| field::display(address)),
        caller = field::Empty,
        mode = field::Empty,
        action = field::Empty,
    )
}

fn log_answer(response: &Response, took: Duration, _: &Span) {
    tracing::debug!(status = response.status().as_u16(), ?took, "answered");
}

/// For the machine itself alone: counts tell whether a name is known.
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
