//! A gateway with hyper: only authorized calls reach the upstream, as a form that is encoded anew.
//!
//! The upstream is in this process, and answers with what it got.

use std::convert::Infallible;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{AddressGate, ApiGate, AuthorizedCall, GateError, TrustedProxies};
use whmcs_auth::{
    AdminState, AllowedActions, ApiCredential, ApiRequest, MemoryStore, ReadyStore, Received,
    Refusal, StoredSecret,
};

type Body = Full<Bytes>;

struct Gateway {
    store: ReadyStore<MemoryStore<u64>>,
    gate: ApiGate,
    proxies: TrustedProxies,
    permits: Arc<Semaphore>,
    client: Client<HttpConnector, Body>,
    upstream: String,
}

impl Gateway {
    async fn handle(&self, peer: IpAddr, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let received = Received::new().with_query(head.uri.query().unwrap_or_default());
        let Ok(body) = Limited::new(body, 1024 * 1024).collect().await else {
            return respond(Answer::error(413, "Request Too Large", &received.api_request()));
        };
        let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let received = received.with_body(content_type, &body.to_bytes());
        match self.verify(peer, &head.headers, received.api_request()).await {
            Ok(call) => println!("{} does {}", call.caller.id, call.action),
            Err(error) => return refuse(&error, &received),
        }
        match received.to_api_form(1000) {
            Ok(form) => self.forward(form).await.unwrap_or_else(|error| {
                eprintln!("upstream_failure: {error}");
                respond(Answer::error(502, "Bad Gateway", &received.api_request()))
            }),
            Err(refusal) => refuse(&refusal, &received),
        }
    }

    async fn verify(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        request: ApiRequest<'_>,
    ) -> Result<AuthorizedCall<u64>, GateError<Infallible>> {
        let address = self.proxies.caller_of(peer, headers)?;
        let call = self.gate.admit(address, &request)?.look_up(&self.store).await?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("it is never closed");
        let decision = spawn_blocking(move || {
            let _permit = permit;
            call.decide()
        });
        Ok(decision.await.expect("a decision does not panic")?)
    }

    async fn forward(&self, form: String) -> Result<Response<Body>, Box<dyn Error>> {
        let request = Request::post(format!("{}/includes/api.php", self.upstream))
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form))?;
        let (head, body) = self.client.request(request).await?.into_parts();
        Ok(Response::from_parts(head, Body::from(body.collect().await?.to_bytes())))
    }
}

fn refuse(refusal: &dyn Refusal, received: &Received) -> Response<Body> {
    eprintln!("{}: {refusal}", refusal.code());
    respond(Answer::new(refusal, &received.api_request()))
}

fn respond(answer: Answer) -> Response<Body> {
    Response::<String>::from(answer).map(Body::from)
}

/// In place of PHP: shows the query, the content type and the body that it got.
async fn upstream(request: Request<Incoming>) -> Result<Response<Body>, hyper::Error> {
    let query = request.uri().query().unwrap_or("none").to_owned();
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = request.into_body().collect().await?.to_bytes();
    let shown = format!("upstream: {query} {content_type:?} {}", String::from_utf8_lossy(&body));
    let mut response = Response::new(Body::from(shown));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let behind = TcpListener::bind("127.0.0.1:0").await?;
    let upstream_address = behind.local_addr()?;
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = behind.accept().await else { continue };
            let connection = http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(stream), service_fn(upstream)));
        }
    });

    let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let gateway = Arc::new(Gateway {
        store: ReadyStore(MemoryStore::new([credential], [])?),
        gate: ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"])),
        proxies: TrustedProxies::new(),
        permits: Arc::new(Semaphore::new(2)),
        client: Client::builder(TokioExecutor::new()).build_http(),
        upstream: format!("http://{upstream_address}"),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, peer): (_, SocketAddr) = listener.accept().await?;
        let gateway = Arc::clone(&gateway);
        let service = service_fn(move |request| {
            let gateway = Arc::clone(&gateway);
            async move { Ok::<_, Infallible>(gateway.handle(peer.ip(), request).await) }
        });
        let connection = http1::Builder::new();
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}
