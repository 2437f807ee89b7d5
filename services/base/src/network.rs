//! Addresses and networks: reads what an operator writes.

use std::net::{IpAddr, Ipv4Addr};

use whmcs_auth::gate::AddressGate;
use whmcs_auth::gate::ipnet::IpNet;

/// Reads a network. An address is read as a network with only this address.
///
/// # Errors
///
/// What is wrong with the entry, for the person who wrote it.
pub fn network(entry: &str) -> Result<IpNet, String> {
    let address = || entry.parse::<IpAddr>().map(IpNet::from);
    entry.parse().or_else(|_| address()).map_err(|_| mistake(entry))
}

fn mistake(entry: &str) -> String {
    if let Some((address, prefix)) = entry.split_once('/')
        && address.parse::<IpAddr>().is_ok()
    {
        let mistake = match prefix.parse::<Ipv4Addr>() {
            Ok(_) => "has a netmask: write the prefix length, as in 10.0.0.0/8",
            Err(_) => "has a wrong prefix length: write it as in 10.0.0.0/8",
        };
        return format!("the entry {entry:?} {mistake}");
    }
    // An entry that is not one address.
    let gate = AddressGate::new().with_entries([entry]);
    gate.unreadable_entries().iter().map(ToString::to_string).collect()
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
            ("", "the entry \"\" holds nothing"),
            ("203.0.113.7\r", "has white space"),
            ("203.0.113.7,203.0.113.8", "holds a separator"),
            ("10.0.0.0/33", "the entry \"10.0.0.0/33\" has a wrong prefix length"),
            ("10.0.0.0/", "has a wrong prefix length"),
            ("::/129", "has a wrong prefix length"),
            ("10.0.0.0/255.0.0.0", "has a netmask"),
            ("host/8", "is not an IPv4 or IPv6 address"),
            ("127.0.0.1:80", "has a port"),
            ("fe80::1%eth0", "has a zone"),
            ("10.0.0.*", "is a range"),
            ("10.0.0.01", "has a number with a leading zero"),
            ("10.0.0.256", "is not an IPv4 or IPv6 address"),
            ("localhost", "the entry \"localhost\" is a host name"),
        ] {
            let error = network(entry).unwrap_err();
            assert!(error.contains(mistake), "{entry:?}: {error}");
        }
    }
}
