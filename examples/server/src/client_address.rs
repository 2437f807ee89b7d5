//! Whose request it is: that of the peer, or of whom a trusted proxy names.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};

use crate::refusal::Refusal;

/// Who opened the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The address that counts, unless a proxy hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) Option<IpAddr>);

impl ClientAddress {
    /// The address, without which nobody is let in.
    pub(crate) fn known(self) -> Result<IpAddr, Refusal> {
        self.0.ok_or_else(|| {
            Refusal::new(
                "proxy_names_nobody",
                StatusCode::FORBIDDEN,
                "Invalid IP",
                "a proxy hides the caller: trust it, and let it append to X-Forwarded-For",
            )
        })
    }
}

const FORWARDED_FOR: &str = "x-forwarded-for";

/// What proxies add to the requests that they pass on, beside `X-Forwarded-*`.
const FORWARDED: [&str; 6] =
    ["forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"];

/// The address that counts. Each proxy appends to `X-Forwarded-For` the address that it was called
/// from, so the list is read from its end, for as long as the addresses are those of trusted proxies.
/// What stands before that, anybody may have written.
///
/// A trusted proxy that names no address hides the caller, and so does a proxy on this machine that is
/// not trusted: or else everybody who comes through it would have the address of this machine.
pub(crate) fn client_address(
    Peer(peer): Peer,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> ClientAddress {
    let peer = peer.to_canonical();
    if !trusted.contains(&peer) {
        let is_hidden = peer.is_loopback() && is_forwarded(headers);
        return ClientAddress((!is_hidden).then_some(peer));
    }
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    let named = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut addresses = named.map(|text| {
        let address: IpAddr = text.trim().parse().ok()?;
        Some(address.to_canonical())
    });
    let caller =
        addresses.find(|address| address.is_none_or(|address| !trusted.contains(&address)));
    ClientAddress(caller.flatten())
}

/// IPv6 addresses are given out by the network of 64 bits: whoever has one has all of them.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into()
        }
        v4 => v4,
    }
}

/// Whether a program on this machine asks, and no proxy for somebody else. A browser that was sent here
/// by DNS rebinding names another host.
pub(crate) fn is_from_this_machine(Peer(peer): Peer, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host: Option<Authority> = host.and_then(|host| host.parse().ok());
    let names_this_machine = host.is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        let is_loopback = |address: IpAddr| address.is_loopback();
        name == "localhost" || name.parse().is_ok_and(is_loopback)
    });
    peer.to_canonical().is_loopback() && names_this_machine && !is_forwarded(headers)
}

/// Whether some proxy says that it passed the request on.
fn is_forwarded(headers: &HeaderMap) -> bool {
    headers
        .keys()
        .map(HeaderName::as_str)
        .any(|name| name.starts_with("x-forwarded-") || FORWARDED.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn the_last_address_that_no_trusted_proxy_has_is_the_callers() {
        let for_203 = &[(FORWARDED_FOR, "203.0.113.7")][..];
        let two_lines = &[(FORWARDED_FOR, "192.0.2.1"), (FORWARDED_FOR, "192.0.2.2")][..];
        let list = |text| vec![(FORWARDED_FOR, text)];
        let proxy = &["192.0.2.9"][..];
        for (peer_is, trusted, fields, expected) in [
            ("192.0.2.9", &[][..], &[][..], Some("192.0.2.9")),
            ("::ffff:192.0.2.9", &[], &[], Some("192.0.2.9")),
            ("127.0.0.1", &[], &[], Some("127.0.0.1")),
            // Anybody can write the header.
            ("192.0.2.9", &[], for_203, Some("192.0.2.9")),
            ("192.0.2.9", &["192.0.2.8"], for_203, Some("192.0.2.9")),
            // A proxy on this machine that nobody trusts.
            ("127.0.0.1", &[], for_203, None),
            ("::1", &["127.0.0.1"], for_203, None),
            ("127.0.0.1", &[], &[("via", "1.1 proxy")], None),
            ("127.0.0.1", &[], &[("x-forwarded-proto", "https")], None),
            ("127.0.0.1", &[], &[("x-real-ip", "192.0.2.1")], None),
            ("127.0.0.1", &[], &[("x-forward", "x")], Some("127.0.0.1")),
            ("192.0.2.9", proxy, for_203, Some("203.0.113.7")),
            ("::ffff:192.0.2.9", proxy, for_203, Some("203.0.113.7")),
            ("192.0.2.9", proxy, &list("192.0.2.1, 203.0.113.7"), Some("203.0.113.7")),
            ("192.0.2.9", proxy, &list("192.0.2.1,203.0.113.7 "), Some("203.0.113.7")),
            ("192.0.2.9", proxy, &list("::ffff:203.0.113.7"), Some("203.0.113.7")),
            ("192.0.2.9", proxy, &list("2001:db8::1"), Some("2001:db8::1")),
            ("192.0.2.9", proxy, two_lines, Some("192.0.2.2")),
            ("192.0.2.9", &["192.0.2.9", "192.0.2.2"], two_lines, Some("192.0.2.1")),
            (
                "192.0.2.9",
                &["192.0.2.9", "192.0.2.2"],
                &list("192.0.2.1, ::ffff:192.0.2.2"),
                Some("192.0.2.1"),
            ),
            // A proxy that names nobody.
            ("192.0.2.9", proxy, &[], None),
            ("192.0.2.9", proxy, &[("forwarded", "for=203.0.113.7")], None),
            ("192.0.2.9", proxy, &list("192.0.2.9"), None),
            ("192.0.2.9", proxy, &list("unknown"), None),
            ("192.0.2.9", proxy, &list("203.0.113.7, "), None),
            ("192.0.2.9", proxy, &list(""), None),
            ("192.0.2.9", proxy, &list("203.0.113.7:80"), None),
            ("192.0.2.9", proxy, &list("203.0.113.7, unknown, 192.0.2.9"), None),
        ] {
            let trusted: Vec<IpAddr> = trusted.iter().map(|ip| ip.parse().unwrap()).collect();
            let got = client_address(peer(peer_is), &headers(fields), &trusted);
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(got, ClientAddress(expected), "{peer_is} {trusted:?} {fields:?}");
        }
    }

    #[test]
    fn an_ipv6_network_is_one_caller() {
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
    fn counts_are_for_this_machine() {
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
