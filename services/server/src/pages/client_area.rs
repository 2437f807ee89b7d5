//! The client area, and the page that leads to it.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::page::{page, refuse};
use super::session::logged_in;
use super::target::{CLIENT_AREA, redirect};
use crate::client_address::ClientAddress;
use crate::deadline::in_time;
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
        Ok(None) => how_to_log_in(&service, StatusCode::FORBIDDEN),
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

fn how_to_log_in(service: &Service, status: StatusCode) -> Response {
    page(service, "You are not logged in")
        .says("Nobody is logged in with this browser, or the session has ended.")
        .says("Open the login link that you received, or ask for a new one where you got it.")
        .answer(status)
}
