//! The actions of the service.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use serde_json::{Value, json};
use whmcs_auth::{ActionName, Goto};

use super::fields::Fields;
use super::success::Success;
use crate::database::{CLIENT_ORDERS, Client, ClientQuery, Product, ProductQuery};
use crate::refusal::Refusal;
use crate::service::Service;

/// The most clients in one answer. `limitnum` cannot raise it.
const MAX_CLIENTS: u32 = 10_000;

/// The most numbers in one `pid`.
const MAX_IDS: usize = 1000;

pub(super) async fn perform(
    service: &Service,
    action: &ActionName,
    fields: &Fields,
) -> Result<Success, Refusal> {
    match action.as_str() {
        "getclients" => get_clients(service, fields).await,
        "getproducts" => get_products(service, fields).await,
        "createssotoken" => create_sso_token(service, fields).await,
        _ => Err(Refusal::new(
            "action_unknown",
            StatusCode::NOT_FOUND,
            "Command Not Found",
            "the caller may do this action, but the service does not have it",
        )),
    }
}

/// Reads `limitstart` (0), `limitnum` (25), `search`, `status`, `orderby` (id) and `sorting` (ASC).
async fn get_clients(service: &Service, fields: &Fields) -> Result<Success, Refusal> {
    let search = fields.parameter("search").unwrap_or_default();
    // SQLite ends a pattern at a NUL.
    if search.contains(char::is_control) {
        return Err(invalid("search"));
    }
    let order = fields.parameter("orderby").unwrap_or("id");
    let order = CLIENT_ORDERS.into_iter().find(|column| *column == order);
    let start = number(fields, "limitstart")?.unwrap_or(0);
    let query = ClientQuery {
        search,
        status: fields.parameter("status"),
        order_by: order.ok_or_else(|| invalid("orderby"))?,
        is_descending: match fields.parameter("sorting") {
            None => false,
            Some(sorting) if sorting.eq_ignore_ascii_case("ASC") => false,
            Some(sorting) if sorting.eq_ignore_ascii_case("DESC") => true,
            Some(_) => return Err(invalid("sorting")),
        },
        start,
        count: number(fields, "limitnum")?.unwrap_or(25).min(MAX_CLIENTS),
    };
    let page = service.database.clients(&query).await?;
    Ok(Success(json!({
        "totalresults": page.total,
        "startnumber": start,
        "numreturned": page.clients.len(),
        "clients": { "client": page.clients.iter().map(client).collect::<Vec<_>>() },
    })))
}

fn client(client: &Client) -> Value {
    json!({
        "id": client.id,
        "firstname": client.firstname,
        "lastname": client.lastname,
        "companyname": client.companyname,
        "email": client.email,
        "datecreated": client.datecreated,
        "groupid": client.groupid,
        "status": client.status,
    })
}

/// Reads `pid` (one number, or several with commas), `gid`, `module`, `limitstart` (0) and `limitnum`
/// (all).
async fn get_products(service: &Service, fields: &Fields) -> Result<Success, Refusal> {
    let ids = fields.parameter("pid").map(|list| {
        let ids: Result<BTreeSet<_>, _> = list.split(',').map(|id| id.trim().parse()).collect();
        let ids = ids.ok().filter(|ids| ids.len() <= MAX_IDS);
        ids.ok_or_else(|| invalid("pid"))
    });
    let query = ProductQuery {
        ids: ids.transpose()?,
        gid: number(fields, "gid")?,
        module: fields.parameter("module"),
    };
    let start = number(fields, "limitstart")?.unwrap_or(0);
    let count = number(fields, "limitnum")?.unwrap_or(u32::MAX);
    let products = service.database.products(&query).await?;
    let page = products.iter().skip(start as usize).take(count as usize);
    let page: Vec<_> = page.map(product).collect();
    Ok(Success(json!({
        "totalresults": products.len(),
        "startnumber": start,
        "numreturned": page.len(),
        "products": { "product": page },
    })))
}

fn product(product: &Product) -> Value {
    json!({
        "pid": product.id,
        "gid": product.gid,
        "type": product.r#type,
        "name": product.name,
        "description": product.description,
        "module": product.servertype,
        "paytype": product.paytype,
    })
}

/// Reads `client_id`, `destination` and `sso_redirect_path`.
async fn create_sso_token(service: &Service, fields: &Fields) -> Result<Success, Refusal> {
    let id = fields.parameter("client_id").and_then(|id| id.parse().ok());
    let client = match id {
        Some(id) => service.database.client(id).await?,
        None => None,
    };
    let client = client.ok_or_else(|| {
        Refusal::new(
            "client_not_found",
            StatusCode::NOT_FOUND,
            "Client ID Not Found",
            "no client has this client_id, or the account is closed",
        )
    })?;
    if !matches!(fields.parameter("destination"), None | Some("sso:custom_redirect")) {
        return Err(Refusal::new(
            "destination_unknown",
            StatusCode::BAD_REQUEST,
            "Invalid Destination",
            "the service only supports the destination sso:custom_redirect",
        ));
    }
    let target = match Goto::parse(fields.parameter("sso_redirect_path").unwrap_or_default()) {
        Goto::Absent => None,
        Goto::SameSite(target) => Some(target.into_owned()),
        Goto::Refused => {
            return Err(Refusal::new(
                "path_refused",
                StatusCode::BAD_REQUEST,
                "Invalid Redirect Path",
                "sso_redirect_path may lead to another site",
            ));
        }
    };
    let token = service.sso_tokens.issue(client.id, target, service.now())?;
    let system_url = service.database.configuration().await?.system_url;
    let base = system_url.as_deref().unwrap_or(&service.settings.base_url);
    let redirect_url =
        format!("{}/oauth/singlesignon.php?access_token={token}", base.trim_end_matches('/'));
    Ok(Success(json!({ "access_token": token, "redirect_url": redirect_url })))
}

fn number(fields: &Fields, name: &'static str) -> Result<Option<u32>, Refusal> {
    let text = fields.parameter(name);
    text.map(|text| text.parse().map_err(|_| invalid(name))).transpose()
}

fn invalid(name: &'static str) -> Refusal {
    let cause = format!("the parameter `{name}` has no valid value");
    Refusal::new("parameter_invalid", StatusCode::BAD_REQUEST, "Invalid Parameter", cause)
}
