//! The logout: a page that asks, and the POST that ends the session.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::page::{page, refuse};
use super::session::logged_in;
use crate::client_address::ClientAddress;
use crate::deadline::in_time;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};

const ENDPOINT: &str = "logout";

/// Asks whether to log out. A GET ends nothing, because any page can make a browser send one.
pub(crate) async fn ask(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Response {
    match logged_in(&service, &headers).await {
        Ok(Some(client)) => {
            let page = page(&service, "Log out?")
                .says(format!("You are logged in as {}.", client.name_and_email()))
                .asks_to_log_out("Log out")
                .links_to("clientarea.php", "Stay logged in")
                .answer(StatusCode::OK);
            // Without a referrer, a browser does not name the origin of the form either.
            ([(header::REFERRER_POLICY, "same-origin")], page).into_response()
        }
        Ok(None) => has_ended(&service),
        Err(refusal) => refuse(&service, ENDPOINT, address, &refusal, &headers).await,
    }
}

/// Ends the session.
pub(crate) async fn log_out(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Response {
    if let Err(refusal) = check_origin(&headers) {
        service.refused(ENDPOINT, address, &refusal);
        return page(&service, "You are still logged in")
            .says(refusal.cause.message())
            .links_to("logout.php", "Log out here")
            .answer(refusal.cause.http_status());
    }
    match in_time(service.sessions.end(&headers)).await {
        Ok(cookies) => {
            service.accepted(ENDPOINT);
            (cookies, has_ended(&service)).into_response()
        }
        Err(refusal) => refuse(&service, ENDPOINT, address, &refusal, &headers).await,
    }
}

/// Refuses a POST from another site. Browsers send no `SameSite=Lax` cookie with it, but may send one with
/// a POST from another host of the same domain.
fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    match is_own(headers) {
        true => Ok(()),
        false => Err(Refusal::new(
            "foreign_origin",
            StatusCode::FORBIDDEN,
            "Another site asked to log you out.",
            "another site posted the logout",
        )),
    }
}

/// Browsers name the site to HTTPS sites and to this machine, and the origin to all others. Programs name neither.
fn is_own(headers: &HeaderMap) -> bool {
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin" || site == "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    // The origin is `null` if the browser hides it.
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

fn has_ended(service: &Service) -> Response {
    page(service, "You are logged out")
        .says("The session has ended. You can close this page.")
        .answer(StatusCode::OK)
}
