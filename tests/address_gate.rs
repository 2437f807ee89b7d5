//! Which addresses may call, and what the access key lifts.

use std::net::IpAddr;

use whmcs_auth::gate::{AddressGate, AddressRefusal};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn may_call(gate: &AddressGate, caller: &str) -> bool {
    gate.check(address(caller), None).is_ok()
}

#[test]
fn addresses_are_compared_as_values() {
    for (entry, caller, listed) in [
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        ("203.0.113.7", "203.0.113.70", false),
        ("127.0.0.1", "::1", false),
        ("::1", "127.0.0.1", false),
        ("::1", "0:0:0:0:0:0:0:1", true),
        ("2001:DB8:0:0::A", "2001:db8::a", true),
        ("2001:db8::a", "2001:db8::b", false),
        // IPv4-mapped is IPv4.
        ("203.0.113.7", "::ffff:203.0.113.7", true),
        ("::ffff:203.0.113.7", "203.0.113.7", true),
        ("::FFFF:cb00:7107", "::ffff:203.0.113.7", true),
        // Other addresses that hold one are not.
        ("203.0.113.7", "::203.0.113.7", false),
        ("203.0.113.7", "64:ff9b::203.0.113.7", false),
        ("203.0.113.7", "2002:cb00:7107::", false),
        ("0.0.0.0", "203.0.113.7", false),
        ("::", "::1", false),
    ] {
        let gate = AddressGate::new().entries([entry]);
        assert_eq!(gate.ignored_entries(), 0, "{entry}");
        assert_eq!(may_call(&gate, caller), listed, "{entry}, {caller}");
        let gate = AddressGate::new().addresses([address(entry)]);
        assert_eq!(may_call(&gate, caller), listed, "{entry}, {caller}");
    }
}

#[test]
fn an_empty_list_denies_everyone() {
    for gate in [
        AddressGate::new(),
        AddressGate::default(),
        AddressGate::new().entries([""]),
        AddressGate::new().entries([""; 0]),
        AddressGate::new().access_key(""),
    ] {
        for caller in ["127.0.0.1", "::1", "203.0.113.7", "0.0.0.0", "::"] {
            let address = address(caller);
            let refusal = Err(AddressRefusal::EmptyList { address });
            assert_eq!(gate.check(address, None), refusal);
            assert_eq!(gate.check(address, Some("")), refusal);
        }
    }
}

#[test]
fn an_open_gate_denies_nobody() {
    let gate = AddressGate::open();
    for caller in ["127.0.0.1", "::1", "203.0.113.7", "0.0.0.0", "::"] {
        assert!(may_call(&gate, caller));
    }
}

#[test]
fn an_entry_that_is_no_address_matches_nobody_and_is_counted() {
    let invalid = [
        "",
        " ",
        "*",
        "localhost",
        " 203.0.113.7",
        "203.0.113.7 ",
        "203.0.113.7\n",
        "203.0.113.07",
        "203.0.113",
        "203.0.113.7.",
        "203.0.113.7:80",
        "203.0.113.7/32",
        "203.0.113.0/24",
        "203.0.113.*",
        "203.0.113.1-9",
        "0.0.0.0/0",
        "::/0",
        "[::1]",
        "::1%lo",
        "0xcb007107",
        "3405803783",
        "\u{ff11}27.0.0.1",
        "203.0.113.7,127.0.0.1",
    ];
    let gate = AddressGate::new().entries(invalid);
    assert_eq!(gate.ignored_entries(), invalid.len());
    for caller in ["203.0.113.7", "127.0.0.1", "::1", "0.0.0.0", "::"] {
        let address = address(caller);
        let refusal = AddressRefusal::EmptyList { address };
        assert_eq!(gate.check(address, None), Err(refusal));
    }
    let gate = gate.entries(["127.0.0.1"]);
    assert_eq!(gate.ignored_entries(), invalid.len());
    assert!(may_call(&gate, "127.0.0.1"));
}

#[test]
fn entries_add_up() {
    let gate = AddressGate::new()
        .entries(["127.0.0.1"])
        .entries(vec![String::from("::1"), String::from("127.0.0.1")])
        .addresses([address("203.0.113.7")]);
    for caller in ["127.0.0.1", "::1", "203.0.113.7"] {
        assert!(may_call(&gate, caller));
    }
    assert!(!may_call(&gate, "203.0.113.8"));
}

#[test]
fn the_right_access_key_lifts_the_restriction() {
    let key = "a!@#$%.()*[]-_1";
    let gate = AddressGate::new().entries(["203.0.113.7"]).access_key(key);
    let elsewhere = address("198.51.100.1");
    assert_eq!(gate.check(elsewhere, Some(key)), Ok(()));
    let same_length = format!("{}2", &key[..key.len() - 1]);
    for wrong in [
        "b!@#$%.()*[]-_1",
        &same_length,
        &key[1..],
        &key[..key.len() - 1],
        &format!("{key} "),
        &key.to_uppercase(),
        "x",
        "0",
        "\0",
        "true",
    ] {
        let refusal = AddressRefusal::WrongAccessKey { address: elsewhere };
        assert_eq!(gate.check(elsewhere, Some(wrong)), Err(refusal), "{wrong}");
        // Where the address is listed it does not matter.
        assert_eq!(gate.check(address("203.0.113.7"), Some(wrong)), Ok(()));
    }
    for absent in [None, Some("")] {
        let refusal = AddressRefusal::NotListed { address: elsewhere };
        assert_eq!(gate.check(elsewhere, absent), Err(refusal));
    }
}

#[test]
fn an_empty_access_key_is_never_right() {
    let gate = AddressGate::new().entries(["203.0.113.7"]).access_key("");
    let elsewhere = address("198.51.100.1");
    for presented in [None, Some(""), Some("x")] {
        assert!(gate.check(elsewhere, presented).is_err(), "{presented:?}");
    }
    // The last one set counts.
    let gate = gate.access_key("a").access_key("b");
    assert!(gate.check(elsewhere, Some("a")).is_err());
    assert!(gate.check(elsewhere, Some("b")).is_ok());
    assert!(gate.access_key("").check(elsewhere, Some("b")).is_err());
}

#[cfg(feature = "ipnet")]
#[test]
fn networks_are_entries_of_a_kind_of_their_own() {
    for (network, caller, listed) in [
        ("10.0.0.0/8", "10.0.0.0", true),
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "9.255.255.255", false),
        // Bits beyond the prefix do not count.
        ("10.1.2.3/8", "10.200.0.1", true),
        ("10.1.2.3/32", "10.1.2.3", true),
        ("10.1.2.3/32", "10.1.2.4", false),
        ("0.0.0.0/0", "203.0.113.7", true),
        ("0.0.0.0/0", "::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false),
        // IPv4-mapped is IPv4.
        ("10.0.0.0/8", "::ffff:10.1.2.3", true),
        ("::/0", "::ffff:10.1.2.3", false),
        ("::/0", "10.1.2.3", false),
        ("::/0", "2001:db8::1", true),
        ("::ffff:0:0/96", "10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true),
        ("::ffff:10.0.0.0/104", "11.1.2.3", false),
        ("::ffff:10.0.0.0/128", "10.0.0.0", true),
        ("::ffff:10.0.0.0/128", "10.0.0.1", false),
        ("::ffff:0:0/95", "10.1.2.3", false),
    ] {
        let gate = AddressGate::new().networks([network.parse().unwrap()]);
        assert_eq!(may_call(&gate, caller), listed, "{network}, {caller}");
        let address = address(caller).to_canonical();
        if let Err(refusal) = gate.check(address, None) {
            // The list is not empty.
            assert_ne!(refusal, AddressRefusal::EmptyList { address });
        }
    }
}

#[test]
fn a_refusal_says_which_address_was_seen_and_what_may_be_wrong() {
    let gate = AddressGate::new().entries(["203.0.113.7"]);
    let with_key = gate.clone().access_key("right");
    let empty = AddressGate::new();
    for (gate, caller, key, code, cause, public) in [
        (
            &empty,
            "203.0.113.7",
            None,
            "address_list_empty",
            "the address 203.0.113.7 is not listed: the list is empty, which denies everyone",
            "Invalid IP 203.0.113.7",
        ),
        (
            &gate,
            "127.0.0.1",
            None,
            "loopback_not_listed",
            "the address 127.0.0.1 is not listed: the caller, or a proxy, is on this machine",
            "Invalid IP 127.0.0.1",
        ),
        (
            &gate,
            "::ffff:127.1.2.3",
            None,
            "loopback_not_listed",
            "the address 127.1.2.3 is not listed: the caller, or a proxy, is on this machine",
            "Invalid IP 127.1.2.3",
        ),
        (
            &gate,
            "0:0::1",
            None,
            "ipv6_localhost_not_listed",
            "the address ::1 is not listed: `localhost` may have resolved to IPv6, \
             or a proxy on this machine may call",
            "Invalid IP ::1",
        ),
        (
            &gate,
            "10.0.0.1",
            None,
            "address_not_listed",
            "the address 10.0.0.1 is not listed: it may be that of a proxy, \
             which must tell the caller's",
            "Invalid IP 10.0.0.1",
        ),
        (
            &gate,
            "2001:DB8:0::1",
            None,
            "address_not_listed",
            "the address 2001:db8::1 is not listed: it may be that of a proxy, \
             which must tell the caller's",
            "Invalid IP 2001:db8::1",
        ),
        (
            &with_key,
            "127.0.0.1",
            Some("wrong"),
            "wrong_access_key",
            "the address 127.0.0.1 is not listed, and the access key is not the right one",
            "Invalid IP 127.0.0.1",
        ),
        (
            &empty,
            "203.0.113.7",
            Some("wrong"),
            "wrong_access_key",
            "the address 203.0.113.7 is not listed, and the access key is not the right one",
            "Invalid IP 203.0.113.7",
        ),
    ] {
        let refusal = gate.check(address(caller), key).unwrap_err();
        assert_eq!(refusal.code(), code);
        assert_eq!(refusal.to_string(), cause);
        assert_eq!(refusal.public_message(), public);
        assert_eq!(refusal.http_status(), 403);
        assert_eq!(format!("Invalid IP {}", refusal.address()), public);
    }
}
