//! `/dologin.php`: a genuine link becomes a login at WHMCS.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::sync::oneshot::{self, Sender};
use tokio::time::timeout;
use tracing::{Span, field};
use whmcs_auth_axum::{Cause, LoginLink, NotFollowed, Rejection, Report, Watch, watch};
use whmcs_auth_state::use_once;

use crate::Bridge;
use crate::refusal::{
    LATER, NEW_LINK, link_in_flight, not_used, page, sso_not_allowed, stopped, too_many_logins,
    visitor_gone,
};
use crate::whmcs::Login;

const ENDPOINT: &str = "dologin";

/// The page for visitors. It needs `ConnectInfo<SocketAddr>`.
pub(crate) fn router(bridge: Bridge) -> Router {
    let (watcher, whmcs) = (bridge.clone(), bridge.clone());
    let log = Watch::new(move |report: &Report| watcher.reported(report)).with_page(page);
    Router::new()
        .route("/dologin.php", any(dologin).layer(from_fn_with_state(whmcs, pass_on)))
        .fallback(async || (StatusCode::NOT_FOUND, "There is no such page."))
        .with_state(bridge)
        .layer(from_fn_with_state(log, watch))
        .layer(map_response(protect))
}

/// In the query of a request that was passed on. It comes back if the web server sends to the bridge what belongs to
/// WHMCS.
const PASSED_ON: &str = "passed_on=1";

/// Sends a request to WHMCS that is not an old link, because WHMCS has a page of this name as well: login forms post a
/// password to it. The browser repeats the request there, so nothing of its body is read.
async fn pass_on(State(bridge): State<Bridge>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let is_link = request.method() == Method::GET && query.to_ascii_lowercase().contains("hash=");
    if is_link || query.ends_with(PASSED_ON) {
        return next.run(request).await;
    }
    bridge.0.reports.count(ENDPOINT, "passed_on");
    let url = bridge.0.whmcs.dologin(&[query, PASSED_ON].join("&"));
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, String::from(url))]).into_response()
}

async fn dologin(State(bridge): State<Bridge>, link: LoginLink) -> Result<Response, Rejection> {
    let address = link.address;
    let login = bridge.log_in(link).await.map_err(|cause| Rejection::of_link(cause, address))?;
    let left_out = login.left_out.map(|(code, sentence)| {
        NotFollowed::of_link(Cause::new(code, sentence, StatusCode::FOUND.as_u16(), ""), address)
    });
    // The URL holds a token. It is sent, and never logged.
    let location = [(header::LOCATION, String::from(login.url))];
    Ok((StatusCode::FOUND, left_out, location).into_response())
}

impl Bridge {
    async fn log_in(&self, link: LoginLink) -> Result<Login, Cause> {
        let bridge = &self.0;
        let place = bridge.links_in_flight.begin(link.login.replay_key());
        let place = place.ok_or_else(link_in_flight)?;
        let turn = Arc::clone(&bridge.logins).acquire_owned();
        let turn = timeout(bridge.whmcs.call_time(), turn).await;
        let Ok(Ok(turn)) = turn else { return Err(too_many_logins()) };

        // WHMCS carries out a call even if the visitor hangs up. So the login keeps its places until its calls have
        // ended.
        let (bridge, (visitor, answer)) = (self.clone(), oneshot::channel());
        tokio::spawn(async move {
            let address = link.address;
            let login = bridge.log_in_at_whmcs(link, &visitor).await;
            drop((place, turn));
            if let Err(Err(cause)) = visitor.send(login) {
                bridge.refused(&cause, address);
            }
        });
        answer.await.unwrap_or_else(|_| Err(stopped()))
    }

    async fn log_in_at_whmcs(
        &self,
        LoginLink { login, now, address, .. }: LoginLink,
        visitor: &Sender<Result<Login, Cause>>,
    ) -> Result<Login, Cause> {
        let bridge = &self.0;
        let _counted = bridge.metrics.login_in_flight();
        let found = bridge.whmcs.find_clients(login.email()).await;
        let (found, doubt) = found.map_err(|error| error.cause(LATER))?;
        let login = login.check_account(found, |found| &found.email, |found| found.is_open)?;
        let login = login.require(|found| match found.may_sign_on {
            true => Ok(()),
            false => Err(sso_not_allowed()),
        })?;
        if visitor.is_closed() {
            return Err(visitor_gone());
        }
        // This comes after all calls that can be repeated. It comes before the call for the token,
        // which cannot be repeated.
        let (login, message) = match &bridge.used_links {
            Some(store) => (use_once(&**store, login, now).await.map_err(not_used)?, NEW_LINK),
            None => (login.repeatable(), LATER),
        };
        let client = login.account().id;
        let (key, is_repaired) = (login.login().key_index(), login.login().is_repaired());
        let login = bridge.whmcs.log_in(client, login.goto()).await;
        let login = login.map_err(|error| error.cause(message))?;
        bridge.reports.count(ENDPOINT, "accepted");
        span(address).in_scope(|| {
            tracing::info!(client, key, is_repaired, code = "accepted");
            if let Some(doubt) = doubt {
                tracing::warn!(client, code = doubt.code(), "{doubt}");
            }
        });
        Ok(login)
    }

    /// Counts and logs what the companion reports.
    fn reported(&self, report: &Report) {
        span(report.address()).in_scope(|| self.0.reports.report(ENDPOINT, report, report.cause()));
    }

    /// Counts and logs a refusal that no visitor waits for.
    fn refused(&self, cause: &Cause, address: Option<IpAddr>) {
        span(address).in_scope(|| self.0.reports.refused(ENDPOINT, address, cause));
    }
}

fn span(address: Option<IpAddr>) -> Span {
    tracing::info_span!("request", address = address.map(field::display))
}

/// No cache keeps an answer, and no other site learns the address of a link.
async fn protect(mut response: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        // A page has a policy of its own.
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
