//! The logout: a page that asks, and the POST that ends the session.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;

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
    jar: CookieJar,
) -> Response {
    match logged_in(&service, &jar).await {
        Ok(Some(client)) => page(&service, "Log out?")
            .says(format!("You are logged in as {}.", client.name_and_email()))
            .asks_to_log_out("Log out")
            .links_to("clientarea.php", "Stay logged in")
            .answer(StatusCode::OK),
        Ok(None) => has_ended(&service),
        Err(refusal) => refuse(&service, ENDPOINT, address, &refusal, &jar).await,
    }
}

/// Ends the session.
pub(crate) async fn log_out(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
    jar: CookieJar,
) -> Response {
    if let Err(refusal) = check_origin(&headers) {
        service.refused(ENDPOINT, address, &refusal);
        return page(&service, "You are still logged in")
            .says(refusal.cause.message())
            .links_to("logout.php", "Log out here")
            .answer(refusal.cause.http_status());
    }
    match in_time(service.sessions.end(jar.clone())).await {
        Ok(jar) => {
            service.accepted(ENDPOINT);
            (jar, has_ended(&service)).into_response()
        }
        Err(refusal) => refuse(&service, ENDPOINT, address, &refusal, &jar).await,
    }
}

/// Refuses a POST from another site. Browsers send no `SameSite=Lax` cookie with it, but may send one with
/// a POST from another host of the same domain. They name the origin to HTTPS sites and to this machine.
fn check_origin(headers: &HeaderMap) -> Result<(), Refusal> {
    match headers.get("sec-fetch-site") {
        Some(site) if site != "same-origin" && site != "none" => Err(Refusal::new(
            "foreign_origin",
            StatusCode::FORBIDDEN,
            "Another site asked to log you out.",
            "another site posted the logout",
        )),
        _ => Ok(()),
    }
}

fn has_ended(service: &Service) -> Response {
    page(service, "You are logged out")
        .says("The session has ended. You can close this page.")
        .answer(StatusCode::OK)
}
