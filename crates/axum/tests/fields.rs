//! Which fields an API call has: those of its query and its body, a form or multipart.

mod support;

use axum::body::Body;
use axum::http::{Request, header};
use support::{
    Answered, FORM, IDENTIFIER, MULTIPART, PAIR, SECRET, auth, call, form, multipart, post,
    request, router, send, unreadable,
};

const ACCEPTED: &str = "result=success;id=7;mode=credential;action=getclients;search=-";
const FAILED: &str = "result=error;message=Authentication Failed";

/// Sends a request to a router that accepts calls by GET.
async fn call_with_get(request: Request<Body>) -> Answered {
    send(router(auth().with_get(true)), request).await
}

#[tokio::test]
async fn all_three_modes_are_accepted() {
    let answer = call(form(format!("action=GetClients&{PAIR}"))).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_str()), (200, ACCEPTED));
    assert_eq!(answer.header("content-type"), "text/plain");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.report.is_none());

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
    assert_eq!(call(post(FORM, &query, "")).await.body, ACCEPTED);

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
async fn a_part_with_a_file_name_is_not_a_field() {
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

/// Readers disagree about each of these, and PHP may read other fields.
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
        // After the end.
        (format!("{body}{part}--cut--\r\n"), "multipart_broken"),
        (format!("{body}x"), "multipart_broken"),
        // Before the beginning.
        (format!("junk{body}"), "multipart_broken"),
        (format!("\r\n{body}"), "multipart_broken"),
        // Two headers, or none.
        (format!("{twice}{body}"), "multipart_broken"),
        (format!("--cut\r\n\r\n1\r\n{body}"), "multipart_broken"),
        // A line end without its half.
        (body.replace(SECRET, &format!("{SECRET}\n--cut")), "multipart_broken"),
        (body.replacen("\r\n\r\n", "\n\r\n", 1), "multipart_broken"),
    ] {
        let answer = call(post(MULTIPART, "action=GetClients", body.clone())).await;
        assert_eq!(answer.code(), code, "{body}");
    }
    let body = body.replace("--cut", "--Z");
    for content_type in [
        "multipart/form-data; x=\"; boundary=y\"; boundary=Z",
        "multipart/form-data; xboundary=y; boundary=Z",
        "multipart/form-data; BOUNDARY=Z; x=boundary",
        "multipart/form-data; boundary=Z; boundary=Z",
        "multipart/form-data, boundary=Z",
    ] {
        let answer = call(post(content_type, "action=GetClients", body.clone())).await;
        assert_eq!(answer.status, 403, "{content_type}");
        let is_fault = ["multipart_broken", "body_not_form"].contains(&answer.code());
        assert!(is_fault, "{content_type}: {}", answer.code());
    }
}

/// The secret of a GET ends in logs.
#[tokio::test]
async fn a_call_is_a_post() {
    for (method, status, code) in [
        ("POST", 200, ""),
        ("GET", 405, "get_not_allowed"),
        ("HEAD", 405, "method_not_allowed"),
        ("PUT", 405, "method_not_allowed"),
        ("DELETE", 405, "method_not_allowed"),
        ("OPTIONS", 405, "method_not_allowed"),
    ] {
        let request = request(method, &format!("/includes/api.php?action=GetClients&{PAIR}"));
        let answer = call(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.verdict(), (status, code), "{method}");
        let allow = if status == 405 { "POST" } else { "" };
        assert_eq!(answer.header("allow"), allow, "{method}");
    }
}

/// axum passes a HEAD to the handler of GET, which would carry the action out.
#[tokio::test]
async fn a_call_may_be_a_get_if_the_service_says_so_but_never_a_head() {
    for (method, status, code) in [
        ("POST", 200, ""),
        ("GET", 200, ""),
        ("HEAD", 405, "method_not_allowed"),
        ("PUT", 405, "method_not_allowed"),
        ("DELETE", 405, "method_not_allowed"),
        ("OPTIONS", 405, "method_not_allowed"),
    ] {
        let request = request(method, &format!("/includes/api.php?action=GetClients&{PAIR}"));
        let answer = call_with_get(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.verdict(), (status, code), "{method}");
        let allow = if status == 405 { "GET, POST" } else { "" };
        assert_eq!(answer.header("allow"), allow, "{method}");
    }
}

#[tokio::test]
async fn the_body_of_a_refused_method_is_not_read() {
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"] {
        let request = request(method, &format!("/includes/api.php?action=GetClients&{PAIR}"));
        assert_eq!(call(request.body(unreadable()).unwrap()).await.status, 405, "{method}");
    }
}

/// PHP reads the body of a POST alone, so it would find other fields.
#[tokio::test]
async fn a_get_has_no_body() {
    for (query, content_type, body) in [
        (format!("action=GetClients&responsetype=json&{PAIR}"), FORM, "search=x"),
        (format!("action=GetClients&responsetype=json&{PAIR}"), "text/plain", "x"),
        ("action=GetClients&responsetype=json".to_owned(), FORM, PAIR),
    ] {
        let request = request("GET", &format!("/includes/api.php?{query}"));
        let request = request.header(header::CONTENT_TYPE, content_type).body(body.into());
        let answer = call_with_get(request.unwrap()).await;
        assert_eq!(answer.verdict(), (403, "body_without_post"));
        assert_eq!(answer.body, r#"{"result":"error","message":"Authentication Failed"}"#);
    }
}

#[tokio::test]
async fn a_call_may_have_as_many_fields_as_the_service_says() {
    let send = async |count: usize, auth| {
        // `action` and the pair are three.
        let body = format!("action=GetClients&{PAIR}{}", "&x=1".repeat(count - 3));
        send(router(auth), form(body)).await.verdict()
    };
    assert_eq!(send(1_000, auth()).await, (200, ""));
    assert_eq!(send(1_001, auth()).await, (403, "field_count"));
    assert_eq!(send(1_001, auth().with_max_fields(1_001)).await, (200, ""));
    assert_eq!(send(5, auth().with_max_fields(5)).await, (200, ""));
    assert_eq!(send(6, auth().with_max_fields(5)).await, (403, "field_count"));
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
async fn a_body_that_is_not_a_form_is_refused_in_the_callers_format() {
    let json = format!(r#"{{"identifier":"{IDENTIFIER}","secret":"{SECRET}"}}"#);
    for (content_type, body) in
        [("application/json", json.as_str()), ("text/plain", PAIR), ("\u{fc}", PAIR), ("", PAIR)]
    {
        // The query alone would be accepted.
        let query = format!("action=GetClients&responsetype=xml&{PAIR}");
        let answer = call(post(content_type, &query, body.to_owned())).await;
        assert_eq!(answer.verdict(), (403, "body_not_form"), "{content_type}");
        let is_xml = answer.body.contains("<message>Authentication Failed</message>");
        assert!(is_xml, "{}", answer.body);
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
