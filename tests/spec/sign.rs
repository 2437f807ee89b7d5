//! The signer of links. Verification accepts what it signs.

use time::Duration;
use whmcs_auth::{
    AutoAuthLink, AutoAuthPolicy, AutoAuthRequest, Field, Malformed, SignError, sign_autoauth,
    verify_autoauth,
};

use crate::common::{EMAIL, HASH, KEY, SIGNED, at, goto_of, key, keys};

fn sign(email: &str, goto: Option<&str>) -> Result<AutoAuthLink, SignError> {
    sign_autoauth(email, goto, &key(KEY), &at(SIGNED))
}

#[test]
fn the_query_is_percent_encoded() {
    let signed = format!("timestamp={SIGNED}&hash={HASH}");
    for (goto, query) in [
        (None, format!("email=a%2Bb%40example.com&{signed}")),
        (Some(""), format!("email=a%2Bb%40example.com&{signed}")),
        (
            Some("viewinvoice.php?id=12&x=%20"),
            format!(
                "email=a%2Bb%40example.com&{signed}&goto=viewinvoice.php%3Fid%3D12%26x%3D%2520"
            ),
        ),
    ] {
        assert_eq!(sign(EMAIL, goto).unwrap().query(), query);
    }
}

#[test]
fn a_url_is_the_base_dologin_php_and_the_query() {
    let link = sign("demo@whmcs.com", None).unwrap();
    for (base, start) in [
        ("https://b.example", "https://b.example/dologin.php?"),
        ("https://b.example/", "https://b.example/dologin.php?"),
        ("https://b.example/whmcs", "https://b.example/whmcs/dologin.php?"),
        ("https://b.example/whmcs/", "https://b.example/whmcs/dologin.php?"),
        ("http://localhost:8080", "http://localhost:8080/dologin.php?"),
        ("http://[::1]:8080/a%20b/", "http://[::1]:8080/a%20b/dologin.php?"),
        ("http://my_host-1:1/", "http://my_host-1:1/dologin.php?"),
        ("https://192.0.2.1:65535", "https://192.0.2.1:65535/dologin.php?"),
        ("https://b.example/~a/b.c/...", "https://b.example/~a/b.c/.../dologin.php?"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example/dologin.php?"),
    ] {
        assert_eq!(link.url(base).unwrap(), format!("{start}{}", link.query()));
    }
}

#[test]
fn a_base_is_a_scheme_a_host_a_port_and_a_path() {
    let link = sign("demo@whmcs.com", None).unwrap();
    for base in [
        "",
        "b.example",
        "//b.example",
        "ftp://b.example",
        "javascript:x",
        "https://",
        "https:///",
        "http:b",
        "https://b.example?x",
        "https://b.example/#x",
        "https://b example",
        "https://b.example\n",
        "https://bé",
        "HTTPS://b.example",
        // a user name in front of another host
        "https://billing.example.com@evil.example",
        "https://billing.example.com:80@evil.example",
        "https://@evil.example",
        "https://a:b@evil.example/",
        // characters that a browser reads as a slash
        r"https://\evil.example",
        r"https://b.example\@evil.example",
        r"https:/\evil.example",
        "https:/b.example",
        "https:///b.example",
        // markup
        "https://\"><script>",
        "https://b.example/<script>",
        "https://b.example/'",
        // hosts
        "https://:80",
        "https://.",
        "https://b..example",
        "https://.b.example",
        "https://b.example.",
        "https://b%2eexample",
        "https://b_example;x",
        "https://[::1",
        "https://::1",
        "https://[::1]x",
        "https://[::1%25eth0]",
        "https://[127.0.0.1]",
        "https://[]",
        "https://x[::1]",
        "https://2130706433",
        "https://0x7f000001",
        "https://127.1",
        "https://192.0.2.256",
        "https://192.0.2.01",
        "https://b.1",
        "https://b.0xe",
        // ports
        "https://b.example:",
        "https://b.example:0",
        "https://b.example:080",
        "https://b.example:65536",
        "https://b.example:+80",
        "https://b.example:80:80",
        "https://b.example:http",
        "https://[::1]:",
        // paths
        "https://b.example//",
        "https://b.example//whmcs",
        "https://b.example/whmcs//x",
        "https://b.example/.",
        "https://b.example/../x",
        "https://b.example/a;b",
        "https://b.example/a:b",
        "https://b.example/%",
        "https://b.example/%2",
        "https://b.example/%zz",
        "https://b.example/%2e%2e/x",
        "https://b.example/a%2fb",
        "https://b.example/a%5Cb",
        "https://b.example/%00",
        "https://b.example/%0d%0a",
        "https://b.example/%252e",
    ] {
        assert_eq!(link.url(base), Err(SignError::Base), "{base:?}");
    }
}

#[test]
fn the_signer_refuses_what_verification_would_refuse() {
    let fault = SignError::Email;
    let longest = format!("{}@b.c", "a".repeat(250));
    assert!(sign(&longest, None).is_ok());
    for (email, goto, error) in [
        ("", None, fault(Malformed::Missing(Field::Email))),
        (&*format!("a{longest}"), None, fault(Malformed::TooLong(Field::Email))),
        ("a\u{fffd}@b.c", None, fault(Malformed::NotUtf8(Field::Email))),
        ("a\n@b.c", None, fault(Malformed::ControlCharacter(Field::Email))),
        ("a b@b.c", None, SignError::SpaceInEmail),
        ("a@b.c", Some("//evil.example"), SignError::Goto),
        ("a@b.c", Some("a b"), SignError::Goto),
    ] {
        assert_eq!(sign(email, goto).unwrap_err(), error, "{email} {goto:?}");
    }
}

#[test]
fn the_time_must_have_a_ten_digit_timestamp() {
    for (now, signed) in [
        (999_999_999, false),
        (1_000_000_000, true),
        (9_999_999_999, true),
        (10_000_000_000, false),
        (0, false),
        (-1, false),
        (-1_700_000_000, false),
    ] {
        let link = sign_autoauth("a@b.c", None, &key("k"), &at(now));
        assert_eq!(link.map(|_| ()), if signed { Ok(()) } else { Err(SignError::Clock) });
    }
}

#[test]
fn whole_seconds_are_signed() {
    let clock = at(SIGNED + 1) - Duration::NANOSECOND;
    let link = sign_autoauth(EMAIL, None, &key(KEY), &clock).unwrap();
    assert_eq!(link.query(), sign(EMAIL, None).unwrap().query());
}

#[test]
fn a_signed_link_verifies_as_a_query_and_as_a_url() {
    let (keys, clock) = (keys(&[KEY]), at(SIGNED));
    for email in [EMAIL, "ü&=#?%@example.com", "\"x\"@y"] {
        let link = sign(email, Some("clientarea.php?action=products")).unwrap();
        let url = link.url("https://b.example/whmcs/").unwrap();
        for request in [AutoAuthRequest::from_query(link.query()), AutoAuthRequest::from_url(&url)]
        {
            let login = verify_autoauth(&request, &keys, &clock, &AutoAuthPolicy::new()).unwrap();
            assert_eq!(login.email(), email);
            assert_eq!(goto_of(&login).target_or(""), "clientarea.php?action=products");
            assert!(!login.is_repaired());
        }
    }
}
