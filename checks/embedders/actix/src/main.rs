//! The API with actix-web, over a store in memory.

use std::convert::Infallible;
use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes, Data, Form, Query};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::sync::Semaphore;
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

/// By its code and its sentence for the log, by its status and its message for the caller.
type Refused = GateError<Infallible>;

impl State {
    async fn verify(
        &self,
        http: &HttpRequest,
        request: ApiRequest<'_>,
    ) -> Result<AuthorizedCall<i64>, Refused> {
        let peer = http.peer_addr().ok_or(HiddenCaller::PeerUnknown)?.ip();
        let headers = http.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let address = self.proxies.caller(peer, headers)?;
        let call = self.gate.admit(address, &request)?.look_up(&self.store).await?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("it is never closed");
        let decision = web::block(move || {
            let _permit = permit;
            call.decide()
        });
        Ok(decision.await.expect("a decision does not panic")?)
    }
}

async fn api(
    http: HttpRequest,
    body: Result<Bytes, actix_web::Error>,
    state: Data<State>,
) -> HttpResponse {
    let received = Received::new().with_query(http.query_string());
    let Ok(body) = body else {
        return respond(Answer::error(413, "Request Too Large", &received.api_request()));
    };
    let content_type = http.headers().get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let received = received.with_body(content_type, &body);
    respond(match state.verify(&http, received.api_request()).await {
        Ok(call) => {
            Answer::success(&[("caller", Value::from(call.caller.id))], &received.api_request())
        }
        Err(error) => {
            eprintln!("{}: {error}", error.code());
            Answer::new(&error, &received.api_request())
        }
    })
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.http_status).expect("an answer has a valid status");
    HttpResponse::build(status).content_type(answer.content_type).body(answer.body)
}

/// By feature `serde`, out of the form alone.
async fn by_form(Form(request): Form<ApiRequest<'static>>, state: Data<State>) -> String {
    verdict(&request, &state)
}

/// The same, out of the query alone.
async fn by_query(Query(request): Query<ApiRequest<'static>>, state: Data<State>) -> String {
    verdict(&request, &state)
}

fn verdict(request: &ApiRequest<'_>, state: &State) -> String {
    match request.verify(&state.store.0, &ApiPolicy::new()) {
        Ok(caller) => caller.id.to_string(),
        Err(error) => error.code().to_owned(),
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let state = Data::new(State {
        store: ReadyStore(MemoryStore::new([credential], [])?),
        gate: ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"])),
        proxies: TrustedProxies::new(),
        permits: Arc::new(Semaphore::new(2)),
    });
    let app = move || {
        App::new()
            .app_data(state.clone())
            .route("/includes/api.php", web::post().to(api))
            .route("/extractor", web::post().to(by_form))
            .route("/extractor", web::get().to(by_query))
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    Ok(HttpServer::new(app).workers(1).listen(listener)?.run().await?)
}
