//! The actions that can be carried out.

use axum::http::StatusCode;
use std::collections::BTreeSet;

use serde_json::{Value, json};
use whmcs_auth::ActionName;
use whmcs_auth::Goto;

use super::fields::Fields;
use super::success::Success;
use crate::database::{CLIENT_ORDERS, Client, ClientQuery, Product, ProductQuery};
use crate::refusal::Refusal;
use crate::service::Service;

/// The most that one answer holds, whatever `limitnum` says.
const MOST_CLIENTS: u32 = 10_000;

/// The most numbers that one list holds.
const MOST_IDS: usize = 1000;

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
            "the action may be done, and this service does not know it",
        )),
    }
}

/// `limitstart` (0), `limitnum` (25), `search`, `status`, `orderby` (id), `sorting` (ASC).
async fn get_clients(service: &Service, fields: &Fields) -> Result<Success, Refusal> {
    let search = fields.parameter("search").unwrap_or_default();
    // To SQLite a NUL is the end of a pattern.
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
        count: number(fields, "limitnum")?.unwrap_or(25).min(MOST_CLIENTS),
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

/// `pid`, one or several with commas between them, `gid`, `module`, `limitstart` (0), `limitnum` (all).
async fn get_products(service: &Service, fields: &Fields) -> Result<Success, Refusal> {
    let ids = fields.parameter("pid").map(|list| {
        let ids: Result<BTreeSet<_>, _> = list.split(',').map(|id| id.trim().parse()).collect();
        let ids = ids.ok().filter(|ids| ids.len() <= MOST_IDS);
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

/// `client_id`, and `sso_redirect_path` with the `destination` that it belongs to, or with none.
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
            "no client has the client_id, or the account is closed",
        )
    })?;
    if !matches!(fields.parameter("destination"), None | Some("sso:custom_redirect")) {
        return Err(Refusal::new(
            "destination_unknown",
            StatusCode::BAD_REQUEST,
            "Invalid Destination",
            "the only destination here is sso:custom_redirect",
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
    let cause = format!("the parameter `{name}` cannot be read");
    Refusal::new("parameter_invalid", StatusCode::BAD_REQUEST, "Invalid Parameter", cause)
}
