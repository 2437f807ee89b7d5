//! The actions of the service.

use std::borrow::Cow;
use std::collections::BTreeSet;

use axum::http::StatusCode;
use whmcs_auth::answer::Value;
use whmcs_auth::{ActionName, Goto, Received};

use crate::database::{CLIENT_ORDERS, Client, ClientQuery, Product, ProductQuery};
use crate::pages::acts;
use crate::refusal::Refusal;
use crate::service::Service;

/// The most clients in one answer. `limitnum` cannot raise it.
const MAX_CLIENTS: u32 = 10_000;

/// The most numbers in one `pid`.
const MAX_IDS: usize = 1000;

/// The fields of an answer after `result`.
pub(super) type Success = Vec<(&'static str, Value<'static>)>;

pub(super) async fn perform(
    service: &Service,
    action: &ActionName,
    received: &Received,
) -> Result<Success, Refusal> {
    match action.as_str() {
        "getclients" => get_clients(service, received).await,
        "getproducts" => get_products(service, received).await,
        "createssotoken" => create_sso_token(service, received).await,
        _ => Err(Refusal::new(
            "action_unknown",
            StatusCode::NOT_FOUND,
            "Command Not Found",
            "the caller may do this action, but the service does not have it",
        )),
    }
}

/// Reads `limitstart` (0), `limitnum` (25), `search`, `status`, `orderby` (id) and `sorting` (ASC).
async fn get_clients(service: &Service, received: &Received) -> Result<Success, Refusal> {
    let search = parameter(received, "search").unwrap_or_default();
    // SQLite ends a pattern at a NUL.
    if search.contains(char::is_control) {
        return Err(invalid("search"));
    }
    let order = parameter(received, "orderby").unwrap_or("id".into());
    let order = CLIENT_ORDERS.into_iter().find(|column| *column == order);
    let status = parameter(received, "status");
    let start = number(received, "limitstart")?.unwrap_or(0);
    let query = ClientQuery {
        search: &search,
        status: status.as_deref(),
        order_by: order.ok_or_else(|| invalid("orderby"))?,
        is_descending: match parameter(received, "sorting") {
            None => false,
            Some(sorting) if sorting.eq_ignore_ascii_case("ASC") => false,
            Some(sorting) if sorting.eq_ignore_ascii_case("DESC") => true,
            Some(_) => return Err(invalid("sorting")),
        },
        start,
        count: number(received, "limitnum")?.unwrap_or(25).min(MAX_CLIENTS),
    };
    let page = service.database.clients(&query).await?;
    Ok(vec![
        ("totalresults", page.total.into()),
        ("startnumber", start.into()),
        ("numreturned", page.clients.len().into()),
        ("clients", [("client", page.clients.into_iter().map(client).collect())].into()),
    ])
}

fn client(client: Client) -> Value<'static> {
    let fields: [(_, Value<'_>); 8] = [
        ("id", client.id.into()),
        ("firstname", client.firstname.into()),
        ("lastname", client.lastname.into()),
        ("companyname", client.companyname.into()),
        ("email", client.email.into()),
        ("datecreated", client.datecreated.into()),
        ("groupid", client.groupid.into()),
        ("status", client.status.into()),
    ];
    fields.into()
}

/// Reads `pid` (one number, or several with commas), `gid`, `module`, `limitstart` (0) and `limitnum`
/// (all).
async fn get_products(service: &Service, received: &Received) -> Result<Success, Refusal> {
    let ids = parameter(received, "pid").map(|list| {
        let ids: Result<BTreeSet<_>, _> = list.split(',').map(|id| id.trim().parse()).collect();
        let ids = ids.ok().filter(|ids| ids.len() <= MAX_IDS);
        ids.ok_or_else(|| invalid("pid"))
    });
    let module = parameter(received, "module");
    let query = ProductQuery {
        ids: ids.transpose()?,
        gid: number(received, "gid")?,
        module: module.as_deref(),
    };
    let start = number(received, "limitstart")?.unwrap_or(0);
    let count = number(received, "limitnum")?.unwrap_or(u32::MAX);
    let products = service.database.products(&query).await?;
    let total = products.len();
    let page = products.into_iter().skip(start as usize).take(count as usize);
    let page: Vec<_> = page.map(product).collect();
    Ok(vec![
        ("totalresults", total.into()),
        ("startnumber", start.into()),
        ("numreturned", page.len().into()),
        ("products", [("product", page.into())].into()),
    ])
}

fn product(product: Product) -> Value<'static> {
    let fields: [(_, Value<'_>); 7] = [
        ("pid", product.id.into()),
        ("gid", product.gid.into()),
        ("type", product.r#type.into()),
        ("name", product.name.into()),
        ("description", product.description.into()),
        ("module", product.servertype.into()),
        ("paytype", product.paytype.into()),
    ];
    fields.into()
}

/// Reads `client_id`, `destination` and `sso_redirect_path`.
async fn create_sso_token(service: &Service, received: &Received) -> Result<Success, Refusal> {
    let id = parameter(received, "client_id").and_then(|id| id.parse().ok());
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
    let destination = parameter(received, "destination");
    if !matches!(destination.as_deref(), None | Some("sso:custom_redirect")) {
        return Err(Refusal::new(
            "destination_unknown",
            StatusCode::BAD_REQUEST,
            "Invalid Destination",
            "the service only supports the destination sso:custom_redirect",
        ));
    }
    let path = parameter(received, "sso_redirect_path").unwrap_or_default();
    let target = match Goto::parse(&path) {
        Goto::Absent => None,
        Goto::SameSite(target) if !acts(&target) => Some(target.into_owned()),
        Goto::SameSite(_) | Goto::Refused => {
            return Err(Refusal::new(
                "path_refused",
                StatusCode::BAD_REQUEST,
                "Invalid Redirect Path",
                "sso_redirect_path may lead to another site, or it is a page that acts",
            ));
        }
    };
    let token = service.sso_tokens.issue(client.id, target, service.now()).await?;
    let system_url = service.database.configuration().await?.system_url;
    let base = system_url.as_deref().unwrap_or(&service.settings.base_url);
    let redirect_url =
        format!("{}/oauth/singlesignon.php?access_token={token}", base.trim_end_matches('/'));
    Ok(vec![("access_token", token.into()), ("redirect_url", redirect_url.into())])
}

/// A parameter of an action, as PHP reads it. An empty value is `None`.
fn parameter<'r>(received: &'r Received, name: &str) -> Option<Cow<'r, str>> {
    let value = received.field(name).filter(|value| !value.is_empty())?;
    // Bytes that are not UTF-8 become U+FFFD, which no record has. An absent filter would match them all.
    Some(String::from_utf8_lossy(value))
}

fn number(received: &Received, name: &'static str) -> Result<Option<u32>, Refusal> {
    let text = parameter(received, name);
    text.map(|text| text.parse().map_err(|_| invalid(name))).transpose()
}

fn invalid(name: &'static str) -> Refusal {
    let cause = format!("the parameter `{name}` has no valid value");
    Refusal::new("parameter_invalid", StatusCode::BAD_REQUEST, "Invalid Parameter", cause)
}
