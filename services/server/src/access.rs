//! The addresses and keys, which can change while the service runs.

use whmcs_auth::AutoAuthKeys;
use whmcs_auth::gate::{AddressGate, TrustedProxies};

/// Who may call, and by which keys.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// The addresses that may call the API, and the access key that allows every address.
    pub addresses: AddressGate,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The AutoAuth keys. Without a key AutoAuth is disabled.
    pub autoauth_keys: AutoAuthKeys,
}
