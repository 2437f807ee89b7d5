//! Each finding, by a request that has it and by one that almost has it.

use std::collections::BTreeSet;

use whmcs_auth::diagnose::{self, Findings};

const FORM: &str = "application/x-www-form-urlencoded";
const PAIR: &str = "identifier=id&secret=s";
const HASH: &str = "6624fa4b6fb3c5fcd24e587154a949911046d92b";
const PARTS: &str =
    "--x\r\nContent-Disposition: form-data; name=\"identifier\"\r\n\r\nid\r\n--x--\r\n";

/// A body of that type.
fn body(content_type: &str, body: impl AsRef<[u8]>) -> Findings {
    diagnose::api("", Some(content_type), body.as_ref())
}

fn form(text: &str) -> Findings {
    body(FORM, text)
}

/// A secret, encoded, beside an identifier.
fn secret(value: &str) -> Findings {
    form(&format!("identifier=id&secret={value}"))
}

fn query(text: &str) -> Findings {
    diagnose::api(text, None, "")
}

fn login(username: &str, password: &str) -> Findings {
    form(&format!("username={username}&password={password}"))
}

fn link(text: &str) -> Findings {
    diagnose::link(text)
}

fn timestamp(timestamp: &str) -> Findings {
    link(&format!("email=a@b.test&timestamp={timestamp}&hash={HASH}"))
}

fn hash(hash: &str) -> Findings {
    link(&format!("email=a@b.test&timestamp=1290100706&hash={hash}"))
}

fn goto(goto: &str) -> Findings {
    link(&format!("email=a@b.test&timestamp=1290100706&hash={HASH}&goto={goto}"))
}

fn origin(origin: &str) -> Findings {
    diagnose::origin(origin, "billing.example.com")
}

/// Each code, a request that has the finding, and one that almost has it.
fn rows() -> Vec<(&'static str, Findings, Findings)> {
    let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
    vec![
        ("body_is_json", body(FORM, "{\"a\":1}"), body(FORM, "{a}=1")),
        ("body_is_xml", body(FORM, "<a>"), body(FORM, "<1=a")),
        ("body_is_compressed", body(FORM, b"x\x9c\xcbLI"), body(FORM, "x^2=4")),
        ("body_is_utf16", body(FORM, b"i\0d\0"), body(FORM, b"i\0\x80\0")),
        (
            "multipart_without_type",
            body(FORM, PARTS),
            body("multipart/form-data; boundary=x", PARTS),
        ),
        (
            "multipart_boundary",
            body("multipart/form-data; boundary=y", PARTS),
            body("multipart/form-data; boundary=\"x\"", PARTS),
        ),
        ("form_of_other_type", body("text/plain", PAIR), body("text/plain", "hello=there")),
        ("json_in_field", form("data={\"a\":1}"), form(&format!("data={{\"a\":1}}&{PAIR}"))),
        ("form_encoded_twice", form("secret%3Ds"), form("secrets%3Ds")),
        ("byte_order_mark", form("\u{feff}secret=s"), form("\u{feff}x=1&secret=s")),
        ("html_escaped_name", link("amp;hash=x"), link("amp;hashes=x")),
        ("white_space_around_name", form("secret%09=s"), form(&format!("{PAIR}&secret%09=s"))),
        ("quoted_name", form("'secret'=s"), form("'s'ecret=s")),
        ("list_name", form("secret[]=s"), form("secrets[]=s")),
        ("nested_name", form("data[secret]=s"), form("data[secret=s")),
        ("resembling_name", form("api_secret=s"), form("secrets=s")),
        ("other_separator", form("identifier=id;secret=s"), form("identifier=id;secrets=s")),
        ("encoded_separator", form("identifier=id%26secret=s"), form("identifier=id%26secrets=s")),
        ("empty_value", form("identifier=id&secret="), form(&format!("{PAIR}&password="))),
        ("no_body", query("action=GetClients"), query(PAIR)),
        ("no_credential_field", form("action=GetClients"), form("identifier=id")),
        ("no_link_field", link("goto=a.php"), link("hash=x")),
        ("link_cut_short", link("email=a@b.test"), link("email=a@b.test&hash=")),
        ("hash_is_md5", hash(md5), hash(&md5.replace('f', "g"))),
        ("hash_is_sha2", hash(&"0a".repeat(32)), hash(&"0g".repeat(32))),
        (
            "hash_is_base64",
            hash("ZiT6S2-zxfzSTlhxVKlJkRBG2Ss"),
            hash("ZiT6S2*zxfzSTlhxVKlJkRBG2Ss"),
        ),
        ("hash_is_binary", hash(&"%FF".repeat(20)), hash(&"%FF".repeat(19))),
        ("hash_with_other_text", hash(&format!("{HASH}.")), hash(&format!("{HASH}0"))),
        ("hash_cut_short", hash(&HASH[1..]), hash(HASH)),
        ("timestamp_milliseconds", timestamp("1290100706000"), timestamp("129010070600")),
        ("timestamp_microseconds", timestamp("1290100706000000"), timestamp("12901007060000000")),
        ("timestamp_float", timestamp("1290100706.5"), timestamp("-1290100706")),
        ("timestamp_date", timestamp("2010-11-18"), timestamp("2010-11")),
        ("timestamp_other_digits", timestamp("\u{661}\u{662}"), timestamp("\u{661}a")),
        ("timestamp_grouped", timestamp("1,290,100,706"), timestamp("1,290,100")),
        ("placeholder", secret("$SECRET"), secret("$ecret")),
        ("client_login", login("a@b.test", "p"), login("a@b.test", md5)),
        ("same_value", secret("id"), secret("ID")),
        ("password_is_sha1", login("admin", HASH), login("admin", &HASH[1..])),
        ("password_is_sha2", login("admin", &"0a".repeat(32)), login("admin", &"0g".repeat(32))),
        (
            "password_is_base64",
            login("admin", "X03MO1qnZdYdgyfeuILPmQ=="),
            login("admin", "X03MO=="),
        ),
        ("stored_hash", secret("$2y$10$abc"), secret("$money$abc")),
        (
            "action_undocumented",
            form(&format!("{PAIR}&action=GetSystemStats")),
            form(&format!("{PAIR}&action=getstats")),
        ),
        (
            "format_in_other_field",
            form(&format!("{PAIR}&format=json")),
            form(&format!("{PAIR}&format=json&responsetype=json")),
        ),
        ("browser_call", origin("https://shop.example"), origin("https://billing.example.com")),
        ("line_end", secret("s%0D"), secret("s%0Ds")),
        ("white_space_around_value", secret("s%20"), secret("s%20s")),
        ("white_space_in_value", form("identifier=i%20d&secret=s"), secret("i%20d")),
        ("html_escaped_value", secret("a%26amp%3Bb"), secret("a%26amplifier%3Bb")),
        ("quoted_value", secret("%22s%22"), secret("s%22s")),
        // The key holds `%41` itself.
        ("encoded_twice", secret("a%2540"), secret("a%2541")),
        ("other_charset", secret("%FC"), secret("%C3%BC")),
        ("raw_percent", secret("a%z"), secret("a%25z")),
        ("raw_ampersand", secret("a&b"), secret("a&&action")),
        ("raw_hash_sign", query(&format!("{PAIR}#b")), secret("s#b")),
        ("raw_plus", secret("a+b"), secret("a+b%2Bc")),
        ("goto_too_long", goto(&"a".repeat(2049)), goto(&"a".repeat(2048))),
        ("goto_other_site", goto("//a"), goto("/a//b")),
        ("goto_full_url", goto("https://a"), goto("a?https://a")),
        ("goto_start", goto("?a"), goto("_?a")),
        ("goto_dot_segment", goto("a/../b"), goto("a/..b")),
        ("goto_white_space", goto("a%20b"), goto("a?%2520b")),
        ("goto_not_ascii", goto("%FC"), goto("a?%25FC")),
        ("goto_character", goto("a?%22"), goto("a?%27")),
        ("goto_escape_in_path", goto("a%2541"), goto("a?%2541")),
        ("goto_path_character", goto("a;b"), goto("a?;b")),
        ("goto_escape", goto("a?%25"), goto("a?%2525")),
        ("goto_cut_at_ampersand", goto("a?b=c&id=5"), goto("a?b=c&utm_source=mail")),
    ]
}

#[test]
fn each_finding_has_a_request_that_almost_has_it() {
    let mut codes = BTreeSet::new();
    for (code, has, almost) in rows() {
        assert!(codes.insert(code), "{code} has two rows");
        let finds = |findings: &Findings| findings.iter().any(|finding| finding.code() == code);
        assert!(finds(&has), "{code}: {has:?}");
        assert!(!finds(&almost), "{code}: {almost:?}");
    }
    // The table of the library has a line for each: a variant, its code and its sentence.
    let source = include_str!("../../src/diagnose/finding.rs");
    let of_line = |line: &'static str| {
        let (variant, rest) = line.strip_prefix("    ")?.split_once(" \"")?;
        let (code, _) = rest.split_once("\" \"")?;
        variant.bytes().all(|byte| byte.is_ascii_alphanumeric()).then_some(code)
    };
    assert_eq!(codes, source.lines().filter_map(of_line).collect());
}
