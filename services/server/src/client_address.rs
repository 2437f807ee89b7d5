//! The client's address: the peer's, or the one that a trusted proxy sends.

use std::net::IpAddr;

use whmcs_auth::gate::HiddenCaller;

use crate::refusal::Refusal;

/// The client's address, or why a proxy hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Result<IpAddr, HiddenCaller>);

impl ClientAddress {
    /// The address. Without one the request is refused.
    pub(crate) fn known(self) -> Result<IpAddr, Refusal> {
        Ok(self.0?)
    }
}
