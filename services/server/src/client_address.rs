//! The client's address: the peer's, or the one that a trusted proxy sends.

use std::net::IpAddr;

use axum::http::HeaderMap;
use whmcs_auth::Refusal as _;
use whmcs_auth::gate::{HiddenCaller, TrustedProxies};

use crate::refusal::Refusal;

/// The client's address, or why a proxy hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Result<IpAddr, HiddenCaller>);

impl ClientAddress {
    /// The address. Without one the request is refused.
    pub(crate) fn known(self) -> Result<IpAddr, Refusal> {
        self.0.map_err(|hidden| {
            let cause = format_args!("{hidden} (option --trust-proxy)");
            Refusal::answered_as(&hidden, hidden.code(), cause)
        })
    }
}

/// The client's address, as a trusted proxy or else the connection shows it.
pub(crate) fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> ClientAddress {
    ClientAddress(trusted.caller_of(peer, headers))
}
