//! The pages that visitors see. The style and the icon are part of each page, because the bridge has only one path
//! on the site of WHMCS.

use std::borrow::Cow;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

const STYLE: &str = include_str!("../templates/style.css");
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect \
                    width='32' height='32' rx='8' fill='%232456b8'/%3E%3Ccircle cx='16' cy='12.5' r='5' \
                    fill='%23fff'/%3E%3Cpath d='M6.5 26c0-5.2 4.3-8 9.5-8s9.5 2.8 9.5 8z' fill='%23fff'/%3E%3C/svg%3E";

/// A browser applies only the style with this hash. The test below computes it.
macro_rules! policy {
    ($form_action:literal) => {
        concat!(
            "default-src 'none'; style-src 'sha256-GbMm6MmjNR4UFDgFwu+1FnsR+IZ4J6K5D+/GK86b7f8='; img-src data:; base-uri 'none'; form-action ",
            $form_action,
            "; frame-ancestors 'none'"
        )
    };
}

/// A page: a heading, paragraphs, details, and where to go on.
#[derive(Template)]
#[template(path = "page.html")]
pub struct Page<'a> {
    /// The folder of the client area. Without it, the page has no links.
    base: Option<&'a str>,
    title: &'a str,
    paragraphs: Vec<Cow<'a, str>>,
    details: Vec<(&'a str, &'a str)>,
    links: Vec<(&'a str, &'a str)>,
    button: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// A page without a client area.
    #[must_use]
    pub fn new(title: &'a str) -> Self {
        let (paragraphs, details, links) = Default::default();
        Self { base: None, title, paragraphs, details, links, button: None }
    }

    /// Names the folder of the client area, which the page leads to.
    #[must_use]
    pub fn of_client_area(mut self, base: &'a str) -> Self {
        self.base = Some(base);
        self
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn says(mut self, text: impl Into<Cow<'a, str>>) -> Self {
        self.paragraphs.push(text.into());
        self
    }

    /// Adds a name and its value.
    #[must_use]
    pub fn shows(mut self, name: &'a str, value: &'a str) -> Self {
        self.details.push((name, value));
        self
    }

    /// Adds a link to a page of the client area.
    #[must_use]
    pub fn links_to(mut self, path: &'a str, text: &'a str) -> Self {
        self.links.push((path, text));
        self
    }

    /// Adds a button that ends the session.
    #[must_use]
    pub fn asks_to_log_out(mut self, text: &'a str) -> Self {
        self.button = Some(text);
        self
    }

    /// The answer with this page.
    #[must_use]
    pub fn answer(&self, status: StatusCode) -> Response {
        let policy = match self.button {
            Some(_) => policy!("'self'"),
            None => policy!("'none'"),
        };
        let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
        // Rendering these texts cannot fail.
        (status, [policy], Html(self.render().unwrap_or_default())).into_response()
    }
}

/// The title of a page for a visitor who was not logged in.
#[must_use]
pub fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::TOO_MANY_REQUESTS => "Please wait a moment",
        status if status.is_server_error() => "Not available now",
        _ => "You could not be logged in",
    }
}

/// What visitors can do if their link was refused. `is_perhaps_broken` says that the link may be a broken copy.
/// Any other link no longer works.
#[must_use]
pub fn advice(is_perhaps_broken: bool) -> &'static str {
    match is_perhaps_broken {
        true => {
            "Open the whole link as you received it. If that does not help, ask for a new link where you \
             got this one."
        }
        false => "Ask for a new link where you got this one.",
    }
}

#[cfg(test)]
mod tests {
    use base64::prelude::*;
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_policy_allows_the_style_of_the_page() {
        let page = Page::new("x").render().unwrap();
        let (_, style) = page.split_once("<style>").unwrap();
        let (style, _) = style.split_once("</style>").unwrap();
        let hash = format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(style)));
        assert!(policy!("'none'").contains(&hash), "{hash}");
    }

    #[test]
    fn what_a_visitor_reads_by_the_cause() {
        for (status, expected) in [
            (403, "You could not be logged in"),
            (429, "Please wait a moment"),
            (500, "Not available now"),
            (503, "Not available now"),
        ] {
            assert_eq!(title(StatusCode::from_u16(status).unwrap()), expected, "{status}");
        }
        assert!(advice(true).starts_with("Open the whole link as you received it. If that "));
        assert!(advice(false).starts_with("Ask for a new link where you got this one."));
    }
}
