//! Whose request it is: that of the peer, or of whom a trusted proxy names.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::{HeaderMap, header};

/// Who opened the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The address that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

const FORWARDED_FOR: &str = "x-forwarded-for";

/// What proxies add to the requests that they pass on.
const FORWARDED: [&str; 4] = [FORWARDED_FOR, "forwarded", "via", "x-real-ip"];

/// The address of nobody, which no list names.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The address that counts. Each proxy appends to `X-Forwarded-For` the address that it was called
/// from, so the list is read from its end, for as long as the addresses are those of trusted proxies.
/// What stands before that, anybody may have written. Where a trusted proxy names no address, it is
/// that of nobody; and so it is where a proxy on this machine is not trusted, or else everybody who
/// comes through it would have the address of this machine.
pub(crate) fn client_address(
    Peer(peer): Peer,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> ClientAddress {
    let mut address = peer.to_canonical();
    if !trusted.contains(&address) {
        let is_local_proxy = address.is_loopback() && is_forwarded(headers);
        return ClientAddress(if is_local_proxy { NOBODY } else { address });
    }
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    let mut named = lines.iter().rev().flat_map(|line| line.rsplit(','));
    while trusted.contains(&address) {
        let before = named.next().and_then(|before| before.trim().parse().ok());
        let Some(before) = before else {
            return ClientAddress(NOBODY);
        };
        address = IpAddr::to_canonical(&before);
    }
    ClientAddress(address)
}

/// Whether a program on this machine asks, and no proxy for somebody else. A browser that was led
/// astray names another host.
pub(crate) fn is_from_this_machine(Peer(peer): Peer, headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let host: Option<axum::http::uri::Authority> = host.and_then(|host| host.parse().ok());
    let names_this_machine = host.is_some_and(|host| {
        let name = host.host().trim_matches(['[', ']']);
        let is_loopback = |address: IpAddr| address.is_loopback();
        name == "localhost" || name.parse().is_ok_and(is_loopback)
    });
    peer.to_canonical().is_loopback() && names_this_machine && !is_forwarded(headers)
}

/// Whether some proxy says that it passed the request on.
fn is_forwarded(headers: &HeaderMap) -> bool {
    FORWARDED.iter().any(|name| headers.contains_key(*name))
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
        for (peer_is, trusted, fields, expected) in [
            ("192.0.2.9", &[][..], &[][..], "192.0.2.9"),
            ("::ffff:192.0.2.9", &[], &[], "192.0.2.9"),
            ("127.0.0.1", &[], &[], "127.0.0.1"),
            // Anybody can write the header.
            ("192.0.2.9", &[], for_203, "192.0.2.9"),
            ("192.0.2.9", &["192.0.2.8"], for_203, "192.0.2.9"),
            // A proxy on this machine that nobody trusts.
            ("127.0.0.1", &[], for_203, "0.0.0.0"),
            ("::1", &["127.0.0.1"], for_203, "0.0.0.0"),
            ("127.0.0.1", &[], &[("via", "1.1 proxy")], "0.0.0.0"),
            ("192.0.2.9", &["192.0.2.9"], for_203, "203.0.113.7"),
            ("::ffff:192.0.2.9", &["192.0.2.9"], for_203, "203.0.113.7"),
            ("192.0.2.9", &["192.0.2.9"], two_lines, "192.0.2.2"),
            (
                "192.0.2.9",
                &["192.0.2.9", "192.0.2.2"],
                two_lines,
                "192.0.2.1",
            ),
            // A proxy that names nobody.
            ("192.0.2.9", &["192.0.2.9"], &[], "0.0.0.0"),
            (
                "192.0.2.9",
                &["192.0.2.9"],
                &[("forwarded", "for=203.0.113.7")],
                "0.0.0.0",
            ),
            (
                "192.0.2.9",
                &["192.0.2.9"],
                &[(FORWARDED_FOR, "192.0.2.9")],
                "0.0.0.0",
            ),
            ("192.0.2.9", &["192.0.2.9", "0.0.0.0"], &[], "0.0.0.0"),
        ] {
            let trusted: Vec<IpAddr> = trusted.iter().map(|ip| ip.parse().unwrap()).collect();
            let ClientAddress(address) = client_address(peer(peer_is), &headers(fields), &trusted);
            assert_eq!(
                address.to_string(),
                expected,
                "{peer_is} {trusted:?} {fields:?}"
            );
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
            assert_eq!(
                is_from_this_machine(peer(peer_is), &headers),
                expected,
                "{peer_is} {host}"
            );
        }
        assert!(!is_from_this_machine(peer("127.0.0.1"), &HeaderMap::new()));
    }
}
