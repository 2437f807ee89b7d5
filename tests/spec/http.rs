//! Requests, answers and redirects as the types of the crate `http`.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth::http::{HeadRefusal, check_call, check_visit, content_type};
use whmcs_auth::{ApiRefusal, ApiRequest, AutoAuthPolicy, AutoAuthRequest};

use crate::common::{EMAIL, HASH, KEY, SIGNED, TIMESTAMP, at, keys};

#[test]
fn an_answer_is_a_response() {
    for (format, content_type) in
        [("json", "application/json"), ("xml", "application/xml"), ("nvp", "text/plain")]
    {
        let request = ApiRequest::from_pairs([("responsetype", format)]);
        let answer = Answer::refusal(&ApiRefusal::WrongSecret, &request);
        let response = Response::<String>::from(answer.clone());
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["content-type"], content_type);
        assert_eq!(*response.body(), answer.body);
    }
    let answer = Answer::error(42, "no status", &ApiRequest::default());
    assert_eq!(Response::<String>::from(answer).status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn link_6_a_redirect_stays_on_the_site_and_in_no_cache() {
    for (goto, default, location) in [
        ("index.php", "clientarea.php", "index.php"),
        ("", "clientarea.php", "clientarea.php"),
        ("//evil.example", "clientarea.php", "clientarea.php"),
        ("", "https://evil.example", "/"),
        ("", "a\r\nset-cookie: x", "/"),
        ("", "", "/"),
        ("x?a=%20b#c", "clientarea.php", "x?a=%20b#c"),
        // Pages that act as soon as they are opened, as a target and as a default.
        ("logout.php", "clientarea.php", "clientarea.php"),
        ("LOGOUT.php", "clientarea.php", "clientarea.php"),
        ("logout.php/x", "clientarea.php", "clientarea.php"),
        ("/whmcs/logout.php?x", "clientarea.php", "clientarea.php"),
        ("dologin.php?email=a@b.c&hash=x", "clientarea.php", "clientarea.php"),
        ("oauth/singlesignon.php", "clientarea.php", "clientarea.php"),
        ("includes/api.php", "clientarea.php", "clientarea.php"),
        ("", "logout.php", "/"),
        ("logout.php", "dologin.php", "/"),
        ("index.php", "logout.php", "index.php"),
    ] {
        let request = AutoAuthRequest::from_pairs([
            ("email", EMAIL),
            ("timestamp", TIMESTAMP),
            ("hash", HASH),
            ("goto", goto),
        ]);
        let login = request.verify(&keys(&[KEY]), &at(SIGNED), &AutoAuthPolicy::new()).unwrap();
        let login = login.check_account([EMAIL], |email| email, |_| true).unwrap().repeatable();
        let response: Response<String> = login.redirect(default);
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(response.headers()["location"], location, "{goto} {default:?}");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        assert_eq!(response.headers().len(), 3);
    }
}

#[test]
fn the_caller_is_read_from_a_header_map() {
    let proxies = TrustedProxies::new().with_addresses(["192.0.2.9".parse().unwrap()]);
    let mut headers = HeaderMap::new();
    headers.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
    headers.append("x-forwarded-for", "203.0.113.8".parse().unwrap());
    let caller = proxies.caller_of("192.0.2.9".parse().unwrap(), &headers).unwrap();
    assert_eq!(caller.to_string(), "203.0.113.8");
}

#[test]
fn a_call_is_a_post_or_a_get_if_that_is_allowed() {
    let other = |allows| Err(HeadRefusal::NotACall { allows });
    for (method, with_get, without_get) in [
        (Method::POST, Ok(()), Ok(())),
        (Method::GET, Ok(()), Err(HeadRefusal::GetNotAllowed)),
        (Method::HEAD, other("GET, POST"), other("POST")),
        (Method::PUT, other("GET, POST"), other("POST")),
        (Method::PATCH, other("GET, POST"), other("POST")),
        (Method::DELETE, other("GET, POST"), other("POST")),
        (Method::OPTIONS, other("GET, POST"), other("POST")),
        (Method::TRACE, other("GET, POST"), other("POST")),
        (Method::CONNECT, other("GET, POST"), other("POST")),
        (Method::from_bytes(b"post").unwrap(), other("GET, POST"), other("POST")),
    ] {
        assert_eq!(check_call(&method, true), with_get, "{method}");
        assert_eq!(check_call(&method, false), without_get, "{method}");
    }
}

/// The lines of a head: names and values.
type Lines<'a> = &'a [(&'static str, &'a [u8])];

fn headers(lines: Lines<'_>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    headers
}

#[test]
fn a_visit_is_a_get_that_no_program_makes_ahead() {
    let ahead = Err(HeadRefusal::FetchedAhead);
    let rows: [(Lines<'_>, _); 26] = [
        (&[], Ok(())),
        (&[("sec-purpose", b"prefetch")], ahead),
        (&[("sec-purpose", b"prefetch;prerender")], ahead),
        (&[("sec-purpose", b"prefetch; prerender")], ahead),
        (&[("sec-purpose", b"prerender")], ahead),
        (&[("sec-purpose", b"prefetch;anonymous-client-ip")], ahead),
        (&[("sec-purpose", b"anonymous-client-ip, prefetch")], ahead),
        (&[("sec-purpose", b"PREFETCH")], ahead),
        // Several lines are one list.
        (&[("sec-purpose", b""), ("sec-purpose", b"prefetch")], ahead),
        (&[("sec-purpose", b"x"), ("sec-purpose", b"y"), ("sec-purpose", b"prefetch")], ahead),
        (&[("sec-purpose", b"prefetch"), ("sec-purpose", b"x")], ahead),
        (&[("sec-purpose", b"x"), ("sec-purpose", b"y")], Ok(())),
        // Bytes that are not text do not hide the rest.
        (&[("sec-purpose", b"\xff prefetch")], ahead),
        (&[("sec-purpose", b"\xff"), ("sec-purpose", b"prefetch")], ahead),
        // Older browsers.
        (&[("purpose", b"prefetch")], ahead),
        (&[("x-purpose", b"preview")], ahead),
        (&[("x-moz", b"prefetch")], ahead),
        (&[("sec-purpose", b"navigate"), ("x-moz", b"prefetch")], ahead),
        // Other words and other headers.
        (&[("sec-purpose", b"prefetched")], Ok(())),
        (&[("sec-purpose", b"no-prefetch")], Ok(())),
        (&[("sec-fetch-mode", b"prefetch")], Ok(())),
        // A page of the browser, and another page that loads the link.
        (&[("sec-fetch-dest", b"document")], Ok(())),
        (&[("sec-fetch-dest", b"image")], Err(HeadRefusal::NotAVisit)),
        (&[("sec-fetch-dest", b"iframe")], Err(HeadRefusal::NotAVisit)),
        (&[("sec-fetch-dest", b"empty")], Err(HeadRefusal::NotAVisit)),
        (&[("sec-fetch-dest", b"document"), ("sec-purpose", b"prefetch")], ahead),
    ];
    for (lines, expected) in rows {
        assert_eq!(check_visit(&Method::GET, &headers(lines)), expected, "{lines:?}");
        for method in [Method::HEAD, Method::POST, Method::OPTIONS, Method::PUT] {
            let verdict = check_visit(&method, &headers(lines));
            assert_eq!(verdict, Err(HeadRefusal::LinkNotByGet), "{method} {lines:?}");
        }
    }
}

#[test]
fn several_content_types_are_none() {
    for (values, expected) in [
        (&[][..], None),
        (&[("content-type", &b"text/plain"[..])], Some("text/plain")),
        (&[("content-type", b"")], Some("")),
        (&[("content-type", b"text/plain"), ("content-type", b"text/plain")], None),
        (&[("content-type", b"\xff")], None),
    ] {
        assert_eq!(content_type(&headers(values)), expected, "{values:?}");
    }
}

#[cfg(feature = "form")]
#[test]
fn a_request_is_read_by_its_method_and_its_headers() {
    use whmcs_auth::{ApiPolicy, Received, Refusal};

    const FORM: (&str, &[u8]) = ("content-type", b"application/x-www-form-urlencoded");
    const MULTIPART: (&str, &[u8]) = ("content-type", b"multipart/form-data; boundary=Z");
    const PAIR: &str = "identifier=id&secret=s";
    let (_, parts) = crate::common::multipart(&[("identifier", "id"), ("secret", "s")]);
    let in_query = "/includes/api.php?identifier=id&secret=s";
    for (method, uri, lines, body, code) in [
        ("POST", "/includes/api.php", &[FORM][..], PAIR, None),
        ("POST", "/includes/api.php", &[MULTIPART], &*parts, None),
        ("POST", "/?identifier=id", &[FORM], "secret=s", None),
        ("POST", in_query, &[], "", None),
        ("POST", in_query, &[FORM, FORM], "", None),
        ("GET", in_query, &[], "", None),
        ("GET", in_query, &[FORM], "", None),
        ("GET", "https://b.example/?identifier=id&secret=s", &[], "", None),
        // A body without a type, or with two.
        ("POST", "/", &[], PAIR, Some("body_not_form")),
        ("POST", "/", &[FORM, FORM], PAIR, Some("body_not_form")),
        ("POST", "/", &[FORM, MULTIPART], PAIR, Some("body_not_form")),
        ("POST", "/", &[MULTIPART, FORM], &*parts, Some("body_not_form")),
        ("POST", in_query, &[FORM, FORM], "x=1", Some("body_not_form")),
        ("POST", "/", &[("content-type", b"application/json")], "{}", Some("body_not_form")),
        ("POST", "/", &[MULTIPART], PAIR, Some("multipart_broken")),
        // A body that PHP does not read.
        ("GET", "/", &[FORM], PAIR, Some("body_without_post")),
        ("GET", in_query, &[FORM], "x=1", Some("body_without_post")),
        ("GET", in_query, &[], "x=1", Some("body_without_post")),
        ("PUT", in_query, &[FORM], "x=1", Some("body_without_post")),
        ("post", in_query, &[FORM], "x=1", Some("body_without_post")),
        // No query and no body.
        ("GET", "/", &[], "", Some("missing_credentials")),
        ("POST", "/", &[FORM], "", Some("missing_credentials")),
    ] {
        let (mut head, ()) =
            http::Request::builder().method(method).uri(uri).body(()).unwrap().into_parts();
        head.headers = headers(lines);
        let received = Received::new().with_request(&head, body);
        let request = received.api_request();
        let attempt = request.attempt(&ApiPolicy::new());
        assert_eq!(
            attempt.refusal().map(|refusal| refusal.code()),
            code,
            "{method} {uri} {lines:?}"
        );
        assert_eq!(attempt.identifier(), code.is_none().then_some("id"), "{method} {uri}");
    }
}
