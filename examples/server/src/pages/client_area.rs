//! The client area, and the logout.

use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;

use super::page::{Page, refuse};
use crate::client_address::ClientAddress;
use crate::database::Client;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};

/// Shows who is logged in.
pub(crate) async fn client_area(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    jar: CookieJar,
) -> Response {
    let client = service.in_time(logged_in(&service, &jar)).await;
    match client {
        Ok(Some(client)) => Page {
            title: "Client area",
            text: &format!("{} {} ({})", client.firstname, client.lastname, client.email),
            is_logged_in: true,
        }
        .with_status(StatusCode::OK),
        Ok(None) => Page::notice(StatusCode::FORBIDDEN, "Client area", "Nobody is logged in."),
        Err(refusal) => refuse(&service, "clientarea", address, &refusal),
    }
}

async fn logged_in(service: &Service, jar: &CookieJar) -> Result<Option<Client>, Refusal> {
    Ok(match service.sessions.client(jar) {
        Some(id) => service.page_database.client(id).await?,
        None => None,
    })
}

/// Ends the session.
pub(crate) async fn logout(State(service): State<Shared>, jar: CookieJar) -> Response {
    let page = Page::notice(StatusCode::OK, "Logged out", "The session has ended.");
    (service.sessions.end(jar), page).into_response()
}
