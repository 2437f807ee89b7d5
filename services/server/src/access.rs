//! The addresses and keys, which can change while the service runs.

use std::sync::Arc;

use tokio::sync::watch;
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

/// Replaces the [`Access`] of a running service. A request that has begun to check something goes on
/// with the old one.
pub struct AccessControl(watch::Sender<Arc<Access>>);

/// The current [`Access`] of a service.
#[derive(Clone)]
pub struct CurrentAccess(watch::Receiver<Arc<Access>>);

impl Access {
    /// The access of a service, and what replaces it later.
    pub fn controlled(self) -> (AccessControl, CurrentAccess) {
        let (sender, receiver) = watch::channel(Arc::new(self));
        (AccessControl(sender), CurrentAccess(receiver))
    }
}

impl AccessControl {
    /// Replaces all of it at once.
    pub fn replace(&self, access: Access) {
        self.0.send_replace(Arc::new(access));
    }
}

impl CurrentAccess {
    pub(crate) fn get(&self) -> Arc<Access> {
        Arc::clone(&self.0.borrow())
    }
}

impl From<Access> for CurrentAccess {
    /// Access that never changes.
    fn from(access: Access) -> Self {
        access.controlled().1
    }
}
