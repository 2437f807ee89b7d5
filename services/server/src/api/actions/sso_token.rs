//! `CreateSsoToken`.

use axum::http::StatusCode;
use whmcs_auth::{Goto, GotoTarget, Received};

use super::Success;
use super::destination::{self, CUSTOM_REDIRECT};
use super::parameters::{invalid, no_client_named, number, parameter};
use crate::database::Client;
use crate::refusal::Refusal;
use crate::service::Service;

/// Reads `client_id`, `user_id`, `destination`, `service_id`, `domain_id` and `sso_redirect_path`.
pub(super) async fn create_sso_token(
    service: &Service,
    received: &Received,
) -> Result<Success, Refusal> {
    let client = client(service, received).await?;
    let target = target(received)?;
    let token = service.sso_tokens.issue(client.id, target, service.now()).await?;
    let system_url = service.database.configuration().await?.system_url;
    let base = system_url.as_deref().unwrap_or(&service.settings.base_url);
    let redirect_url =
        format!("{}/oauth/singlesignon.php?access_token={token}", base.trim_end_matches('/'));
    Ok(vec![("access_token", token.into()), ("redirect_url", redirect_url.into())])
}

/// The client whom the token logs in. A user must belong to the client. A user without `client_id` stands
/// for the first client that it owns.
async fn client(service: &Service, received: &Received) -> Result<Client, Refusal> {
    let client_id = parameter(received, "client_id");
    let user_id = parameter(received, "user_id");
    if client_id.is_none() && user_id.is_none() {
        return Err(no_client_named(
            received,
            "`client_id` or `user_id`",
            StatusCode::BAD_REQUEST,
            "Client ID or User ID Required",
        ));
    }
    let client = match &client_id {
        Some(id) => Some(existing(service, id.parse().ok()).await?),
        None => None,
    };
    let client = match user_id {
        None => client,
        Some(user) => {
            let wanted = client.as_ref().map(|client| client.id);
            let found = match user.parse() {
                Ok(user) => service.database.client_of_user(user, wanted).await?,
                Err(_) => None,
            };
            let Some(found) = found else {
                return Err(Refusal::by_action(
                    "user_not_found",
                    StatusCode::NOT_FOUND,
                    "User ID Not Found",
                    "no user has this user_id, or the user does not belong to the client",
                ));
            };
            match client {
                Some(client) => Some(client),
                None => Some(existing(service, Some(found)).await?),
            }
        }
    };
    match client {
        Some(client) if !client.is_open() => Err(Refusal::by_action(
            "client_closed",
            StatusCode::FORBIDDEN,
            "Client Account Closed",
            "the status of the client is neither Active nor Inactive",
        )),
        Some(client) if !client.may_sign_on() => Err(Refusal::by_action(
            "sso_not_allowed",
            StatusCode::FORBIDDEN,
            "Token could not be provisioned: Single Sign-On Not Allowed",
            "single sign-on is switched off for the client",
        )),
        Some(client) => Ok(client),
        None => Err(unknown_client()),
    }
}

async fn existing(service: &Service, id: Option<i64>) -> Result<Client, Refusal> {
    let client = match id {
        Some(id) => service.database.open_or_closed_client(id).await?,
        None => None,
    };
    client.ok_or_else(unknown_client)
}

fn unknown_client() -> Refusal {
    Refusal::by_action(
        "client_not_found",
        StatusCode::NOT_FOUND,
        "Client ID Not Found",
        "no client has this client_id",
    )
}

/// Where the token leads. `sso_redirect_path` counts only with its destination.
fn target(received: &Received) -> Result<Option<GotoTarget<'static>>, Refusal> {
    let path = match parameter(received, "destination").as_deref() {
        None => return Ok(None),
        Some(CUSTOM_REDIRECT) => {
            parameter(received, "sso_redirect_path").unwrap_or_default().into_owned()
        }
        Some(name) => {
            let destination = destination::find(name).ok_or_else(unknown_destination)?;
            match destination.needs {
                None => destination.page.to_owned(),
                Some(name) => {
                    let number = number(received, name)?.ok_or_else(|| invalid(name))?;
                    format!("{}{number}", destination.page)
                }
            }
        }
    };
    match Goto::parse(&path) {
        Goto::Absent => Ok(None),
        Goto::SameSite(target) if !target.acts() => Ok(Some(target.into_owned())),
        Goto::SameSite(_) | Goto::Refused => Err(Refusal::by_action(
            "path_refused",
            StatusCode::BAD_REQUEST,
            "Invalid Redirect Path",
            "sso_redirect_path may lead to another site, or it is a page that acts",
        )),
    }
}

fn unknown_destination() -> Refusal {
    Refusal::by_action(
        "destination_unknown",
        StatusCode::BAD_REQUEST,
        "Invalid destination",
        "the destination is not one that WHMCS documents",
    )
}
