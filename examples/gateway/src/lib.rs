//! A gateway in front of a WHMCS that runs in PHP. It forwards only calls that it verified, and only fields
//! that it encoded itself.

#![forbid(unsafe_code)]

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use whmcs_auth::{
    AdminState, AllowedActions, ApiCredential, MemoryStore, ReadyStore, Refusal, StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator, Report};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The credentials that may pass. A real gateway looks them up in the database of WHMCS.
pub type Store = ReadyStore<MemoryStore<u64>>;

/// A store with one credential. It may do every action, because WHMCS checks its roles again.
pub fn store(
    identifier: &str,
    secret: &str,
) -> Result<Store, Box<dyn std::error::Error + Send + Sync>> {
    let secret = StoredSecret::plain(secret)?;
    let credential = ApiCredential::new(1, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::all());
    Ok(ReadyStore(MemoryStore::new([credential], [])?))
}

#[derive(Clone)]
struct Gateway {
    auth: Authenticator<Store>,
    client: Client<HttpConnector, Body>,
    upstream: Uri,
    max_fields: usize,
}

/// `ApiCall` takes this part of the state.
impl FromRef<Gateway> for Authenticator<Store> {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.auth.clone()
    }
}

/// The gateway's only route. `upstream` is the URL of `api.php`, and `max_fields` is `max_input_vars` of
/// that PHP.
pub fn router(auth: Authenticator<Store>, upstream: Uri, max_fields: usize) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    Router::new()
        .route("/includes/api.php", get(forward).post(forward))
        .layer(map_response(log))
        .with_state(Gateway { auth, client, upstream, max_fields })
}

/// Runs only for a call that was verified: `ApiCall` answers all others.
async fn forward(State(gateway): State<Gateway>, call: ApiCall<Store>) -> Response {
    let form = match call.received().to_api_form(gateway.max_fields) {
        Ok(form) => form,
        Err(refusal) => {
            eprintln!("{}: {refusal}", refusal.code());
            return call.error(refusal.http_status(), &refusal.public_message());
        }
    };
    // Nothing else of the request reaches PHP: no query, no cookie, no header.
    let mut request = Request::new(Body::from(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = gateway.upstream.clone();
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    match gateway.client.request(request).await {
        Ok(answer) => only_status_type_and_body(answer.map(Body::new)),
        Err(error) => {
            eprintln!("upstream_failure: {error}");
            call.error(503, "Service Unavailable")
        }
    }
}

/// WHMCS's answer without its cookies and its other headers. No cache keeps it.
fn only_status_type_and_body(answer: Response) -> Response {
    let (head, body) = answer.into_parts();
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    if let Some(content_type) = head.headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Writes to standard error why a call was refused. It holds nothing of the request but an address.
async fn log(response: Response) -> Response {
    if let Some(Report { code, cause, .. }) = response.extensions().get() {
        eprintln!("{code}: {cause}");
    }
    response
}
