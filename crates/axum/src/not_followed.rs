//! What of an accepted request a handler did not follow.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::response::{IntoResponseParts, ResponseParts};

use crate::cause::Cause;
use crate::report::Report;

/// A part of the answer to an accepted login link: a point of the link that the service did not follow.
///
/// The layer [`watch`](crate::watch) hands its report to the service, once a minute for each sender. The visitor learns
/// nothing.
///
/// # Examples
///
/// ```
/// use axum::response::{IntoResponse, Redirect, Response};
/// use whmcs_auth_axum::{Cause, LoginLink, NotFollowed};
///
/// fn redirect(link: &LoginLink) -> Response {
///     let cause = Cause::new("shop_closed", "the shop is closed, so the visitor comes home", 200, "");
///     (NotFollowed::of_link(cause, link.address), Redirect::to("/")).into_response()
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct NotFollowed(Report);

impl NotFollowed {
    /// A point of a link that came from this address. The status and the message of the cause do not count.
    pub fn of_link(cause: impl Into<Cause>, address: Option<IpAddr>) -> Self {
        Self(Report::of_link(cause.into()).of_accepted().with_address(address))
    }
}

impl IntoResponseParts for NotFollowed {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self.0);
        Ok(parts)
    }
}
