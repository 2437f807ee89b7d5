//! `GetClients` and `GetClientsDetails`.

use axum::http::StatusCode;
use whmcs_auth::Received;
use whmcs_auth::answer::Value;

use super::Success;
use super::parameters::{invalid, no_client_named, number, parameter};
use crate::database::{CLIENT_ORDERS, Client, ClientQuery};
use crate::refusal::Refusal;
use crate::service::Service;

/// The most clients in one answer. `limitnum` cannot raise it.
const MAX_CLIENTS: u32 = 10_000;

const NOT_FOUND: &str = "Client Not Found";

/// Reads `limitstart` (0), `limitnum` (25), `search`, `status`, `orderby` (id) and `sorting` (ASC).
pub(super) async fn get_clients(
    service: &Service,
    received: &Received,
) -> Result<Success, Refusal> {
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

/// Reads `clientid` or `email`, and ignores `stats`. If both are sent, `clientid` counts. The account may be
/// closed. The fields are in the answer twice: at the top, as old clients read them, and in `client`.
pub(super) async fn get_clients_details(
    service: &Service,
    received: &Received,
) -> Result<Success, Refusal> {
    let client = match (parameter(received, "clientid"), parameter(received, "email")) {
        (Some(id), _) => match id.parse() {
            Ok(id) => service.database.open_or_closed_client(id).await?,
            Err(_) => None,
        },
        (None, Some(email)) => {
            // A collation also finds e-mails with other letters.
            let found = service.database.clients_by_email(&email).await?;
            found.into_iter().find(|client| client.email.eq_ignore_ascii_case(&email))
        }
        (None, None) => {
            return Err(no_client_named(
                received,
                "`clientid` or `email`",
                StatusCode::NOT_FOUND,
                NOT_FOUND,
            ));
        }
    };
    let client = client.ok_or_else(|| {
        let cause = "no client has this clientid, or else this email";
        Refusal::by_action("client_not_found", StatusCode::NOT_FOUND, NOT_FOUND, cause)
    })?;
    let may_sign_on = i64::from(client.may_sign_on());
    let mut fields = vec![
        ("userid", client.id.into()),
        ("id", client.id.into()),
        ("firstname", client.firstname.clone().into()),
        ("lastname", client.lastname.clone().into()),
        ("fullname", client.name().into()),
        ("companyname", client.companyname.into()),
        ("email", client.email.into()),
        ("datecreated", client.datecreated.into()),
        ("groupid", client.groupid.into()),
        ("allowSingleSignOn", may_sign_on.into()),
        ("status", client.status.into()),
    ];
    fields.push(("client", fields.clone().into()));
    Ok(fields)
}
