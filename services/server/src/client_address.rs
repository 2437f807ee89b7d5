//! The client's address: the peer's, or the one that a trusted proxy sends.

use std::net::IpAddr;

use axum::http::HeaderMap;
use whmcs_auth::Refusal as _;
use whmcs_auth::gate::{HiddenCaller, TrustedProxies};

use crate::refusal::Refusal;

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
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &TrustedProxies,
) -> ClientAddress {
    ClientAddress(trusted.caller_of(peer, headers))
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
            let ClientAddress(got) =
                client_address(peer_is.parse().unwrap(), &headers(fields), &proxies);
            let got = got.map_err(|hidden| hidden.code());
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(got, expected, "{peer_is} {trusted:?} {fields:?}");
        }
    }
}
