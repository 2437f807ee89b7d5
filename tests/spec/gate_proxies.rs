//! Whose request it is, behind proxies.

use std::net::IpAddr;

use whmcs_auth::Refusal;
use whmcs_auth::gate::{HiddenCaller, TrustedProxies};

const FORWARDED_FOR: &str = "x-forwarded-for";

fn proxies(addresses: &[&str]) -> TrustedProxies {
    TrustedProxies::new().with_addresses(addresses.iter().map(|address| address.parse().unwrap()))
}

/// The caller's address, or the code of the refusal.
fn caller(peer: &str, trusted: &[&str], headers: &[(&str, &str)]) -> Result<String, &'static str> {
    let peer: IpAddr = peer.parse().unwrap();
    let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
    let caller = proxies(trusted).caller(peer, headers);
    caller.map(|address| address.to_string()).map_err(|hidden| hidden.code())
}

/// The peer, the trusted proxies, the headers, and the caller or the code of the refusal.
type Row<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)], Result<&'a str, &'static str>);

fn check(rows: &[Row<'_>]) {
    for (peer, trusted, headers, expected) in rows {
        let found = caller(peer, trusted, headers);
        assert_eq!(
            found.as_deref().map_err(|code| *code),
            *expected,
            "{peer} {trusted:?} {headers:?}"
        );
    }
}

/// The caller that this list names to a trusted peer, or the code of the refusal.
fn listed(list: &str) -> Result<String, &'static str> {
    caller("192.0.2.9", &["192.0.2.9"], &[(FORWARDED_FOR, list)])
}

#[test]
fn proxy_1_the_last_address_that_is_no_trusted_proxy_is_the_callers() {
    let one = &["192.0.2.9"][..];
    let two = &["192.0.2.9", "192.0.2.2"][..];
    check(&[
        // No proxy is trusted: the peer is the caller.
        ("192.0.2.9", &[], &[], Ok("192.0.2.9")),
        ("127.0.0.1", &[], &[], Ok("127.0.0.1")),
        // Anybody can write the header.
        ("192.0.2.9", &[], &[(FORWARDED_FOR, "203.0.113.7")], Ok("192.0.2.9")),
        ("192.0.2.9", &["192.0.2.8"], &[(FORWARDED_FOR, "203.0.113.7")], Ok("192.0.2.9")),
        // A trusted proxy names the caller.
        ("192.0.2.9", one, &[(FORWARDED_FOR, "203.0.113.7")], Ok("203.0.113.7")),
        ("192.0.2.9", one, &[(FORWARDED_FOR, "192.0.2.1, 203.0.113.7")], Ok("203.0.113.7")),
        ("192.0.2.9", two, &[(FORWARDED_FOR, "192.0.2.1, 192.0.2.2")], Ok("192.0.2.1")),
        // A later address replaces an unreadable entry.
        ("192.0.2.9", one, &[(FORWARDED_FOR, "unknown, 203.0.113.7")], Ok("203.0.113.7")),
    ]);
}

#[test]
fn proxy_2_several_headers_are_one_list() {
    let one = &["192.0.2.9"][..];
    let two = &["192.0.2.9", "192.0.2.2"][..];
    let lines = &[(FORWARDED_FOR, "192.0.2.1"), (FORWARDED_FOR, "192.0.2.2")][..];
    check(&[
        ("192.0.2.9", one, lines, Ok("192.0.2.2")),
        ("192.0.2.9", two, lines, Ok("192.0.2.1")),
        ("192.0.2.9", one, &[("X-Forwarded-For", "203.0.113.7")], Ok("203.0.113.7")),
    ]);
}

#[test]
fn proxy_3_an_entry_is_an_address_perhaps_with_a_port() {
    for (list, expected) in [
        ("192.0.2.1,\t203.0.113.7 ", Ok("203.0.113.7")),
        ("2001:db8::1", Ok("2001:db8::1")),
        ("203.0.113.7:51234", Ok("203.0.113.7")),
        ("[2001:db8::1]:443", Ok("2001:db8::1")),
        ("203.0.113.7:x", Err("forwarded_for_unreadable")),
        ("[2001:db8::1]", Err("forwarded_for_unreadable")),
        ("203.0.113.0/24", Err("forwarded_for_unreadable")),
    ] {
        assert_eq!(listed(list), expected.map(str::to_owned), "{list}");
    }
}

#[test]
fn proxy_4_a_mapped_address_is_the_ipv4_address() {
    let list = &[(FORWARDED_FOR, "203.0.113.7")][..];
    check(&[
        ("::ffff:192.0.2.9", &[], &[], Ok("192.0.2.9")),
        ("::ffff:192.0.2.9", &["192.0.2.9"], list, Ok("203.0.113.7")),
        ("192.0.2.9", &["::ffff:192.0.2.9"], list, Ok("203.0.113.7")),
        ("192.0.2.9", &["192.0.2.9"], &[(FORWARDED_FOR, "::ffff:203.0.113.7")], Ok("203.0.113.7")),
        (
            "192.0.2.9",
            &["192.0.2.9", "192.0.2.2"],
            &[(FORWARDED_FOR, "192.0.2.1, ::ffff:192.0.2.2")],
            Ok("192.0.2.1"),
        ),
    ]);
}

#[test]
fn proxy_5_a_trusted_proxy_that_names_no_caller_is_refused() {
    for (list, code) in [
        ("192.0.2.9", "forwarded_for_only_proxies"),
        ("unknown", "forwarded_for_unreadable"),
        ("_hidden", "forwarded_for_unreadable"),
        ("203.0.113.7, ", "forwarded_for_unreadable"),
        ("", "forwarded_for_unreadable"),
        ("203.0.113.7, unknown, 192.0.2.9", "forwarded_for_unreadable"),
        // Addresses that no caller has.
        ("127.0.0.1", "forwarded_for_local"),
        ("203.0.113.7, 127.0.0.1", "forwarded_for_local"),
        ("::1", "forwarded_for_local"),
        ("0.0.0.0", "forwarded_for_local"),
        ("::", "forwarded_for_local"),
    ] {
        assert_eq!(listed(list), Err(code), "{list}");
    }
    let one = &["192.0.2.9"][..];
    let two = &["192.0.2.9", "192.0.2.2"][..];
    let with_local = &["192.0.2.9", "127.0.0.1"][..];
    check(&[
        ("192.0.2.9", one, &[], Err("forwarded_for_missing")),
        ("192.0.2.9", one, &[("x-forwarded-proto", "https")], Err("forwarded_for_missing")),
        ("192.0.2.9", one, &[("via", "1.1 proxy")], Err("forwarded_for_missing")),
        (
            "192.0.2.9",
            two,
            &[(FORWARDED_FOR, "192.0.2.9, 192.0.2.2")],
            Err("forwarded_for_only_proxies"),
        ),
        ("192.0.2.9", two, &[(FORWARDED_FOR, "127.0.0.1, 192.0.2.2")], Err("forwarded_for_local")),
        ("192.0.2.9", with_local, &[(FORWARDED_FOR, "203.0.113.7, 127.0.0.1")], Ok("203.0.113.7")),
    ]);
}

/// Otherwise everybody who comes through it would have the address of this machine.
#[test]
fn proxy_6_a_proxy_on_this_machine_that_is_not_trusted_hides_the_caller() {
    for name in [
        "x-forwarded-for",
        "X-Forwarded-Proto",
        "x-forwarded-host",
        "forwarded",
        "Via",
        "x-real-ip",
        "cf-connecting-ip",
    ] {
        for peer in ["127.0.0.1", "::1", "::ffff:127.0.0.2"] {
            let hidden = caller(peer, &[], &[(name, "203.0.113.7")]);
            assert_eq!(hidden, Err("untrusted_proxy"), "{name} {peer}");
        }
        let other = caller("192.0.2.9", &[], &[(name, "203.0.113.7")]);
        assert_eq!(other.as_deref(), Ok("192.0.2.9"), "{name}");
    }
    for name in ["x-forward", "x-forwarde", "forwarded-for", "ü", ""] {
        let own = caller("127.0.0.1", &[], &[(name, "203.0.113.7")]);
        assert_eq!(own.as_deref(), Ok("127.0.0.1"), "{name}");
    }
}

#[test]
fn proxy_3_bytes_that_are_no_text_are_no_address() {
    let headers = [(FORWARDED_FOR, &b"203.0.113.7, \xff"[..])];
    let verdict = proxies(&["192.0.2.9"]).caller("192.0.2.9".parse().unwrap(), headers);
    assert_eq!(verdict, Err(HiddenCaller::Unreadable));
}

#[cfg(feature = "ipnet")]
#[test]
fn proxy_1_a_network_of_proxies_is_trusted() {
    let proxies = TrustedProxies::new()
        .with_networks(["10.0.0.0/8".parse().unwrap(), "::ffff:192.0.2.0/120".parse().unwrap()]);
    let headers = [(FORWARDED_FOR, "203.0.113.7, 10.1.2.3, 192.0.2.77")];
    for (peer, expected) in
        [("10.9.9.9", "203.0.113.7"), ("192.0.2.1", "203.0.113.7"), ("11.0.0.1", "11.0.0.1")]
    {
        let caller = proxies.caller(peer.parse().unwrap(), headers).unwrap();
        assert_eq!(caller.to_string(), expected, "{peer}");
    }
}

/// No header but `X-Forwarded-For` is read. The operator is told which one the proxy sends.
#[test]
fn proxy_5_another_header_with_an_address_is_reported_by_its_name() {
    let trusted = proxies(&["192.0.2.9"]);
    let hidden = |headers: &[(&str, &str)]| {
        let headers = headers.iter().map(|(name, value)| (*name, value.as_bytes()));
        trusted.caller("192.0.2.9".parse().unwrap(), headers).unwrap_err()
    };
    for (name, header) in [
        ("forwarded", "Forwarded"),
        ("x-real-ip", "X-Real-IP"),
        ("X-REAL-IP", "X-Real-IP"),
        ("x-client-ip", "X-Client-IP"),
        ("true-client-ip", "True-Client-IP"),
        ("cf-connecting-ip", "CF-Connecting-IP"),
    ] {
        let other = HiddenCaller::OtherHeader { header };
        assert_eq!(hidden(&[(name, "203.0.113.7")]), other, "{name}");
        assert_eq!(hidden(&[("via", "x"), (name, "203.0.113.7"), ("forwarded", "x")]), other);
        // If both headers are present, the fault of the one that is read is reported.
        let unreadable = hidden(&[(name, "203.0.113.7"), (FORWARDED_FOR, "unknown")]);
        assert_eq!(unreadable, HiddenCaller::Unreadable, "{name}");
    }
    assert_eq!(hidden(&[("real-ip", "203.0.113.7")]), HiddenCaller::NoForwardedFor);
}

#[test]
fn proxy_4_trusts_compares_mapped_addresses_too() {
    let proxies = proxies(&["192.0.2.9"]);
    for (address, expected) in
        [("192.0.2.9", true), ("::ffff:192.0.2.9", true), ("192.0.2.8", false), ("::1", false)]
    {
        assert_eq!(proxies.trusts(address.parse().unwrap()), expected, "{address}");
    }
}
