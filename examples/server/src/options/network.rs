//! Reads addresses and networks, and says what an entry looks like that is neither.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use whmcs_auth::gate::ipnet::IpNet;

/// Reads a network, or an address as the network of that address alone.
///
/// # Errors
///
/// What is wrong with the entry, for the person who wrote it.
pub fn network(entry: &str) -> Result<IpNet, &'static str> {
    let address = || entry.parse::<IpAddr>().map(IpNet::from);
    entry.parse().or_else(|_| address()).map_err(|_| mistake(entry))
}

fn mistake(entry: &str) -> &'static str {
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let trimmed = entry.trim();
    if trimmed.is_empty() {
        return "it is empty";
    }
    if trimmed != entry {
        return "it has white space at an end";
    }
    if entry.contains([',', ';']) || entry.contains(char::is_whitespace) {
        return "it looks like several: give each one by itself";
    }
    if entry.contains("://") {
        return "it is a URL: give the address alone";
    }
    if let Some((before, prefix)) = entry.split_once('/') {
        return match () {
            () if !is_address(before) => "the text before the `/` is no IP address",
            () if prefix.parse::<Ipv4Addr>().is_ok() => {
                "it has a netmask: give the length of the prefix, as in 10.0.0.0/8"
            }
            () => "the number after the `/` is no length of a prefix of this address",
        };
    }
    if entry.parse::<SocketAddr>().is_ok() {
        return "it has a port: give the address alone";
    }
    if entry.starts_with('[') {
        return "it has brackets: give the address alone";
    }
    if entry.split_once('%').is_some_and(|(address, _)| is_address(address)) {
        return "it has a zone: give the address alone";
    }
    if entry.split_once('-').is_some_and(|(first, _)| is_address(first)) {
        return "it is a range: give networks such as 10.0.0.0/8";
    }
    if entry.contains('*') {
        return "it is a pattern: give a network such as 10.0.0.0/8";
    }
    let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<_> = entry.split('.').collect();
    if parts.iter().all(|part| is_decimal(part)) {
        let has_zero = |part: &&str| part.len() > 1 && part.starts_with('0');
        return match parts.len() {
            4 if parts.iter().any(has_zero) => {
                "a part starts with 0, which some programs read as octal"
            }
            4 => "a part is over 255",
            _ => "an IPv4 address has four parts",
        };
    }
    let is_in_a_name =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    match entry.bytes().all(is_in_a_name) {
        true => "it looks like a host name: give the IP address of the host",
        false => "it is neither an IP address nor a network such as 10.0.0.0/8",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_networks_are_read() {
        for (entry, expected) in [
            ("203.0.113.7", "203.0.113.7/32"),
            ("10.0.0.0/8", "10.0.0.0/8"),
            ("10.1.2.3/8", "10.1.2.3/8"),
            ("2001:db8::1", "2001:db8::1/128"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("::ffff:10.0.0.1", "::ffff:10.0.0.1/128"),
        ] {
            assert_eq!(network(entry).map(|network| network.to_string()), Ok(expected.to_owned()));
        }
    }

    #[test]
    fn the_mistake_in_an_entry_is_named() {
        for (entry, mistake) in [
            ("", "it is empty"),
            (" ", "it is empty"),
            ("203.0.113.7 ", "white space"),
            ("203.0.113.7\r", "white space"),
            ("203.0.113.7\u{a0}", "white space"),
            ("203.0.113.7,203.0.113.8", "several"),
            ("203.0.113.7 203.0.113.8", "several"),
            ("http://203.0.113.7/", "a URL"),
            ("10.0.0.0/33", "no length of a prefix"),
            ("10.0.0.0/", "no length of a prefix"),
            ("::/129", "no length of a prefix"),
            ("10.0.0.0/255.0.0.0", "a netmask"),
            ("host/8", "before the `/`"),
            ("127.0.0.1:80", "a port"),
            ("[::1]:80", "a port"),
            ("[::1]", "brackets"),
            ("fe80::1%eth0", "a zone"),
            ("10.0.0.1-10.0.0.9", "a range"),
            ("10.0.0.*", "a pattern"),
            ("10.0.0.01", "starts with 0"),
            ("10.0.0.256", "over 255"),
            ("10.0.0", "four parts"),
            ("2130706433", "four parts"),
            ("localhost", "a host name"),
            ("proxy-1.example.com", "a host name"),
            ("2001:db8:::1", "neither an IP address nor a network"),
            ("é", "neither an IP address nor a network"),
        ] {
            let error = network(entry).unwrap_err();
            assert!(error.contains(mistake), "{entry:?}: {error}");
        }
    }
}
