//! Multipart bodies: what is read, and what is refused because two readers could read it in two ways.

use whmcs_auth::{ApiPolicy, ApiRefusal, Malformed, Received, Refusal};

const TYPE: &str = "multipart/form-data; boundary=Z";

const BROKEN: Option<&str> = Some("multipart_broken");

fn read(content_type: &str, body: impl AsRef<[u8]>) -> Received {
    Received::new().with_query("identifier=i&secret=s").with_body(Some(content_type), &body)
}

/// The code of the refusal of the shape.
fn code(received: &Received) -> Option<&'static str> {
    let request = received.api_request();
    request.attempt(&ApiPolicy::new()).refusal().map(|refusal| refusal.code())
}

/// What PHP would be sent, without the credentials.
fn form(received: &Received) -> Result<String, &'static str> {
    let form = received.to_api_form().map_err(|refusal| refusal.code())?;
    Ok(form.trim_start_matches("identifier=i&secret=s").trim_start_matches('&').to_owned())
}

/// A body of one part, with these header lines and this value.
fn part(headers: &str, value: &str) -> String {
    format!("--Z\r\n{headers}\r\n\r\n{value}\r\n--Z--\r\n")
}

const DISPOSITION: &str = "Content-Disposition: form-data; name=\"a\"";

#[test]
fn the_boundary_of_the_content_type() {
    let word = |length: usize| "b".repeat(length);
    for (content_type, boundary) in [
        ("multipart/form-data; boundary=Z", Some("Z")),
        ("multipart/form-data;boundary=Z", Some("Z")),
        ("multipart/form-data ; boundary=Z", Some("Z")),
        ("multipart/form-data;   boundary=Z", Some("Z")),
        ("Multipart/Form-Data; boundary=Z", Some("Z")),
        ("multipart/form-data; boundary=\"Z\"", Some("Z")),
        (
            "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWx",
            Some("----WebKitFormBoundary7MA4YWx"),
        ),
        ("multipart/form-data; boundary=\"a'()+_-./:=?Z\"", Some("a'()+_-./:=?Z")),
        ("multipart/form-data; boundary=myboundary", Some("myboundary")),
        ("multipart/form-data; boundary=a=b", Some("a=b")),
        (&format!("multipart/form-data; boundary={}", word(70)), Some(&word(70))),
        (&format!("multipart/form-data; boundary=\"{}\"", word(70)), Some(&word(70))),
        ("multipart/form-data; charset=UTF-8; boundary=Z", Some("Z")),
        ("multipart/form-data; boundary=Z; charset=UTF-8", Some("Z")),
        ("multipart/form-data; boundary=\"Z\"; charset=\"UTF-8\"", Some("Z")),
        // PHP takes the first `boundary` anywhere in the header, and compares no parameter names.
        ("multipart/form-data; x=\"; boundary=y\"; boundary=Z", None),
        ("multipart/form-data; xboundary=y; boundary=Z", None),
        ("multipart/form-data; BOUNDARY=Z; x=boundary", None),
        ("multipart/form-data; boundary=Z; boundary=Z", None),
        ("multipart/form-data; boundary=Z; Boundary=Z", None),
        ("multipart/form-data; xboundary=Z", None),
        ("multipart/form-data; BOUNDARY=Z", None),
        ("multipart/form-data; Boundary=Z", None),
        ("multipart/form-data; boundary*=UTF-8''Z", None),
        ("multipart/form-data; charset=boundary; boundary=Z", None),
        ("multipart/form-data; boundary=Z; charset=boundary", None),
        ("multipart/form-data; boundary=Z; x-boundary=y", None),
        // no boundary
        ("multipart/form-data", None),
        ("multipart/form-data;", None),
        ("multipart/form-data; charset=UTF-8", None),
        ("multipart/form-data; boundary", None),
        ("multipart/form-data; boundary=", None),
        ("multipart/form-data; boundary=\"\"", None),
        // too long
        (&format!("multipart/form-data; boundary={}", word(71)), None),
        (&format!("multipart/form-data; boundary=\"{}\"", word(71)), None),
        // what readers of a header read in several ways
        ("multipart/form-data; boundary=\"Z", None),
        ("multipart/form-data; boundary=Z\"", None),
        ("multipart/form-data; boundary=\"\\Z\"", None),
        ("multipart/form-data; boundary='Z", Some("'Z")),
        ("multipart/form-data; boundary=Z ", None),
        ("multipart/form-data; boundary=Z ; charset=UTF-8", None),
        ("multipart/form-data; boundary= Z", None),
        ("multipart/form-data; boundary =Z", None),
        ("multipart/form-data;\tboundary=Z", None),
        ("multipart/form-data; boundary=Z,x", None),
        ("multipart/form-data; boundary=Z, text/plain", None),
        ("multipart/form-data; boundary=Z;", None),
        ("multipart/form-data;; boundary=Z", None),
        ("multipart/form-data; boundary=a b", None),
        ("multipart/form-data; boundary=\"a b\"", None),
        ("multipart/form-data; boundary=ü", None),
        ("multipart/form-data; charset; boundary=Z", None),
        // other parameters
        ("multipart/form-data; x-a=1; boundary=Z", Some("Z")),
        ("multipart/form-data; x_a=1; boundary=Z", None),
        ("multipart/form-data; x=; boundary=Z", None),
        ("multipart/form-data; x=a b; boundary=Z", None),
    ] {
        let written = boundary.unwrap_or("Z");
        let body = format!("--{written}\r\n{DISPOSITION}\r\n\r\n1\r\n--{written}--\r\n");
        let received = read(content_type, body);
        let expected = if boundary.is_none() { BROKEN } else { None };
        assert_eq!(code(&received), expected, "{content_type}");
        let value = boundary.map(|_| &b"1"[..]);
        assert_eq!(received.field("a"), value, "{content_type}");
    }
    // Neither `multipart/form-data` nor a form.
    for content_type in ["multipart/mixed; boundary=Z", "multipart/form-data\t; boundary=Z", ""] {
        let received = read(content_type, part(DISPOSITION, "1"));
        assert_eq!(code(&received), Some("body_not_form"), "{content_type}");
    }
}

#[test]
fn the_lines_around_a_value() {
    for (body, expected) in [
        // the end, with and without a line end
        ("--Z\r\nD\r\n\r\n1\r\n--Z--\r\n", Ok("a=1")),
        ("--Z\r\nD\r\n\r\n1\r\n--Z--", Ok("a=1")),
        ("--Z--\r\n", Ok("")),
        ("--Z--", Ok("")),
        // values
        ("--Z\r\nD\r\n\r\n\r\n--Z--", Ok("a=")),
        ("--Z\r\nD\r\n\r\n1\r\n2\r\n\r\n3\r\n--Z--", Ok("a=1%0D%0A2%0D%0A%0D%0A3")),
        ("--Z\r\nD\r\n\r\n\r\n\r\n--Z--", Ok("a=%0D%0A")),
        ("--Z\r\nD\r\n\r\n1\n2\r3\r\n--Z--", Ok("a=1%0A2%0D3")),
        ("--Z\r\nD\r\n\r\n1 --Z\r\n--Z--", Ok("a=1+--Z")),
        ("--Z\r\nD\r\n\r\n-Z\r\n--Z--", Ok("a=-Z")),
        ("--Z\r\nD\r\n\r\n--z\r\n--Z--", Ok("a=--z")),
        ("--Z\r\nD\r\n\r\n--\r\n--Z--", Ok("a=--")),
        ("--Z\r\nD\r\n\r\n\0%41+&=\r\n--Z--", Ok("a=%00%2541%2B%26%3D")),
        // several parts
        ("--Z\r\nD\r\n\r\n1\r\n--Z\r\nD\r\n\r\n2\r\n--Z--", Ok("a=1&a=2")),
        // a line that starts like a boundary, in a value
        ("--Z\r\nD\r\n\r\n1\n--Z\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r--Z\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Zx\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\n--Zx\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z \r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z-\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n--Z\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z\nD\r\n\r\n2\r\n--Z--", Err(())),
        // preamble and epilogue
        ("x\r\n--Z\r\nD\r\n\r\n1\r\n--Z--", Err(())),
        ("\r\n--Z\r\nD\r\n\r\n1\r\n--Z--", Err(())),
        (" --Z\r\nD\r\n\r\n1\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z--\r\nx", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z--\r\n\r\n", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z--x", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z--\n", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z--\r\n--Z\r\nD\r\n\r\n2\r\n--Z--", Err(())),
        // no end
        ("--Z\r\nD\r\n\r\n1", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z\r\n", Err(())),
        ("--Z\r\nD\r\n\r\n1\r\n--Z-", Err(())),
        ("--Z\r\nD\r\n\r\n1--Z--", Err(())),
        ("--Z", Err(())),
        ("--Z\r\n", Err(())),
        ("--Z-", Err(())),
        ("x", Err(())),
        ("--X\r\nD\r\n\r\n1\r\n--X--", Err(())),
        // an empty part, and one without a value
        ("--Z\r\n\r\n--Z--", Err(())),
        ("--Z\r\n\r\n\r\n--Z--", Err(())),
        ("--Z\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n--Z--", Err(())),
        ("--Z\r\nD\r\n\r\n--Z--", Err(())),
    ] {
        let received = read(TYPE, body.replace('D', DISPOSITION));
        let expected = expected.map(str::to_owned).map_err(|()| "multipart_broken");
        assert_eq!(form(&received), expected, "{body:?}");
    }
}

#[test]
fn the_header_lines_of_a_part() {
    let line = |length: usize| format!("x-long: {}", "a".repeat(length - "x-long: ".len()));
    let after = |line: &str| format!("{DISPOSITION}\r\n{line}");
    let before = |line: &str| format!("{line}\r\n{DISPOSITION}");
    for (headers, is_read) in [
        (DISPOSITION.to_owned(), true),
        (DISPOSITION.to_uppercase().replace("NAME=\"A\"", "name=\"a\""), true),
        ("content-disposition:form-data;name=a".to_owned(), true),
        (after("Content-Type: text/plain; charset=UTF-8"), true),
        (before("Content-Type: text/plain"), true),
        (after("Content-Length: 1"), true),
        (after("x-empty:"), true),
        (after("x-text: \u{fc}"), true),
        // PHP cuts a longer line.
        (after(&line(1_000)), true),
        (before(&line(1_000)), true),
        (after(&line(1_001)), false),
        (before(&line(1_001)), false),
        (after(&line(10_000)), false),
        // line ends and other control characters
        (DISPOSITION.replace("; ", ";\n"), false),
        (DISPOSITION.replace("; ", ";\r"), false),
        (DISPOSITION.replace("; ", ";\t"), false),
        (DISPOSITION.replace("\"a\"", "\"a\0\""), false),
        (DISPOSITION.replace("\"a\"", "\"\0a\""), false),
        (format!("{DISPOSITION}\nx: y"), false),
        (format!("{DISPOSITION}\rx: y"), false),
        (format!("x: y\n{DISPOSITION}"), false),
        (after("x: \0"), false),
        (after("x\0: y"), false),
        (after("x: \u{1b}"), false),
        (after("x: \u{7f}"), false),
        // a folded line
        (DISPOSITION.replace("; ", ";\r\n "), false),
        (DISPOSITION.replace("; ", ";\r\n\t"), false),
        (after(" y"), false),
        (after(" x: y"), false),
        // no name, or a name that not every reader reads
        (after("x"), false),
        (after(": y"), false),
        (after("x : y"), false),
        (after("x_y: z"), false),
        (after("\u{fc}: y"), false),
        // exactly one disposition
        (after(DISPOSITION), false),
        (after("content-disposition: form-data; name=\"b\""), false),
        ("Content-Type: text/plain".to_owned(), false),
        (after("Content-Disposition: attachment"), false),
        // PHP does not decode a value.
        (after("Content-Transfer-Encoding: base64"), false),
        (after("Content-Transfer-Encoding: quoted-printable"), false),
        (after("content-transfer-encoding: BASE64"), false),
        (after("Content-Transfer-Encoding: x"), false),
        (after("Content-Transfer-Encoding:"), false),
        (after("Content-Transfer-Encoding: 7bit"), true),
        (after("Content-Transfer-Encoding: 8bit"), true),
        (after("Content-Transfer-Encoding: Binary"), true),
    ] {
        let received = read(TYPE, part(&headers, "MQ=="));
        let expected = if is_read { Ok("a=MQ%3D%3D".to_owned()) } else { Err("multipart_broken") };
        assert_eq!(form(&received), expected, "{headers:?}");
    }
}

/// A part with a file name is a file, which PHP keeps apart from the fields.
#[test]
fn the_name_of_a_part() {
    for (disposition, expected) in [
        ("form-data; name=\"a\"", Ok("a=1")),
        ("form-data; name=a", Ok("a=1")),
        ("form-data; name=\"a[]\"", Ok("a%5B%5D=1")),
        ("form-data; name=\"a;b=c\"", Ok("a%3Bb%3Dc=1")),
        ("form-data; name=\"\u{fc}\"", Ok("%C3%BC=1")),
        ("form-data; name=\"a%22b\"", Ok("a%2522b=1")),
        // PHP drops a field without a name.
        ("form-data; name=\"\"", Ok("")),
        // files
        ("form-data; name=\"a\"; filename=\"b.txt\"", Ok("")),
        ("form-data; filename=\"b.txt\"; name=\"a\"", Ok("")),
        ("form-data; name=\"a\"; filename=\"\"", Ok("")),
        ("form-data; name=a; filename=b.txt; filename*=utf-8''b.txt", Ok("")),
        ("form-data; name=\"secret\"; filename=\"b.txt\"", Ok("")),
        ("form-data; name=\"a\"; filename*=UTF-8''b.txt", Err(())),
        ("form-data; name*=UTF-8''a", Err(())),
        ("form-data; name=a; name*=UTF-8''b", Err(())),
        // names that readers end in several places
        ("form-data; name=\"a\\\"b\"", Err(())),
        ("form-data; name=\"a\\\\\"", Err(())),
        ("form-data; name=\"a\\b\"", Err(())),
        ("form-data; name=a\\b", Err(())),
        ("form-data; name=\"a\"; filename=\"b\\c.txt\"", Err(())),
        ("form-data; name='a'", Err(())),
        ("form-data; name=\"a", Err(())),
        ("form-data; name=a\"", Err(())),
        ("form-data; name=\"a\"b", Err(())),
        ("form-data; name=a b", Err(())),
        ("form-data; name=a[]", Err(())),
        ("form-data; name = \"a\"", Err(())),
        ("form-data; name=\"a\";", Err(())),
        ("form-data; name=\"a\"; name=\"b\"", Err(())),
        ("form-data; name=\"a\"; filename=\"b\"; filename=\"c\"", Err(())),
        ("form-data; NAME=\"a\"", Err(())),
        ("form-data; name=\"a\"; x=y", Err(())),
        ("form-data; filename=\"a\"", Err(())),
        ("form-data", Err(())),
        ("attachment; name=\"a\"", Err(())),
        ("form-datax; name=\"a\"", Err(())),
        ("", Err(())),
    ] {
        let header = format!("Content-Disposition: {disposition}");
        let received = read(TYPE, part(&header, "1"));
        let expected = expected.map(str::to_owned).map_err(|()| "multipart_broken");
        assert_eq!(form(&received), expected, "{disposition}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let body = [b"--Z\r\n", DISPOSITION.as_bytes(), b"\r\n\r\n\xff\xfe\r\n--Z--"].concat();
    assert_eq!(read(TYPE, body).field("a"), Some(&b"\xff\xfe"[..]));
    let body = part("Content-Disposition: form-data; name=\"action\"", "X");
    let body = body.into_bytes().into_iter().map(|byte| if byte == b'X' { 0xff } else { byte });
    let received = read(TYPE, body.collect::<Vec<_>>());
    assert_eq!(code(&received), Some("field_not_utf8"));
}

/// PHP counts files as well.
#[test]
fn at_most_1000_parts_are_read() {
    let file = format!("{DISPOSITION}; filename=\"f\"");
    for headers in [DISPOSITION, &file] {
        let body =
            |count| format!("{}--Z--", format!("--Z\r\n{headers}\r\n\r\n1\r\n").repeat(count));
        let refusal =
            |received: Received| received.api_request().attempt(&ApiPolicy::new()).refusal();
        let too_many =
            |max_fields| Some(ApiRefusal::Malformed(Malformed::FieldCount { max_fields }));
        let alone = |count| Received::new().with_body(Some(TYPE), &body(count));
        assert_eq!(refusal(alone(1_000)), Some(ApiRefusal::MissingCredentials));
        assert_eq!(refusal(alone(1_001)), too_many(1_000));
        // In addition to the two fields of the query.
        assert_eq!(refusal(read(TYPE, body(998))), None);
        assert_eq!(refusal(read(TYPE, body(999))), too_many(1_000));
        let few = |count| Received::new().with_max_fields(3).with_body(Some(TYPE), &body(count));
        assert_eq!(refusal(few(3)), Some(ApiRefusal::MissingCredentials));
        assert_eq!(refusal(few(4)), too_many(3));
    }
}

#[test]
fn a_part_is_a_field_like_any_other() {
    let (content_type, body) = crate::common::multipart(&[
        ("identifier", "id"),
        ("secret", "a+b %41"),
        ("action", "GetClients"),
    ]);
    let received = Received::new().with_body(content_type, &body);
    assert_eq!(
        received.to_api_form().unwrap(),
        "identifier=id&secret=a%2Bb+%2541&action=GetClients"
    );
    for (name, code_) in [
        ("secret", "repeated_field"),
        ("secret[]", "disguised_field"),
        (" action", "disguised_field"),
    ] {
        let (content_type, body) = crate::common::multipart(&[(name, "x")]);
        assert_eq!(code(&read(content_type.unwrap(), body)), Some(code_), "{name}");
    }
}
