//! The doors: each takes a row, and answers with a code and a status.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use tower::ServiceExt;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::http::{check_call, check_visit};
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AutoAuthKey, AutoAuthPolicy, AutoAuthRequest,
    MemoryStore, Received, Refusal, StoredPassword, StoredSecret, SystemClock, sign_autoauth,
};
use whmcs_auth_axum::{
    Access, ApiCall, Authenticator, LinkVerifier, LoginLink, Report, Watch, watch,
};

use crate::links::{SIGNED, Visit};
use crate::table::{ACCESS_KEY, ADDRESS, IDENTIFIER, PASSWORD, Row, SECRET, USERNAME};

/// A code and a status.
pub type Answer = Result<(&'static str, u16), Box<dyn Error>>;

fn store() -> Result<MemoryStore<u64>, Box<dyn Error>> {
    let state = AdminState::WithApiAccess;
    let credential = ApiCredential::new(7, IDENTIFIER, StoredSecret::plain(SECRET)?, state)
        .with_actions(AllowedActions::all());
    let admin = Admin::new(1, USERNAME, StoredPassword::plain(PASSWORD)?, state);
    Ok(MemoryStore::new([credential], [admin])?)
}

fn addresses() -> Result<AddressGate, Box<dyn Error>> {
    Ok(AddressGate::new().with_entries([ADDRESS]).with_access_key(ACCESS_KEY)?)
}

fn request(row: &Row) -> Result<Request<Vec<u8>>, Box<dyn Error>> {
    let uri = format!("/includes/api.php?{}", row.query);
    let mut request = Request::builder().method(row.method).uri(uri);
    for content_type in &row.types {
        request = request.header(CONTENT_TYPE, content_type);
    }
    Ok(request.body(row.body.clone())?)
}

/// The library alone, in the order of the door.
pub fn library(row: &Row) -> Answer {
    let verdict = library_verdict(row)?;
    Ok(verdict
        .map_or_else(|refusal| (refusal.code(), refusal.http_status()), |()| ("accepted", 200)))
}

fn library_verdict(row: &Row) -> Result<Result<(), Box<dyn Refusal>>, Box<dyn Error>> {
    let (head, body) = request(row)?.into_parts();
    let (addresses, store) = (addresses()?, store()?);
    let address = row.peer.into();
    let verify = || -> Result<(), Box<dyn Refusal>> {
        let query = Received::new().with_query(head.uri.query().unwrap_or_default());
        addresses.check_before_body(address, &query.api_request())?;
        if let Err(refusal) = check_call(&head.method, row.allows_get) {
            addresses.check(address, &query.api_request())?;
            return Err(refusal.into());
        }
        let received = Received::new().with_request(&head, &body);
        let gate = ApiGate::new(addresses.clone());
        let _call = gate.verify(address, &received.api_request(), &store)?;
        Ok(())
    };
    Ok(verify())
}

/// The extractor of the companion crate.
pub async fn companion(row: &Row) -> Answer {
    let auth = authenticator(row)?;
    let (log, code) = log();
    let router = Router::new()
        .route("/includes/api.php", any(async |call: ApiCall<MemoryStore<u64>>| call.success(&[])))
        .layer(from_fn_with_state(log, watch))
        .with_state(auth);
    answer(router, row, &code).await
}

fn authenticator(row: &Row) -> Result<Authenticator<MemoryStore<u64>>, Box<dyn Error>> {
    let access = Access::new().with_addresses(addresses()?);
    Ok(Authenticator::new(store()?, access).with_get(row.allows_get))
}

type Code = Arc<Mutex<Option<&'static str>>>;

/// A watcher, and the code that it saw.
fn log() -> (Watch, Code) {
    let code = Code::default();
    let seen = Arc::clone(&code);
    let log = Watch::new(move |report: &Report| *seen.lock().unwrap() = Some(report.code()));
    (log, code)
}

async fn answer(router: Router, row: &Row, code: &Code) -> Answer {
    let router = router.layer(MockConnectInfo(SocketAddr::from((row.peer, 1))));
    answer_to(router, request(row)?, code).await
}

async fn answer_to(router: Router, request: Request<Vec<u8>>, code: &Code) -> Answer {
    let response = router.oneshot(request.map(Body::from)).await?;
    let code = code.lock().unwrap().unwrap_or("accepted");
    Ok((code, response.status().as_u16()))
}

/// The gateway, in front of an upstream that accepts everything at this address.
pub async fn gateway(row: &Row, upstream: SocketAddr) -> Answer {
    let (log, code) = log();
    let url = format!("http://{upstream}/").parse()?;
    let upstream = whmcs_auth_gateway::Upstream { url, max_form: usize::MAX };
    let router = whmcs_auth_gateway::router(authenticator(row)?, upstream, log);
    answer(router, row, &code).await
}

fn key() -> Result<AutoAuthKey, Box<dyn Error>> {
    Ok(AutoAuthKey::new("abcXYZ123")?)
}

fn visit_request(visit: &Visit) -> Result<Request<Vec<u8>>, Box<dyn Error>> {
    let signed = sign_autoauth("a@b.example", None, &key()?, &SystemClock)?;
    let query = visit.query.replace(SIGNED, signed.query());
    let uri = format!("/dologin.php?{query}");
    let mut request = Request::builder().method(visit.method).uri(uri);
    for (name, value) in visit.headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Vec::new())?)
}

/// The library alone, in the order of the door.
pub fn library_visit(visit: &Visit) -> Answer {
    let (head, _) = visit_request(visit)?.into_parts();
    if let Err(refusal) = check_visit(&head.method, &head.headers) {
        return Ok((refusal.code(), refusal.http_status()));
    }
    let request = AutoAuthRequest::from_query(head.uri.query().unwrap_or_default());
    Ok(match request.verify(&key()?.into(), &SystemClock, &AutoAuthPolicy::new()) {
        Ok(login) if login.is_goto_refused() => ("goto_refused", 302),
        Ok(login) if login.goto_acts() => ("goto_acts", 302),
        Ok(_) => ("accepted", 302),
        Err(refusal) => (refusal.code(), refusal.http_status()),
    })
}

/// The extractor of the companion crate.
pub async fn companion_visit(visit: &Visit) -> Answer {
    let (log, code) = log();
    let links = LinkVerifier::new(Access::new().with_keys(key()?));
    let router = Router::new()
        .route("/dologin.php", any(async |_: LoginLink| StatusCode::FOUND))
        .layer(from_fn_with_state(log, watch))
        .with_state(links);
    answer_to(router, visit_request(visit)?, &code).await
}
