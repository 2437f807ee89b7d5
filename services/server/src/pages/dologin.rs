//! `/dologin.php`: a genuine AutoAuth link starts a session.

use axum::extract::{Extension, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum_extra::extract::CookieJar;
use whmcs_auth::diagnose;
use whmcs_auth::{AutoAuthPolicy, AutoAuthRefusal, AutoAuthRequest, verify_autoauth};

use whmcs_auth_state::use_once;

use super::session::{begin_session, finish};
use super::target::{CLIENT_AREA, check_target};
use super::visit::check_visit;
use crate::client_address::ClientAddress;
use crate::database::Client;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};
use crate::throttle::Guess;

const ENDPOINT: &str = "dologin";

pub(crate) async fn dologin(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    jar: CookieJar,
) -> Response {
    let query = query.unwrap_or_default();
    let login = async {
        check_visit(&headers)?;
        log_in_by_link(&service, address, &query, jar.clone()).await
    };
    let login = service.in_time(login).await;
    let login = login.map_err(|refusal| refusal.diagnosed(|| diagnose::link(&query)));
    finish(&service, ENDPOINT, address, &jar, login).await
}

async fn log_in_by_link(
    service: &Service,
    address: ClientAddress,
    query: &str,
    jar: CookieJar,
) -> Result<(CookieJar, Response), Refusal> {
    service.admit(address, Guess::Link).await?;
    let configuration = service.page_database.configuration().await?;
    if !configuration.allow_autoauth {
        return Err(Refusal::answered_as(
            &AutoAuthRefusal::Disabled,
            "autoauth_switched_off",
            "the setting AllowAutoAuth is not `on`",
        ));
    }
    // Read the clock once: the guard needs the time at which the link was verified.
    let now = service.now();
    let request = AutoAuthRequest::from_query(query);
    let ahead = service.settings.limits.link_ahead_time;
    let policy = AutoAuthPolicy::new().with_future_limit(ahead);
    let keys = &service.access.get().autoauth_keys;
    let login = verify_autoauth(&request, keys, &now, &policy)?;

    let clients = service.page_database.clients_by_email(login.email()).await?;
    let login = login.check_account(clients, |client| &client.email, Client::is_open)?;
    let login = match service.settings.one_time_links {
        true => use_once(&*service.state, login, now).await?,
        false => login.repeatable(),
    };
    let jar = begin_session(service, jar, login.account(), &configuration).await?;
    let response = check_target(service, ENDPOINT, address, login.goto(), query);
    Ok((jar, response.unwrap_or_else(|| login.redirect(CLIENT_AREA))))
}
