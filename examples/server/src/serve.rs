//! Connections: how many, for how long, and how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::client_address::client_address;
use crate::service::{Service, router};

/// Serves until `stop` is done. Requests that were begun are then answered, within the time that the
/// limits give them.
pub async fn serve(listener: TcpListener, service: Service, stop: impl Future<Output = ()>) {
    let service = Arc::new(service);
    let limits = &service.settings.limits;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head_time);
    let router = router(Arc::clone(&service));
    let open = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();

    let accept = async {
        loop {
            let Ok(room) = Arc::clone(&open).acquire_owned().await else {
                break;
            };
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of file descriptors, mostly: others must end first.
                    tracing::error!(%error, "a connection was not accepted");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (router, service) = (router.clone(), Arc::clone(&service));
            let answer = service_fn(move |mut request: Request<Incoming>| {
                let trusted = &service.settings.trusted_proxies;
                let address = client_address(peer.ip(), request.headers(), trusted);
                request.extensions_mut().insert(address);
                router.clone().oneshot(request.map(Body::new))
            });
            let connection = http.serve_connection(TokioIo::new(stream), answer);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                let _room = room;
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection broke off");
                }
            });
        }
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    if timeout(limits.shutdown_time, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("connections were cut that took too long to end");
    }
    service.database.close().await;
}
