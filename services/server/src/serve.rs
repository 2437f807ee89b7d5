//! Serves visitors and callers.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use axum::routing::{MethodRouter, any};
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::api;
use crate::client_address::ClientAddress;
use crate::path::{ReceivedPath, collapse_slashes};
use crate::request_id;
use crate::router::{App, router};
use crate::service::{Service, Shared};

/// Serves until `stop` completes. Requests in progress are then still answered, if they end within the
/// shutdown time of the limits.
pub async fn serve(listener: TcpListener, service: Arc<Service>, stop: impl Future<Output = ()>) {
    serve_with(any(api::call), listener, service, stop).await;
}

/// Serves the API without authentication, to measure what authentication costs.
#[cfg(feature = "load-test")]
pub async fn serve_without_authentication(
    listener: TcpListener,
    service: Arc<Service>,
    stop: impl Future<Output = ()>,
) {
    serve_with(any(api::call_without_authentication), listener, service, stop).await;
}

async fn serve_with(
    api: MethodRouter<App>,
    listener: TcpListener,
    service: Shared,
    stop: impl Future<Output = ()>,
) {
    let access = service.access.clone();
    // Around the router, because the path decides which route takes the request.
    let app = router(Arc::clone(&service), api).map_request(move |mut request: Request<Body>| {
        let access = access.get();
        let trusted = access.proxies();
        if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>() {
            let peer = peer.ip();
            let address = ClientAddress(trusted.caller_of(peer, request.headers()));
            request_id::keep_trusted(request.headers_mut(), trusted.trusts(peer));
            request.extensions_mut().insert(address);
        }
        let path = ReceivedPath(request.uri().path().to_owned());
        request.extensions_mut().insert(path);
        if let Some(uri) = collapse_slashes(request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    let is_trusted = |peer| service.access.get().proxies().trusts(peer);
    let limits = &service.settings.limits.connections;
    tokio::select! {
        () = whmcs_auth_services_base::serve(listener, app, limits, is_trusted, stop) => {}
        () = service.reports.keep_summing_up() => {}
    }
    service.database.close();
    service.reports.sum_up();
}
