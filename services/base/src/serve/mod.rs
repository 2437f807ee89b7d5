//! Accepts connections, limits them, and ends them.

mod connections;
mod keep_alive;
mod limits;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::{Service, ServiceExt};

use self::connections::Connections;
use self::keep_alive::KeepAlive;
pub use self::limits::{ConnectionLimits, ConnectionOptions};

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// The most bytes of the head of a request. hyper allows 400 KiB, and no browser sends as much as this.
const MAX_HEAD: usize = 64 * 1024;

/// When the program stops, connections that were just accepted have this time for their first bytes.
const SETTLE_TIME: Duration = Duration::from_millis(200);

/// Serves until `stop` completes. Requests in progress are then still answered, if they end within the shutdown
/// time of the limits. Each request has the peer as [`ConnectInfo`]. `is_trusted` says which peers are proxies.
/// They have no limit of their own, because they serve many clients.
pub async fn serve<S>(
    listener: TcpListener,
    service: S,
    limits: &ConnectionLimits,
    is_trusted: impl Fn(IpAddr) -> bool,
    stop: impl Future<Output = ()>,
) where
    S: Service<Request<Body>, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    let mut http = http1::Builder::new();
    // hyper's timeout for a head would include the time between requests, so `KeepAlive` measures both.
    http.header_read_timeout(None).max_header_size(MAX_HEAD);
    let keep_alive = KeepAlive::new(limits);
    let connections = Connections::new(limits);
    let graceful = GracefulShutdown::new();
    let is_stopping = Arc::new(AtomicBool::new(false));
    let mut open = JoinSet::new();

    let accept = async {
        let mut has_failed = false;
        loop {
            let permit = connections.permit().await;
            while open.try_join_next().is_some() {}
            let (stream, peer) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Usually no file descriptor is free. Wait until other connections end.
                    if !std::mem::replace(&mut has_failed, true) {
                        tracing::error!(%error, "cannot accept a connection");
                    }
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            has_failed = false;
            let Some(slot) = connections.slot(peer.ip(), is_trusted(peer.ip())) else {
                tracing::debug!(peer = %peer.ip(), "closed a connection: the peer has too many");
                continue;
            };
            let watch = keep_alive.watch();
            let stream = TokioIo::new(watch.stream(stream));
            let (service, watched) = (service.clone(), watch.clone());
            let is_stopping = Arc::clone(&is_stopping);
            let answer = service_fn(move |mut request: Request<Incoming>| {
                watched.begin();
                request.extensions_mut().insert(ConnectInfo(peer));
                let answer = service.clone().oneshot(request.map(Body::new));
                let (watched, is_stopping) = (watched.clone(), Arc::clone(&is_stopping));
                async move {
                    let mut answer = answer.await;
                    if let Ok(answer) = &mut answer
                        && (!watched.end() || is_stopping.load(Ordering::Relaxed))
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
        () = stop => {}
    }
    drop(listener);
    is_stopping.store(true, Ordering::Relaxed);
    let ended = timeout(limits.shutdown_time, async {
        // hyper closes a connection that it has read nothing from, and its request would be lost.
        sleep(SETTLE_TIME).await;
        graceful.shutdown().await;
    });
    if ended.await.is_err() {
        tracing::warn!("closed connections that did not end within the shutdown time");
    }
    open.shutdown().await;
}
