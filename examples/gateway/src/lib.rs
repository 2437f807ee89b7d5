//! A gateway in front of a WHMCS that runs in PHP. It forwards only calls that it verified, and only fields
//! that it encoded itself.

#![forbid(unsafe_code)]

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::any;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use whmcs_auth::{AdminState, AllowedActions, ApiCredential, MemoryStore, StoredSecret};
use whmcs_auth_axum::{ApiCall, Authenticator, Cause, Rejection, Watch, watch};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// The credentials that may pass. A real gateway looks them up in the database of WHMCS.
pub type Store = MemoryStore<u64>;

/// A store with one credential. It may do every action, because WHMCS checks its roles again.
pub fn store(
    identifier: &str,
    secret: &str,
) -> Result<Store, Box<dyn std::error::Error + Send + Sync>> {
    let secret = StoredSecret::plain(secret)?;
    let credential = ApiCredential::new(1, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::all());
    Ok(MemoryStore::new([credential], [])?)
}

#[derive(Clone)]
struct Gateway {
    auth: Authenticator<Store>,
    client: Client<HttpConnector, Body>,
    upstream: Upstream,
}

/// The WHMCS behind the gateway.
#[derive(Clone)]
pub struct Upstream {
    /// The URL of `api.php`.
    pub url: Uri,
    /// PHP's setting `post_max_size`, in bytes. PHP drops the fields of a longer form.
    pub max_form: usize,
}

/// `ApiCall` takes this part of the state.
impl FromRef<Gateway> for Authenticator<Store> {
    fn from_ref(gateway: &Gateway) -> Self {
        gateway.auth.clone()
    }
}

/// The gateway's only route. `log` learns why a call is refused.
pub fn router(auth: Authenticator<Store>, upstream: Upstream, log: Watch) -> Router {
    let client = Client::builder(TokioExecutor::new()).build_http();
    Router::new()
        .route("/includes/api.php", any(forward))
        .layer(from_fn_with_state(log, watch))
        .with_state(Gateway { auth, client, upstream })
}

/// Runs only for a call that was verified: `ApiCall` answers all others.
async fn forward(
    State(gateway): State<Gateway>,
    call: ApiCall<Store>,
) -> Result<Response, Rejection> {
    let form = call.received().to_api_form().map_err(|refusal| call.refuse(refusal))?;
    let max_form = gateway.upstream.max_form;
    if form.len() > max_form {
        let cause = format!("the encoded form has more than {max_form} bytes (option --max-form)");
        return Err(call.refuse(Cause::new("form_too_long", cause, 413, "Request Too Large")));
    }
    // Nothing else of the request reaches PHP: no query, no cookie, no header.
    let mut request = Request::new(Body::from(form));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = gateway.upstream.url.clone();
    request.headers_mut().insert(CONTENT_TYPE, FORM);
    match gateway.client.request(request).await {
        Ok(answer) => Ok(only_status_type_and_body(answer.map(Body::new))),
        Err(error) => Err(call.refuse(Cause::unavailable("upstream_failure", error.to_string()))),
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
