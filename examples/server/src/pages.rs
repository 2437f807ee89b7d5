//! What visitors see: `/dologin.php`, `/oauth/singlesignon.php`, `/clientarea.php`, `/logout.php`.

use askama::Template;
use axum::extract::{Extension, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::CookieJar;
use whmcs_auth::{AutoAuthPolicy, AutoAuthRefusal, AutoAuthRequest, verify_autoauth};

use crate::client_address::ClientAddress;
use crate::database::Client;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};

/// Where a login leads that names no other page.
const CLIENT_AREA: &str = "clientarea.php";

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    text: &'a str,
    is_logged_in: bool,
}

impl Page<'_> {
    fn with_status(&self, status: StatusCode) -> Response {
        // A template of texts does not fail.
        (status, Html(self.render().unwrap_or_default())).into_response()
    }
}

/// AutoAuth: a signed link becomes a session.
pub(crate) async fn dologin(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    RawQuery(query): RawQuery,
    jar: CookieJar,
) -> Response {
    let query = query.unwrap_or_default();
    let login = service.in_time(log_in_by_link(&service, address, &query, jar));
    finish(&service, "dologin", address, login.await)
}

async fn log_in_by_link(
    service: &Service,
    address: ClientAddress,
    query: &str,
    jar: CookieJar,
) -> Result<(CookieJar, String), Refusal> {
    service.throttle.check(address)?;
    let configuration = service.database.configuration().await?;
    if !configuration.allow_autoauth {
        let (code, cause) = (
            "autoauth_switched_off",
            "the setting AllowAutoAuth is not on",
        );
        return Err(Refusal::told_as(&AutoAuthRefusal::Disabled, code, cause));
    }
    // Read once: the guard must go by the time that the link was judged by.
    let now = service.now();
    let request = AutoAuthRequest::from_query(query);
    let keys = &service.settings.autoauth_keys;
    let login = verify_autoauth(&request, keys, &now, &AutoAuthPolicy::new())?;

    let found = service.database.client_by_email(login.email()).await?;
    let client = login.check_account(found, |client| &client.email)?;
    if let Some(guard) = &service.replay_guard {
        guard.first_use(login.replay_key(), login.remember_until(), now)?;
    }
    record(&client);
    let jar = service
        .sessions
        .begin(jar, client.id, configuration.is_tls())?;
    Ok((jar, login.goto().or(CLIENT_AREA).to_owned()))
}

/// A token of `CreateSsoToken` becomes a session.
pub(crate) async fn single_sign_on(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    RawQuery(query): RawQuery,
    jar: CookieJar,
) -> Response {
    let query = query.unwrap_or_default();
    let login = service.in_time(log_in_by_token(&service, address, &query, jar));
    finish(&service, "singlesignon", address, login.await)
}

async fn log_in_by_token(
    service: &Service,
    address: ClientAddress,
    query: &str,
    jar: CookieJar,
) -> Result<(CookieJar, String), Refusal> {
    service.throttle.check(address)?;
    let configuration = service.database.configuration().await?;
    let token = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "access_token");
    let token = token.map(|(_, token)| token).unwrap_or_default();
    let now = service.now();
    let id = service.sso_tokens.look_at(&token, now)?.client;
    let Some(client) = service.database.client(id).await? else {
        let (code, cause) = ("sso_client_gone", "the client was deleted or closed");
        return Err(Refusal::told_as(
            &AutoAuthRefusal::UnknownEmail,
            code,
            cause,
        ));
    };
    // Last of all, so that a database that fails uses up no token.
    let login = service.sso_tokens.redeem(&token, now)?;
    record(&client);
    let jar = service
        .sessions
        .begin(jar, client.id, configuration.is_tls())?;
    // The page stands one folder below those that it leads to.
    let target = login.target.as_deref().unwrap_or(CLIENT_AREA);
    Ok(match target.starts_with('/') {
        true => (jar, target.to_owned()),
        false => (jar, format!("../{target}")),
    })
}

fn record(client: &Client) {
    let caller = format_args!("client {}", client.id);
    tracing::Span::current().record("caller", tracing::field::display(caller));
}

/// Sends the visitor on, or says that the link is refused.
fn finish(
    service: &Service,
    door: &'static str,
    address: ClientAddress,
    login: Result<(CookieJar, String), Refusal>,
) -> Response {
    match login {
        Ok((jar, target)) => {
            service.accepted(door);
            (StatusCode::FOUND, jar, [(header::LOCATION, target)]).into_response()
        }
        Err(refusal) => refuse(service, door, address, &refusal),
    }
}

fn refuse(
    service: &Service,
    door: &'static str,
    address: ClientAddress,
    refusal: &Refusal,
) -> Response {
    service.refused(door, address, refusal);
    Page {
        title: "Not logged in",
        text: refusal.public.message(),
        is_logged_in: false,
    }
    .with_status(refusal.status())
}

/// Says who is logged in.
pub(crate) async fn client_area(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    jar: CookieJar,
) -> Response {
    let client = service.in_time(logged_in(&service, &jar)).await;
    match client {
        Ok(Some(client)) => Page {
            title: "Client area",
            text: &format!(
                "{} {} ({})",
                client.firstname, client.lastname, client.email
            ),
            is_logged_in: true,
        }
        .with_status(StatusCode::OK),
        Ok(None) => Page {
            title: "Client area",
            text: "Nobody is logged in.",
            is_logged_in: false,
        }
        .with_status(StatusCode::FORBIDDEN),
        Err(refusal) => refuse(&service, "clientarea", address, &refusal),
    }
}

async fn logged_in(service: &Service, jar: &CookieJar) -> Result<Option<Client>, Refusal> {
    Ok(match service.sessions.client(jar) {
        Some(id) => service.database.client(id).await?,
        None => None,
    })
}

/// Ends the session.
pub(crate) async fn logout(State(service): State<Shared>, jar: CookieJar) -> Response {
    let page = Page {
        title: "Logged out",
        text: "The session has ended.",
        is_logged_in: false,
    };
    (service.sessions.end(jar), page.with_status(StatusCode::OK)).into_response()
}

pub(crate) async fn get_only() -> Response {
    let page = Page {
        title: "Method not allowed",
        text: "This page takes GET.",
        is_logged_in: false,
    };
    let allow = [(header::ALLOW, "GET")];
    (allow, page.with_status(StatusCode::METHOD_NOT_ALLOWED)).into_response()
}

pub(crate) async fn not_found() -> Response {
    Page {
        title: "Not found",
        text: "There is no such page.",
        is_logged_in: false,
    }
    .with_status(StatusCode::NOT_FOUND)
}
