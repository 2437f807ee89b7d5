//! Which addresses may call, and when the access key lifts the restriction.

use whmcs_auth::gate::AddressGate;
use whmcs_auth::{ApiRequest, KeyError, Refusal};

use crate::common::{address, with_access_key};

/// The code of the refusal, if the address is refused.
fn code(gate: &AddressGate, caller: &str, key: Option<&str>) -> Option<&'static str> {
    let verdict = gate.check(address(caller), &with_access_key(key));
    verdict.err().map(|refusal| refusal.code())
}

fn may_call(gate: &AddressGate, caller: &str) -> bool {
    gate.check(address(caller), &ApiRequest::default()).is_ok()
}

#[test]
fn gate_1_addresses_are_compared_as_values() {
    for (entry, caller, listed) in [
        ("203.0.113.7", "203.0.113.7", true),
        ("203.0.113.7", "203.0.113.8", false),
        ("203.0.113.7", "203.0.113.70", false),
        ("127.0.0.1", "::1", false),
        ("::1", "127.0.0.1", false),
        ("::1", "0:0:0:0:0:0:0:1", true),
        ("2001:DB8:0:0::A", "2001:db8::a", true),
        ("2001:db8::a", "2001:db8::b", false),
        // An IPv4-mapped address is the IPv4 address.
        ("203.0.113.7", "::ffff:203.0.113.7", true),
        ("::ffff:203.0.113.7", "203.0.113.7", true),
        ("::FFFF:cb00:7107", "::ffff:203.0.113.7", true),
        // Other addresses that contain an IPv4 address are not.
        ("203.0.113.7", "::203.0.113.7", false),
        ("203.0.113.7", "64:ff9b::203.0.113.7", false),
        ("203.0.113.7", "2002:cb00:7107::", false),
        ("0.0.0.0", "203.0.113.7", false),
        ("::", "::1", false),
    ] {
        let gate = AddressGate::new().with_entries([entry]);
        assert_eq!(gate.unreadable_entries(), [], "{entry}");
        assert_eq!(may_call(&gate, caller), listed, "{entry}, {caller}");
        let gate = AddressGate::new().with_addresses([address(entry)]);
        assert_eq!(may_call(&gate, caller), listed, "{entry}, {caller}");
    }
}

#[test]
fn gate_2_an_empty_list_refuses_every_caller() {
    for gate in [
        AddressGate::new(),
        AddressGate::default(),
        AddressGate::new().with_entries([""]),
        AddressGate::new().with_entries([""; 0]),
        AddressGate::new().with_access_key("").unwrap(),
    ] {
        for caller in ["127.0.0.1", "::1", "203.0.113.7", "0.0.0.0", "::"] {
            for key in [None, Some(""), Some("x")] {
                assert_eq!(code(&gate, caller, key), Some("address_list_empty"));
            }
        }
    }
}

#[test]
fn an_open_gate_accepts_every_caller() {
    let open = AddressGate::open();
    let restricted =
        open.clone().with_entries(["203.0.113.7", "x"]).with_access_key("key").unwrap();
    for gate in [open, restricted] {
        for caller in ["127.0.0.1", "::1", "203.0.113.7", "0.0.0.0", "::"] {
            for key in [None, Some(""), Some("wrong")] {
                assert_eq!(code(&gate, caller, key), None);
            }
        }
    }
}

/// The list of a new WHMCS database holds one empty entry, so such a list is an empty one.
#[test]
fn gate_2_a_list_without_an_address_refuses_every_caller() {
    for (entries, expected) in [
        (&[""][..], "address_list_empty"),
        (&["", " "], "address_list_empty"),
        (&["10.0.0.0/8"], "address_list_unreadable"),
        (&["", "localhost"], "address_list_unreadable"),
    ] {
        let gate = AddressGate::new().with_entries(entries);
        for caller in ["203.0.113.7", "127.0.0.1", "::1", "10.0.0.1", "0.0.0.0", "::"] {
            assert_eq!(code(&gate, caller, None), Some(expected), "{entries:?}");
        }
    }
}

#[test]
fn a_caller_of_a_family_that_is_not_listed_is_told_apart() {
    let gate = |entries: &[&str]| AddressGate::new().with_entries(entries);
    for (entries, caller, expected) in [
        (&["203.0.113.7"][..], "2001:db8::1", "only_ipv4_listed"),
        (&["::ffff:203.0.113.7"], "2001:db8::1", "only_ipv4_listed"),
        (&["203.0.113.7", "2001:db8::/32"], "2001:db8::1", "only_ipv4_listed"),
        (&["2001:db8::1"], "203.0.113.7", "only_ipv6_listed"),
        (&["2001:db8::1"], "::ffff:203.0.113.7", "only_ipv6_listed"),
        (&["203.0.113.7", "2001:db8::1"], "203.0.113.8", "address_not_listed"),
        (&["203.0.113.7", "2001:db8::1"], "2001:db8::2", "address_not_listed"),
        (&["203.0.113.7"], "203.0.113.8", "address_not_listed"),
        (&["2001:db8::1"], "2001:db8::2", "address_not_listed"),
        // This machine has hints of its own.
        (&["203.0.113.7"], "::1", "ipv6_localhost_not_listed"),
        (&["2001:db8::1"], "127.0.0.1", "loopback_not_listed"),
    ] {
        assert_eq!(code(&gate(entries), caller, None), Some(expected), "{entries:?} {caller}");
    }
}

#[cfg(feature = "ipnet")]
#[test]
fn a_network_is_of_a_family_too() {
    for (network, caller, expected) in [
        ("10.0.0.0/8", "2001:db8::1", "only_ipv4_listed"),
        ("::ffff:10.0.0.0/104", "2001:db8::1", "only_ipv4_listed"),
        ("fd00::/8", "203.0.113.7", "only_ipv6_listed"),
    ] {
        let gate = AddressGate::new().with_networks([network.parse().unwrap()]);
        assert_eq!(code(&gate, caller, None), Some(expected), "{network}");
        let gate = gate.with_entries(["192.0.2.1", "2001:db8::2"]);
        assert_eq!(code(&gate, caller, None), Some("address_not_listed"), "{network}");
    }
}

#[test]
fn gate_3_an_entry_that_is_no_address_is_kept_with_what_it_looks_like() {
    const EMPTY: &str = "holds nothing";
    const WHITE_SPACE: &str = "has white space";
    const NETWORK: &str = "is a network";
    const RANGE: &str = "is a range";
    const SEVERAL: &str = "holds a separator";
    const PORT: &str = "has a port";
    const ZONE: &str = "has a zone";
    const LEADING_ZERO: &str = "has a number with a leading zero";
    const HOST_NAME: &str = "is a host name";
    const OTHER: &str = "is not an IPv4 or IPv6 address";

    let invalid = [
        ("", EMPTY),
        (" ", EMPTY),
        ("\u{feff}\r\n", EMPTY),
        ("\0", EMPTY),
        (" 203.0.113.7", WHITE_SPACE),
        ("203.0.113.7 ", WHITE_SPACE),
        ("203.0.113.7\n", WHITE_SPACE),
        ("203.0.113.7\0", WHITE_SPACE),
        ("\u{a0}203.0.113.7", WHITE_SPACE),
        ("\u{feff}203.0.113.7", WHITE_SPACE),
        ("203.0.113.7\u{200b}", WHITE_SPACE),
        ("\t2001:db8::1", WHITE_SPACE),
        ("203.0.113.7/32", NETWORK),
        ("203.0.113.0/24 ", NETWORK),
        ("203.0.113.0/255.255.255.0", NETWORK),
        ("0.0.0.0/0", NETWORK),
        ("::/0", NETWORK),
        ("203.0.113.*", RANGE),
        ("2001:db8::*", RANGE),
        ("*", RANGE),
        ("*.*.*.*", RANGE),
        ("203.0.113.1-9", RANGE),
        ("203.0.113.1 - 203.0.113.9", RANGE),
        ("2001:db8::1-2001:db8::9", RANGE),
        ("203.0.113.7,127.0.0.1", SEVERAL),
        ("203.0.113.7, ::1", SEVERAL),
        ("203.0.113.7;127.0.0.1", SEVERAL),
        ("203.0.113.7 127.0.0.1", SEVERAL),
        ("203.0.113.7\n127.0.0.1", SEVERAL),
        ("203.0.113.7,", SEVERAL),
        ("203.0.113.7:80", PORT),
        ("[::1]:443", PORT),
        ("[::1]", PORT),
        ("::1%lo", ZONE),
        ("fe80::1%eth0", ZONE),
        ("203.0.113.07", LEADING_ZERO),
        ("203.000.113.007", LEADING_ZERO),
        ("::ffff:203.0.113.07", LEADING_ZERO),
        ("localhost", HOST_NAME),
        ("billing.example.com", HOST_NAME),
        ("billing.example.com.", HOST_NAME),
        ("web-1_a.example", HOST_NAME),
        ("m\u{fc}ller.example", HOST_NAME),
        ("203.0.113", OTHER),
        ("203.0.113.7.", OTHER),
        ("203..113.7", OTHER),
        ("203.0.113.7-x", OTHER),
        ("203.0.113.256", OTHER),
        ("203.0.113.0256", OTHER),
        ("0xcb007107", OTHER),
        ("3405803783", OTHER),
        ("\u{ff11}27.0.0.1", OTHER),
        ("203.0.113.7,localhost", OTHER),
        (",", OTHER),
        ("-", OTHER),
        ("/24", OTHER),
        ("%eth0", OTHER),
        ("[203.0.113.7", OTHER),
        ("https://billing.example.com", OTHER),
    ];
    let texts = invalid.map(|(text, _)| text);
    let gate = AddressGate::new().with_entries(texts);
    assert_eq!(gate.unreadable_entries().len(), invalid.len());
    for (entry, (text, looks_like)) in gate.unreadable_entries().iter().zip(invalid) {
        assert_eq!(entry.text(), text);
        let sentence = entry.to_string();
        assert!(sentence.contains(&format!("{text:?} {looks_like}")), "{sentence}");
    }
    assert_eq!(format!("{:?}", gate.unreadable_entries()[0]), "UnreadableEntry(Empty)");
    for caller in ["203.0.113.7", "127.0.0.1", "::1", "0.0.0.0", "::"] {
        assert_eq!(code(&gate, caller, None), Some("address_list_unreadable"));
    }
    let gate = gate.with_entries(["127.0.0.1"]);
    assert_eq!(gate.unreadable_entries().len(), invalid.len());
    assert!(may_call(&gate, "127.0.0.1"));
}

/// An operator may paste anything into the list. What is shown stays one short line.
#[test]
fn a_long_or_binary_entry_is_cut_and_escaped() {
    let shown = |entry: &str| {
        let gate = AddressGate::new().with_entries([entry]);
        gate.unreadable_entries().iter().map(ToString::to_string).collect::<String>()
    };
    let x = |count| "x".repeat(count);
    let host = "is a host name: list the addresses of the host";
    assert_eq!(shown(&x(64)), format!("the entry \"{}\" {host}", x(64)));
    assert_eq!(shown(&x(65)), format!("the entry \"{}\"... {host}", x(64)));
    assert_eq!(shown(&x(1_000_000)), format!("the entry \"{}\"... {host}", x(64)));
    let umlauts = "\u{fc}".repeat(65);
    assert_eq!(shown(&umlauts), format!("the entry \"{}\"... {host}", "\u{fc}".repeat(64)));
    let other = "is not an IPv4 or IPv6 address: correct it or remove it";
    let escaped = r#"the entry "a\u{1b}[31m\"\n\r\0\u{202e}b" "#;
    assert_eq!(shown("a\u{1b}[31m\"\n\r\0\u{202e}b"), format!("{escaped}{other}"));
    for entry in ["0.".repeat(100_000), "1-".repeat(100_000), " ".repeat(100_000), ",".repeat(9)] {
        assert!(shown(&entry).len() < 200);
    }
}

#[test]
fn entries_add_up() {
    let gate = AddressGate::new()
        .with_entries(["127.0.0.1"])
        .with_entries(vec![String::from("::1"), String::from("127.0.0.1")])
        .with_addresses([address("203.0.113.7")]);
    for caller in ["127.0.0.1", "::1", "203.0.113.7"] {
        assert!(may_call(&gate, caller));
    }
    assert!(!may_call(&gate, "203.0.113.8"));
}

#[test]
fn gate_5_the_right_access_key_lifts_the_restriction() {
    let key = "a!@#$%.()*[]-_1";
    let gate = AddressGate::new().with_entries(["203.0.113.7"]).with_access_key(key).unwrap();
    let elsewhere = "198.51.100.1";
    assert_eq!(code(&gate, elsewhere, Some(key)), None);
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
        &key.repeat(100_000),
    ] {
        let refused = code(&gate, elsewhere, Some(wrong));
        assert_eq!(refused, Some("wrong_access_key"), "{wrong}");
        // It does not matter for a listed address.
        assert_eq!(code(&gate, "203.0.113.7", Some(wrong)), None);
    }
    for absent in [None, Some("")] {
        assert_eq!(code(&gate, elsewhere, absent), Some("address_not_listed"));
    }
}

#[test]
fn gate_5_before_the_body_only_an_access_key_that_may_still_come_is_waited_for() {
    let without_key = AddressGate::new().with_entries(["203.0.113.7"]);
    let with_key = without_key.clone().with_access_key("k").unwrap();
    for (gate, caller, key, expected) in [
        (&with_key, "203.0.113.7", None, None),
        (&with_key, "198.51.100.1", None, None),
        (&with_key, "198.51.100.1", Some("k"), None),
        (&with_key, "198.51.100.1", Some("x"), Some("wrong_access_key")),
        (&without_key, "203.0.113.7", None, None),
        (&without_key, "198.51.100.1", None, Some("address_not_listed")),
        (&without_key, "198.51.100.1", Some("k"), Some("address_not_listed")),
    ] {
        let checked = gate.check_before_body(address(caller), &with_access_key(key));
        assert_eq!(checked.err().map(|refusal| refusal.code()), expected, "{caller} {key:?}");
    }
}

#[test]
fn gate_5_an_empty_access_key_never_matches() {
    let gate = AddressGate::new().with_entries(["203.0.113.7"]).with_access_key("").unwrap();
    let elsewhere = address("198.51.100.1");
    for presented in [None, Some(""), Some("x")] {
        assert!(gate.check(elsewhere, &with_access_key(presented)).is_err(), "{presented:?}");
    }
    // The last key set counts.
    let gate = gate.with_access_key("a").unwrap().with_access_key("b").unwrap();
    assert!(gate.check(elsewhere, &with_access_key(Some("a"))).is_err());
    assert!(gate.check(elsewhere, &with_access_key(Some("b"))).is_ok());
    assert!(
        gate.with_access_key("").unwrap().check(elsewhere, &with_access_key(Some("b"))).is_err()
    );
}

#[test]
fn gate_5_an_access_key_of_white_space_alone_is_an_error() {
    for blank in [" ", "\n", "\r\n", "\t ", "\0", "\u{a0}", "\u{feff}\n", "\u{3000}"] {
        let error = AddressGate::new().with_access_key(blank).unwrap_err();
        assert_eq!(error, KeyError::Blank, "{blank:?}");
    }
    for key in ["a", " a", "a\n", "."] {
        assert!(AddressGate::new().with_access_key(key).is_ok(), "{key:?}");
    }
}

#[cfg(feature = "ipnet")]
#[test]
fn gate_4_a_network_lists_every_address_in_it() {
    for (network, caller, listed) in [
        ("10.0.0.0/8", "10.0.0.0", true),
        ("10.0.0.0/8", "10.255.255.255", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("10.0.0.0/8", "9.255.255.255", false),
        // Bits after the prefix are ignored.
        ("10.1.2.3/8", "10.200.0.1", true),
        ("10.1.2.3/32", "10.1.2.3", true),
        ("10.1.2.3/32", "10.1.2.4", false),
        ("0.0.0.0/0", "203.0.113.7", true),
        ("0.0.0.0/0", "::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::", false),
        // An IPv4-mapped address or network is the IPv4 one.
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
        let gate = AddressGate::new().with_networks([network.parse().unwrap()]);
        assert_eq!(may_call(&gate, caller), listed, "{network}, {caller}");
        // The list is not empty.
        assert_ne!(code(&gate, caller, None), Some("address_list_empty"));
    }
    let gate = AddressGate::new()
        .with_entries(["203.0.113.7"])
        .with_networks(["10.0.0.0/8".parse().unwrap()])
        .with_networks(["2001:db8::/32".parse().unwrap()]);
    for caller in ["203.0.113.7", "10.1.2.3", "2001:db8::1"] {
        assert!(may_call(&gate, caller));
    }
    assert!(!may_call(&gate, "203.0.113.8"));
}
