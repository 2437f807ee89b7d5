//! The client's address: the peer's, or the one that a trusted proxy sends.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, header};
use whmcs_auth::Refusal as _;
use whmcs_auth::gate::{HiddenCaller, TrustedProxies};

use crate::refusal::Refusal;

/// The address that opened the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

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
    Peer(peer): Peer,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> ClientAddress {
    ClientAddress(trusted.caller_of(peer, headers))
}

/// An IPv4 address, or the /64 network of an IPv6 address: a provider gives each customer at least a
/// whole /64.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        v4 => v4,
    }
}

/// Whether a program on this machine sent the request for itself, and not as a proxy. The host name is
/// checked because DNS rebinding can make a browser on this machine send requests here.
pub(crate) fn is_from_this_machine(Peer(peer): Peer, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host: Option<Authority> = host.and_then(|host| host.parse().ok());
    let is_local_host = host.is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        let is_loopback = |address: IpAddr| address.is_loopback();
        name == "localhost" || name.parse().is_ok_and(is_loopback)
    });
    // Without a trusted proxy, an address of this machine is hidden if a proxy passed the request on.
    let is_direct = TrustedProxies::new().caller_of(peer, headers).is_ok();
    peer.to_canonical().is_loopback() && is_local_host && is_direct
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORWARDED_FOR: &str = "x-forwarded-for";

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn peer(address: &str) -> Peer {
        Peer(address.parse().unwrap())
    }

    #[test]
    fn the_last_address_of_no_trusted_proxy_is_the_clients() {
        let for_203 = &[(FORWARDED_FOR, "203.0.113.7")][..];
        let two_lines = &[(FORWARDED_FOR, "192.0.2.1"), (FORWARDED_FOR, "192.0.2.2")][..];
        let list = |text| vec![(FORWARDED_FOR, text)];
        let proxy = &["192.0.2.9"][..];
        for (peer_is, trusted, fields, expected) in [
            ("192.0.2.9", &[][..], &[][..], Ok("192.0.2.9")),
            ("::ffff:192.0.2.9", &[], &[], Ok("192.0.2.9")),
            ("127.0.0.1", &[], &[], Ok("127.0.0.1")),
            // Any client can send the header.
            ("192.0.2.9", &[], for_203, Ok("192.0.2.9")),
            ("192.0.2.9", &["192.0.2.8"], for_203, Ok("192.0.2.9")),
            // An untrusted proxy on this machine.
            ("127.0.0.1", &[], for_203, Err("untrusted_proxy")),
            ("::1", &["127.0.0.1"], for_203, Err("untrusted_proxy")),
            ("127.0.0.1", &[], &[("via", "1.1 proxy")], Err("untrusted_proxy")),
            ("127.0.0.1", &[], &[("x-forwarded-proto", "https")], Err("untrusted_proxy")),
            ("127.0.0.1", &[], &[("x-real-ip", "192.0.2.1")], Err("untrusted_proxy")),
            ("127.0.0.1", &[], &[("x-forward", "x")], Ok("127.0.0.1")),
            ("192.0.2.9", proxy, for_203, Ok("203.0.113.7")),
            ("::ffff:192.0.2.9", proxy, for_203, Ok("203.0.113.7")),
            ("192.0.2.9", proxy, &list("192.0.2.1, 203.0.113.7"), Ok("203.0.113.7")),
            ("192.0.2.9", proxy, &list("192.0.2.1,203.0.113.7 "), Ok("203.0.113.7")),
            ("192.0.2.9", proxy, &list("::ffff:203.0.113.7"), Ok("203.0.113.7")),
            ("192.0.2.9", proxy, &list("2001:db8::1"), Ok("2001:db8::1")),
            ("192.0.2.9", proxy, &list("203.0.113.7:80"), Ok("203.0.113.7")),
            ("192.0.2.9", proxy, two_lines, Ok("192.0.2.2")),
            ("192.0.2.9", &["192.0.2.9", "192.0.2.2"], two_lines, Ok("192.0.2.1")),
            (
                "192.0.2.9",
                &["192.0.2.9", "192.0.2.2"],
                &list("192.0.2.1, ::ffff:192.0.2.2"),
                Ok("192.0.2.1"),
            ),
            // A trusted proxy that sends no client address.
            ("192.0.2.9", proxy, &[], Err("forwarded_for_missing")),
            (
                "192.0.2.9",
                proxy,
                &[("forwarded", "for=203.0.113.7")],
                Err("other_forwarding_header"),
            ),
            ("192.0.2.9", proxy, &list("192.0.2.9"), Err("forwarded_for_only_proxies")),
            ("192.0.2.9", proxy, &list("unknown"), Err("forwarded_for_unreadable")),
            ("192.0.2.9", proxy, &list("203.0.113.7, "), Err("forwarded_for_unreadable")),
            ("192.0.2.9", proxy, &list(""), Err("forwarded_for_unreadable")),
            (
                "192.0.2.9",
                proxy,
                &list("203.0.113.7, unknown, 192.0.2.9"),
                Err("forwarded_for_unreadable"),
            ),
        ] {
            let addresses = trusted.iter().map(|ip| ip.parse().unwrap());
            let proxies = TrustedProxies::new().with_addresses(addresses);
            let ClientAddress(got) = client_address(peer(peer_is), &headers(fields), &proxies);
            let got = got.map_err(|hidden| hidden.code());
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(got, expected, "{peer_is} {trusted:?} {fields:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_client() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ] {
            assert_eq!(network(address.parse().unwrap()).to_string(), expected, "{address}");
        }
    }

    #[test]
    fn local_requests_are_recognized() {
        for (peer_is, host, expected) in [
            ("127.0.0.1", "127.0.0.1:8080", true),
            ("::1", "[::1]:8080", true),
            ("::ffff:127.0.0.1", "localhost", true),
            ("192.0.2.9", "127.0.0.1", false),
            ("127.0.0.1", "evil.example", false),
        ] {
            let headers = headers(&[("host", host)]);
            assert_eq!(is_from_this_machine(peer(peer_is), &headers), expected, "{peer_is} {host}");
        }
        assert!(!is_from_this_machine(peer("127.0.0.1"), &HeaderMap::new()));
    }
}
