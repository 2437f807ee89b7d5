//! `/oauth/singlesignon.php`: a token of `CreateSsoToken` starts a session.

use axum::extract::{Extension, RawQuery, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use whmcs_auth::http::check_visit;
use whmcs_auth::{AutoAuthRefusal, GotoTarget, Received};

use super::session::{begin_session, check_sso, finish};
use super::target::{CLIENT_AREA, redirect};
use crate::client_address::ClientAddress;
use crate::deadline::in_time;
use crate::path::ReceivedPath;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};
use crate::sessions::SetCookies;
use crate::throttle::Guess;

pub(crate) async fn single_sign_on(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    RawQuery(query): RawQuery,
    Extension(path): Extension<ReceivedPath>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let login = async {
        check_visit(&method, &headers)?;
        log_in_by_token(&service, address, &query, &path, &headers).await
    };
    let login = in_time(login).await;
    finish(&service, "singlesignon", address, &headers, login).await
}

async fn log_in_by_token(
    service: &Service,
    address: ClientAddress,
    query: &str,
    path: &ReceivedPath,
    headers: &HeaderMap,
) -> Result<(SetCookies, Response), Refusal> {
    let address = address.known()?;
    // Until the token was looked up, and its failure was counted.
    let guessing = service.throttle.guess(Guess::Link, address).await?;
    let configuration = service.page_database.configuration().await?;
    let query = Received::new().with_query(query);
    let token = String::from_utf8_lossy(query.field("access_token").unwrap_or_default());
    let now = service.now();
    let id = match service.sso_tokens.peek(&token, now).await {
        Ok(login) => login.client,
        Err(refusal) => {
            if refusal.cause.code() == "sso_token_unknown" {
                guessing.failed().await;
            }
            return Err(refusal);
        }
    };
    drop(guessing);
    let Some(client) = service.page_database.client(id).await? else {
        return Err(Refusal::answered_as(
            &AutoAuthRefusal::UnknownEmail,
            "sso_client_gone",
            "the client's account was deleted or closed",
        ));
    };
    check_sso(&client)?;
    // Only after the database answered, so that its failure does not use up the token.
    let login = service.sso_tokens.redeem(&token, now).await?;
    let cookies = begin_session(service, headers, &client, &configuration).await?;
    let target = login.target.as_ref().map_or(CLIENT_AREA, GotoTarget::as_str);
    let target = match target.starts_with('/') {
        true => target.to_owned(),
        false => [&up(path), target].concat(),
    };
    Ok((cookies, redirect(&target)))
}

/// The way up from this page to its targets: one folder, and one more for each doubled slash.
fn up(ReceivedPath(path): &ReceivedPath) -> String {
    let (_, in_folder) = path.rsplit_once("oauth").unwrap_or_default();
    "../".repeat(in_folder.matches('/').count())
}
