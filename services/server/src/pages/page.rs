//! What all pages share.

use std::borrow::Cow;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum_extra::extract::CookieJar;
use whmcs_auth::{AutoAuthRefusal, Refusal as _};

use super::session::logged_in;
use crate::client_address::ClientAddress;
use crate::database::Client;
use crate::refusal::Refusal;
use crate::service::Service;

/// A page: a heading, paragraphs, details, and where to go on.
#[derive(Template)]
#[template(path = "page.html")]
pub(super) struct Page<'a> {
    base: &'a str,
    title: &'a str,
    paragraphs: Vec<Cow<'a, str>>,
    details: Vec<(&'a str, &'a str)>,
    links: Vec<(&'a str, &'a str)>,
    button: Option<&'a str>,
}

impl<'a> Page<'a> {
    pub(super) fn new(service: &'a Service, title: &'a str) -> Self {
        Self {
            base: service.settings.base_path.as_str(),
            title,
            paragraphs: Vec::new(),
            details: Vec::new(),
            links: Vec::new(),
            button: None,
        }
    }

    /// Adds a paragraph.
    pub(super) fn says(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.paragraphs.push(text.into());
        self
    }

    /// Adds a name and its value.
    pub(super) fn shows(mut self, name: &'a str, value: &'a str) -> Self {
        self.details.push((name, value));
        self
    }

    /// Adds a link to a page of the service.
    pub(super) fn links_to(mut self, path: &'a str, text: &'a str) -> Self {
        self.links.push((path, text));
        self
    }

    /// Adds a button that ends the session.
    pub(super) fn asks_to_log_out(mut self, text: &'a str) -> Self {
        self.button = Some(text);
        self
    }

    /// Says who is logged in, if somebody is, and links to the client area.
    pub(super) fn for_visitor(self, client: Option<&Client>) -> Self {
        let Some(client) = client else { return self };
        self.says(format!("You are still logged in as {}.", client.name_and_email()))
            .links_to("clientarea.php", "Go to the client area")
    }

    pub(super) fn answer(&self, status: StatusCode) -> Response {
        let policy = match self.button {
            Some(_) => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 form-action 'self'; frame-ancestors 'none'"
            }
            None => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 form-action 'none'; frame-ancestors 'none'"
            }
        };
        let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        // Rendering these texts cannot fail.
        (status, [policy], Html(self.render().unwrap_or_default())).into_response()
    }
}

/// Counts and logs a refusal, and shows what the visitor can do.
pub(super) async fn refuse(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    refusal: &Refusal,
    jar: &CookieJar,
) -> Response {
    service.refused(endpoint, address, refusal).await;
    let page = Page::new(service, title(refusal.status));
    let page = match (refusal.status, refusal.retry_after) {
        (StatusCode::TOO_MANY_REQUESTS, Some(seconds)) => page.says(format!(
            "Too many login links from your network were not genuine. This one was not checked. Open it \
             again in {seconds} seconds."
        )),
        (status, _) if status.is_server_error() => {
            page.says("Your login cannot be checked now. Try it again in a minute.")
        }
        _ => page.says(&*refusal.message).says(advice(refusal)),
    };
    // A database that does not answer would not answer this question, either.
    let visitor = match refusal.status.is_server_error() {
        false => logged_in(service, jar).await.unwrap_or_default(),
        true => None,
    };
    let mut response = page.for_visitor(visitor.as_ref()).answer(refusal.status);
    if let Some(seconds) = refusal.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A link that is not genuine may be a broken copy. Any other link is over.
fn advice(refusal: &Refusal) -> &'static str {
    match refusal.message == AutoAuthRefusal::HashMismatch.public_message() {
        true => {
            "Open the whole link as you received it. If that does not help, ask for a new link where you \
             got this one."
        }
        false => "Ask for a new link where you got this one.",
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "Please wait a moment",
        status if status.is_server_error() => "Not available now",
        _ => "You could not be logged in",
    }
}
