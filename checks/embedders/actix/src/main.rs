//! The API with actix-web, over a store in memory.

use std::error::Error;
use std::net::TcpListener;
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::sync::Semaphore;
use whmcs_auth::answer::Answer;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::gate::{AddressGate, ApiGate, AuthorizedCall, HiddenCaller, TrustedProxies};
use whmcs_auth::{
    AdminState, AllowedActions, ApiCredential, ApiRequest, MemoryStore, PendingDecision, Received,
    Refusal, StoredSecret,
};

struct State {
    store: MemoryStore<i64>,
    gate: ApiGate,
    proxies: TrustedProxies,
    permits: Arc<Semaphore>,
}

impl State {
    async fn verify(
        &self,
        http: &HttpRequest,
        request: &ApiRequest<'_>,
    ) -> Result<AuthorizedCall<i64>, Box<dyn Refusal>> {
        let peer = http.peer_addr().ok_or(HiddenCaller::PeerUnknown)?.ip();
        let headers = http.headers().iter();
        let headers = headers.map(|(name, value)| (name.as_str(), value.as_bytes()));
        let address = self.proxies.caller(peer, headers)?;
        // The permit moves into the thread, which goes on if the caller hangs up.
        let run_blocking = async |pending: PendingDecision<'static, i64>| {
            let permit = Arc::clone(&self.permits).acquire_owned().await?;
            let (verdict, _permit) = web::block(move || (pending.decide(), permit)).await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(verdict)
        };
        Ok(self.gate.verify_async(address, request, &self.store, run_blocking).await?)
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
    // Several content types could be read as any of them, so they count as none.
    let mut types = http.headers().get_all(CONTENT_TYPE);
    let content_type = types.next().filter(|_| types.next().is_none());
    let content_type = content_type.and_then(|value| value.to_str().ok());
    let received = received.with_body(content_type, &body);
    let request = received.api_request();
    respond(match state.verify(&http, &request).await {
        Ok(call) => Answer::success(&[("caller", call.caller.id.into())], &request),
        Err(refusal) => {
            eprintln!("{}: {refusal}", refusal.code());
            Answer::refusal(&*refusal, &request)
        }
    })
}

fn respond(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.http_status).expect("an answer has a valid status");
    HttpResponse::build(status).content_type(answer.content_type).body(answer.body)
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret =
        StoredSecret::bcrypt("$2y$10$Q8Za./EkNaTm0Aw5HNtTj.BptR/JBFnbA2T8vlJzmsu9r0Vm7BXZW")?;
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    let state = Data::new(State {
        store: MemoryStore::new([credential], [])?,
        gate: ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]))
            .with_cache(Arc::new(VerificationCache::new(key))),
        proxies: TrustedProxies::new(),
        permits: Arc::new(Semaphore::new(2)),
    });
    let app =
        move || App::new().app_data(state.clone()).route("/includes/api.php", web::post().to(api));
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    Ok(HttpServer::new(app).workers(1).listen(listener)?.run().await?)
}
