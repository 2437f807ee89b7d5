//! An async service: the API and login links. `examples/server` adds sessions, throttling, limits.

mod demo;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{AddressGate, ApiGate, AuthorizedCall, GateError};
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{
    ApiError, ApiRequest, AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, Clock,
    Refusal, SystemClock, verify_autoauth,
};

use crate::demo::{AUTOAUTH_KEY, Database, perform, what_to_try};

struct Service {
    database: Database,
    gate: ApiGate,
    keys: AutoAuthKeys,
    replay_guard: ReplayGuard,
    /// Limits how many secrets are verified at the same time.
    permits: Arc<Semaphore>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("{}", what_to_try(&format!("http://{}", listener.local_addr()?))?);
    let router = router(service()?).into_make_service_with_connect_info::<SocketAddr>();
    Ok(axum::serve(listener, router).await?)
}

fn service() -> Result<Arc<Service>, Box<dyn Error>> {
    Ok(Arc::new(Service {
        database: Database::new()?,
        gate: ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"])),
        keys: AutoAuthKeys::from(AutoAuthKey::new(AUTOAUTH_KEY)?),
        replay_guard: ReplayGuard::new(100_000),
        permits: Arc::new(Semaphore::new(std::thread::available_parallelism()?.get())),
    }))
}

fn router(service: Arc<Service>) -> Router {
    Router::new()
        .route("/includes/api.php", post(api))
        // Without `head`, axum answers HEAD like GET, and a mail scanner would use up the link.
        .route("/dologin.php", get(dologin).head(async || StatusCode::METHOD_NOT_ALLOWED))
        .with_state(service)
}

async fn api(
    State(service): State<Arc<Service>>,
    // Behind a proxy this is the proxy's address. Then take the caller's address from the header that
    // your proxy writes. Trust no other header: every caller can send it.
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let query = query.unwrap_or_default();
    let request = ApiRequest::from_query_and_form(query.as_bytes(), &*body);
    match authorize(&service, peer.ip(), &request).await {
        Ok(call) => perform(&service.database, &call.action, &request).await,
        Err(error) => {
            log(&error);
            let answer = Answer::new(&error, &request);
            respond(answer.http_status, answer.content_type, answer.body)
        }
    }
}

async fn authorize(
    service: &Service,
    address: IpAddr,
    request: &ApiRequest<'_>,
) -> Result<AuthorizedCall<u64>, GateError<io::Error>> {
    let admitted = service.gate.admit(address, request)?.into_owned();
    // Look up both, whether or not the first is found: a caller must not see which names exist.
    let credential = match admitted.attempt().identifier() {
        Some(name) => service.database.credential(name).await.map_err(GateError::Store)?,
        None => None,
    };
    let admin = match admitted.attempt().username() {
        Some(name) => service.database.admin(name).await.map_err(GateError::Store)?,
        None => None,
    };
    let expected = service.database.expected_schemes();
    let permit = Arc::clone(&service.permits).acquire_owned().await;
    let permit = permit.map_err(|closed| GateError::Store(io::Error::other(closed)))?;
    let decision = spawn_blocking(move || {
        // The thread holds the permit, because it goes on when the caller hangs up.
        let _permit = permit;
        admitted.decide(credential.as_ref(), admin.as_ref(), expected)
    });
    Ok(decision.await.map_err(|stopped| GateError::Store(stopped.into()))??)
}

async fn dologin(State(service): State<Arc<Service>>, RawQuery(query): RawQuery) -> Response {
    let (Ok(response) | Err(response)) = log_in(&service, &query.unwrap_or_default()).await;
    // Whoever has the link can log in: keep it out of caches and out of `Referer`.
    let headers = [(header::CACHE_CONTROL, "no-store"), (header::REFERRER_POLICY, "no-referrer")];
    (headers, response).into_response()
}

async fn log_in(service: &Service, query: &str) -> Result<Response, Response> {
    let Service { database, keys, replay_guard, .. } = service;
    // Read the clock once: the guard needs the time at which the link was verified.
    let now = SystemClock.now();
    let request = AutoAuthRequest::from_query(query);
    let login = verify_autoauth(&request, keys, &now, &AutoAuthPolicy::new()).map_err(refuse)?;
    let found = database.clients_by_email(login.email()).await;
    let found = found.map_err(|error| refuse(ApiError::Store(error)))?;
    let client = login.check_account(found, |client| client.email).map_err(refuse)?;
    // Last of all, so that a link is used up only by a login.
    replay_guard.first_use(&login, now).map_err(refuse)?;
    // Start the client's session here.
    tracing::info!(client = client.id, "logged in");
    let target = login.goto().target_or("clientarea.php").to_owned();
    Ok((StatusCode::FOUND, [(header::LOCATION, target)]).into_response())
}

fn refuse(refusal: impl Refusal) -> Response {
    log(&refusal);
    respond(refusal.http_status(), "text/plain", refusal.public_message().into_owned())
}

fn log(refusal: &dyn Refusal) {
    let source = refusal.source().map(tracing::field::display);
    tracing::warn!(code = refusal.code(), source, "{refusal}");
}

fn respond(status: u16, content_type: &'static str, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
