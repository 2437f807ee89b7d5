//! The fields of a request as they were received, and the form that a gateway forwards.

use proptest::prelude::*;
use whmcs_auth::{
    Action, ApiPolicy, ApiRefusal, AutoAuthPolicy, AutoAuthRefusal, Field, ForwardRefusal,
    Malformed, Received, Refusal, ResponseType,
};

use crate::common::{EMAIL, HASH, KEY, SIGNED, at, form, keys, multipart};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const PAIR: &str = "identifier=id&secret=s";

fn refusal(received: &Received) -> Option<ApiRefusal> {
    received.api_request().attempt(&ApiPolicy::new()).refusal()
}

fn with_parts(received: Received, parts: &[(&str, &str)]) -> Received {
    let (content_type, body) = multipart(parts);
    received.with_body(content_type, &body)
}

#[test]
fn query_body_and_parts_are_one_request() {
    for received in [
        Received::new().with_query("action=GetClients&responsetype=json").with_body(FORM, PAIR),
        Received::new().with_query(PAIR).with_body(FORM, "action=GetClients&responsetype=json"),
        with_parts(
            Received::new().with_query("action=GetClients"),
            &[("identifier", "id"), ("secret", "s"), ("responsetype", "json")],
        ),
    ] {
        let request = received.api_request();
        assert_eq!(request.action(), Action::Named("GetClients"));
        assert_eq!(request.response_type(), ResponseType::Json);
        assert_eq!(request.attempt(&ApiPolicy::new()).identifier(), Some("id"));
    }
}

#[test]
fn field_2_a_name_in_query_and_body_is_malformed() {
    for received in [
        Received::new().with_query("secret=s").with_body(FORM, PAIR),
        with_parts(Received::new().with_query(PAIR), &[("secret", "s")]),
        with_parts(Received::new(), &[("identifier", "id"), ("secret", "s"), ("secret", "s")]),
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
        (Some("application/x-www-form-urlencoded;"), None),
        (Some("APPLICATION/X-WWW-FORM-URLENCODED"), None),
        // These are not the bytes of such a body.
        (Some("multipart/form-data; boundary=x"), Some(Malformed::MultipartBroken.into())),
        (Some("application/json"), wrong),
        (Some("text/plain"), wrong),
        (Some("application/x-www-form-urlencodedx"), wrong),
        (Some("application/x-www-form-urlencoded x"), wrong),
        (Some("application/x-www-form-urlencoded,x"), wrong),
        (Some("application/x-www-form-urlencoded\t; charset=UTF-8"), wrong),
        (Some(" application/x-www-form-urlencoded"), wrong),
        (Some("application/x-www-form-urlencoded, text/plain"), wrong),
        (Some("multipart/form-datax; boundary=x"), wrong),
        (Some("multipart/form-data, text/plain; boundary=x"), wrong),
        (Some("text/plain; x=application/x-www-form-urlencoded"), wrong),
        (
            Some("multipart/form-data; x=application/x-www-form-urlencoded"),
            Some(Malformed::MultipartBroken.into()),
        ),
        (Some(""), wrong),
        (None, wrong),
    ] {
        let received = Received::new().with_body(content_type, PAIR);
        assert_eq!(refusal(&received), expected, "{content_type:?}");
        // The pair may be in the query. The call is still refused, because PHP may read the body.
        let received = Received::new().with_query(PAIR).with_body(content_type, "action=x");
        assert_eq!(refusal(&received), expected, "{content_type:?}");
        // An empty body needs no type.
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
        // An array is not a string.
        ("a[]=1", "a", None),
        ("a[x][y]=1", "a", None),
        ("a[%20]=1", "a", None),
        ("a[b]c=1", "a", None),
        ("a[b][c=1", "a", None),
        ("a.[b]=1&a=2", "a", Some(b"2")),
        ("a=1&+a=2", "a", Some(b"2")),
        ("a=1&a=", "a", Some(b"")),
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
        assert_eq!(received.to_api_form(), Ok(expected.to_owned()), "{query} {body}");
    }
}

/// PHP drops the fields after `max_input_vars`, wherever the credentials stand.
#[test]
fn a_request_with_more_fields_than_are_read_is_malformed_and_not_forwarded() {
    let others =
        |count: usize| (0..count).map(|number| format!("&n{number}=x")).collect::<String>();
    let read = |max_fields| Received::new().with_max_fields(max_fields);
    for (count, max_fields) in
        [(998, 1000), (999, 1000), (1_200, 1000), (0, 2), (0, 1), (0, 0), (9_998, 10_000)]
    {
        let fault = (count + 2 > max_fields).then_some(Malformed::FieldCount { max_fields });
        let refused = fault.map(ApiRefusal::Malformed);
        let (before, after) =
            (format!("{}&{PAIR}", others(count)), PAIR.to_owned() + &others(count));
        let mut parts = vec![("n", "x"); count];
        parts.extend([("identifier", "id"), ("secret", "s")]);
        for received in [
            read(max_fields).with_body(FORM, &before),
            read(max_fields).with_body(FORM, &after),
            read(max_fields).with_query(&before),
            read(max_fields).with_query(&others(count)).with_body(FORM, PAIR),
            read(max_fields).with_query(PAIR).with_body(FORM, &others(count)),
            with_parts(read(max_fields), &parts),
            with_parts(read(max_fields).with_query(&others(count)), &parts[count..]),
        ] {
            assert_eq!(refusal(&received), refused, "{count} {max_fields} {received:?}");
            let not_forwarded = refused.map(ForwardRefusal::Api);
            assert_eq!(received.to_api_form().err(), not_forwarded, "{count} {max_fields}");
        }
    }
}

#[test]
fn a_request_has_at_most_1000_fields() {
    let too_many = Some(Malformed::FieldCount { max_fields: 1000 });
    for (received, fault) in [
        (form(&format!("{}{PAIR}", "a&".repeat(998))), None),
        (form(&format!("{}{PAIR}", "a&".repeat(999))), too_many),
        (form(&format!("{}{PAIR}", "a&".repeat(1_000_000))), too_many),
        // A field without a name is dropped.
        (form(&format!("{}&{PAIR}", "&=x".repeat(20_000))), None),
        (form(&format!("{}{PAIR}{}", "a&".repeat(998), "&=x&".repeat(20_000))), None),
    ] {
        assert_eq!(refusal(&received), fault.map(ApiRefusal::Malformed), "{received:?}");
    }
}

/// The first fault is reported, and none of them hides that the request is malformed.
#[test]
fn a_fault_of_the_whole_request_is_kept() {
    let received = Received::new().with_body(None, "x").with_query(&"a&".repeat(1_001));
    assert_eq!(refusal(&received), Some(Malformed::BodyNotForm.into()));
    let received = Received::new().with_query(&"a&".repeat(1_001)).with_body(None, "x");
    assert_eq!(refusal(&received), Some(Malformed::FieldCount { max_fields: 1000 }.into()));
    let received = form("secret=s&secret=s").with_body(None, "x");
    assert_eq!(refusal(&received), Some(Malformed::BodyNotForm.into()));
}

/// The shapes of a request: what verification says, and so what a gateway is told.
#[test]
fn api_1_a_form_is_written_unless_verification_refuses_the_shape() {
    let malformed = |fault: Malformed| Some(ApiRefusal::Malformed(fault));
    let missing = |field| malformed(Malformed::Missing(field));
    for (body, expected) in [
        ("identifier=id&secret=s", None),
        ("username=u&password=p", None),
        ("identifier=id&secret=s&username=u&password=p", None),
        ("identifier=id&secret=s&username=u", None),
        ("identifier=id&secret=s&password=p", None),
        ("identifier=&secret=&username=u&password=p", None),
        ("", Some(ApiRefusal::MissingCredentials)),
        ("action=GetClients", Some(ApiRefusal::MissingCredentials)),
        ("identifier=&secret=&username=&password=", Some(ApiRefusal::MissingCredentials)),
        ("identifier=id", missing(Field::Secret)),
        ("secret=s", missing(Field::Identifier)),
        ("username=u", missing(Field::Password)),
        ("password=p", missing(Field::Username)),
        ("identifier=id&secret=", missing(Field::Secret)),
        ("identifier=id&username=u&password=p", missing(Field::Secret)),
        ("secret=s&username=u&password=p", missing(Field::Identifier)),
        ("identifier=id&username=u", missing(Field::Secret)),
        ("identifier=id&secret=s&secret=t", malformed(Malformed::Repeated(Field::Secret))),
        ("identifier=id&secret=s&%20action=x", malformed(Malformed::Disguised(Field::Action))),
        ("identifier=id&secret=s&username[]=u", malformed(Malformed::Disguised(Field::Username))),
        ("identifier=id&secret=%FF", malformed(Malformed::NotUtf8(Field::Secret))),
        ("identifier=%0A&secret=s", malformed(Malformed::ControlCharacter(Field::Identifier))),
        // The fields of links are other fields here.
        ("identifier=id&secret=s&email=%FF&email=x&goto[]=y", None),
    ] {
        let received = form(body);
        assert_eq!(refusal(&received), expected, "{body}");
        assert_eq!(received.to_api_form().err(), expected.map(ForwardRefusal::Api), "{body}");
    }
    let long = format!("identifier=id&secret={}", "s".repeat(1025));
    let too_long = Malformed::TooLong(Field::Secret).into();
    assert_eq!(form(&long).to_api_form(), Err(ForwardRefusal::Api(too_long)));
    let other_body = Received::new().with_query(PAIR).with_body(None, "x");
    let not_form = Malformed::BodyNotForm.into();
    assert_eq!(other_body.to_api_form(), Err(ForwardRefusal::Api(not_form)));
}

proptest! {
    /// Each field may be absent, empty, well-formed or malformed.
    #[test]
    fn api_1_a_form_is_written_exactly_if_the_shape_is_accepted(
        fields in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "identifier", "secret", "username", "password", "action", "x", "goto",
                ]),
                prop_oneof![4 => Just(""), 1 => Just("[]"), 1 => Just("%00")],
                prop_oneof![4 => Just("a"), 2 => Just(""), 1 => Just("%FF"), 1 => Just("%0A")],
            ),
            0..6,
        ),
        in_query in any::<prop::sample::Index>(),
        max_fields in prop_oneof![4 => Just(1000), 1 => 0..6_usize],
        content_type in prop_oneof![4 => Just(FORM), 1 => Just(None)],
    ) {
        let pairs: Vec<_> =
            fields.iter().map(|(name, end, value)| format!("{name}{end}={value}")).collect();
        let (query, body) = pairs.split_at(in_query.index(pairs.len() + 1));
        let received = Received::new()
            .with_max_fields(max_fields)
            .with_query(&query.join("&"))
            .with_body(content_type, &body.join("&"));
        match received.to_api_form() {
            Err(ForwardRefusal::SplitArray) => prop_assert_eq!(refusal(&received), None),
            Err(ForwardRefusal::Api(refused)) => prop_assert_eq!(refusal(&received), Some(refused)),
            Err(other) => prop_assert!(false, "{other:?}"),
            // The form has the same shape, and is forwarded as it is.
            Ok(written) => {
                prop_assert_eq!(refusal(&received), None);
                let again = form(&written);
                prop_assert_eq!(refusal(&again), None);
                prop_assert_eq!(again.to_api_form(), Ok(written));
            }
        }
    }
}

#[test]
fn it_is_redacted() {
    let received = form("identifier=mArKeR&mArKeR=mArKeR");
    assert_eq!(format!("{received:?}"), "Received { fields: 2, fault: None }");
    let received = received.with_body(None, "mArKeR");
    assert_eq!(format!("{received:?}"), "Received { fields: 2, fault: Some(BodyNotForm) }");
}
