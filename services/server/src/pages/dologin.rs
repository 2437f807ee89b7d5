//! `/dologin.php`: a genuine AutoAuth link starts a session.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use whmcs_auth::AutoAuthRefusal;
use whmcs_auth_axum::{LoginLink, Rejection};
use whmcs_auth_state::use_once;

use super::page::show;
use super::session::{begin_session, check_sso};
use super::target::CLIENT_AREA;
use crate::database::Client;
use crate::deadline::in_time;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};
use crate::sessions::SetCookies;

pub(crate) const ENDPOINT: &str = "dologin";

pub(crate) async fn dologin(
    State(service): State<Shared>,
    headers: HeaderMap,
    link: Result<LoginLink, Rejection>,
) -> Response {
    let login = match link {
        Ok(link) => {
            let address = link.address;
            let login = in_time(log_in_by_link(&service, link, &headers)).await;
            login.map_err(|refusal| Rejection::of_link(refusal.cause, address))
        }
        Err(rejection) => Err(rejection),
    };
    match login {
        Ok(login) => {
            service.accepted(ENDPOINT);
            login.into_response()
        }
        Err(rejection) => {
            let page = show(&service, rejection.report().cause(), &headers).await;
            rejection.with_response(page).into_response()
        }
    }
}

async fn log_in_by_link(
    service: &Service,
    LoginLink { login, now, .. }: LoginLink,
    headers: &HeaderMap,
) -> Result<(SetCookies, Response), Refusal> {
    let configuration = service.page_database.configuration().await?;
    if !configuration.allow_autoauth {
        return Err(Refusal::answered_as(
            &AutoAuthRefusal::Disabled,
            "autoauth_switched_off",
            "the setting AllowAutoAuth is not `on`",
        ));
    }
    let clients = service.page_database.clients_by_email(login.email()).await?;
    let login = login.check_account(clients, |client| &client.email, Client::is_open)?;
    let login = login.require(check_sso)?;
    let login = match service.settings.one_time_links {
        true => use_once(&*service.state, login, now).await?,
        false => login.repeatable(),
    };
    let cookies = begin_session(service, headers, login.account(), &configuration).await?;
    Ok((cookies, login.redirect(CLIENT_AREA)))
}
