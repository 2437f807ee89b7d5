//! The actions that can be carried out.

use serde_json::{Map, Value, json};
use whmcs_auth::Goto;
use whmcs_auth::gate::ActionName;

use super::fields::Fields;
use super::success::Success;
use crate::database::{CLIENT_ORDERS, Client, ClientQuery, Product};
use crate::refusal::Refusal;
use crate::service::Service;

/// The most that one answer holds, whatever `limitnum` says.
const MOST_CLIENTS: u32 = 10_000;

pub(super) async fn perform(
    service: &Service,
    action: &ActionName,
    fields: &Fields,
) -> Result<Success, Refusal> {
    let done = match action.as_str() {
        "getclients" => get_clients(service, fields).await?,
        "getproducts" => get_products(service, fields).await?,
        "createssotoken" => create_sso_token(service, fields).await?,
        _ => {
            return Err(Refusal::new(
                "action_unknown",
                404,
                "Command Not Found",
                "the action may be done, and this service does not know it",
            ));
        }
    };
    match done {
        Value::Object(fields) => Ok(Success(fields)),
        _ => Ok(Success(Map::new())),
    }
}

/// `limitstart` (0), `limitnum` (25), `search`, `status`, `orderby` (id), `sorting` (ASC).
async fn get_clients(service: &Service, fields: &Fields) -> Result<Value, Refusal> {
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
    Ok(json!({
        "totalresults": page.total,
        "startnumber": start,
        "numreturned": page.clients.len(),
        "clients": { "client": page.clients.iter().map(client).collect::<Vec<_>>() },
    }))
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

/// `pid`, one or several with commas between them, `gid`, `module`.
async fn get_products(service: &Service, fields: &Fields) -> Result<Value, Refusal> {
    let ids = fields
        .parameter("pid")
        .map(|list| list.split(',').map(|id| id.trim().parse()).collect())
        .transpose()
        .map_err(|_| invalid("pid"))?;
    let ids: Option<Vec<u32>> = ids;
    let gid = number(fields, "gid")?;
    let module = fields.parameter("module");
    let products = service
        .database
        .products(ids.as_deref(), gid, module)
        .await?;
    Ok(json!({
        "totalresults": products.len(),
        "startnumber": 0,
        "numreturned": products.len(),
        "products": { "product": products.iter().map(product).collect::<Vec<_>>() },
    }))
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
async fn create_sso_token(service: &Service, fields: &Fields) -> Result<Value, Refusal> {
    let id = fields.parameter("client_id").and_then(|id| id.parse().ok());
    let client = match id {
        Some(id) => service.database.client(id).await?,
        None => None,
    };
    let Some(client) = client else {
        let cause = "no client has the client_id, or the account is closed";
        return Err(Refusal::new(
            "client_not_found",
            404,
            "Client ID Not Found",
            cause,
        ));
    };
    if !matches!(
        fields.parameter("destination"),
        None | Some("sso:custom_redirect")
    ) {
        let cause = "the only destination here is sso:custom_redirect";
        return Err(Refusal::new(
            "destination_unknown",
            400,
            "Invalid Destination",
            cause,
        ));
    }
    let target = match Goto::judge(fields.parameter("sso_redirect_path").unwrap_or_default()) {
        Goto::Absent => None,
        Goto::SameSite { target, .. } => Some(target.into_owned()),
        Goto::Refused => {
            let cause = "sso_redirect_path may lead to another site";
            return Err(Refusal::new(
                "path_refused",
                400,
                "Invalid Redirect Path",
                cause,
            ));
        }
    };
    let token = service.sso_tokens.issue(client.id, target, service.now())?;
    let system_url = service.database.configuration().await?.system_url;
    let base = system_url.as_deref().unwrap_or(&service.settings.base_url);
    let redirect_url = format!(
        "{}/oauth/singlesignon.php?access_token={token}",
        base.trim_end_matches('/')
    );
    Ok(json!({ "access_token": token, "redirect_url": redirect_url }))
}

fn number(fields: &Fields, name: &'static str) -> Result<Option<u32>, Refusal> {
    let text = fields.parameter(name);
    text.map(|text| text.parse().map_err(|_| invalid(name)))
        .transpose()
}

fn invalid(name: &'static str) -> Refusal {
    let cause = format!("the parameter `{name}` cannot be read");
    Refusal::new("parameter_invalid", 400, "Invalid Parameter", cause)
}
