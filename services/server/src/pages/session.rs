//! The session of a visitor, on the pages.

use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use whmcs_auth::AutoAuthRefusal;

use super::page::refuse;
use crate::client_address::ClientAddress;
use crate::database::{Client, Configuration};
use crate::deadline::in_time;
use crate::refusal::Refusal;
use crate::service::Service;
use crate::sessions::SetCookies;

/// The client who is logged in, if any.
pub(super) async fn logged_in(
    service: &Service,
    headers: &HeaderMap,
) -> Result<Option<Client>, Refusal> {
    in_time(async {
        Ok(match service.sessions.client(headers).await? {
            Some(id) => service.page_database.client(id).await?,
            None => None,
        })
    })
    .await
}

/// Refuses a client whose switch "Allow Single Sign-On" is off.
pub(super) fn check_sso(client: &Client) -> Result<(), Refusal> {
    match client.may_sign_on() {
        true => Ok(()),
        false => Err(Refusal::answered_as(
            &AutoAuthRefusal::UnknownEmail,
            "sso_not_allowed",
            "single sign-on is switched off for the client",
        )),
    }
}

/// Starts the session, and adds the client to the log's description of the request.
pub(super) async fn begin_session(
    service: &Service,
    headers: &HeaderMap,
    client: &Client,
    configuration: &Configuration,
) -> Result<SetCookies, Refusal> {
    let caller = format!("client {}", client.id);
    tracing::Span::current().record("caller", caller);
    let is_tls = configuration.is_tls();
    service.sessions.begin(headers, client.id, is_tls).await
}

/// Adds the session's cookie to the redirect after a login, or shows why there was none.
pub(super) async fn finish(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    headers: &HeaderMap,
    login: Result<(SetCookies, Response), Refusal>,
) -> Response {
    match login {
        Ok(login) => {
            service.accepted(endpoint);
            login.into_response()
        }
        Err(refusal) => refuse(service, endpoint, address, &refusal, headers).await,
    }
}
