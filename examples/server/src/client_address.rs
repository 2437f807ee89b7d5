//! Whose request it is: that of the peer, or of whom a trusted proxy names.

use std::net::{IpAddr, Ipv4Addr};

use axum::http::HeaderMap;

/// The address that counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address that counts. Each proxy appends to `X-Forwarded-For` the address that it was called
/// from, so the list is read from its end, for as long as the addresses are those of trusted proxies.
/// What stands before that, anybody may have written. Where a
/// trusted proxy names no address, it is that of nobody.
pub(crate) fn client_address(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> ClientAddress {
    let mut address = peer.to_canonical();
    let lines: Vec<&str> = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .map(|line| line.to_str().unwrap_or_default())
        .collect();
    let mut named = lines.iter().rev().flat_map(|line| line.rsplit(','));
    while trusted.contains(&address)
        && let Some(before) = named.next()
    {
        let before = before.trim().parse();
        address = before.map_or(Ipv4Addr::UNSPECIFIED.into(), |before: IpAddr| {
            before.to_canonical()
        });
    }
    ClientAddress(address)
}

/// Whether some proxy says that it passed the request on.
pub(crate) fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded")
}
