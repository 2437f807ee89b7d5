//! The fields of a request as they were received, and the form that a gateway forwards.

use whmcs_auth::{
    Action, ApiRefusal, AutoAuthPolicy, AutoAuthRefusal, Field, ForwardRefusal, Malformed,
    Received, Refusal, ResponseType,
};

use crate::common::{EMAIL, HASH, KEY, SIGNED, at, keys};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const PAIR: &str = "identifier=id&secret=s";

fn form(body: &str) -> Received {
    Received::new().with_body(FORM, body)
}

fn refusal(received: &Received) -> Option<ApiRefusal> {
    received.api_request().attempt().refusal()
}

#[test]
fn query_body_and_parts_are_one_request() {
    for received in [
        Received::new().with_query("action=GetClients&responsetype=json").with_body(FORM, PAIR),
        Received::new().with_query(PAIR).with_body(FORM, "action=GetClients&responsetype=json"),
        Received::new()
            .with_query("action=GetClients")
            .with_part("identifier", "id")
            .with_part("secret", b"s".to_vec())
            .with_part("responsetype", "json"),
    ] {
        let request = received.api_request();
        assert_eq!(request.action(), Action::Named("GetClients"));
        assert_eq!(request.response_type(), ResponseType::Json);
        assert_eq!(request.attempt().identifier(), Some("id"));
    }
}

#[test]
fn field_2_a_name_in_query_and_body_is_malformed() {
    for received in [
        Received::new().with_query("secret=s").with_body(FORM, PAIR),
        Received::new().with_query(PAIR).with_part("secret", "s"),
        form(PAIR).with_body(FORM, PAIR),
    ] {
        let fault = refusal(&received).map(|refusal| refusal.code());
        assert_eq!(fault, Some("repeated_field"));
    }
}

#[test]
fn a_body_of_another_type_is_malformed_and_never_guessed() {
    let wrong = Some(ApiRefusal::Malformed(Malformed::BodyNotForm));
    for (content_type, expected) in [
        (FORM, None),
        (Some("application/x-www-form-urlencoded; charset=UTF-8"), None),
        (Some("application/x-www-form-urlencoded ;charset=latin1"), None),
        (Some("APPLICATION/X-WWW-FORM-URLENCODED"), None),
        (Some("multipart/form-data; boundary=x"), wrong),
        (Some("application/json"), wrong),
        (Some("text/plain"), wrong),
        (Some("application/x-www-form-urlencodedx"), wrong),
        (Some("application/x-www-form-urlencoded, text/plain"), wrong),
        (Some("multipart/form-data; x=application/x-www-form-urlencoded"), wrong),
        (Some(""), wrong),
        (None, wrong),
    ] {
        let received = Received::new().with_body(content_type, PAIR);
        assert_eq!(refusal(&received), expected, "{content_type:?}");
        // The pair may stand in the query: the call is refused all the same, as PHP may read the body.
        let received = Received::new().with_query(PAIR).with_body(content_type, "action=x");
        assert_eq!(refusal(&received), expected, "{content_type:?}");
        // No body has no type.
        let received = Received::new().with_query(PAIR).with_body(content_type, "");
        assert_eq!(refusal(&received), None, "{content_type:?}");
    }
}

#[test]
fn a_link_is_read_from_a_query_and_refused_with_another_body() {
    let query = format!("email={EMAIL}&timestamp={SIGNED}&hash={HASH}&goto=index.php");
    let verify = |received: Received| {
        let request = received.autoauth_request();
        let login = request.verify(&keys(&[KEY]), &at(SIGNED), &AutoAuthPolicy::new());
        login.map(|login| login.email().to_owned())
    };
    assert_eq!(verify(Received::new().with_query(&query)), Ok(EMAIL.to_owned()));
    assert_eq!(
        verify(Received::new().with_query(&query).with_body(None, "x")),
        Err(AutoAuthRefusal::Malformed(Malformed::BodyNotForm))
    );
}

#[test]
fn field_is_the_last_value_that_php_has_under_the_name() {
    for (body, name, expected) in [
        ("a=1", "a", Some(&b"1"[..])),
        ("a=1&a=2", "a", Some(b"2")),
        ("a=", "a", Some(b"")),
        ("a", "a", Some(b"")),
        ("b=1", "a", None),
        ("", "a", None),
        ("=1", "", None),
        ("A=1", "a", None),
        // As PHP names it.
        ("client.id=1", "client_id", Some(b"1")),
        ("client+id=1", "client_id", Some(b"1")),
        ("%20%20a=1", "a", Some(b"1")),
        ("a%00b=1", "a", Some(b"1")),
        ("client.id=1", "client.id", None),
        // Arrays are no texts.
        ("a[]=1", "a", None),
        ("a[x][y]=1", "a", None),
        ("a=1&a[]=2", "a", None),
        ("a[]=2&a=1", "a", Some(b"1")),
        // Bytes and escapes.
        ("a=%FF%00", "a", Some(b"\xff\0")),
        ("a=1+2%2B3%20", "a", Some(b"1 2+3 ")),
        ("a=%zz%2", "a", Some(b"%zz%2")),
        ("a=b=c", "a", Some(b"b=c")),
    ] {
        assert_eq!(form(body).field(name), expected, "{body} {name}");
    }
    let both = Received::new().with_query("a=query").with_body(FORM, "a=body");
    assert_eq!(both.field("a"), Some(&b"body"[..]));
}

#[test]
fn the_forwarded_form_starts_with_the_verified_fields() {
    for (query, body, expected) in [
        ("", "x=1&secret=s&identifier=id", "identifier=id&secret=s&x=1"),
        ("action=A", "username=u&password=p&x=1", "username=u&password=p&action=A&x=1"),
        (
            "z=1&accesskey=k",
            "responsetype=json&action=A&secret=s&identifier=id",
            "identifier=id&secret=s&accesskey=k&action=A&responsetype=json&z=1",
        ),
        // The pair that does not count is dropped, and so are empty fields of this kind.
        ("", "identifier=id&secret=s&username=u&password=p", "identifier=id&secret=s"),
        ("", "identifier=&secret=&username=u&password=p", "username=u&password=p"),
        ("", "identifier=id&secret=s&action=&y=", "identifier=id&secret=s&y="),
        // The fields of links are parameters like any other.
        ("", "identifier=id&secret=s&email=a%40b.c", "identifier=id&secret=s&email=a%40b.c"),
        // Bytes stay what they were.
        (
            "",
            "identifier=id&secret=s%2Be+c&n=%FF%00%26",
            "identifier=id&secret=s%2Be+c&n=%FF%00%26",
        ),
        (
            "",
            "identifier=id&secret=s&a[]=1&a[]=2&&=x",
            "identifier=id&secret=s&a%5B%5D=1&a%5B%5D=2",
        ),
    ] {
        let received = Received::new().with_query(query).with_body(FORM, body);
        assert_eq!(received.to_api_form(1000), Ok(expected.to_owned()), "{query} {body}");
    }
}

#[test]
fn a_form_with_more_fields_than_php_takes_is_refused() {
    let others =
        |count: usize| (0..count).map(|number| format!("&n{number}=x")).collect::<String>();
    for (count, max_fields, expected) in [
        (998, 1000, Ok(())),
        (999, 1000, Err(1001)),
        (1_200, 1000, Err(1202)),
        (0, 2, Ok(())),
        (0, 1, Err(2)),
        (0, 0, Err(2)),
    ] {
        // Before the credentials, where PHP would drop them.
        let received = form(&format!("{}&{PAIR}", &others(count)));
        let verdict = received.to_api_form(max_fields).map(|_| ());
        let expected =
            expected.map_err(|fields| ForwardRefusal::TooManyFields { fields, max_fields });
        assert_eq!(verdict, expected, "{count}");
    }
}

/// A field takes many times the memory of the two bytes that stand for it.
#[test]
fn a_request_has_at_most_10000_fields() {
    let others = |count: usize| "a&".repeat(count);
    let parts = |count: usize| (0..count).fold(form(PAIR), |request, _| request.with_part("a", ""));
    for (received, expected) in [
        (form(&format!("{}{PAIR}", others(9_998))), None),
        (form(&format!("{}{PAIR}", others(9_999))), Some(Malformed::FieldCount)),
        (form(&format!("{}{PAIR}", others(1_000_000))), Some(Malformed::FieldCount)),
        (
            Received::new().with_query(&others(9_999)).with_body(FORM, PAIR),
            Some(Malformed::FieldCount),
        ),
        (parts(9_998), None),
        (parts(9_999), Some(Malformed::FieldCount)),
        // No name is no field.
        (form(&format!("{}&{PAIR}", "&=x".repeat(20_000))), None),
    ] {
        assert_eq!(refusal(&received), expected.map(ApiRefusal::Malformed), "{received:?}");
    }
}

#[test]
fn a_malformed_request_is_not_forwarded() {
    for (received, fault) in [
        (form("identifier=id&secret=s&secret=t"), Malformed::Repeated(Field::Secret)),
        (form("identifier=id&secret=s&%20action=x"), Malformed::Alias(Field::Action)),
        (form("identifier=id&secret=%FF"), Malformed::NotUtf8(Field::Secret)),
        (Received::new().with_query(PAIR).with_body(None, "x"), Malformed::BodyNotForm),
    ] {
        assert_eq!(received.to_api_form(1000), Err(ForwardRefusal::Malformed(fault)));
    }
}

#[test]
fn it_is_redacted() {
    let received = form("identifier=mArKeR&mArKeR=mArKeR");
    assert_eq!(
        format!("{received:?}"),
        "Received { fields: 2, is_not_form: false, has_too_many_fields: false }"
    );
}
