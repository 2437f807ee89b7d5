//! The API behind a layer of axum: the handlers take the verified call out of the extensions. Beside it, the
//! requests by feature `serde`.

use std::error::Error;
use std::net::SocketAddr;

use axum::extract::{Query, State};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Form, Router};
use tokio::net::TcpListener;
use whmcs_auth_axum::whmcs_auth::answer::Value;
use whmcs_auth_axum::whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth_axum::whmcs_auth::{
    AdminState, AllowedActions, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, ReadyStore,
    Refusal, StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator, authorize};

type Store = ReadyStore<MemoryStore<i64>>;
type Auth = Authenticator<Store>;

async fn api(Extension(call): Extension<ApiCall<Store>>) -> Response {
    let search = call.parameter("search").unwrap_or_default();
    call.success(&[("caller", Value::from(call.caller().id)), ("search", Value::from(search))])
}

/// By feature `serde`, out of the form alone.
async fn by_form(auth: State<Auth>, Form(request): Form<ApiRequest<'static>>) -> String {
    verdict(&request, &auth)
}

/// The same, out of the query alone.
async fn by_query(auth: State<Auth>, Query(request): Query<ApiRequest<'static>>) -> String {
    verdict(&request, &auth)
}

fn verdict(request: &ApiRequest<'_>, auth: &Auth) -> String {
    match request.verify(&auth.store().0, &ApiPolicy::new()) {
        Ok(caller) => caller.id.to_string(),
        Err(error) => error.code().to_owned(),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let store = ReadyStore(MemoryStore::new([credential], [])?);
    let gate = ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]));
    let auth = Authenticator::new(store, gate).with_body_limit(1024);
    let router = Router::new()
        .route("/includes/api.php", post(api))
        .route_layer(from_fn_with_state(auth.clone(), authorize::<Store>))
        .route("/extractor", post(by_form).get(by_query))
        .with_state(auth);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
