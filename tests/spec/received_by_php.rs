//! How `Received` reads what PHP reads. PHP 8.2 gave the expected values.

use whmcs_auth::{ForwardRefusal, Received, Refusal};

use crate::common::multipart;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

#[test]
fn a_name_is_stored_as_php_stores_it() {
    let rows = [
        ("client.id", "client_id"),
        ("client%20id", "client_id"),
        ("++x", "x"),
        ("%09x", "\tx"),
        ("x+", "x_"),
        ("+.x", "_x"),
        ("a%00b", "a"),
        ("a[b", "a_b"),
        ("a[", "a_"),
        ("a[b.c+d[e", "a_b_c_d_e"),
        ("a.b[c", "a_b_c"),
        ("a]b[c", "a]b_c"),
        ("a[b%00]", "a_b"),
        ("__Host-x", "__Host-x"),
        ("+__Host-x", "__Host-x"),
        ("__Host-[x", "__Host-_x"),
        ("x.__Secure-", "x___Secure-"),
    ];
    for (sent, stored) in rows {
        let received = Received::new().with_body(FORM, &format!("{sent}=1"));
        assert_eq!(received.field(stored), Some(&b"1"[..]), "{sent}");
    }
}

#[test]
fn a_field_that_php_drops_is_absent() {
    let rows = [
        ("=1", ""),
        ("+=1", ""),
        ("%00x=1", ""),
        ("[=1", "_"),
        ("[x=1", "_x"),
        ("[x]=1", "x"),
        ("+[x=1", "_x"),
        ("[[x]=1", "_[x]"),
        ("_.Host-x=1", "__Host-x"),
        ("..Host-x=1", "__Host-x"),
        ("_[Host-x=1", "__Host-x"),
        ("_.Secure-x=1", "__Secure-x"),
    ];
    for (body, name) in rows {
        let received = Received::new().with_body(FORM, body);
        assert_eq!(received.field(name), None, "{body}");
        assert_eq!(received.field(""), None, "{body}");
    }
    // A dropped field replaces nothing.
    let received = Received::new().with_body(FORM, "__Host-x=1&_.Host-x=2");
    assert_eq!(received.field("__Host-x"), Some(&b"1"[..]));
}

#[test]
fn an_array_that_php_would_merge_is_not_forwarded() {
    let rows = [
        ("a[]=1", "a[]=2", false),
        ("a[x]=1", "a[y]=2", false),
        ("a.b[]=1", "a_b[]=2", false),
        ("a=1", "a[]=2", false),
        ("a[]=1", "a=2", false),
        ("a[]=1&a[]=2", "b=3", true),
        ("b=3", "a[]=1&a[]=2", true),
        ("a=1", "a=2", true),
        ("a[=1", "a[=2", true),
        ("a[]=1", "a[=2", true),
        ("[a]=1", "[a]=2", true),
    ];
    for (query, body, is_forwarded) in rows {
        let body = format!("{body}&identifier=i&secret=s");
        let form = Received::new().with_query(query).with_body(FORM, &body).to_api_form();
        let refusal = (!is_forwarded).then_some(ForwardRefusal::SplitArray);
        assert_eq!(form.err(), refusal, "{query} {body}");
    }
    let (content_type, body) = multipart(&[("a[]", "2"), ("identifier", "i"), ("secret", "s")]);
    let parts = Received::new().with_query("a[]=1").with_body(content_type, &body);
    let refusal = parts.to_api_form().unwrap_err();
    assert_eq!(refusal, ForwardRefusal::SplitArray);
    assert_eq!(refusal.code(), "split_array");
    assert_eq!((&*refusal.public_message(), refusal.http_status()), ("Bad Request", 400));
}
