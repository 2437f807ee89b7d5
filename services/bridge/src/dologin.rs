//! `/dologin.php`: a genuine link becomes a login at WHMCS.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use reqwest::Url;
use tokio::time::timeout;
use whmcs_auth_axum::{LoginLink, Rejection};
use whmcs_auth_state::use_once;

use crate::Bridge;
use crate::refusal::{Refusal, protect};

/// The page for visitors. It needs `ConnectInfo<SocketAddr>`.
pub fn router(bridge: Bridge) -> Router {
    Router::new()
        .route("/dologin.php", any(dologin))
        .fallback(async || (StatusCode::NOT_FOUND, "There is no such page."))
        .with_state(bridge)
}

async fn dologin(
    State(bridge): State<Bridge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    link: Result<LoginLink, Rejection>,
) -> Response {
    let mut more_headers = HeaderMap::new();
    let login = match link {
        Ok(link) => bridge.log_in(link).await,
        Err(rejection) => {
            let (refusal, headers) = Refusal::from_rejection(rejection).await;
            more_headers = headers;
            Err(refusal)
        }
    };
    let address = bridge.0.trusted_proxies.caller_of(peer.ip(), &headers);
    let address = address.map_or("hidden by a proxy".to_owned(), |address| address.to_string());
    let mut response = match login {
        Ok(login) => {
            bridge.0.metrics.count("accepted");
            let Accepted { url, client, key, is_repaired } = login;
            tracing::info!(address, client, key, is_repaired, code = "accepted");
            // The URL holds a token. It is sent, and never logged.
            (StatusCode::FOUND, [(header::LOCATION, String::from(url))]).into_response()
        }
        Err(refusal) => {
            bridge.0.metrics.count(refusal.code);
            tracing::warn!(address, code = refusal.code, "{}", refusal.cause);
            refusal.page()
        }
    };
    response.headers_mut().extend(more_headers);
    protect(response.headers_mut());
    response
}

/// A login at WHMCS, and what the operator learns about it.
struct Accepted {
    url: Url,
    client: u64,
    key: usize,
    is_repaired: bool,
}

impl Bridge {
    async fn log_in(&self, LoginLink { login, now }: LoginLink) -> Result<Accepted, Refusal> {
        let bridge = &self.0;
        let turn = timeout(bridge.whmcs.call_time(), bridge.logins.acquire()).await;
        let Ok(Ok(_turn)) = turn else { return Err(Refusal::too_many_logins()) };
        let _counted = bridge.metrics.login_in_flight();

        let found = bridge.whmcs.find_client(login.email()).await?;
        let login = login.check_account(found, |found| &found.email, |found| found.is_open)?;
        // After everything that can be asked again, and before the token, which cannot.
        let (login, is_used_up) = match &bridge.used_links {
            Some(store) => (use_once(&**store, login, now).await?, true),
            None => (login.repeatable(), false),
        };
        let client = login.account().id;
        let url = bridge.whmcs.login_url(client, login.goto()).await.map_err(|error| {
            let refusal = Refusal::from(error);
            if is_used_up { refusal.with_new_link() } else { refusal }
        })?;
        let is_repaired = login.login().is_repaired();
        Ok(Accepted { url, client, key: login.login().key_index(), is_repaired })
    }
}
