//! The session of a visitor, on the pages.

use std::fmt::Display;

use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;

use super::page::refuse;
use crate::client_address::ClientAddress;
use crate::database::{Client, Configuration};
use crate::refusal::Refusal;
use crate::service::Service;

/// The client who is logged in, if any.
pub(super) async fn logged_in(
    service: &Service,
    jar: &CookieJar,
) -> Result<Option<Client>, Refusal> {
    let Some(id) = service.sessions.client(jar) else {
        return Ok(None);
    };
    service.in_time(async { Ok(service.page_database.client(id).await?) }).await
}

/// Starts the session, and adds the client to the log's description of the request.
pub(super) fn begin_session(
    service: &Service,
    jar: CookieJar,
    client: &Client,
    configuration: &Configuration,
) -> Result<CookieJar, Refusal> {
    let caller: &dyn Display = &format_args!("client {}", client.id);
    tracing::Span::current().record("caller", tracing::field::display(caller));
    let is_tls = configuration.is_tls();
    service.sessions.begin(jar, client.id, is_tls)
}

/// Adds the session's cookie to the redirect after a login, or shows why there was none.
pub(super) async fn finish(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    jar: &CookieJar,
    login: Result<(CookieJar, Response), Refusal>,
) -> Response {
    match login {
        Ok(login) => {
            service.accepted(endpoint);
            login.into_response()
        }
        Err(refusal) => refuse(service, endpoint, address, &refusal, jar).await,
    }
}
