//! The parameters of an action, as PHP reads them.

use std::borrow::Cow;

use axum::http::StatusCode;
use whmcs_auth::Received;

use crate::refusal::Refusal;

/// A parameter of an action, as PHP reads it. An empty value is `None`.
pub(super) fn parameter<'r>(received: &'r Received, name: &str) -> Option<Cow<'r, str>> {
    let value = received.field(name).filter(|value| !value.is_empty())?;
    // Bytes that are not UTF-8 become U+FFFD, which no record has. If the filter were dropped instead, it
    // would match all records.
    Some(String::from_utf8_lossy(value))
}

/// A whole number. No value is `None`.
pub(super) fn number(received: &Received, name: &'static str) -> Result<Option<u32>, Refusal> {
    let text = parameter(received, name);
    text.map(|text| text.parse().map_err(|_| invalid(name))).transpose()
}

/// The call names no client: `wanted` are the parameters that do. The sentence names the parameter that the caller
/// probably meant for one, since every action has a spelling of its own.
pub(super) fn no_client_named(
    received: &Received,
    wanted: &str,
    status: StatusCode,
    message: &'static str,
) -> Refusal {
    const ALIKE: [&str; 14] = [
        "clientid",
        "client_id",
        "clientId",
        "clientID",
        "ClientId",
        "userid",
        "user_id",
        "userId",
        "id",
        "uid",
        "client",
        "customerid",
        "email",
        "Email",
    ];
    let sent = ALIKE.into_iter().find(|name| parameter(received, name).is_some());
    let cause = match sent {
        Some(sent) => format!("the action reads {wanted}, and `{sent}` was sent"),
        None => format!("the action reads {wanted}, and neither was sent"),
    };
    Refusal::by_action("client_missing", status, message, cause)
}

pub(super) fn invalid(name: &'static str) -> Refusal {
    let cause = format!("the parameter `{name}` has no valid value");
    Refusal::by_action("parameter_invalid", StatusCode::BAD_REQUEST, "Invalid Parameter", cause)
}
