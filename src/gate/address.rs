//! Which addresses may call.

use alloc::borrow::Cow;
use alloc::collections::BTreeSet;
use alloc::string::String;
#[cfg(feature = "ipnet")]
use alloc::vec::Vec;
use core::net::IpAddr;

#[cfg(feature = "ipnet")]
use ipnet::{IpNet, Ipv4Net};

use crate::digest::{equal, reveal};
use crate::fields::Text;

/// The addresses that may call, and the access key that lifts the restriction.
///
/// - Addresses are compared as values, so that `::1` and `0:0:0:0:0:0:0:1` are one. An IPv4-mapped
///   IPv6 address, `::ffff:203.0.113.7`, is the IPv4 address.
/// - An empty list denies everyone.
/// - An entry that is empty, or no address as it stands, matches nobody: no space is trimmed, no
///   port, zone or leading zero read, and a network is no address. A fresh WHMCS database holds
///   one empty entry.
/// - Networks are entries of a kind of their own, `networks` with feature `ipnet`. WHMCS has none.
/// - The right access key lifts the restriction. It says nothing about who calls.
///
/// Source: documented by WHMCS, or seen there; that invalid entries match nobody, and networks, are
/// this crate's.
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
/// use whmcs_auth::gate::AddressGate;
///
/// let gate = AddressGate::new()
///     .entries(["203.0.113.7", "", "10.0.0.0/8"])
///     .access_key("key#1+2");
/// assert_eq!(gate.ignored_entries(), 2);
/// assert!(gate.check("203.0.113.7".parse()?, None).is_ok());
/// assert!(gate.check("::ffff:203.0.113.7".parse()?, None).is_ok());
/// assert!(gate.check("10.0.0.1".parse()?, Some("key#1+2")).is_ok());
///
/// let refusal = gate.check("::1".parse()?, None).unwrap_err();
/// assert_eq!(refusal.public_message(), "Invalid IP ::1");
/// assert_eq!(
///     refusal.to_string(),
///     "the address ::1 is not listed: `localhost` may have resolved to IPv6, \
///      or a proxy on this machine may call",
/// );
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct AddressGate {
    is_open: bool,
    addresses: BTreeSet<IpAddr>,
    #[cfg(feature = "ipnet")]
    networks: Vec<IpNet>,
    ignored_entries: usize,
    access_key: Option<Text<'static>>,
}

impl AddressGate {
    /// An empty list, which denies everyone.
    pub fn new() -> Self {
        Self::default()
    }

    /// No restriction: every address may call.
    pub fn open() -> Self {
        Self {
            is_open: true,
            ..Self::default()
        }
    }

    /// Adds addresses as they stand in a settings table. What is none matches nobody, and is
    /// counted by [`ignored_entries`](Self::ignored_entries).
    pub fn entries<E: AsRef<str>>(mut self, entries: impl IntoIterator<Item = E>) -> Self {
        for entry in entries {
            match entry.as_ref().parse::<IpAddr>() {
                Ok(address) => self = self.addresses([address]),
                Err(_) => self.ignored_entries = self.ignored_entries.saturating_add(1),
            }
        }
        self
    }

    /// Adds addresses.
    pub fn addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let canonical = addresses.into_iter().map(|address| address.to_canonical());
        self.addresses.extend(canonical);
        self
    }

    /// Adds networks: every address in one of them may call. WHMCS knows no networks, so the text
    /// of one is no [entry](Self::entries). Bits beyond the prefix do not count, and a network of
    /// IPv4-mapped addresses is the IPv4 network. Needs feature `ipnet`.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::gate::AddressGate;
    ///
    /// let gate = AddressGate::new().networks(["10.0.0.0/8".parse()?, "2001:db8::/32".parse()?]);
    /// assert!(gate.check("10.255.0.1".parse()?, None).is_ok());
    /// assert!(gate.check("11.0.0.1".parse()?, None).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "ipnet")]
    pub fn networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(canonical));
        self
    }

    /// Sets the access key. An empty one is none: no presented key is right then.
    pub fn access_key(mut self, key: impl Into<String>) -> Self {
        let key = Text::new(key.into());
        self.access_key = (!key.as_str().is_empty()).then_some(key);
        self
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
    /// [`AddressRefusal`], with the address and a hint.
    pub fn check(&self, address: IpAddr, access_key: Option<&str>) -> Result<(), AddressRefusal> {
        let address = address.to_canonical();
        let presented = access_key.filter(|key| !key.is_empty());
        if self.is_open || self.lists(&address) || self.is_lifted_by(presented) {
            return Ok(());
        }
        Err(match address {
            _ if presented.is_some() => AddressRefusal::WrongAccessKey { address },
            _ if self.is_empty() => AddressRefusal::EmptyList { address },
            IpAddr::V4(v4) if v4.is_loopback() => AddressRefusal::Loopback { address },
            IpAddr::V6(v6) if v6.is_loopback() => AddressRefusal::Ipv6Localhost { address },
            _ => AddressRefusal::NotListed { address },
        })
    }

    fn lists(&self, address: &IpAddr) -> bool {
        #[cfg(feature = "ipnet")]
        if self
            .networks
            .iter()
            .any(|network| network.contains(address))
        {
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

    fn is_lifted_by(&self, presented: Option<&str>) -> bool {
        let (Some(right), Some(presented)) = (&self.access_key, presented) else {
            return false;
        };
        reveal(equal(right.as_str().as_bytes(), presented.as_bytes()))
    }
}

#[cfg(feature = "ipnet")]
fn canonical(network: IpNet) -> IpNet {
    let mapped = |network: ipnet::Ipv6Net| {
        let prefix = network.prefix_len().checked_sub(96)?;
        Ipv4Net::new(network.addr().to_ipv4_mapped()?, prefix).ok()
    };
    match network {
        IpNet::V4(_) => network,
        IpNet::V6(v6) => mapped(v6).map_or(network, IpNet::V4),
    }
}

/// Why an address may not call. For the operator: Display names the address and the likely mistake.
///
/// Source: the public message and the status are those of WHMCS installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum AddressRefusal {
    /// No address is listed. Code `address_list_empty`.
    #[error("the address {address} is not listed: the list is empty, which denies everyone")]
    EmptyList {
        /// The caller's address.
        address: IpAddr,
    },
    /// An IPv4 loopback address. Code `loopback_not_listed`.
    #[error("the address {address} is not listed: the caller, or a proxy, is on this machine")]
    Loopback {
        /// The caller's address.
        address: IpAddr,
    },
    /// `::1`. Code `ipv6_localhost_not_listed`.
    #[error(
        "the address {address} is not listed: `localhost` may have resolved to IPv6, \
         or a proxy on this machine may call"
    )]
    Ipv6Localhost {
        /// The caller's address.
        address: IpAddr,
    },
    /// Any other address. Code `address_not_listed`.
    #[error(
        "the address {address} is not listed: it may be that of a proxy, \
         which must tell the caller's"
    )]
    NotListed {
        /// The caller's address.
        address: IpAddr,
    },
    /// An access key was presented, and is not the right one. Code `wrong_access_key`.
    #[error("the address {address} is not listed, and the access key is not the right one")]
    WrongAccessKey {
        /// The caller's address.
        address: IpAddr,
    },
}

impl AddressRefusal {
    /// The caller's address. An IPv4-mapped one was made IPv4.
    pub const fn address(&self) -> IpAddr {
        match self {
            Self::EmptyList { address }
            | Self::Loopback { address }
            | Self::Ipv6Localhost { address }
            | Self::NotListed { address }
            | Self::WrongAccessKey { address } => *address,
        }
    }

    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::EmptyList { .. } => "address_list_empty",
            Self::Loopback { .. } => "loopback_not_listed",
            Self::Ipv6Localhost { .. } => "ipv6_localhost_not_listed",
            Self::NotListed { .. } => "address_not_listed",
            Self::WrongAccessKey { .. } => "wrong_access_key",
        }
    }

    /// What the caller of the service is told: `Invalid IP 203.0.113.7`.
    pub fn public_message(&self) -> Cow<'static, str> {
        alloc::format!("Invalid IP {}", self.address()).into()
    }

    /// The HTTP status that goes with it, always 403.
    pub const fn http_status(&self) -> u16 {
        403
    }
}
