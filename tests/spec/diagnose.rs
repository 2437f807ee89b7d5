//! What the sender of a request did wrong, by the look of the request. Each mistake stands beside a request that
//! almost has it, and gives no finding.

use std::collections::BTreeSet;

use proptest::prelude::*;
use whmcs_auth::diagnose::{self, Finding, Findings};
use whmcs_auth::{ApiPolicy, ApiRefusal, AutoAuthRequest, Goto, Malformed, Received};

use crate::common::{EMAIL, FIELDS, KEY, SIGNED, at, goto_of, hash_of, multipart, verify_link};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const JSON: Option<&str> = Some("application/json");
const MULTIPART: Option<&str> = Some("multipart/form-data; boundary=x");
const PAIR: &str =
    "identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const ADMIN: &str = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99";
/// A genuine link of the demo client, under the key `abcXYZ123`.
const LINK: &str =
    "email=demo%40whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";

/// The codes, each with the field of the finding unless the code starts with it, such as `line_end(secret)`.
fn codes(findings: &Findings) -> Vec<String> {
    findings.iter().map(named).collect()
}

fn named(finding: Finding) -> String {
    let code = finding.code();
    match finding.field() {
        Some(field) if !code.starts_with(field.name()) => format!("{code}({field})"),
        _ => code.to_owned(),
    }
}

#[track_caller]
fn assert_api(query: &str, content_type: Option<&str>, body: impl AsRef<[u8]>, expected: &[&str]) {
    let body = body.as_ref();
    let found = codes(&diagnose::api(query, content_type, body));
    assert_eq!(found, expected, "{query} {content_type:?} {}", String::from_utf8_lossy(body));
}

#[track_caller]
fn assert_forms(cases: &[(&str, &[&str])]) {
    for (body, expected) in cases {
        assert_api("", FORM, body, expected);
    }
}

#[track_caller]
fn assert_links(cases: &[(&str, &[&str])]) {
    for (query, expected) in cases {
        assert_eq!(codes(&diagnose::link(query)), *expected, "{query}");
    }
}

#[test]
fn what_real_clients_send_gives_no_finding() {
    let md5 = "username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99&accesskey=key%231%2B2";
    for (query, body) in [
        ("", "action=GetClients&identifier=id&responsetype=json&secret=s%2Be+c".to_owned()),
        ("", format!("{PAIR}&action=GetClients&responsetype=json&search=a%2Bb%40example.com")),
        (
            "action=GetClients",
            "username=id&password=s%2Be+c&accesskey=key%231%2B2&responsetype=json".to_owned(),
        ),
        ("", format!("action=getproducts&pid=1&responsetype=json&{md5}")),
        (
            "endpoint=e&identifier=id&secret=s%2Be%20c&responsetype=json&action=GetClients",
            String::new(),
        ),
        ("", "identifier=id&secret=s%2Be+c&action=GetClients&responsetype=json".to_owned()),
        ("", format!("{PAIR}&username=&password=&accesskey=&action=GetClients")),
        ("", format!("identifier=&secret=&{ADMIN}&action=GetClients")),
        ("", ADMIN.replace("5f4dcc3b5aa765d61d8327deb882cf99", "5F4DCC3B5AA765D61D8327DEB882CF99")),
        (
            "accesskey=abc!%40%23",
            format!("{PAIR}&action=AddClient&email=a%40b.test&user=x&pass=y&id=7"),
        ),
    ] {
        assert_api(query, FORM, &body, &[]);
        assert_api(query, Some("Application/X-WWW-Form-Urlencoded;charset=UTF-8"), &body, &[]);
    }
    let part = "--x\r\nContent-Disposition: form-data; name=\"identifier\"\r\n\r\nid\r\n--x--\r\n";
    assert_api("", MULTIPART, part, &[]);
    assert_links(&[
        (LINK, &[]),
        (&format!("{LINK}&goto=clientarea.php%3Faction%3Dproducts"), &[]),
        (&format!("{LINK}&goto=viewinvoice.php?id=12"), &[]),
        (&format!("goto=cart.php%3Fa%3Db%26c%3Dd&{LINK}&utm_source=mail"), &[]),
        (&LINK.replace("d92b", "D92B"), &[]),
    ]);
}

#[test]
fn a_body_that_is_no_form() {
    let json = r#"{"identifier":"a","secret":"b"}"#;
    for content_type in [FORM, JSON, Some("text/plain"), None] {
        for body in [
            json,
            " \r\n{ \"identifier\": \"a\"}",
            "{'identifier': 'a'}",
            "{}",
            r#"[{"identifier":"a"}]"#,
            r#"[["identifier","a"]]"#,
            r#""{\"identifier\":\"a\"}""#,
            "\u{feff}{\"identifier\":\"a\"}",
            "%7B%22identifier%22%3A%22a%22%7D",
            "%7B%22identifier%22%3A%22a%22%7D=",
            "%7b%0A++%22identifier%22",
        ] {
            assert_api("", content_type, body, &["body_is_json"]);
        }
        for body in ["<?xml version=\"1.0\"?>", "<whmcsapi><identifier>a", "\n<!DOCTYPE html>"] {
            assert_api("", content_type, body, &["body_is_xml"]);
        }
        for body in [
            &b"\x1f\x8b\x08\0\0\0\0\0\0\x03identifier"[..],
            b"x\x9c\xcbLI\xcd",
            b"x^\xcbLI",
            b"x\x01\x01\x05\0",
            b"x\xda\xcbLI",
            b"\x28\xb5\x2f\xfd\x04\0",
        ] {
            assert_api("", content_type, body, &["body_is_compressed"]);
        }
        for body in [&b"\xff\xfei\0d\0"[..], b"\xfe\xff\0i\0d", b"i\0d\0=\0", b"\0i\0d\0="] {
            assert_api("", content_type, body, &["body_is_utf16"]);
        }
        let parts = "--x\r\nContent-disposition: form-data; name=\"identifier\"\r\n\r\na\r\n--x--";
        assert_api("", content_type, parts, &["multipart_without_type"]);
    }
    let parts = "--x\r\nContent-Disposition: form-data; name=\"identifier\"\r\n\r\na\r\n--x--";
    for content_type in [
        "multipart/form-data",
        "Multipart/Form-Data; charset=UTF-8",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=y",
    ] {
        assert_api("", Some(content_type), parts, &["multipart_boundary"]);
    }
    for content_type in [JSON, Some("text/plain"), Some("application/x-www-form-urlencode"), None] {
        assert_api("", content_type, PAIR, &["form_of_other_type"]);
    }

    let named = ["form_of_other_type", "resembling_name(secret)"];
    assert_api("", JSON, "api_secret=s", &named);
    assert_api("", JSON, "secret%3Ds", &["form_of_other_type", "form_encoded_twice(secret)"]);

    // Near misses: forms with odd names, another boundary parameter, a body of no known look, and no body.
    let odd = |text: &str| format!("{text}&{PAIR}");
    for body in ["{x}=1", "[0]=1", "<3=1", "x^2=4", "--x=1", "\"{=", "x%01=1"] {
        assert_api("", FORM, odd(body), &[]);
    }
    for body in [&b"\x80\0\x81\0"[..], b"i\0\x80\0", b"\0\x80\0i"] {
        assert_api("", FORM, body, &["no_credential_field"]);
    }
    assert_api("", Some("multipart/form-data; charset=x; Boundary=\"x\""), parts, &[]);
    assert_api("", Some("multipart/form-data; boundary=x"), format!("preamble\r\n{parts}"), &[]);
    assert_api(PAIR, Some("text/plain"), "hello", &[]);
    assert_api(PAIR, JSON, "", &[]);
}

#[test]
fn the_parts_of_a_multipart_body() {
    let of = |parts: &[(&str, &str)]| {
        let (content_type, body) = multipart(parts);
        codes(&diagnose::api("action=GetClients", content_type, &body))
    };
    let long = "%".repeat(10_000);
    let ended = format!("{}\n", "a".repeat(6146));
    let longer = format!("{ended}a");
    for (parts, expected) in [
        (&[("identifier", "id"), ("secret", "a+b%&#c")][..], &[][..]),
        (&[("username", "admin"), ("password", "5f4dcc3b5aa765d61d8327deb882cf99")], &[]),
        (&[("identifier", "id"), ("api_secret", "s")], &["resembling_name(secret)"]),
        (&[("identifier", "id"), ("secret", "s\r\n")], &["line_end(secret)"]),
        (&[("identifier", "id"), ("secret", "%2541")], &["encoded_twice(secret)"]),
        (&[("identifier", "id"), ("secret", "a&amp;b")], &["html_escaped_value(secret)"]),
        (&[("identifier", "id"), ("secret", "")], &["empty_value(secret)"]),
        (&[("identifier", "id"), ("secret", &long)], &[]),
        (&[("identifier", "id"), ("secret", &ended)], &["line_end(secret)"]),
        (&[("identifier", "id"), ("secret", &longer)], &[]),
        (&[("data", "{\"identifier\":\"id\"}")], &["json_in_field"]),
        (&[("x", "y")], &["no_credential_field"]),
        (&[("x", "{y")], &["no_credential_field"]),
    ] {
        assert_eq!(of(parts), expected, "{parts:?}");
    }
}

#[test]
fn json_in_a_field() {
    let encoded = "%7B%22identifier%22%3A%22a%22%7D";
    assert_forms(&[
        (&format!("data={encoded}"), &["json_in_field"]),
        ("action=GetClients&params={\"identifier\":\"a\"}", &["json_in_field"]),
        ("data=%41", &["no_credential_field"]),
        // Actions take JSON, too.
        (&format!("{PAIR}&data={encoded}"), &[]),
        (&format!("{ADMIN}&data={encoded}"), &[]),
    ]);
}

#[test]
fn credentials_where_nobody_looks() {
    assert_api("", None, "", &["no_body"]);
    assert_api("action=GetClients&responsetype=json", FORM, "", &["no_body"]);
    assert_api("", FORM, "action=GetClients", &["no_credential_field"]);
    assert_api("accesskey=x", FORM, "action=GetClients", &["no_credential_field"]);
    // The body may hold them.
    assert_api("action=GetClients", MULTIPART, "--x\r\n", &[]);
    assert_api("action=GetClients", Some("text/plain"), "hello", &[]);
    assert_api(PAIR, None, "", &[]);
    assert_api("identifier=id", None, "", &[]);

    assert_forms(&[
        ("identifier=id&secret=", &["empty_value(secret)"]),
        ("identifier=&secret=s", &["empty_value(identifier)"]),
        ("username=admin&password=&identifier=&secret=", &["empty_value(password)"]),
        ("identifier&secret", &["empty_value(identifier)", "empty_value(secret)"]),
        ("identifier=&secret=&username=a&password=b", &[]),
    ]);

    assert_links(&[
        ("", &["no_link_field"]),
        ("goto=cart.php", &["no_link_field"]),
        ("email=demo%40whmcs.com", &["link_cut_short"]),
        ("email=demo%40whmcs.com&timestamp=1290100706", &["link_cut_short"]),
        ("email=a+b@example.com", &["link_cut_short", "raw_plus(email)"]),
        (&LINK.replace("1290100706", ""), &["empty_value(timestamp)"]),
        (LINK, &[]),
    ]);
}

#[test]
fn a_name_that_resembles_a_known_one() {
    for (field, names) in [
        (
            "identifier",
            "Identifier IDENTIFIER api_identifier apiIdentifier api-identifier whmcs_api_identifier \
             whmcs.identifier identifer api_id $identifier identifier: apiidentifier",
        ),
        (
            "secret",
            "Secret api_secret apiSecret clientsecret client_secret secret_key secretKey \
             API-SECRET-KEY admin_secret",
        ),
        ("username", "Username user user_name api_username adminuser login apiUser"),
        ("password", "Password pass passwd pwd api_pass adminPassword password_hash md5_password"),
    ] {
        for name in names.split(' ') {
            let body = format!("{name}=x");
            assert_api("", FORM, &body, &[&format!("resembling_name({field})")]);
            assert_api(&body, None, "", &[&format!("resembling_name({field})")]);
            // Beside a pair it is a field of the action.
            assert_api("", FORM, format!("{body}&{PAIR}"), &[]);
            assert_api("", FORM, format!("{body}&{ADMIN}"), &[]);
        }
    }
    for (field, names) in [
        ("accesskey", "access_key api_access_key accessKey AccessKey ACCESSKEY api-accesskey"),
        ("action", "Action ACTION api_action cmd command method function"),
        ("responsetype", "response_type responseType ResponseType response-format"),
    ] {
        for name in names.split(' ') {
            let body = format!("{name}=x&{PAIR}");
            assert_api("", FORM, &body, &[&format!("resembling_name({field})")]);
            assert_api("", FORM, format!("{field}=GetClients&{body}"), &[]);
        }
    }
    for (field, names) in [
        ("email", "Email e-mail E-Mail mail email_address userEmail"),
        ("timestamp", "Timestamp time ts TimeStamp time_stamp unixtime"),
        ("hash", "Hash sha1 signature sig autoauth_hash token"),
    ] {
        for name in names.split(' ') {
            let query = LINK.replace(&format!("{field}="), &format!("{name}="));
            assert_links(&[
                (&query, &[&format!("resembling_name({field})")]),
                (&format!("{LINK}&{name}=x"), &[]),
            ]);
        }
    }
    for name in ["redirect", "redirect_to", "returnUrl", "Goto", "go_to", "next", "target"] {
        assert_links(&[
            (&format!("{LINK}&{name}=cart.php"), &["resembling_name(goto)"]),
            (&format!("{LINK}&goto=a.php&{name}=cart.php"), &[]),
        ]);
    }
    let both = format!("api_identifier={}&api_secret=x", "i".repeat(32));
    assert_api("", FORM, both, &["resembling_name(identifier)", "resembling_name(secret)"]);

    for name in
        ["id", "clientid", "userid", "paymentmethod", "clientip", "keyid", "secrets", "api", ""]
    {
        assert_api("", FORM, format!("{name}=x"), &["no_credential_field"]);
        assert_links(&[(&format!("{LINK}&{name}=x"), &[])]);
    }
    // A name of the other kind of request.
    assert_api("", FORM, "email=x&hash=y", &["no_credential_field"]);
    assert_links(&[(&format!("{LINK}&secret=x&Action=y"), &[])]);
}

#[test]
fn white_space_quotes_and_marks_around_a_name() {
    let named = |name: &str| format!("identifier=id&{name}=s");
    for name in [
        "+secret",
        "%20secret",
        "secret%20",
        "%0Asecret",
        "%C2%A0secret",
        "%E2%80%8Bsecret",
        "secret%09",
    ] {
        assert_api("", FORM, named(name), &["white_space_around_name(secret)"]);
    }
    // Verification refuses what PHP reads as a second `secret`, and ignores the other names.
    for (name, code) in [
        ("+secret=s", "white_space_around_name"),
        ("secret%00=s", "white_space_around_name"),
        ("secret%00x=s", "white_space_around_name"),
        ("+secret", "white_space_around_name"),
        ("secret[]=s", "list_name"),
        ("secret[", "list_name"),
        ("secret[%FF=s", "list_name"),
        ("secret%09=x&secret[]=s", "list_name"),
    ] {
        assert_api("", FORM, format!("{PAIR}&{name}"), &[&format!("{code}(secret)")]);
    }
    for name in
        ["secret%09", "%09secret", "secret+", "+secret+", "%0Asecret", "%E2%80%8Bsecret", "+"]
    {
        assert_api("", FORM, format!("{PAIR}&{name}=s"), &[]);
    }
    for name in ["'secret", "%22secret", "%22secret%22", "%E2%80%9Csecret"] {
        assert_api("", FORM, named(name), &["quoted_name(secret)"]);
    }
    for name in ["secret[]", "secret%5B%5D", "secret[0]", "+secret[x]"] {
        assert_api("", FORM, named(name), &["list_name(secret)"]);
    }
    for name in ["data[secret]", "params%5Bsecret%5D"] {
        assert_api("", FORM, named(name), &["nested_name(secret)"]);
        assert_api("", FORM, format!("{PAIR}&{name}=s"), &[]);
    }
    assert_api("", FORM, format!("{PAIR}&'secret=s"), &[]);
    for name in ["'s'ecrets", "secrets[]", "data[secrets]", "data[secret"] {
        assert_api("", FORM, named(name), &[]);
    }
    let marked = format!("\u{feff}{PAIR}");
    assert_api("", FORM, &marked, &["byte_order_mark(identifier)"]);
    assert_api("", FORM, format!("%EF%BB%BF{PAIR}"), &["byte_order_mark(identifier)"]);
    assert_api("", FORM, format!("\u{feff}x=1&{PAIR}"), &[]);
    assert_links(&[
        (&LINK.replace("&hash", "&%20hash"), &["white_space_around_name(hash)"]),
        (&LINK.replace("&hash", "&%0D%0Ahash"), &["white_space_around_name(hash)"]),
        (
            &format!("'{LINK}'"),
            &["quoted_name(email)", "hash_with_other_text", "quoted_value(hash)"],
        ),
        (&format!("{LINK}&goto[]=x"), &["list_name(goto)"]),
    ]);
}

#[test]
fn a_request_that_went_through_html() {
    for escape in ["amp;", "amp%3B", "amp;amp;", "#38;", "%2338;", "#x26;", "#038;"] {
        assert_links(&[(
            &LINK.replace("&hash", &format!("&{escape}hash")),
            &["html_escaped_name(hash)"],
        )]);
    }
    for sign in ["%C3%97tamp", "\u{d7}tamp", "%D7tamp"] {
        let query = LINK.replace("&timestamp", sign);
        let found = codes(&diagnose::link(&query));
        assert_eq!(found[0], "html_escaped_name(timestamp)", "{query}");
    }
    assert_links(&[
        (&LINK.replace("&timestamp", "&times;tamp"), &["html_escaped_name(timestamp)"]),
        (&LINK.replace("&", "&amp;"), &["html_escaped_name(timestamp)", "html_escaped_name(hash)"]),
        (&LINK.replace("demo", "o%26%23039%3Bneil"), &["html_escaped_value(email)"]),
        (&LINK.replace("demo", "o&#039;neil"), &["html_escaped_value(email)"]),
        (&LINK.replace("demo", "o&#39;neil"), &["html_escaped_value(email)"]),
        (&format!("{LINK}&goto=cart.php%3Fa%3D1%26amp%3Bb%3D2"), &["html_escaped_value(goto)"]),
        (&LINK.replace("demo", "o%27neil"), &[]),
        (&LINK.replace("demo", "a%26b"), &[]),
        (&format!("{LINK}&goto=cart.php%3Fa%3D1%26b%3D2"), &[]),
        (&format!("{LINK}&amp;x=1"), &[]),
    ]);
    for escape in ["&quot;", "&amp;", "&lt;", "&gt;", "&apos;", "&#x27;", "&#39;"] {
        let encoded = escape.replace('&', "%26").replace('#', "%23").replace(';', "%3B");
        for value in [format!("a{escape}b"), format!("a{encoded}b")] {
            let body = format!("identifier=id&secret={value}");
            assert_api("", FORM, &body, &["html_escaped_value(secret)"]);
        }
    }
    for tail in ["#;", "#x;", "#xzz;", "#12a;", "amplitude;", "amp"] {
        assert_api("", FORM, format!("identifier=id&secret=a&{tail}"), &["raw_ampersand(secret)"]);
    }
    for value in ["a%26b", "a%26amp", "a%26%23%3B", "amp%3B", "a%26amplitude%3B"] {
        assert_api("", FORM, format!("identifier=id&secret={value}"), &[]);
    }
}

#[test]
fn white_space_around_a_value() {
    let ends = [
        ("%0D", "line_end"),
        ("%0A", "line_end"),
        ("%0D%0A", "line_end"),
        ("\n", "line_end"),
        ("+", "white_space_around_value"),
        ("%20", "white_space_around_value"),
        ("%09", "white_space_around_value"),
        ("%00", "white_space_around_value"),
        ("%C2%A0", "white_space_around_value"),
        ("%E2%80%8B", "white_space_around_value"),
        ("%EF%BB%BF", "white_space_around_value"),
        ("%E3%80%80", "white_space_around_value"),
    ];
    for (end, code) in ends {
        for field in ["identifier", "secret", "username", "password", "accesskey", "action"] {
            let pair = match field {
                "identifier" => "secret=s",
                "secret" => "identifier=id",
                "username" => "password=p",
                "password" => "username=u",
                _ => PAIR,
            };
            for body in [format!("{field}=x{end}&{pair}"), format!("{field}={end}x&{pair}")] {
                assert_api("", FORM, body, &[&format!("{code}({field})")]);
            }
        }
        let query = LINK.replace("1290100706", &format!("1290100706{end}"));
        assert_links(&[(&query, &[&format!("{code}(timestamp)")])]);
        assert_links(&[(&format!("{LINK}{end}"), &[&format!("{code}(hash)")])]);
    }
    assert_forms(&[
        // Only the pair that counts is looked at.
        (&format!("{PAIR}&username=+&password=+"), &[]),
        ("identifier=id&secret=a%20b", &[]),
        ("identifier=id&secret=a%0D%0Ab", &[]),
        ("username=the+admin&password=p", &[]),
        ("identifier=a%20b&secret=s", &["white_space_in_value(identifier)"]),
        ("identifier=a%0D%0Ab&secret=s", &["white_space_in_value(identifier)"]),
    ]);
    let wrapped = LINK.replace("6624fa4b", "6624fa4b%0D%0A");
    assert_links(&[(&wrapped, &["white_space_in_value(hash)"])]);
}

#[test]
fn quotes_around_a_value() {
    for value in
        ["%22s%22", "'s'", "\"s", "s%E2%80%9D", "%E2%80%98s%E2%80%99", "%C2%ABs%C2%BB", "`s`"]
    {
        assert_api("", FORM, format!("identifier=id&secret={value}"), &["quoted_value(secret)"]);
    }
    assert_forms(&[("identifier=id&secret=a%22b", &[])]);
    assert_links(&[(&LINK.replace("demo", "%22d%20e%22"), &[])]);
}

#[test]
fn encoded_twice_or_not_at_all() {
    assert_links(&[
        (&LINK.replace("%40", "%2540"), &["encoded_twice(email)"]),
        (&LINK.replace("%40", "%25"), &[]),
        (&LINK.replace("%40", "%2540").replace("demo", "d%25%25"), &["encoded_twice(email)"]),
        (&LINK.replace("demo", "a+b"), &["raw_plus(email)"]),
        (&LINK.replace("demo", "a%2Bb"), &[]),
        (&LINK.replace("demo", "a#b"), &["raw_hash_sign(email)"]),
        (&LINK.replace("demo", "a%23b"), &[]),
        (&LINK.replace("demo", "100%25"), &[]),
        (&LINK.replace("demo", "%x"), &["raw_percent(email)"]),
        (&LINK.replace("demo", "d%FCmo"), &["other_charset(email)"]),
        (&LINK.replace("demo", "d%C3%BCmo"), &[]),
        (&LINK.replace('=', "%3D"), &["form_encoded_twice(email)"]),
        (&LINK.replace('&', "%26"), &["encoded_separator(timestamp)"]),
        (&LINK.replace('&', ";"), &["other_separator(timestamp)"]),
    ]);
    let with = |value: &str| format!("identifier=id&secret={value}");
    assert_forms(&[
        (&with("a+b"), &["raw_plus(secret)"]),
        // A client that encodes one `+` means a space by the other.
        (&with("a+b%2Bc"), &[]),
        (&with("a%20b"), &[]),
        (&with("a%b"), &["raw_percent(secret)"]),
        (&with("a%2"), &["raw_percent(secret)"]),
        (&with("a%25b"), &[]),
        (&with("a%2540"), &["encoded_twice(secret)"]),
        (&with("a%252b%2520"), &["encoded_twice(secret)"]),
        (&with("a%254"), &[]),
        // No encoder escapes a letter or a digit, or leaves a space or a quotation mark as it is.
        (&with("a%2541"), &[]),
        (&with("a%2561%2539"), &[]),
        (&with("a%2540%20b"), &[]),
        (&with("a%22b%2540"), &[]),
        (&format!("{PAIR}&accesskey=50%2541x"), &[]),
        (&format!("{PAIR}&accesskey=50%2540x"), &["encoded_twice(accesskey)"]),
        (&with("a&b"), &["raw_ampersand(secret)"]),
        (&with("a&b&action=GetClients"), &["raw_ampersand(secret)"]),
        (&with("a&&"), &[]),
        (&with("a&action"), &[]),
        (&with("a&x=1&b"), &["raw_ampersand(secret)"]),
        // In a body a `#` ends nothing.
        (&with("a#b"), &[]),
        ("username=a+b%40c.test&password=p", &["raw_plus(username)"]),
        ("username=a%2Bb%40c.test&password=5f4dcc3b5aa765d61d8327deb882cf99", &[]),
        ("identifier%3Did%26secret%3Ds", &["form_encoded_twice(identifier)"]),
        ("identifier=id%26secret%3Ds", &["encoded_separator(secret)"]),
        (
            "identifier=id\nsecret=s",
            &["other_separator(secret)", "white_space_in_value(identifier)"],
        ),
        ("identifier=id;secret=s", &["other_separator(secret)"]),
        ("identifier=id;secrets=s", &[]),
        ("identifier=id%26secrets%3Ds", &[]),
        ("secrets%3Ds", &["no_credential_field"]),
        (&format!("{PAIR}&secret%3Ds"), &[]),
        (&format!("{PAIR}%3Bsecret%3Dx"), &[]),
    ]);
    assert_api("action=GetClients?identifier=id", None, "", &["other_separator(identifier)"]);
    assert_api("identifier=id&secret=a#b", None, "", &["raw_hash_sign(secret)"]);
}

#[test]
fn a_hash_of_another_kind() {
    let with = |hash: &str| LINK.replace("6624fa4b6fb3c5fcd24e587154a949911046d92b", hash);
    let genuine = "6624fa4b6fb3c5fcd24e587154a949911046d92b";
    for (hash, code) in [
        ("d0d9ee4b59d8b95d9f8cbb8a42d3ed4c", "hash_is_md5"),
        (&"0a".repeat(28), "hash_is_sha2"),
        (&"0a".repeat(32), "hash_is_sha2"),
        (&"0A".repeat(48), "hash_is_sha2"),
        (&"0a".repeat(64), "hash_is_sha2"),
        ("ZiT6S2%2BzxfzSTlhxVKlJkRBG2Ss=", "hash_is_base64"),
        ("ZiT6S2-zxfzSTlhxVKlJkRBG2Ss", "hash_is_base64"),
        ("f%24%FAKo%B3%C5%FC%D2NXqT%A9I%91%10F%D9%2B", "hash_is_binary"),
        (&genuine[1..], "hash_cut_short"),
        ("6", "hash_cut_short"),
        (&format!("{genuine}."), "hash_with_other_text"),
        (&format!("{genuine}%3E"), "hash_with_other_text"),
        (&format!("{genuine})."), "hash_with_other_text"),
        (&format!("sha1:{genuine}"), "hash_with_other_text"),
        (&format!("{genuine}%0D%0ARegards"), "hash_with_other_text"),
    ] {
        let found = codes(&diagnose::link(&with(hash)));
        assert_eq!(found.first().map(String::as_str), Some(code), "{hash}");
    }
    let binary = with("f%24%FAKo%B3%C5%FC%D2NXqT%A9I%91%10F%D9%2B");
    assert_links(&[(&binary, &["hash_is_binary"])]);
    for hash in [
        genuine,
        &genuine.to_uppercase(),
        &"0".repeat(41),
        &format!("{genuine}0"),
        &"g".repeat(32),
        &"g".repeat(40),
        &"g".repeat(20),
        &"g".repeat(64),
        "%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D%3D",
    ] {
        assert_links(&[(&with(hash), &[])]);
    }
}

#[test]
fn a_timestamp_of_another_kind() {
    for (timestamp, code) in [
        ("1290100706000", "timestamp_milliseconds"),
        ("1290100706000000", "timestamp_microseconds"),
        ("1290100706000000000", "timestamp_microseconds"),
        ("1290100706.5", "timestamp_float"),
        ("1290100706.", "timestamp_float"),
        ("1290100706,25", "timestamp_float"),
        ("1.290100706e9", "timestamp_float"),
        ("1.29E%2B9", "timestamp_float"),
        ("2010-11-18T17:18:26Z", "timestamp_date"),
        ("2010-11-18", "timestamp_date"),
        ("18.11.2010", "timestamp_date"),
        ("2010-11-18.", "timestamp_date"),
        ("11%2F18%2F2010", "timestamp_date"),
        ("20101118171826", "timestamp_date"),
        ("20101118", "timestamp_date"),
        ("Thu, 18 Nov 2010 17:18:26 GMT", "timestamp_date"),
        ("1,290,100,706", "timestamp_grouped"),
        ("1.290.100.706", "timestamp_grouped"),
        ("1 290 100 706", "timestamp_grouped"),
        (
            "\u{661}\u{662}\u{669}\u{660}\u{661}\u{660}\u{660}\u{667}\u{660}\u{666}",
            "timestamp_other_digits",
        ),
        ("\u{ff11}290100706", "timestamp_other_digits"),
    ] {
        assert_links(&[(&LINK.replace("1290100706", timestamp), &[code])]);
    }
    for timestamp in [
        "1290100706",
        "0290100706",
        "129010070",
        "12901007060",
        "19701118",
        "now",
        "1",
        "-1290100706",
        "1:2",
        "--",
    ] {
        assert_links(&[(&LINK.replace("1290100706", timestamp), &[])]);
    }
}

#[test]
fn a_password_of_another_kind() {
    let login = |password: &str| format!("username=admin&password={password}");
    let bcrypt = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
    for (password, code) in [
        ("5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", "password_is_sha1"),
        (&"0a".repeat(32), "password_is_sha2"),
        (&"0A".repeat(64), "password_is_sha2"),
        ("X03MO1qnZdYdgyfeuILPmQ%3D%3D", "password_is_base64"),
        ("X03MO1qnZdYdgyfeuILPmQ==", "password_is_base64"),
        ("W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "password_is_base64"),
        (bcrypt, "stored_hash(password)"),
        ("$argon2id$v%3D19$m%3D65536", "stored_hash(password)"),
    ] {
        assert_api("", FORM, login(password), &[code]);
    }
    assert_api("", FORM, format!("identifier=id&secret={bcrypt}"), &["stored_hash(secret)"]);
    for password in [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "password",
        "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd",
        "X03MO1qnZdYdgyfeuILPmQab",
        &"g".repeat(40),
        &"g".repeat(64),
        "$money$",
        "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo",
    ] {
        assert_api("", FORM, login(password), &[]);
    }
    // Beside a pair the login fields do not count.
    assert_api("", FORM, format!("{PAIR}&{}", login(bcrypt)), &[]);
}

#[test]
fn what_a_client_logs_in_with() {
    assert_forms(&[
        ("username=demo@whmcs.com&password=Passw0rd", &["client_login"]),
        ("username=demo%40whmcs.com&password=", &["empty_value(password)", "client_login"]),
        ("email=demo@whmcs.com&password=Passw0rd", &["client_login"]),
        (
            "Email=demo@whmcs.com&username=&password=5f4dcc3b5aa765d61d8327deb882cf99",
            &["empty_value(username)", "client_login"],
        ),
        ("user_email=demo@whmcs.com&password=Passw0rd", &["client_login"]),
        ("identifier=demo@whmcs.com&secret=s", &["client_login"]),
        // Whoever sends an md5 knows how admins log in, and an admin may have an e-mail as username.
        ("username=demo@whmcs.com&password=5f4dcc3b5aa765d61d8327deb882cf99", &[]),
        (&format!("{PAIR}&action=ValidateLogin&email=demo@whmcs.com&password2=p"), &[]),
        (&format!("{PAIR}&username=demo@whmcs.com&password=Passw0rd"), &[]),
        (&format!("{ADMIN}&action=AddUser&email=demo@whmcs.com"), &[]),
        ("email=demo@whmcs.com&password2=p", &["no_credential_field"]),
        ("emails=demo@whmcs.com&password=p", &[]),
        ("username=admin@host&password=p", &[]),
        ("username=@whmcs.com&password=p", &[]),
        ("username=a@b@whmcs.com&password=p", &[]),
        ("username=demo@whmcs.com%20or.so&password=p", &[]),
    ]);
}

#[test]
fn the_same_text_twice() {
    let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
    assert_forms(&[
        (&format!("identifier={identifier}&secret={identifier}"), &["same_value(secret)"]),
        (
            &format!("secret={identifier}%0A&identifier={identifier}"),
            &["same_value(secret)", "line_end(secret)"],
        ),
        ("username=admin&password=admin", &["same_value(password)"]),
        ("identifier=&secret=", &["empty_value(identifier)", "empty_value(secret)"]),
        (&format!("identifier={identifier}&secret={}", identifier.to_lowercase()), &[]),
        (&format!("{PAIR}&username=admin&password=admin"), &[]),
        ("identifier=id&username=u&password=id", &[]),
    ]);
}

#[test]
fn a_placeholder_in_place_of_a_value() {
    let with = |value: &str| format!("identifier=id&secret={}", form_urlencoded(value));
    for value in [
        "${WHMCS_SECRET}",
        "$WHMCS_SECRET",
        "#{secret}",
        "{{ secret }}",
        "{{secret}}",
        "{secret}",
        "{$secret}",
        "<secret>",
        "<your secret>",
        "[secret]",
        "[[secret]]",
        "%WHMCS_SECRET%",
        "*|SECRET|*",
        "YOUR_API_SECRET",
        "your-secret-here",
        "undefined",
        "null",
        "None",
        "NaN",
        "Array",
        "[object Object]",
        "********",
        "xxxxxxxx",
        "\u{2022}\u{2022}\u{2022}\u{2022}",
    ] {
        assert_api("", FORM, with(value), &["placeholder(secret)"]);
    }
    for value in [
        "$Money",
        "$5",
        "${WHMCS_SECRET",
        "{a,b}",
        "{}",
        "<>",
        "[1]",
        "%%",
        "yours",
        "your",
        "undefined1",
        "nullable",
        "***",
        "xxxx*",
        "",
    ] {
        let found = codes(&diagnose::api("", FORM, &with(value)));
        assert!(!found.iter().any(|code| code == "placeholder(secret)"), "{value:?} {found:?}");
    }
    assert_links(&[
        (&LINK.replace("demo%40whmcs.com", "%25recipient.email%25"), &["placeholder(email)"]),
        (
            &LINK.replace("6624fa4b6fb3c5fcd24e587154a949911046d92b", "{{hash}}"),
            &["placeholder(hash)"],
        ),
        (&LINK.replace("1290100706", "null"), &["placeholder(timestamp)"]),
    ]);
    assert_forms(&[
        ("username={{user}}&password=p", &["placeholder(username)"]),
        (&format!("{PAIR}&action=undefined"), &["placeholder(action)", "action_undocumented"]),
        // An access key may have brackets.
        (&format!("{PAIR}&accesskey=[key]"), &[]),
    ]);
}

#[test]
fn an_action_that_whmcs_does_not_document() {
    for action in ["GetSystemStats", "GetClient", "get_clients", "Clients", "AddAnouncement", "x"] {
        let body = format!("{PAIR}&action={action}");
        assert_eq!(codes(&diagnose::accepted_api("", FORM, &body)), ["action_undocumented"]);
        assert_api("", FORM, body, &["action_undocumented"]);
        assert_api(&format!("action={action}"), FORM, PAIR, &["action_undocumented"]);
    }
    let body = format!("{PAIR}&Action=GetClients");
    assert_eq!(codes(&diagnose::accepted_api("", FORM, &body)), ["resembling_name(action)"]);
    for action in ["GetClients", "getclients", "GETCLIENTS", "WhmcsDetails", "AcceptOrder"] {
        assert_api("", FORM, format!("{PAIR}&action={action}"), &[]);
    }
    // What is not an action at all is refused as such.
    for action in ["", "get-clients", "Clients%3A%3Aget", "GetClients.php", &"a".repeat(65)] {
        assert_api("", FORM, format!("{PAIR}&action={action}"), &[]);
    }
}

/// Each is accepted, and answered as text.
#[test]
fn a_format_that_is_asked_for_in_another_way() {
    let in_other_field = "format_in_other_field(responsetype)";
    let resembling = "resembling_name(responsetype)";
    for (field, code) in [
        ("json=json", in_other_field),
        ("json=1", in_other_field),
        ("JSON=true", in_other_field),
        ("xml=yes", in_other_field),
        ("format=json", in_other_field),
        ("Format=JSON", in_other_field),
        ("format=nvp", in_other_field),
        ("output=xml", in_other_field),
        ("dataType=json", in_other_field),
        ("content-type=application%2Fjson", in_other_field),
        ("type=%6Ason", in_other_field),
        ("responsetype=&format=json", in_other_field),
        ("responseType=json", resembling),
        ("response_format=json", resembling),
        ("amp;responsetype=json", "html_escaped_name(responsetype)"),
        ("data[responsetype]=json", "nested_name(responsetype)"),
        ("responsetype%09=json", "white_space_around_name(responsetype)"),
        ("responsetype=json%0D", "line_end(responsetype)"),
        ("responsetype=json+", "white_space_around_value(responsetype)"),
        ("responsetype=%22json%22", "quoted_value(responsetype)"),
    ] {
        let body = format!("{field}&{PAIR}&action=GetClients");
        assert_eq!(codes(&diagnose::accepted_api("", FORM, &body)), [code], "{field}");
        assert_eq!(codes(&diagnose::accepted_api(&body, None, "")), [code], "{field}");
        assert_api("", FORM, body, &[code]);
    }
    let (content_type, body) =
        multipart(&[("format", "json"), ("identifier", "id"), ("secret", "s")]);
    assert_eq!(codes(&diagnose::accepted_api("", content_type, &body)), [in_other_field]);

    for field in [
        "",
        "responsetype=json",
        "responsetype=json&format=json",
        "format=pdf",
        "type=general",
        "output=",
        "json=%7B%22a%22%3A1%7D",
        "json=0",
        "jsonp=json",
        "search=json",
        "formats=json",
        "Action=GetUsers&responsetype=json&responseType=xml",
        "email=a@b.test&password=p&api_secret=x&access_key=y&secret_key=z",
    ] {
        let body = format!("{field}&{PAIR}&action=GetClients");
        assert_eq!(codes(&diagnose::accepted_api("", FORM, &body)), [""; 0], "{field}");
    }
    // A format is never the cause of a refusal.
    assert_forms(&[(
        &format!("format=json&{PAIR}%0A&action=GetClient"),
        &["line_end(secret)", "action_undocumented", in_other_field],
    )]);
    assert_links(&[(&format!("{LINK}&format=json"), &[])]);
}

/// Each is accepted, and the visitor comes to another page.
#[test]
fn a_goto_that_is_sent_in_another_way() {
    let cut = "goto_cut_at_ampersand";
    for (query, expected) in [
        (format!("{LINK}&goto=clientarea.php?action=productdetails&id=5"), &[cut][..]),
        (format!("goto=viewticket.php?tid=1&c=Ab&{LINK}"), &[cut]),
        (format!("{LINK}&goto=reset.php?a=b&token=x"), &[cut]),
        (format!("{LINK}&goto=cart.php?a=add&utm_source=mail&id=5"), &[cut]),
        (format!("{LINK}&redirect=cart.php"), &["resembling_name(goto)"]),
        (format!("{LINK}&amp;goto=cart.php"), &["html_escaped_name(goto)"]),
        (format!("{LINK}&goto=cart.php%3Fa%3Db%26amp%3Bid%3D5"), &["html_escaped_value(goto)"]),
        (format!("{LINK}&goto=//evil.example"), &["goto_other_site"]),
        (LINK.replace("demo", "a+b") + "&goto=//evil.example", &["goto_other_site"]),
        (LINK.to_owned(), &[]),
        (LINK.replace("demo", "a+b"), &[]),
        (format!("goto=viewinvoice.php?id=12&{LINK}"), &[]),
        (format!("{LINK}&goto=clientarea.php%3Faction%3Dproductdetails%26id%3D5"), &[]),
        (format!("{LINK}&goto=cart.php?a=b&utm_source=mail&utm_id=1&gclid=x&mc_eid=y"), &[]),
        (format!("{LINK}&goto=cart.php&token=x"), &[]),
        (format!("goto=cart.php?a=b&token=x&{}", LINK.replace("&hash", "&x")), &[]),
        (format!("{LINK}&utm_source=mail&format=json"), &[]),
    ] {
        assert_eq!(codes(&diagnose::accepted_link(&query)), expected, "{query}");
    }
}

#[test]
fn a_call_of_a_browser() {
    for (origin, host) in [
        ("https://shop.example", "billing.example.com"),
        ("null", "billing.example.com"),
        ("", "billing.example.com"),
        ("https://billing.example.com", "billing.example.com:8443"),
        ("https://example.com", "billing.example.com"),
        ("file://", "billing.example.com"),
        ("https://shop.example", ""),
    ] {
        assert_eq!(codes(&diagnose::origin(origin, host)), ["browser_call"], "{origin} {host}");
    }
    for (origin, host) in [
        ("https://billing.example.com", "billing.example.com"),
        ("http://BILLING.example.com:8080", "billing.example.com:8080"),
    ] {
        assert!(diagnose::origin(origin, host).is_empty(), "{origin} {host}");
    }
    let browser = diagnose::origin("null", "");
    let both = browser.and(diagnose::api("", JSON, "{}")).and(browser);
    assert_eq!(codes(&both), ["browser_call", "body_is_json"]);
}

#[test]
fn link_6_each_rule_that_a_goto_breaks_is_named() {
    let long = "a".repeat(2049);
    let longer = "%61".repeat(5000);
    for (goto, expected) in [
        ("//evil.example", &["goto_other_site"][..]),
        ("%2F%2Fevil.example", &["goto_other_site"]),
        ("https://billing.example.com/cart.php", &["goto_full_url"]),
        ("javascript:alert(1)", &["goto_full_url"]),
        ("https:%2F%2Fa@b", &["goto_full_url", "goto_path_character"]),
        ("./cart.php", &["goto_dot_segment"]),
        ("../cart.php", &["goto_dot_segment"]),
        ("a/../b", &["goto_dot_segment"]),
        ("..", &["goto_dot_segment"]),
        (".htaccess", &["goto_start"]),
        ("?a=b", &["goto_start"]),
        ("%23top", &["goto_start"]),
        ("-a", &["goto_start"]),
        (":80", &["goto_path_character"]),
        ("a;b", &["goto_path_character"]),
        ("a@b", &["goto_path_character"]),
        ("my+page.php", &["goto_white_space"]),
        ("page.php%20", &["goto_white_space"]),
        ("page.php%0D%0A", &["goto_white_space"]),
        ("%C3%BCber.php", &["goto_not_ascii"]),
        ("a.php?q=%FC", &["goto_not_ascii"]),
        ("%5C%5Cevil", &["goto_character"]),
        ("a.php%3Fq=%22b%22", &["goto_character"]),
        ("%252Fcart.php", &["goto_escape_in_path"]),
        ("cart.php%253Fa%253Db", &["goto_escape_in_path"]),
        ("cart.php%3Fa%3D100%25", &["goto_escape"]),
        ("cart.php%3Fa%3D%250A", &["goto_escape"]),
        (
            "%2F%2Fa%20b%5C%C3%BC",
            &["goto_white_space", "goto_character", "goto_not_ascii", "goto_other_site"],
        ),
        (&long, &["goto_too_long"]),
        (&longer, &["goto_too_long"]),
        ("cart.php?a=view&id=5", &["goto_cut_at_ampersand"]),
        ("cart.php%3Fa=view&checkout", &["goto_cut_at_ampersand"]),
        ("cart.php%3Fa%3D%2520b", &[]),
        ("cart.php?a=view", &[]),
        ("cart.php&id=5", &[]),
        (&long[1..], &[]),
        ("/a//b", &[]),
        ("_a", &[]),
        ("a/..b/...", &[]),
        ("a.php%3Fu%3Dhttps://b@c;../d", &[]),
        ("a.php%3Fq%3D%2541%25C3%25BC%2520", &[]),
        ("", &[]),
    ] {
        assert_links(&[(&format!("{LINK}&goto={goto}"), expected)]);
    }
}

#[test]
fn a_login_says_that_its_goto_was_refused() {
    for (fields, is_refused) in [
        (&[("goto", "//evil.example")][..], true),
        (&[("goto", "cart.php"), ("goto", "cart.php")], true),
        (&[("goto[]", "cart.php")], true),
        (&[("goto", "cart.php")], false),
        (&[("goto", "")], false),
        (&[], false),
    ] {
        let hash = hash_of(EMAIL, SIGNED, KEY);
        let timestamp = SIGNED.to_string();
        let link = [("email", EMAIL), ("timestamp", &timestamp), ("hash", &hash)];
        let request = AutoAuthRequest::from_pairs([&link[..], fields].concat());
        let login = verify_link(&request, KEY, at(SIGNED)).unwrap();
        assert_eq!(login.is_goto_refused(), is_refused, "{fields:?}");
        assert_eq!(goto_of(&login) == Goto::Refused, is_refused, "{fields:?}");
    }
}

#[test]
fn at_most_eight_findings_are_kept_each_once_and_the_likeliest_first() {
    let query =
        "Email=+a&%20hash=x&amp;timestamp=1290100706000&goto=%2F%2F%C3%BC%20%5C%25;@..%3F%25";
    let findings = diagnose::link(query);
    assert_eq!(
        codes(&findings),
        [
            "resembling_name(email)",
            "html_escaped_name(timestamp)",
            "white_space_around_name(hash)",
            "goto_not_ascii",
            "goto_white_space",
            "goto_character",
            "goto_other_site",
            "goto_escape_in_path",
        ]
    );
    assert_eq!(findings.iter().count(), Findings::MAX);
    let twice = "identifier=id&secret=%0As%0A&secret=%0A";
    assert_api("", FORM, twice, &["line_end(secret)"]);
    assert!(Findings::default().is_empty() && !findings.is_empty());
}

#[test]
fn names_to_64_bytes_and_values_to_6147_are_read() {
    let name = format!("{}secret", "%0A".repeat(58));
    assert_api("", FORM, format!("{name}=s"), &["white_space_around_name(secret)"]);
    assert_api("", FORM, format!("%0A{name}=s"), &["no_credential_field"]);
    let encoded = format!("{}%73%65%63%72%65%74=s", "%0A".repeat(58));
    assert_api("", FORM, format!("%20{encoded}"), &["no_credential_field"]);
    assert_api("", FORM, encoded, &["white_space_around_name(secret)"]);
    // Verification refuses these, however long they are.
    let name = format!("{}secret", "%20".repeat(62));
    assert_api("", FORM, format!("{name}=s"), &["white_space_around_name(secret)"]);
    assert_api("", FORM, format!("+{name}=s"), &["white_space_around_name(secret)"]);
    assert_api("", FORM, format!("secret[{}=s", "x".repeat(5_000)), &["list_name(secret)"]);
    let ended = format!("identifier=id&secret={}\n", "a".repeat(6146));
    assert_api("", FORM, &ended, &["line_end(secret)"]);
    assert_api("", FORM, format!("{ended}a"), &[]);
}

/// What follows is not read, so nothing is called missing or misspelled.
#[test]
fn a_thousand_fields_of_each_part_are_read() {
    let body = |fields: usize, last: &str| format!("{}{last}", "x=1&".repeat(fields));
    assert_api("", FORM, body(999, "api_secret=s"), &["resembling_name(secret)"]);
    assert_api("", FORM, body(1_000, ""), &["no_credential_field"]);
    assert_api("", FORM, body(1_000, PAIR), &[]);
    assert_api(
        "",
        FORM,
        format!("api_secret=s&secret=%0A&{}", body(999, "y=1")),
        &["line_end(secret)"],
    );
    assert_links(&[
        (&body(999, "Email=a"), &["resembling_name(email)"]),
        (&body(1_000, ""), &["no_link_field"]),
        (&body(1_000, LINK), &[]),
        (&format!("Email=a&{}", body(1_000, LINK)), &[]),
    ]);
    let many = |count: usize| {
        let (content_type, body) = multipart(&vec![("x", "1"); count]);
        codes(&diagnose::api("", content_type, &body))
    };
    assert_eq!(many(1_000), ["no_credential_field"]);
    assert!(many(1_001).is_empty());
}

/// Whether a rule of the grammar is named, for a `goto` beside the fields of a genuine link.
fn names_a_rule(goto: &str) -> bool {
    let goto: String = form_urlencoded(goto);
    let findings = diagnose::link(&format!("{LINK}&goto={goto}"));
    let is_rule = |code: &str| code.starts_with("goto_") && code != "goto_cut_at_ampersand";
    findings.iter().any(|finding| is_rule(finding.code()))
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// The check and the diagnosis have one grammar: every text of up to four of these characters.
#[test]
fn link_6_a_rule_is_named_for_exactly_the_targets_that_are_refused() {
    let alphabet = ['a', '/', '.', ':', '@', '%', '2', '?', '#', '\\', ' ', '\u{fc}', '-'];
    let mut texts = vec![String::new()];
    let mut last = 0;
    for _ in 0..4 {
        let first = last;
        last = texts.len();
        for index in first..last {
            let longer = alphabet.map(|character| format!("{}{character}", texts[index]));
            texts.extend(longer);
        }
    }
    assert_eq!(texts.len(), 30_941);
    for text in &texts {
        assert_eq!(names_a_rule(text), Goto::parse(text) == Goto::Refused, "{text:?}");
    }
}

/// Text of a request, made of what the diagnosis looks for.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    const OTHERS: &[&str] = &[
        "&",
        "&",
        "=",
        "=",
        "%",
        "%25",
        "%0D",
        "+",
        "amp;",
        "#038;",
        ";",
        "[",
        "]",
        "\"",
        "'",
        "{",
        "<",
        "$2y$",
        "api_",
        "\u{feff}",
        "\u{d7}tamp",
        "\u{a0}",
        "1290100706",
        "//",
        "..",
        "\u{661}",
        "0a0a0a0a",
        "x",
    ];
    let piece = prop::sample::select([&FIELDS, OTHERS].concat());
    let bytes = prop::collection::vec(any::<u8>(), 0..4);
    let piece = prop_oneof![9 => piece.prop_map(|text| text.as_bytes().to_vec()), 1 => bytes];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// What a genuine request never has, however odd its values are.
fn is_malformed(finding: Finding) -> bool {
    let name = named(finding);
    [
        "body_",
        "multipart_",
        "form_",
        "hash_",
        "timestamp_",
        "no_",
        "link_",
        "encoded_separator",
        "empty_",
        "json_",
        "other_separator",
        "list_name(secret)",
        "list_name(identifier)",
    ]
    .iter()
    .any(|start| name.starts_with(start))
}

proptest! {
    #[test]
    fn any_bytes_give_a_bounded_list(query in hostile(), body in hostile(), content_type in ".{0,30}") {
        for content_type in [None, FORM, Some(content_type.as_str())] {
            let codes = codes(&diagnose::api(&query, content_type, &body));
            prop_assert!(codes.len() <= Findings::MAX);
            prop_assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{:?}", codes);
        }
        prop_assert!(diagnose::link(&query).iter().count() <= Findings::MAX);
    }

    #[test]
    fn link_6_any_target_has_a_named_rule_if_it_is_refused(goto in ".{1,40}") {
        prop_assert_eq!(names_a_rule(&goto), Goto::parse(&goto) == Goto::Refused, "{:?}", goto);
    }

    /// A name that verification refuses, among other text.
    #[test]
    fn field_3_a_refused_name_is_always_reported(
        spaces in "[ ]{0,80}", after in prop::option::of("[\0\\[].{0,80}"), extra in hostile(), with_value: bool,
    ) {
        for name in ["secret", "username", "action"] {
            let name = format!("{spaces}{name}{}", after.as_deref().unwrap_or_default());
            let value = if with_value { "=x" } else { "" };
            let body = [b"x=y&", form_urlencoded(&name).as_bytes(), value.as_bytes(), b"&", &extra].concat();
            let received = Received::new().with_body(FORM, &body);
            let refusal = received.api_request().attempt(&ApiPolicy::new()).refusal();
            if let Some(ApiRefusal::Malformed(Malformed::Disguised(field))) = refusal {
                let findings = diagnose::api("", FORM, &body);
                let is_named = |finding: Finding| {
                    finding.field() == Some(field)
                        && matches!(finding.code(), "list_name" | "white_space_around_name")
                };
                prop_assert!(findings.iter().any(is_named), "{:?} {:?}", field, findings);
            }
        }
    }

    /// Random credentials as WHMCS makes them, sent by a form encoder in any order.
    #[test]
    fn a_right_request_gives_no_finding(
        identifier in "[A-Za-z0-9]{32}",
        secret in "[A-Za-z0-9]{32}",
        md5 in "[0-9a-fA-F]{32}",
        username in "[a-z][a-z0-9._-]{5,20}",
        access_key in "[A-Za-z0-9!@#$.()*_-]{1,30}",
        search in "[^%+ -]{0,20}",
        is_login: bool,
        in_query: bool,
    ) {
        let [name, value] = match is_login {
            true => [("username", &username), ("password", &md5)],
            false => [("identifier", &identifier), ("secret", &secret)],
        };
        let fields = [name, value, ("accesskey", &access_key), ("search", &search)];
        let encoded: Vec<_> =
            fields.iter().map(|(name, value)| format!("{name}={}", form_urlencoded(value))).collect();
        let (query, body) = match in_query {
            true => (encoded.join("&"), String::new()),
            false => ("action=GetClients".to_owned(), encoded.join("&")),
        };
        prop_assert!(diagnose::api(&query, FORM, &body).is_empty());
    }

    #[test]
    fn a_right_link_gives_no_finding(
        email in "[a-z0-9+.'_-]{1,20}[a-z0-9]@[a-z0-9-]{1,20}[.]test",
        timestamp in "[1-9][0-9]{9}",
        hash in "[0-9a-fA-F]{40}",
        goto in "[a-z]{1,8}[.]php([?][a-z]=[a-z0-9&=]{0,20})?",
    ) {
        let query = format!(
            "email={}&timestamp={timestamp}&hash={hash}&goto={}",
            form_urlencoded(&email),
            form_urlencoded(&goto),
        );
        prop_assert!(diagnose::link(&query).is_empty(), "{:?}", diagnose::link(&query));
    }

    /// Whatever the credentials are: a complete pair that verification does not call malformed is never said to
    /// have another form, to be incomplete or to stand in the wrong place.
    #[test]
    fn what_is_well_formed_is_never_said_to_be_malformed(
        name in any::<String>(), secret in any::<String>(), extra in hostile(), is_login: bool,
    ) {
        let names = if is_login { ["username", "password"] } else { ["identifier", "secret"] };
        let pair = format!("{}={}&{}={}", names[0], form_urlencoded(&name), names[1], form_urlencoded(&secret));
        let body = [pair.as_bytes(), b"&", &extra].concat();
        let received = Received::new().with_body(FORM, &body);
        if received.api_request().attempt(&ApiPolicy::new()).refusal().is_none() {
            let findings = diagnose::api("", FORM, &body);
            prop_assert!(!findings.iter().any(is_malformed), "{:?}", findings);
        }
    }

    /// The same for links: a genuine one with any e-mail that can be signed.
    #[test]
    fn what_is_genuine_is_never_said_to_be_malformed(
        email in "[^\\p{Cc}\u{fffd} ]{1,40}", extra in hostile(),
    ) {
        let hash = hash_of(&email, SIGNED, KEY);
        let link = format!("email={}&timestamp={SIGNED}&hash={hash}", form_urlencoded(&email));
        let query = [link.as_bytes(), b"&", &extra].concat();
        let request = AutoAuthRequest::from_query(&query);
        if verify_link(&request, KEY, at(SIGNED)).is_ok() {
            let findings = diagnose::link(&query);
            prop_assert!(!findings.iter().any(is_malformed), "{:?}", findings);
        }
    }
}
