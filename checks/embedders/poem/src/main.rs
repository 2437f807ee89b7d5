//! The API with poem, over a store in memory.

use std::error::Error;
use std::sync::Arc;

use poem::http::{HeaderMap, StatusCode, Uri};
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::web::{Data, RemoteAddr};
use poem::{Body, EndpointExt, Response, Route, Server, handler, post};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use whmcs_auth::answer::Answer;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::gate::{AddressGate, ApiGate, AuthorizedCall, HiddenCaller, TrustedProxies};
use whmcs_auth::http::content_type;
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
        peer: &RemoteAddr,
        headers: &HeaderMap,
        request: &ApiRequest<'_>,
    ) -> Result<AuthorizedCall<i64>, Box<dyn Refusal>> {
        let peer = peer.as_socket_addr().ok_or(HiddenCaller::PeerUnknown)?.ip();
        let address = self.proxies.caller_of(peer, headers)?;
        // The permit moves into the thread, which goes on if the caller hangs up.
        let run_blocking = async |pending: PendingDecision<'static, i64>| {
            let permit = Arc::clone(&self.permits).acquire_owned().await?;
            let (verdict, _permit) = spawn_blocking(move || (pending.decide(), permit)).await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(verdict)
        };
        Ok(self.gate.verify_async(address, request, &self.store, run_blocking).await?)
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
    let received = received.with_body(content_type(headers), &body);
    let request = received.api_request();
    respond(match state.verify(peer, headers, &request).await {
        Ok(call) => Answer::success(&[("caller", call.caller.id.into())], &request),
        Err(refusal) => {
            eprintln!("{}: {refusal}", refusal.code());
            Answer::refusal(&*refusal, &request)
        }
    })
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.http_status).expect("an answer has a valid status");
    Response::builder().status(status).content_type(answer.content_type).body(answer.body)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret =
        StoredSecret::bcrypt("$2y$10$Q8Za./EkNaTm0Aw5HNtTj.BptR/JBFnbA2T8vlJzmsu9r0Vm7BXZW")?;
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    let gate = ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]))
        .with_cache(Arc::new(VerificationCache::new(key)));
    let state = Arc::new(State {
        store: MemoryStore::new([credential], [])?,
        gate,
        proxies: TrustedProxies::new(),
        permits: Arc::new(Semaphore::new(2)),
    });
    let app = Route::new().at("/includes/api.php", post(api)).data(state);
    let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await?;
    for address in acceptor.local_addr() {
        println!("listening on {}", address.as_socket_addr().expect("it is a TCP listener"));
    }
    Ok(Server::new_with_acceptor(acceptor).run(app).await?)
}
