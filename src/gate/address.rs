//! Which addresses may call.

use alloc::collections::BTreeSet;
use alloc::string::String;
#[cfg(feature = "ipnet")]
use alloc::vec::Vec;
use core::net::IpAddr;

#[cfg(feature = "ipnet")]
use ipnet::{IpNet, Ipv4Net};

use super::refusal::{AddressRefusal, KeyFault};
use crate::autoauth::key::KeyError;
use crate::digest::{declassify, equal};
use crate::secret_text::SecretText;

/// The addresses that may call, and the access key that lifts the restriction.
///
/// - Addresses are compared as values, so that `::1` and `0:0:0:0:0:0:0:1` are one. An IPv4-mapped
///   IPv6 address, `::ffff:203.0.113.7`, is the IPv4 address.
/// - An empty list denies everyone.
/// - An entry that is empty, or no address as it stands, matches nobody: no space is trimmed, no
///   port, zone or leading zero read, and a network is no address. A fresh WHMCS database holds
///   one empty entry.
/// - Networks are entries of a kind of their own, `networks` with feature `ipnet`. WHMCS has none.
/// - The right access key lifts the restriction. It says nothing about who calls. WHMCS's keys are
///   letters, digits and `! @ # $ % . ( ) * [ ] - _`; here any text with a visible character is a key.
///
/// Source: exact addresses, the empty list and the access key are documented by WHMCS. How addresses
/// are read and compared, and networks, are this crate's.
///
/// # Security
///
/// Give it the address of the peer. One that was read from a header, such as `X-Forwarded-For`,
/// counts only where a proxy of your own wrote it.
///
/// The access key is compared in constant time for its length; the time tells whether the presented
/// one is as long as the right one. Debug does not show it; with feature `zeroize` it is wiped when
/// it is dropped.
///
/// # Examples
///
/// ```
/// use whmcs_auth::Refusal;
/// use whmcs_auth::gate::AddressGate;
///
/// let gate = AddressGate::new()
///     .with_entries(["203.0.113.7", "", "10.0.0.0/8"])
///     .with_access_key("key#1+2")?;
/// assert_eq!(gate.ignored_entries(), 2);
/// assert!(gate.check("203.0.113.7".parse()?, None).is_ok());
/// assert!(gate.check("::ffff:203.0.113.7".parse()?, None).is_ok());
/// assert!(gate.check("10.0.0.1".parse()?, Some("key#1+2")).is_ok());
///
/// let refusal = gate.check("::1".parse()?, None).unwrap_err();
/// assert_eq!(refusal.public_message(), "Invalid IP ::1");
/// assert_eq!(
///     refusal.to_string(),
///     "the address ::1 is not listed: `localhost` resolved to IPv6, or a proxy is on this machine; \
///      2 entries of the list are no addresses, and match nobody",
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AddressGate {
    is_open: bool,
    addresses: BTreeSet<IpAddr>,
    #[cfg(feature = "ipnet")]
    networks: Vec<IpNet>,
    ignored_entries: usize,
    access_key: Option<SecretText<'static>>,
}

impl AddressGate {
    /// An empty list, which denies everyone.
    pub fn new() -> Self {
        Self::default()
    }

    /// No restriction: every address may call, whatever is added.
    pub fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Adds addresses as they stand in a settings table. An entry that is no address matches nobody,
    /// and is counted by [`ignored_entries`](Self::ignored_entries).
    pub fn with_entries<E: AsRef<str>>(mut self, entries: impl IntoIterator<Item = E>) -> Self {
        for entry in entries {
            match entry.as_ref().parse::<IpAddr>() {
                Ok(address) => self = self.with_addresses([address]),
                Err(_) => self.ignored_entries = self.ignored_entries.saturating_add(1),
            }
        }
        self
    }

    /// Adds addresses.
    pub fn with_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let canonical = addresses.into_iter().map(|address| address.to_canonical());
        self.addresses.extend(canonical);
        self
    }

    /// Adds networks: every address in one of them may call. WHMCS knows no networks, so the text
    /// of one is no [entry](Self::with_entries). Bits beyond the prefix do not count, and a network of
    /// IPv4-mapped addresses is the IPv4 network. Needs feature `ipnet`.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::gate::AddressGate;
    ///
    /// let gate = AddressGate::new().with_networks(["10.0.0.0/8".parse()?, "2001:db8::/32".parse()?]);
    /// assert!(gate.check("10.255.0.1".parse()?, None).is_ok());
    /// assert!(gate.check("11.0.0.1".parse()?, None).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "ipnet")]
    pub fn with_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(canonical));
        self
    }

    /// Sets the access key. An empty one is none: no presented key is right then.
    ///
    /// # Errors
    ///
    /// [`KeyError::Blank`] for white space, control characters and byte order marks alone: anybody
    /// guesses such a key.
    pub fn with_access_key(mut self, key: impl Into<String>) -> Result<Self, KeyError> {
        let key = SecretText::new(key.into());
        self.access_key = match key.as_str() {
            "" => None,
            _ if key.is_blank() => return Err(KeyError::Blank),
            _ => Some(key),
        };
        Ok(self)
    }

    /// How many entries match nobody. An operator will want to know at the start of a service.
    #[must_use]
    pub fn ignored_entries(&self) -> usize {
        self.ignored_entries
    }

    /// Whether the address may call, with the access key that was
    /// [presented](crate::ApiRequest::access_key).
    ///
    /// # Errors
    ///
    /// [`AddressRefusal`], with the address and hints.
    pub fn check(&self, address: IpAddr, access_key: Option<&str>) -> Result<(), AddressRefusal> {
        let address = address.to_canonical();
        if self.is_open || self.lists(&address) {
            return Ok(());
        }
        self.check_key(access_key).map_err(|key| AddressRefusal {
            address,
            list_is_empty: self.is_empty(),
            ignored_entries: self.ignored_entries,
            key,
        })
    }

    fn check_key(&self, presented: Option<&str>) -> Result<(), KeyFault> {
        let presented = presented.filter(|key| !key.is_empty()).ok_or(KeyFault::Absent)?;
        let right = self.access_key.as_ref().ok_or(KeyFault::NotConfigured)?;
        declassify(equal(right.as_str().as_bytes(), presented.as_bytes()))
            .then_some(())
            .ok_or(KeyFault::Wrong)
    }

    fn lists(&self, address: &IpAddr) -> bool {
        #[cfg(feature = "ipnet")]
        if self.networks.iter().any(|network| network.contains(address)) {
            return true;
        }
        self.addresses.contains(address)
    }

    fn is_empty(&self) -> bool {
        #[cfg(feature = "ipnet")]
        if !self.networks.is_empty() {
            return false;
        }
        self.addresses.is_empty()
    }
}

#[cfg(feature = "ipnet")]
pub(super) fn canonical(network: IpNet) -> IpNet {
    let mapped = |network: ipnet::Ipv6Net| {
        let prefix = network.prefix_len().checked_sub(96)?;
        Ipv4Net::new(network.addr().to_ipv4_mapped()?, prefix).ok()
    };
    match network {
        IpNet::V4(_) => network,
        IpNet::V6(v6) => mapped(v6).map_or(network, IpNet::V4),
    }
}
