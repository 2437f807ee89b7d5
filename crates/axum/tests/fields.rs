//! Which fields an API call has: those of its query and its body, a form or multipart.

mod support;

use axum::body::{Body, Bytes};
use axum::http::header;
use http_body_util::{BodyExt, Full, Limited};
use support::{
    FORM, IDENTIFIER, PAIR, SECRET, auth, call, form, multipart, post, request, router, send,
};

const ACCEPTED: &str = "result=success;id=7;mode=credential;action=getclients;search=-";
const FAILED: &str = "result=error;message=Authentication Failed";
const MULTIPART: &str = "multipart/form-data; boundary=cut";

#[tokio::test]
async fn all_three_modes_are_accepted() {
    let answer = call(form(format!("action=GetClients&{PAIR}"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ACCEPTED));
    assert_eq!(answer.header("content-type"), "text/plain");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.report, None);

    let login = format!("action=GetClients&username={IDENTIFIER}&password={SECRET}");
    let answer = call(form(login)).await;
    let expected = "result=success;id=7;mode=credential-as-login;action=getclients;search=-";
    assert_eq!(answer.body, expected);

    let admin = "action=GetProducts&username=admin&password=5F4DCC3B5AA765D61D8327DEB882CF99";
    let answer = call(form(admin)).await;
    assert_eq!(answer.body, "result=success;id=1;mode=admin-login;action=getproducts;search=-");
}

#[tokio::test]
async fn query_and_body_are_one_request() {
    let answer = call(post(FORM, "action=GetClients&search=a%2Bb", PAIR)).await;
    assert_eq!(answer.body, "result=success;id=7;mode=credential;action=getclients;search=a+b");

    let query = format!("action=GetClients&{PAIR}");
    let answer =
        call(request("GET", &format!("/includes/api.php?{query}")).body(Body::empty()).unwrap());
    assert_eq!(answer.await.body, ACCEPTED);

    // A field of both is malformed, although the values are equal.
    let answer = call(post(FORM, &query, PAIR)).await;
    assert_eq!((answer.body.as_str(), answer.code()), (FAILED, "repeated_field"));
}

#[tokio::test]
async fn parameters_are_read_as_php_reads_them() {
    let answer = call(form(format!("action=GetClients&{PAIR}&search=old&search=new"))).await;
    assert!(answer.body.ends_with("search=new"), "{}", answer.body);
    for absent in ["search=", "search[]=x", "search=%FF"] {
        let answer = call(form(format!("action=GetClients&{PAIR}&{absent}"))).await;
        assert_eq!(answer.body, ACCEPTED, "{absent}");
    }
}

#[tokio::test]
async fn the_content_type_may_have_parameters_and_any_case() {
    for content_type in [
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded ; charset=iso-8859-1",
        "Application/X-WWW-Form-Urlencoded",
    ] {
        let answer = call(post(content_type, "action=GetClients", PAIR)).await;
        assert_eq!(answer.body, ACCEPTED, "{content_type}");
    }
}

#[tokio::test]
async fn the_text_parts_of_a_multipart_body_are_fields() {
    let body = multipart(&[
        ("; name=\"identifier\"", IDENTIFIER),
        ("; name=\"secret\"", SECRET),
        ("; name=\"search\"", "a=1&b"),
    ]);
    for content_type in [
        MULTIPART,
        "multipart/form-data; boundary=\"cut\"",
        "Multipart/Form-Data; charset=utf-8; boundary=cut",
    ] {
        let answer = call(post(content_type, "action=GetClients", body.clone())).await;
        let expected = "result=success;id=7;mode=credential;action=getclients;search=a=1&b";
        assert_eq!(answer.body, expected, "{content_type}");
    }
}

#[tokio::test]
async fn a_part_with_a_file_name_is_no_field() {
    for file in ["; name=\"secret\"; filename=\"f\"", "; name=\"secret\"; filename=\"\""] {
        let body = multipart(&[("; name=\"identifier\"", IDENTIFIER), (file, SECRET)]);
        let answer = call(post(MULTIPART, "action=GetClients", body)).await;
        assert_eq!((answer.body.as_str(), answer.code()), (FAILED, "missing_field"), "{file}");
    }
    // So it repeats no field either.
    let parts = [
        ("; name=\"identifier\"", IDENTIFIER),
        ("; name=\"secret\"", SECRET),
        ("; name=\"secret\"; filename=\"f\"", "x"),
    ];
    let body = multipart(&parts);
    assert_eq!(call(post(MULTIPART, "action=GetClients", body)).await.body, ACCEPTED);
    // PHP reads no part after one without a name.
    let body = multipart(&[&parts[..], &[("", "x")]].concat());
    let answer = call(post(MULTIPART, "action=GetClients", body)).await;
    assert_eq!((answer.body.as_str(), answer.code()), (FAILED, "multipart_broken"));
}

/// Readers disagree about each of these, and PHP reads other fields than multer.
#[tokio::test]
async fn a_multipart_body_that_can_be_read_in_two_ways_is_refused() {
    let pair = [("; name=\"identifier\"", IDENTIFIER), ("; name=\"secret\"", SECRET)];
    let body = multipart(&pair);
    let part = "--cut\r\nContent-Disposition: form-data; name=\"y\"\r\n\r\n2\r\n";
    let twice = "--cut\r\nContent-Disposition: form-data; name=\"y\"\r\ncontent-disposition: form-data; \
         name=\"x\"\r\n\r\n1\r\n";
    for (body, code) in [
        (body.clone(), ""),
        (body.trim_end().to_owned(), ""),
        // Behind the end.
        (format!("{body}{part}--cut--\r\n"), "multipart_broken"),
        (format!("{body}x"), "multipart_broken"),
        // Before the beginning.
        (format!("junk{body}"), "multipart_broken"),
        (format!("\r\n{body}"), "multipart_broken"),
        // Two headers, or none.
        (format!("{twice}{body}"), "multipart_broken"),
        (format!("--cut\r\n\r\n1\r\n{body}"), "multipart_broken"),
    ] {
        let answer = call(post(MULTIPART, "action=GetClients", body.clone())).await;
        assert_eq!(answer.code(), code, "{body}");
    }
}

/// axum passes a HEAD to the handler of GET, which would carry the action out.
#[tokio::test]
async fn a_call_is_a_get_or_a_post() {
    for (method, status, code) in [
        ("GET", 200, ""),
        ("POST", 200, ""),
        ("HEAD", 405, "method_not_allowed"),
        ("PUT", 405, "method_not_allowed"),
        ("DELETE", 405, "method_not_allowed"),
    ] {
        let request = request(method, &format!("/includes/api.php?action=GetClients&{PAIR}"));
        let answer = call(request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code), "{method}");
    }
}

#[tokio::test]
async fn a_multipart_body_that_breaks_off_is_refused() {
    let body = multipart(&[("; name=\"identifier\"", IDENTIFIER), ("; name=\"secret\"", SECRET)]);
    let cut = &body[..body.len() - 10];
    for (content_type, body) in [
        (MULTIPART, cut),
        ("multipart/form-data; boundary=other", &*body),
        ("multipart/form-data", &*body),
        (MULTIPART, PAIR),
        (MULTIPART, "{}"),
    ] {
        let request = post(content_type, "action=GetClients&responsetype=json", body.to_owned());
        let answer = call(request).await;
        assert_eq!(answer.status, 403, "{content_type}");
        assert_eq!(answer.body, r#"{"result":"error","message":"Authentication Failed"}"#);
        assert_eq!(answer.code(), "multipart_broken", "{content_type}");
    }
    // Without a body there is nothing to break.
    let answer = call(post(MULTIPART, &format!("action=GetClients&{PAIR}"), "")).await;
    assert_eq!(answer.body, ACCEPTED);
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused_in_the_callers_format() {
    let json = format!(r#"{{"identifier":"{IDENTIFIER}","secret":"{SECRET}"}}"#);
    for (content_type, body) in
        [("application/json", json.as_str()), ("text/plain", PAIR), ("\u{fc}", PAIR), ("", PAIR)]
    {
        // The query alone would be accepted.
        let query = format!("action=GetClients&responsetype=xml&{PAIR}");
        let answer = call(post(content_type, &query, body.to_owned())).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (403, "body_not_form"),
            "{content_type}"
        );
        assert!(
            answer.body.contains("<message>Authentication Failed</message>"),
            "{}",
            answer.body
        );
    }
    let query = format!("/includes/api.php?action=GetClients&{PAIR}");
    let answer = call(request("POST", &query).body(PAIR.into()).unwrap()).await;
    assert_eq!((answer.body.as_str(), answer.code()), (FAILED, "body_not_form"));
}

#[tokio::test]
async fn a_body_with_two_content_types_is_refused() {
    for (first, second) in [(FORM, MULTIPART), (MULTIPART, FORM), (FORM, FORM)] {
        let request = request("POST", "/includes/api.php?action=GetClients")
            .header(header::CONTENT_TYPE, first)
            .header(header::CONTENT_TYPE, second);
        let answer = call(request.body(PAIR.into()).unwrap()).await;
        assert_eq!((answer.body.as_str(), answer.code()), (FAILED, "body_not_form"));
    }
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit() {
    let send = async |limit: usize, body: String| {
        let auth = auth().with_body_limit(limit);
        send(router(auth), post(FORM, "responsetype=json", body)).await
    };
    let body = format!("action=GetClients&{PAIR}");
    let length = body.len();
    assert_eq!(send(length, body.clone()).await.status, 200);

    let answer = send(length - 1, body).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "body_too_large"));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.body, r#"{"result":"error","message":"Request Too Large"}"#);
}

/// axum's own limit is 2 MiB, and would break a larger multipart body.
#[tokio::test]
async fn the_limit_alone_bounds_a_multipart_body() {
    let file = "x".repeat(3 * 1024 * 1024);
    let body = multipart(&[
        ("; name=\"identifier\"", IDENTIFIER),
        ("; name=\"secret\"", SECRET),
        ("; name=\"file\"; filename=\"f\"", &file),
    ]);
    let request = || post(MULTIPART, "action=GetClients", body.clone());
    let auth = auth().with_body_limit(4 * 1024 * 1024);
    assert_eq!(send(router(auth), request()).await.body, ACCEPTED);
    assert_eq!(call(request()).await.code(), "body_too_large");
}

#[tokio::test]
async fn the_limit_of_a_layer_is_reported_as_one() {
    let body = Limited::new(Full::new(Bytes::from(PAIR)), 10);
    let answer = call(post(FORM, "action=GetClients", Body::new(body))).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (413, "body_too_large"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_a_bad_request() {
    let body = Full::new(Bytes::from(PAIR)).map_err(|never| match never {});
    let broken = async { Some(Err(std::io::Error::other("length limit exceeded"))) };
    let body = Body::new(body.with_trailers(broken));
    let answer = call(post(FORM, "action=GetClients&responsetype=json", body)).await;
    assert_eq!((answer.status.as_u16(), answer.code()), (400, "body_broken"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Bad Request"}"#);
    assert!(!answer.cause().contains("exceeded"), "{}", answer.cause());
}
