//! Pages about requests that no page of the service answers.

use axum::extract::{Extension, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

use super::page::{for_visitor, page};
use super::session::logged_in;
use crate::client_address::ClientAddress;
use crate::refusal::Refusal;
use crate::service::Shared;
use crate::{api, unrouted};

/// Answers a path that does not exist. Under `includes/` a program expects an answer of the API.
pub(crate) async fn not_found(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let refusal = unrouted::refusal(uri.path(), &service.settings.base_path);
    service.refused(unrouted::ENDPOINT, address, &refusal);
    if uri.path().split('/').any(|segment| segment.eq_ignore_ascii_case("includes")) {
        return api::unknown_path(&service);
    }
    let visitor = logged_in(&service, &headers).await.unwrap_or_default();
    let page = page(&service, "Page not found").says("This site has no such page.");
    let page = match visitor {
        Some(_) => page,
        None => page.links_to("", "Go to the start page"),
    };
    for_visitor(page, visitor.as_ref()).answer(StatusCode::NOT_FOUND)
}

/// Answers a method that the page does not accept.
pub(crate) async fn method_not_allowed(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    allow: &'static str,
) -> Response {
    let cause = format!("the page accepts only {allow}");
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let refusal = Refusal::new("method_not_allowed", status, "Method Not Allowed", cause);
    service.refused("page", address, &refusal);
    let page = page(&service, "This page cannot be opened in this way")
        .says(format!("It accepts only {allow}. Open it by its link."))
        .links_to("", "Go to the start page")
        .answer(status);
    ([(header::ALLOW, allow)], page).into_response()
}
