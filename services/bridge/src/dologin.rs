//! `/dologin.php`: a genuine link becomes a login at WHMCS.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use reqwest::Url;
use tokio::time::timeout;
use tracing::field;
use whmcs_auth::{Goto, diagnose};
use whmcs_auth_axum::{LoginLink, Rejection};
use whmcs_auth_state::use_once;

use crate::refusal::{Refusal, protect};
use crate::{Bridge, Parts};

const ENDPOINT: &str = "dologin";

/// The page for visitors. It needs `ConnectInfo<SocketAddr>`.
pub(crate) fn router(bridge: Bridge) -> Router {
    Router::new()
        .route("/dologin.php", any(dologin))
        .fallback(async || (StatusCode::NOT_FOUND, "There is no such page."))
        .with_state(bridge)
}

async fn dologin(
    State(bridge): State<Bridge>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
    link: Result<LoginLink, Rejection>,
) -> Response {
    let query = query.unwrap_or_default();
    let mut more_headers = HeaderMap::new();
    let login = match link {
        Ok(link) => bridge.log_in(link).await,
        Err(rejection) => {
            let (mut refusal, headers) = Refusal::from_rejection(rejection).await;
            refusal.findings = diagnose::link(&query);
            more_headers = headers;
            Err(refusal)
        }
    };
    let Parts { access, reports, .. } = &*bridge.0;
    let address = access.get().trusted_proxies.caller_of(peer.ip(), &headers).ok();
    let span = tracing::info_span!("request", address = address.map(field::display));
    let _entered = span.enter();
    let mut response = match login {
        Ok(login) => {
            let Accepted { url, client, key, is_repaired, left_out } = login;
            reports.count(ENDPOINT, "accepted");
            tracing::info!(client, key, is_repaired, code = "accepted");
            if let Some((code, cause)) = left_out {
                reports.changed(ENDPOINT, address, code, cause, &diagnose::link(&query));
            }
            // The URL holds a token. It is sent, and never logged.
            (StatusCode::FOUND, [(header::LOCATION, String::from(url))]).into_response()
        }
        Err(refusal) => {
            reports.refused(ENDPOINT, address, refusal.report());
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
    /// Why the `goto` was left out: a code and a sentence.
    left_out: Option<(&'static str, &'static str)>,
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
        let left_out = match login.goto() {
            Goto::Refused => Some(("goto_refused", "the goto may lead to another site")),
            Goto::SameSite(target) if target.acts() => {
                Some(("goto_acts", "the goto is a page that acts as soon as it is opened"))
            }
            _ => None,
        };
        Ok(Accepted { url, client, key: login.login().key_index(), is_repaired, left_out })
    }
}
