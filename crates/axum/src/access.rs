//! Who may call now: addresses, proxies and keys. They can be replaced while the service runs.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::Extensions;
use axum::http::request::Parts;
use whmcs_auth::AutoAuthKeys;
use whmcs_auth::gate::{AddressGate, TrustedProxies};

use crate::cause::Cause;

/// Who may call, and by which keys links are signed.
///
/// | setting | default |
/// |---|---|
/// | [`with_addresses`](Self::with_addresses) | nobody may call the API |
/// | [`with_proxies`](Self::with_proxies) | no proxy is trusted: the peer is the caller |
/// | [`with_keys`](Self::with_keys) | no key: every login link is refused |
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Access {
    pub(crate) addresses: AddressGate,
    proxies: TrustedProxies,
    pub(crate) keys: AutoAuthKeys,
}

impl Access {
    /// The defaults, which let nobody in.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the addresses that may call the API, and the access key.
    pub fn with_addresses(mut self, addresses: AddressGate) -> Self {
        self.addresses = addresses;
        self
    }

    /// Trusts these proxies to name the caller's address. Behind a proxy that is not trusted, every caller has the
    /// address of the proxy.
    pub fn with_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Sets the AutoAuth keys.
    pub fn with_keys(mut self, keys: impl Into<AutoAuthKeys>) -> Self {
        self.keys = keys.into();
        self
    }

    /// The proxies that are trusted.
    pub fn proxies(&self) -> &TrustedProxies {
        &self.proxies
    }

    /// The caller's address, from the address of the peer and the headers.
    pub(crate) fn address(&self, head: &Parts) -> Result<IpAddr, Cause> {
        let peer = peer(&head.extensions).ok_or_else(Cause::no_connect_info)?;
        Ok(self.proxies.caller_of(peer, &head.headers)?)
    }
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    let real = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let mock = || extensions.get::<MockConnectInfo<SocketAddr>>().map(|info| info.0);
    real.or_else(mock).map(|peer| peer.ip())
}

/// The [`Access`] of a running service. Clones share it.
///
/// # Examples
///
/// ```
/// use whmcs_auth_axum::whmcs_auth::gate::AddressGate;
/// use whmcs_auth_axum::{Access, CurrentAccess};
///
/// let access = Access::new().with_addresses(AddressGate::new().with_entries(["203.0.113.7"]));
/// let current = CurrentAccess::from(access);
/// // Give a clone to `Authenticator::new` and `LinkVerifier::new`. Later, for example at SIGHUP:
/// current.replace(Access::new().with_addresses(AddressGate::new().with_entries(["203.0.113.8"])));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct CurrentAccess(Arc<RwLock<Arc<Access>>>);

impl CurrentAccess {
    /// Replaces addresses, proxies and keys at once. Every later check uses the new ones, on open connections as well.
    /// A call whose address was already checked continues.
    pub fn replace(&self, access: Access) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(access);
    }

    /// The access now.
    #[must_use]
    pub fn get(&self) -> Arc<Access> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl From<Access> for CurrentAccess {
    fn from(access: Access) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(access))))
    }
}
