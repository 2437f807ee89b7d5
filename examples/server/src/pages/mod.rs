//! What visitors see: a login, who is logged in, and that something is not to be had.

mod client_area;
mod dologin;
mod single_sign_on;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::CookieJar;

use crate::client_address::ClientAddress;
use crate::database::{Client, Configuration};
use crate::refusal::Refusal;
use crate::service::Service;

pub(crate) use client_area::{client_area, logout};
pub(crate) use dologin::dologin;
pub(crate) use single_sign_on::single_sign_on;

/// Where a login leads that names no other page.
const CLIENT_AREA: &str = "clientarea.php";

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    title: &'a str,
    text: &'a str,
    is_logged_in: bool,
}

impl<'a> Page<'a> {
    /// A page for whoever is not logged in.
    fn notice(status: StatusCode, title: &'a str, text: &'a str) -> Response {
        let page = Self { title, text, is_logged_in: false };
        page.with_status(status)
    }

    fn with_status(&self, status: StatusCode) -> Response {
        // A template of texts does not fail.
        (status, Html(self.render().unwrap_or_default())).into_response()
    }
}

fn begin_session(
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

/// Sends the visitor on, or says that the link is refused.
fn finish(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    login: Result<(CookieJar, String), Refusal>,
) -> Response {
    match login {
        Ok((jar, target)) => {
            service.accepted(endpoint);
            (StatusCode::FOUND, jar, [(header::LOCATION, target)]).into_response()
        }
        Err(refusal) => refuse(service, endpoint, address, &refusal),
    }
}

fn refuse(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    refusal: &Refusal,
) -> Response {
    service.refused(endpoint, address, refusal);
    Page::notice(refusal.status, "Not logged in", &refusal.message)
}

pub(crate) async fn get_only() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let page = Page::notice(status, "Method not allowed", "This page takes GET.");
    ([(header::ALLOW, "GET")], page).into_response()
}

pub(crate) async fn not_found() -> Response {
    Page::notice(StatusCode::NOT_FOUND, "Not found", "There is no such page.")
}
