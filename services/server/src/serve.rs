//! Accepts connections, limits them, and ends them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::routing::{MethodRouter, any};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::api;
use crate::client_address::{Peer, client_address};
use crate::connections::Connections;
use crate::keep_alive::KeepAlive;
use crate::path::{ReceivedPath, collapse_slashes};
use crate::request_id;
use crate::router::router;
use crate::service::{Service, Shared};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// Serves until `stop` completes. Requests in progress are then still answered, if they end within the
/// shutdown time of the limits.
pub async fn serve(listener: TcpListener, service: Service, stop: impl Future<Output = ()>) {
    serve_with(any(api::call), listener, service, stop).await;
}

/// Serves the API without authentication, to measure what authentication costs.
#[cfg(feature = "load-test")]
pub async fn serve_without_authentication(
    listener: TcpListener,
    service: Service,
    stop: impl Future<Output = ()>,
) {
    serve_with(any(api::call_without_authentication), listener, service, stop).await;
}

async fn serve_with(
    api: MethodRouter<Shared>,
    listener: TcpListener,
    service: Service,
    stop: impl Future<Output = ()>,
) {
    let service = Arc::new(service);
    let limits = &service.settings.limits;
    let mut http = http1::Builder::new();
    // Its time for a head would include the time between requests, so `KeepAlive` measures both.
    http.header_read_timeout(None);
    let keep_alive = KeepAlive::new(limits);
    let router = router(Arc::clone(&service), api);
    let connections = Connections::new(&service.settings);
    let graceful = GracefulShutdown::new();
    let mut open = JoinSet::new();

    let accept = async {
        loop {
            let permit = connections.permit().await;
            while open.try_join_next().is_some() {}
            let (stream, peer) = match listener.accept().await {
                Ok((stream, peer)) => (stream, peer.ip()),
                Err(error) => {
                    // Usually no file descriptor is free. Wait until other connections end.
                    tracing::error!(%error, "cannot accept a connection");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let Some(slot) = connections.slot(peer, &service.access.get().trusted_proxies) else {
                tracing::debug!(%peer, "closed a connection: the peer has too many");
                continue;
            };
            let watch = keep_alive.watch();
            let stream = TokioIo::new(watch.stream(stream));
            let (router, service) = (router.clone(), Arc::clone(&service));
            let watched = watch.clone();
            let answer = service_fn(move |mut request: Request<Incoming>| {
                watched.begin();
                let trusted = &service.access.get().trusted_proxies;
                let address = client_address(Peer(peer), request.headers(), trusted);
                request_id::keep_trusted(request.headers_mut(), trusted.trusts(peer));
                request.extensions_mut().insert(Peer(peer));
                request.extensions_mut().insert(address);
                let path = ReceivedPath(request.uri().path().to_owned());
                request.extensions_mut().insert(path);
                if let Some(uri) = collapse_slashes(request.uri()) {
                    *request.uri_mut() = uri;
                }
                let answer = router.clone().oneshot(request.map(Body::new));
                let watched = watched.clone();
                async move {
                    let mut answer = answer.await;
                    if let Ok(answer) = &mut answer
                        && !watched.end()
                    {
                        answer.headers_mut().insert(CONNECTION, CLOSE);
                    }
                    answer
                }
            });
            let connection = graceful.watch(http.serve_connection(stream, answer));
            open.spawn(async move {
                let _held = (permit, slot);
                if let Some(Err(error)) = watch.run(connection).await {
                    tracing::debug!(%error, "a connection failed");
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = service.keep_reporting() => {}
        () = stop => {}
    }
    drop(listener);
    let ended = timeout(limits.shutdown_time, graceful.shutdown()).await;
    if ended.is_err() {
        tracing::warn!("closed connections that did not end within the shutdown time");
    }
    open.shutdown().await;
    service.database.close();
    service.report();
}
