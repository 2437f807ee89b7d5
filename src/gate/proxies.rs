//! The caller's address: the peer's own, or the one that a trusted proxy names.

use alloc::collections::BTreeSet;
#[cfg(feature = "ipnet")]
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

#[cfg(feature = "ipnet")]
use ipnet::IpNet;

use super::refusal::HiddenCaller;

/// The proxies that may name a caller's address.
///
/// - **PROXY-1**: Each proxy appends the address that called it to the header `X-Forwarded-For`. So the list is read
///   from its end, and addresses of trusted proxies are skipped. The first other address is the caller's. The caller
///   may have written everything before it.
/// - **PROXY-2**: Several headers are one list. Names of headers are compared without ASCII case.
/// - **PROXY-3**: An entry is an IPv4 or IPv6 address, perhaps with a port: `203.0.113.7`, `203.0.113.7:51234`,
///   `2001:db8::1`, `[2001:db8::1]:443`. Spaces around it do not count.
/// - **PROXY-4**: An IPv4-mapped IPv6 address is the IPv4 address.
///
/// Source: WHMCS documents trusted proxies and this header. How it is read is this crate's decision.
///
/// # Security
///
/// Trust a proxy only if it appends to the header or replaces it. If it passes the header on unchanged,
/// every caller can choose an address.
///
/// # Examples
///
/// ```
/// use whmcs_auth::Refusal;
/// use whmcs_auth::gate::TrustedProxies;
///
/// let proxies = TrustedProxies::new().with_addresses(["192.0.2.9".parse()?]);
/// let headers = [("x-forwarded-for", "198.51.100.1, 203.0.113.7")];
///
/// let caller = proxies.caller("192.0.2.9".parse()?, headers)?;
/// assert_eq!(caller.to_string(), "203.0.113.7");
/// // The header of anybody else does not count.
/// let caller = proxies.caller("192.0.2.8".parse()?, headers)?;
/// assert_eq!(caller.to_string(), "192.0.2.8");
/// // Only `X-Forwarded-For` is read.
/// let refusal = proxies.caller("192.0.2.9".parse()?, [("x-real-ip", "203.0.113.7")]).unwrap_err();
/// assert_eq!(refusal.code(), "other_forwarding_header");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct TrustedProxies {
    addresses: BTreeSet<IpAddr>,
    #[cfg(feature = "ipnet")]
    networks: Vec<IpNet>,
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// Other headers in which a proxy sends the address of its caller, and how their names are written.
const WITH_ADDRESS: [&str; 5] =
    ["Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"];

impl TrustedProxies {
    /// No proxy is trusted: the peer is the caller.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the proxies with these addresses.
    pub fn with_addresses(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.addresses.extend(addresses.into_iter().map(|address| address.to_canonical()));
        self
    }

    /// Trusts every proxy in these networks. Needs feature `ipnet`.
    ///
    /// # Security
    ///
    /// Every host in the network can choose its address, not only the proxies. If callers may be in the
    /// network, name the addresses of the proxies instead.
    #[cfg(feature = "ipnet")]
    pub fn with_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.networks.extend(networks.into_iter().map(super::address::canonical));
        self
    }

    /// The address of the caller, from the address of the peer and the headers of the request.
    ///
    /// # Errors
    ///
    /// A [`HiddenCaller`] that says why there is no address:
    ///
    /// - **PROXY-5**: A trusted proxy sends no caller's address. Or it sends an address that no caller can have, such
    ///   as `127.0.0.1`, or something that is not an address.
    /// - **PROXY-6**: The peer is on this machine and not trusted, but sends the headers of a proxy. Otherwise every
    ///   caller behind that proxy would have the address of this machine.
    pub fn caller<'h, V: AsRef<[u8]> + 'h + ?Sized>(
        &self,
        peer: IpAddr,
        headers: impl IntoIterator<Item = (&'h str, &'h V)>,
    ) -> Result<IpAddr, HiddenCaller> {
        let peer = peer.to_canonical();
        let is_trusted = self.trusts(peer);
        let mut is_forwarded = false;
        let mut other_header = None;
        // The list is read forwards. So a later address replaces an earlier one, unless it is a proxy's.
        let mut caller = Err(HiddenCaller::NoForwardedFor);
        for (name, value) in headers {
            if name.eq_ignore_ascii_case(FORWARDED_FOR) {
                for entry in value.as_ref().split(|byte| *byte == b',') {
                    caller = self.after(caller, read_address(entry));
                }
            }
            let with_address =
                WITH_ADDRESS.into_iter().find(|known| name.eq_ignore_ascii_case(known));
            other_header = other_header.or(with_address);
            is_forwarded |= with_address.is_some() || is_of_a_proxy(name);
        }
        match (is_trusted, caller, other_header) {
            (true, Err(HiddenCaller::NoForwardedFor), Some(header)) => {
                Err(HiddenCaller::OtherHeader { header })
            }
            (true, caller, _) => caller,
            (false, ..) if peer.is_loopback() && is_forwarded => Err(HiddenCaller::UntrustedProxy),
            (false, ..) => Ok(peer),
        }
    }

    /// The caller after one more entry of the list.
    fn after(
        &self,
        caller: Result<IpAddr, HiddenCaller>,
        entry: Option<IpAddr>,
    ) -> Result<IpAddr, HiddenCaller> {
        match entry {
            Some(address) if self.trusts(address) => match caller {
                Err(HiddenCaller::NoForwardedFor) => Err(HiddenCaller::OnlyProxies),
                caller => caller,
            },
            // Not a caller's address: another proxy has it, or somebody made it up.
            Some(address) if address.is_loopback() || address.is_unspecified() => {
                Err(HiddenCaller::LocalAddress)
            }
            Some(address) => Ok(address),
            None => Err(HiddenCaller::Unreadable),
        }
    }

    /// Whether the address belongs to a trusted proxy. Many callers share such an address, so exempt it from limits
    /// that count by address.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        #[cfg(feature = "ipnet")]
        if self.networks.iter().any(|network| network.contains(&address)) {
            return true;
        }
        self.addresses.contains(&address)
    }
}

/// An address, perhaps with a port.
fn read_address(entry: &[u8]) -> Option<IpAddr> {
    let text = core::str::from_utf8(entry).ok()?.trim_ascii();
    let with_port = || text.parse::<SocketAddr>().map(|socket| socket.ip());
    let address: IpAddr = text.parse().or_else(|_| with_port()).ok()?;
    Some(address.to_canonical())
}

/// Whether the name is another header that proxies add. [`WITH_ADDRESS`] lists those that hold an address.
fn is_of_a_proxy(name: &str) -> bool {
    let starts = name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("x-forwarded-"));
    starts || name.eq_ignore_ascii_case("via")
}
