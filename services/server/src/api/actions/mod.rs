//! The actions of the service.

mod clients;
mod destination;
mod parameters;
mod products;
mod sso_token;

use axum::http::StatusCode;
use whmcs_auth::answer::Value;
use whmcs_auth::{ActionName, Received};

use crate::refusal::Refusal;
use crate::service::Service;

/// The fields of an answer after `result`.
pub(super) type Success = Vec<(&'static str, Value<'static>)>;

pub(super) async fn perform(
    service: &Service,
    action: &ActionName,
    received: &Received,
) -> Result<Success, Refusal> {
    match action.as_str() {
        "getclients" => clients::get_clients(service, received).await,
        "getclientsdetails" => clients::get_clients_details(service, received).await,
        "getproducts" => products::get_products(service, received).await,
        "createssotoken" => sso_token::create_sso_token(service, received).await,
        _ => Err(Refusal::new(
            "action_unknown",
            StatusCode::NOT_FOUND,
            "Command Not Found",
            "the caller may do this action, but the service does not have it",
        )),
    }
}
