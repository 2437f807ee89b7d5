//! What all pages share.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use whmcs_auth::{AutoAuthRefusal, Refusal as _};
use whmcs_auth_axum::Cause;
use whmcs_auth_services_base::{Page, advice, title};

use super::session::logged_in;
use crate::client_address::ClientAddress;
use crate::database::Client;
use crate::refusal::Refusal;
use crate::service::Service;

/// A page that leads to the client area.
pub(super) fn page<'a>(service: &'a Service, title: &'a str) -> Page<'a> {
    Page::new(title).of_client_area(service.settings.base_path.as_str())
}

/// Says who is logged in, if somebody is, and links to the client area.
pub(super) fn for_visitor<'a>(page: Page<'a>, client: Option<&Client>) -> Page<'a> {
    let Some(client) = client else { return page };
    page.says(format!("You are still logged in as {}.", client.name_and_email()))
        .links_to("clientarea.php", "Go to the client area")
}

/// Counts and logs a refusal, and shows what the visitor can do.
pub(super) async fn refuse(
    service: &Service,
    endpoint: &'static str,
    address: ClientAddress,
    refusal: &Refusal,
    headers: &HeaderMap,
) -> Response {
    service.refused(endpoint, address, refusal);
    show(service, &refusal.cause, headers).await
}

/// Shows what the visitor can do.
pub(super) async fn show(service: &Service, cause: &Cause, headers: &HeaderMap) -> Response {
    let status = cause.http_status();
    let page = page(service, title(status));
    let seconds = cause.retry_after().map(|wait| wait.as_secs_f64().ceil().max(1.0) as u64);
    let page = match (status, seconds) {
        (StatusCode::TOO_MANY_REQUESTS, Some(seconds)) => page.says(format!(
            "Too many login links from your network were not genuine. This one was not checked. Open it \
             again in {seconds} seconds."
        )),
        (status, _) if status.is_server_error() => {
            page.says("Your login cannot be checked now. Try it again in a minute.")
        }
        _ => {
            let not_genuine = AutoAuthRefusal::HashMismatch.public_message();
            page.says(cause.message()).says(advice(cause.message() == not_genuine))
        }
    };
    // A database that does not answer would not answer this question either.
    let visitor = match status.is_server_error() {
        false => logged_in(service, headers).await.unwrap_or_default(),
        true => None,
    };
    let mut response = for_visitor(page, visitor.as_ref()).answer(status);
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
