//! The client area, and the page that leads to it.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::page::{page, refuse};
use super::session::logged_in;
use super::target::{CLIENT_AREA, redirect};
use crate::client_address::ClientAddress;
use crate::deadline::in_time;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};

/// Shows who is logged in.
pub(crate) async fn client_area(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Response {
    match logged_in(&service, &headers).await {
        Ok(Some(client)) => page(&service, "Client area")
            .says(client.name_and_email())
            .shows("Company", &client.companyname)
            .shows("Client since", &client.datecreated)
            .shows("Status", &client.status)
            .links_to("logout.php", "Log out")
            .answer(StatusCode::OK),
        Ok(None) => {
            let refusal = not_logged_in(service.sessions.is_sent(&headers));
            service.refused("clientarea", address, &refusal);
            how_to_log_in(&service, StatusCode::FORBIDDEN)
        }
        Err(refusal) => refuse(&service, "clientarea", address, &refusal, &headers).await,
    }
}

/// Leads to the client area, or says how to log in.
pub(crate) async fn home(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    headers: HeaderMap,
) -> Response {
    match in_time(service.sessions.client(&headers)).await {
        Ok(Some(_)) => redirect(CLIENT_AREA),
        Ok(None) => how_to_log_in(&service, StatusCode::OK),
        Err(refusal) => refuse(&service, "clientarea", address, &refusal, &headers).await,
    }
}

/// A visitor who comes here from a login should have a session.
fn not_logged_in(is_session_sent: bool) -> Refusal {
    let (status, message) = (StatusCode::FORBIDDEN, "You are not logged in");
    match is_session_sent {
        false => Refusal::new(
            "session_missing",
            status,
            message,
            "the browser sends no session: nobody logged in with it, or it dropped the cookie, because SystemURL \
             begins with https and the page is opened over http",
        ),
        true => Refusal::new(
            "session_unknown",
            status,
            message,
            "the session of the browser is not known: it has ended, its account may not log in any more, or another \
             server began it, which does not share its state (option --redis)",
        ),
    }
}

fn how_to_log_in(service: &Service, status: StatusCode) -> Response {
    page(service, "You are not logged in")
        .says("Nobody is logged in with this browser, or the session has ended.")
        .says("Open the login link that you received, or ask for a new one where you got it.")
        .answer(status)
}
