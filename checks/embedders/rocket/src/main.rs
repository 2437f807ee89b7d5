//! The API with Rocket, over a store in memory.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use rocket::config::LogLevel;
use rocket::data::{ByteUnit, Data, FromData, Outcome};
use rocket::fairing::AdHoc;
use rocket::http::{ContentType, Status};
use rocket::tokio::sync::Semaphore;
use rocket::tokio::task::spawn_blocking;
use rocket::{Config, Request, post, routes};
use whmcs_auth::answer::{Answer, Value};
use whmcs_auth::gate::{
    AddressGate, ApiGate, AuthorizedCall, GateError, HiddenCaller, TrustedProxies,
};
use whmcs_auth::{
    AdminState, AllowedActions, ApiCredential, ApiRequest, MemoryStore, ReadyStore, Received,
    Refusal, StoredSecret,
};

struct Auth {
    store: ReadyStore<MemoryStore<i64>>,
    gate: ApiGate,
    proxies: TrustedProxies,
    permits: Arc<Semaphore>,
}

type Refused = GateError<Infallible>;

impl Auth {
    async fn verify(
        &self,
        http: &Request<'_>,
        request: ApiRequest<'_>,
    ) -> Result<AuthorizedCall<i64>, Refused> {
        // Not `client_ip`: it believes everybody's `X-Real-IP`.
        let peer = http.remote().ok_or(HiddenCaller::PeerUnknown)?.ip();
        let headers: Vec<_> = http.headers().iter().collect();
        let headers = headers.iter().map(|header| (header.name().as_str(), header.value()));
        let address = self.proxies.caller(peer, headers)?;
        let call = self.gate.admit(address, &request)?.look_up(&self.store).await?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("it is never closed");
        let decision = spawn_blocking(move || {
            let _permit = permit;
            call.decide()
        });
        Ok(decision.await.expect("a decision does not panic")?)
    }
}

/// A call, or the answer to a refused one.
struct Call(Result<(AuthorizedCall<i64>, Received), Answer>);

#[rocket::async_trait]
impl<'r> FromData<'r> for Call {
    type Error = std::io::Error;

    async fn from_data(http: &'r Request<'_>, data: Data<'r>) -> Outcome<'r, Self> {
        let auth: &Auth = http.rocket().state().expect("it is managed");
        let query = http.uri().query().map_or("", |query| query.as_str());
        let received = Received::new().with_query(query);
        let body = match data.open(ByteUnit::Mebibyte(1)).into_bytes().await {
            Ok(body) if body.is_complete() => body.into_inner(),
            _ => {
                let answer = Answer::error(413, "Request Too Large", &received.api_request());
                return Outcome::Success(Self(Err(answer)));
            }
        };
        let received = received.with_body(http.headers().get_one("Content-Type"), &body);
        let verdict = auth.verify(http, received.api_request()).await;
        Outcome::Success(Self(
            verdict
                .map_err(|error| {
                    eprintln!("{}: {error}", error.code());
                    Answer::new(&error, &received.api_request())
                })
                .map(|call| (call, received)),
        ))
    }
}

#[post("/includes/api.php", data = "<call>")]
fn api(call: Call) -> (Status, (ContentType, String)) {
    let answer = call.0.map_or_else(
        |answer| answer,
        |(call, received)| {
            Answer::success(&[("caller", Value::from(call.caller.id))], &received.api_request())
        },
    );
    let content_type =
        ContentType::parse_flexible(answer.content_type).unwrap_or(ContentType::Plain);
    (Status::new(answer.http_status), (content_type, answer.body))
}

#[rocket::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["GetClients"]));
    let auth = Auth {
        store: ReadyStore(MemoryStore::new([credential], [])?),
        gate: ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"])),
        proxies: TrustedProxies::new(),
        permits: Arc::new(Semaphore::new(2)),
    };
    let config = Config { port: 0, log_level: LogLevel::Off, ..Config::default() };
    let announce = AdHoc::on_liftoff("announce", |rocket| {
        Box::pin(async move {
            println!("listening on {}:{}", rocket.config().address, rocket.config().port);
        })
    });
    let rocket = rocket::custom(config).manage(auth).mount("/", routes![api]).attach(announce);
    rocket.launch().await?;
    Ok(())
}
