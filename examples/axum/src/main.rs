//! An async service with `whmcs-auth-axum`: the API and login links. `services/server` adds sessions,
//! throttling and limits.

mod demo;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::any;
use tokio::net::TcpListener;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::{AutoAuthKey, AutoAuthPolicy, Clock, SystemClock};
use whmcs_auth_axum::{
    Access, ApiCall, Authenticator, Cause, CurrentAccess, LinkVerifier, LoginLink, Rejection,
    Report, Watch, watch,
};

use crate::demo::{AUTOAUTH_KEY, Database, what_to_try};

/// A link that is further ahead could be used once more after a restart.
const MOST_AHEAD: Duration = Duration::from_secs(120);

#[derive(Clone)]
struct Service {
    auth: Authenticator<Database>,
    links: LinkVerifier,
    replay_guard: Arc<ReplayGuard>,
}

impl FromRef<Service> for Authenticator<Database> {
    fn from_ref(service: &Service) -> Self {
        service.auth.clone()
    }
}

impl FromRef<Service> for LinkVerifier {
    fn from_ref(service: &Service) -> Self {
        service.links.clone()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt::init();
    let address = "127.0.0.1:3000";
    let listener = TcpListener::bind(address).await;
    let listener = listener.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    let router = router(service()?).into_make_service_with_connect_info::<SocketAddr>();
    println!("{}", what_to_try(&format!("http://{}", listener.local_addr()?))?);
    Ok(axum::serve(listener, router).await?)
}

fn service() -> Result<Service, Box<dyn Error>> {
    // Behind a proxy, add `with_proxies`: otherwise every caller has the proxy's address.
    let access = Access::new()
        .with_addresses(AddressGate::new().with_entries(["127.0.0.1"]))
        .with_keys(AutoAuthKey::new(AUTOAUTH_KEY)?);
    let access = CurrentAccess::from(access);
    Ok(Service {
        auth: Authenticator::new(Database::new()?, access.clone()),
        links: LinkVerifier::new(access)
            .with_policy(AutoAuthPolicy::new().with_future_limit(MOST_AHEAD)),
        replay_guard: Arc::new(ReplayGuard::new(100_000).since(SystemClock.now())),
    })
}

fn router(service: Service) -> Router {
    Router::new()
        .route("/includes/api.php", any(api))
        .route("/dologin.php", any(dologin))
        .layer(from_fn_with_state(Watch::new(log), watch))
        .with_state(service)
}

async fn api(State(service): State<Service>, call: ApiCall<Database>) -> Response {
    match call.action().as_str() {
        "getclients" => {
            let count = service.auth.store().clients().len();
            call.success(&[("totalresults", count.into())])
        }
        _ => call.error(404, "Command Not Found"),
    }
}

async fn dologin(
    State(service): State<Service>,
    LoginLink { login, now, .. }: LoginLink,
) -> Result<Response, Rejection> {
    let found = service.auth.store().clients_by_email(login.email()).await;
    let found = found.map_err(Cause::store_failure)?;
    let login = login.check_account(found, |client| client.email, |client| client.is_open)?;
    // Each link works once.
    let login = login.use_once(&service.replay_guard, now)?;
    // Start the client's session here.
    tracing::info!(client = login.account().id, "logged in");
    Ok(login.redirect("clientarea.php"))
}

fn log(report: &Report) {
    tracing::warn!(code = report.code(), "{report}");
}
