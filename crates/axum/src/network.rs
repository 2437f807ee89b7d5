//! The network of a client, which stands for it where clients are counted.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 network of an IPv6 address: a provider gives each customer at least a
/// whole /64.
///
/// # Examples
///
/// ```
/// use whmcs_auth_axum::client_network;
///
/// let of = |address: &str| address.parse().map(client_network).map(|network| network.to_string());
/// assert_eq!(of("203.0.113.7")?, "203.0.113.7");
/// assert_eq!(of("2001:db8::1:2:3")?, "2001:db8::");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_client() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(client_network(address.parse().unwrap()).to_string(), expected, "{address}");
        }
    }
}
