//! The address gate: which addresses may call.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

#[cfg(feature = "ipnet")]
use ipnet::{IpNet, Ipv4Net};

use super::refusal::{AddressRefusal, KeyFault, Listed};
use super::unreadable_entry::UnreadableEntry;
use crate::api::request::ApiRequest;
use crate::autoauth::key::KeyError;
use crate::digest::{declassify, equal};
use crate::secret_text::{SecretText, SecretWarning};

/// The addresses that may call, and the access key that lifts this restriction.
///
/// - **GATE-1**: Addresses are compared as values: `::1` equals `0:0:0:0:0:0:0:1`. An IPv4-mapped IPv6 address
///   such as `::ffff:203.0.113.7` equals the IPv4 address.
/// - **GATE-2**: An empty list refuses everyone.
/// - **GATE-3**: An entry is one address and nothing else. White space is not trimmed. A port, a zone, a
///   leading zero or a network makes the entry match no address. So does an empty entry, which a
///   new WHMCS database holds.
/// - **GATE-4**: Networks are added with `with_networks`, which needs feature `ipnet`. WHMCS has no networks.
/// - **GATE-5**: The right access key lifts the restriction. It never proves who calls. WHMCS allows letters,
///   digits and `! @ # $ % . ( ) * [ ] - _` in a key; here, any text with a visible character can
///   be a key.
///
/// Source: WHMCS documents exact addresses, the empty list and the access key. How addresses are
/// read and compared, and networks, are decisions of this crate.
///
/// # Security
///
/// - Pass the address of the peer. Behind a proxy of your own, pass the address that
///   [`TrustedProxies`](super::TrustedProxies) reads from the header.
/// - The access key is compared in constant time. The time shows only whether the presented key is
///   as long as the right one.
/// - Debug does not show the access key. With feature `zeroize`, it is wiped when the gate is
///   dropped.
///
/// # Examples
///
/// ```
/// use whmcs_auth::gate::AddressGate;
/// use whmcs_auth::{ApiRequest, Refusal};
///
/// let gate = AddressGate::new()
///     .with_entries(["203.0.113.7", "", "10.0.0.0/8"])
///     .with_access_key("key#1+2")?;
/// // When the service starts.
/// let unreadable: Vec<_> = gate.unreadable_entries().iter().map(ToString::to_string).collect();
/// assert_eq!(unreadable[0], r#"the entry "" holds nothing: remove it"#);
///
/// let request = ApiRequest::from_pairs([("action", "GetClients")]);
/// assert!(gate.check("203.0.113.7".parse()?, &request).is_ok());
/// assert!(gate.check("::ffff:203.0.113.7".parse()?, &request).is_ok());
/// let with_key = ApiRequest::from_pairs([("accesskey", "key#1+2")]);
/// assert!(gate.check("10.0.0.1".parse()?, &with_key).is_ok());
///
/// let refusal = gate.check("::1".parse()?, &request).unwrap_err();
/// assert_eq!(refusal.public_message(), "Invalid IP ::1");
/// assert_eq!(
///     refusal.to_string(),
///     "the address ::1 is not listed: `localhost` resolved to IPv6, or a proxy is on this machine; \
///      2 entries of the list cannot be read as an address",
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
    unreadable_entries: Vec<UnreadableEntry>,
    access_key: Option<SecretText<'static>>,
}

impl AddressGate {
    /// Makes a gate with an empty list, which refuses everyone.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a gate without a restriction: every address may call. Entries that are added later change nothing.
    pub fn open() -> Self {
        Self { is_open: true, ..Self::default() }
    }

    /// Adds addresses in text form, for example from a settings table.
    ///
    /// An entry that is not one address matches no address.
    /// [`unreadable_entries`](Self::unreadable_entries) returns such entries.
    pub fn with_entries<E: AsRef<str>>(mut self, entries: impl IntoIterator<Item = E>) -> Self {
        for entry in entries {
            let entry = entry.as_ref();
            match entry.parse::<IpAddr>() {
                Ok(address) => self = self.with_addresses([address]),
                Err(_) => self.unreadable_entries.push(UnreadableEntry::new(entry)),
            }
        }
        self
    }

    /// Adds addresses. IPv4-mapped IPv6 addresses become IPv4 addresses.
    pub fn with_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let canonical = addresses.into_iter().map(|address| address.to_canonical());
        self.addresses.extend(canonical);
        self
    }

    /// Adds networks: every address in one of them may call. Needs feature `ipnet`.
    ///
    /// Bits after the prefix are ignored. A network of IPv4-mapped addresses is read as the IPv4
    /// network. The text of a network is not an [entry](Self::with_entries), because WHMCS has no
    /// networks.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::ApiRequest;
    /// use whmcs_auth::gate::AddressGate;
    ///
    /// let gate = AddressGate::new().with_networks(["10.0.0.0/8".parse()?, "2001:db8::/32".parse()?]);
    /// let request = ApiRequest::from_pairs([("action", "GetClients")]);
    /// assert!(gate.check("10.255.0.1".parse()?, &request).is_ok());
    /// assert!(gate.check("11.0.0.1".parse()?, &request).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "ipnet")]
    pub fn with_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(canonical));
        self
    }

    /// Sets the access key. There is only one: a second call replaces it. An empty string removes it. Then every presented
    /// key is wrong.
    ///
    /// # Errors
    ///
    /// [`KeyError::Blank`] if the text holds no visible character. Anybody can guess such a key.
    pub fn with_access_key(mut self, key: impl Into<String>) -> Result<Self, KeyError> {
        let key = SecretText::new(key.into());
        self.access_key = match key.as_str() {
            "" => None,
            _ if key.is_blank() => return Err(KeyError::Blank),
            _ => Some(key),
        };
        Ok(self)
    }

    /// A warning if the access key starts or ends with white space or another invisible character. Show
    /// it to the operator when the service starts.
    #[must_use]
    pub fn access_key_warning(&self) -> Option<SecretWarning> {
        self.access_key.as_ref().and_then(SecretText::warning)
    }

    /// The [entries](Self::with_entries) that match no address, in the order in which they were added. Show
    /// them to the operator when the service starts.
    #[must_use]
    pub fn unreadable_entries(&self) -> &[UnreadableEntry] {
        &self.unreadable_entries
    }

    /// Checks whether the address may call, with the [access key](ApiRequest::access_key) that the
    /// request presents.
    ///
    /// # Errors
    ///
    /// [`AddressRefusal`] if the gate is not open, the address is not listed, and the presented key
    /// is absent, malformed or wrong.
    pub fn check(&self, address: IpAddr, request: &ApiRequest<'_>) -> Result<(), AddressRefusal> {
        let address = address.to_canonical();
        if self.is_open || self.is_listed(&address) {
            return Ok(());
        }
        self.check_key(request).map_err(|key| AddressRefusal {
            address,
            listed: self.listed(),
            unreadable_entries: self.unreadable_entries.len(),
            key,
        })
    }

    /// Checks whether the address may call before the body is read. `query` holds only the fields of the query.
    ///
    /// It also admits a request whose access key may still come in the body. So call [`check`](Self::check) with
    /// the whole request afterwards.
    ///
    /// # Errors
    ///
    /// [`AddressRefusal`] if the address is not listed, and no access key in the body could change that.
    pub fn check_before_body(
        &self,
        address: IpAddr,
        query: &ApiRequest<'_>,
    ) -> Result<(), AddressRefusal> {
        match self.check(address, query) {
            Err(refusal) if refusal.key == KeyFault::Absent && self.access_key.is_some() => Ok(()),
            checked => checked,
        }
    }

    fn check_key(&self, request: &ApiRequest<'_>) -> Result<(), KeyFault> {
        let presented = request.access_key().map_err(KeyFault::Malformed)?;
        let presented = presented.ok_or(KeyFault::Absent)?;
        let configured = self.access_key.as_ref().ok_or(KeyFault::NotConfigured)?;
        declassify(equal(configured.as_str().as_bytes(), presented.as_bytes()))
            .then_some(())
            .ok_or(KeyFault::Wrong)
    }

    fn is_listed(&self, address: &IpAddr) -> bool {
        #[cfg(feature = "ipnet")]
        if self.networks.iter().any(|network| network.contains(address)) {
            return true;
        }
        self.addresses.contains(address)
    }

    /// What the list holds, for the operator.
    fn listed(&self) -> Listed {
        // The set is sorted: IPv4 comes first.
        let holds_ipv4 = self.addresses.first().is_some_and(IpAddr::is_ipv4);
        let holds_ipv6 = self.addresses.last().is_some_and(IpAddr::is_ipv6);
        #[cfg(feature = "ipnet")]
        let (holds_ipv4, holds_ipv6) = (
            holds_ipv4 || self.networks.iter().any(|network| network.addr().is_ipv4()),
            holds_ipv6 || self.networks.iter().any(|network| network.addr().is_ipv6()),
        );
        match (holds_ipv4, holds_ipv6) {
            (true, true) => Listed::Both,
            (true, false) => Listed::OnlyIpv4,
            (false, true) => Listed::OnlyIpv6,
            (false, false) if self.unreadable_entries.iter().all(UnreadableEntry::is_empty) => {
                Listed::Nothing
            }
            (false, false) => Listed::OnlyUnreadable,
        }
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
