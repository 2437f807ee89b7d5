//! The API with poem, over a store in memory.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use poem::http::header::CONTENT_TYPE;
use poem::http::{HeaderMap, StatusCode, Uri};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Data, Form, Query, RemoteAddr};
use poem::{Body, EndpointExt, Response, Route, Server, handler, post};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use whmcs_auth::answer::{Answer, Value};
use whmcs_auth::gate::{
    AddressGate, ApiGate, AuthorizedCall, GateError, HiddenCaller, TrustedProxies,
};
use whmcs_auth::{
    AdminState, AllowedActions, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, ReadyStore,
    Received, Refusal, StoredSecret,
};

struct State {
    store: ReadyStore<MemoryStore<i64>>,
    gate: ApiGate,
    proxies: TrustedProxies,
    permits: Arc<Semaphore>,
}

type Refused = GateError<Infallible>;

impl State {
    async fn verify(
        &self,
        peer: &RemoteAddr,
        headers: &HeaderMap,
        request: ApiRequest<'_>,
    ) -> Result<AuthorizedCall<i64>, Refused> {
        let peer = peer.as_socket_addr().ok_or(HiddenCaller::PeerUnknown)?.ip();
        let address = self.proxies.caller_of(peer, headers)?;
        let call = self.gate.admit(address, &request)?.look_up(&self.store).await?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("it is never closed");
        let decision = spawn_blocking(move || {
            let _permit = permit;
            call.decide()
        });
        Ok(decision.await.expect("a decision does not panic")?)
    }
}

#[handler]
async fn api(
    uri: &Uri,
    headers: &HeaderMap,
    peer: &RemoteAddr,
    body: Body,
    state: Data<&Arc<State>>,
) -> Response {
    let received = Received::new().with_query(uri.query().unwrap_or_default());
    let Ok(body) = body.into_bytes_limit(1024 * 1024).await else {
        return respond(Answer::error(413, "Request Too Large", &received.api_request()));
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let received = received.with_body(content_type, &body);
    respond(match state.verify(peer, headers, received.api_request()).await {
        Ok(call) => {
            Answer::success(&[("caller", Value::from(call.caller.id))], &received.api_request())
        }
        Err(error) => {
            eprintln!("{}: {error}", error.code());
            Answer::new(&error, &received.api_request())
        }
    })
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.http_status).expect("an answer has a valid status");
    Response::builder().status(status).content_type(answer.content_type).body(answer.body)
}

/// By feature `serde`, out of the form alone.
#[handler]
fn by_form(Form(request): Form<ApiRequest<'static>>, state: Data<&Arc<State>>) -> String {
    verdict(&request, &state)
}

/// The same, out of the query alone.
#[handler]
fn by_query(Query(request): Query<ApiRequest<'static>>, state: Data<&Arc<State>>) -> String {
    verdict(&request, &state)
}

fn verdict(request: &ApiRequest<'_>, state: &State) -> String {
    match request.verify(&state.store.0, &ApiPolicy::new()) {
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
    let state = Arc::new(State {
        store: ReadyStore(MemoryStore::new([credential], [])?),
        gate: ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"])),
        proxies: TrustedProxies::new(),
        permits: Arc::new(Semaphore::new(2)),
    });
    let app = Route::new()
        .at("/includes/api.php", post(api))
        .at("/extractor", post(by_form).get(by_query))
        .data(state);
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
    for address in acceptor.local_addr() {
        println!("listening on {}", address.as_socket_addr().expect("it is a TCP listener"));
    }
    Ok(Server::new_with_acceptor(acceptor).run(app).await?)
}
