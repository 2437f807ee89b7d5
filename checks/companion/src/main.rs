//! Three routes with one answer, for `measure.py`: one without authentication, and two with the companion crate, over a
//! plain secret and over a remembered match of bcrypt.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::{AdminState, AllowedActions, ApiCredential, MemoryStore, StoredSecret};
use whmcs_auth_axum::{Access, ApiCall, Authenticator};

type Store = MemoryStore<u64>;

/// The same bytes as [`api`] answers. It reads the body, as any handler of a POST does.
async fn bare(body: Bytes) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    assert!(!body.is_empty());
    (headers, r#"{"result":"success","totalresults":2}"#).into_response()
}

async fn api(call: ApiCall<Store>) -> Response {
    call.success(&[("totalresults", 2_i64.into())])
}

fn authenticator(secret: StoredSecret) -> Result<Authenticator<Store>, Box<dyn Error>> {
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let access = Access::new().with_addresses(AddressGate::new().with_entries(["127.0.0.1"]));
    // Everybody knows the key. A service draws it.
    let cache = Arc::new(VerificationCache::new([7; 32]));
    Ok(Authenticator::new(MemoryStore::new([credential], [])?, access).with_cache(cache))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let plain = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    let bcrypt =
        StoredSecret::bcrypt("$2y$10$Q8Za./EkNaTm0Aw5HNtTj.BptR/JBFnbA2T8vlJzmsu9r0Vm7BXZW")?;
    let route = |path, secret| -> Result<Router, Box<dyn Error>> {
        Ok(Router::new().route(path, post(api)).with_state(authenticator(secret)?))
    };
    let router = Router::new()
        .route("/bare", post(bare))
        .merge(route("/plain", plain)?)
        .merge(route("/remembered", bcrypt)?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
