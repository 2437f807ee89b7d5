//! What all pages share.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::CookieJar;

use crate::client_address::ClientAddress;
use crate::database::{Client, Configuration};
use crate::refusal::Refusal;
use crate::service::Service;

/// The page after a login without a target.
pub(super) const CLIENT_AREA: &str = "clientarea.php";

#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    pub(super) text: &'a str,
    pub(super) is_logged_in: bool,
}

impl<'a> Page<'a> {
    /// A page without a link to log out.
    pub(super) fn notice(status: StatusCode, title: &'a str, text: &'a str) -> Response {
        let page = Self { title, text, is_logged_in: false };
        page.with_status(status)
    }

    pub(super) fn with_status(&self, status: StatusCode) -> Response {
        // Rendering these texts cannot fail.
        (status, Html(self.render().unwrap_or_default())).into_response()
    }
}

/// Starts the session, and adds the client to the log's description of the request.
pub(super) fn begin_session(
    service: &Service,
    jar: CookieJar,
    client: &Client,
    configuration: &Configuration,
) -> Result<CookieJar, Refusal> {
    let caller = format_args!("client {}", client.id);
    tracing::Span::current().record("caller", tracing::field::display(caller));
    let is_tls = configuration.is_tls();
    service.sessions.begin(jar, client.id, is_tls)
}

/// Adds the session's cookie to the redirect after a login, or shows why there was none.
pub(super) fn finish(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    login: Result<(CookieJar, Response), Refusal>,
) -> Response {
    match login {
        Ok(login) => {
            service.accepted(endpoint);
            login.into_response()
        }
        Err(refusal) => refuse(service, endpoint, address, &refusal),
    }
}

pub(super) fn refuse(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    refusal: &Refusal,
) -> Response {
    service.refused(endpoint, address, refusal);
    let Some(seconds) = refusal.retry_after else {
        return Page::notice(refusal.status, "Not logged in", &refusal.message);
    };
    let text = format!(
        "Too many logins from your network failed. Your link was not checked. Try it again in {seconds} \
         seconds."
    );
    let page = Page::notice(refusal.status, "Too many failed logins", &text);
    ([(header::RETRY_AFTER, seconds.to_string())], page).into_response()
}

pub(crate) async fn get_only() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let page = Page::notice(status, "Method not allowed", "This page takes GET.");
    ([(header::ALLOW, "GET")], page).into_response()
}

pub(crate) async fn not_found() -> Response {
    Page::notice(StatusCode::NOT_FOUND, "Not found", "There is no such page.")
}
