//! A request has the same verdict whether the library's own decoder or a deserializer reads it.

use proptest::prelude::*;
use serde::Deserialize;
use serde::de::value::{Error, MapDeserializer};
use serde::de::{IntoDeserializer, Visitor};
use whmcs_auth::*;
use whmcs_auth_deserialize::{
    assert_same_link, assert_same_request, describe_link, describe_request,
};

/// The control: two requests that differ in one field have two descriptions, so a deserializer that read one
/// field differently would be reported.
#[test]
fn each_field_changes_the_description() {
    let described = |body: &str| describe_request(&ApiRequest::from_form(body));
    let body = "identifier=id&secret=s%2Be+c&accesskey=k&action=a&responsetype=xml";
    for (field, other) in [
        ("identifier=id", "identifier=other"),
        ("secret=s%2Be+c", "secret=other"),
        ("accesskey=k", "accesskey=other"),
        ("action=a", "action=other"),
        ("responsetype=xml", "responsetype=json"),
        ("action=a", "action=a&action=a"),
        ("action=a", "action=a&%20action=a"),
    ] {
        assert!(body.contains(field));
        assert_ne!(described(&body.replace(field, other)), described(body), "{other}");
    }
    let body = "username=id&password=83878c91171338902e0fe0fb97a8c47a";
    for (field, other) in [("username=id", "username=other"), ("password=8", "password=9")] {
        assert!(body.contains(field));
        assert_ne!(described(&body.replace(field, other)), described(body), "{other}");
    }
    let described = |query: &str| describe_link(&AutoAuthRequest::from_query(query));
    let query = "email=a%2Bb%40example.com&timestamp=1700000000\
                 &hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8&goto=index.php";
    for (field, other) in [
        ("email=a%2Bb", "email=a+b"),
        ("timestamp=17", "timestamp=18"),
        ("hash=a", "hash=b"),
        ("goto=index.php", "goto=other.php"),
        ("goto=index.php", "goto=index.php&goto=index.php"),
    ] {
        assert!(query.contains(field));
        assert_ne!(described(&query.replace(field, other)), described(query), "{other}");
    }
}

#[test]
fn a_table_of_bodies_has_the_same_verdicts() {
    for (body, part) in [
        ("", "Err(MissingCredentials)"),
        (
            "identifier=id&secret=s%2Be+c&action=GetClients",
            "Ok(ApiCaller { id: 1, mode: Credential",
        ),
        ("identifier=id&secret=s%2Be%20c", "Ok(ApiCaller { id: 1, mode: Credential"),
        ("username=id&password=s%2Be+c", "Ok(ApiCaller { id: 1, mode: CredentialAsLogin"),
        (
            "username=admin&password=83878C91171338902E0FE0FB97A8C47A",
            "Ok(ApiCaller { id: 2, mode: AdminLogin",
        ),
        ("identifier=id&secret=&username=&password=", "Missing(Secret)"),
        ("identifier=id&secret=x", "Err(WrongSecret)"),
        ("action=a&action=b", "Repeated(Action)"),
        ("action=b&action=b", "Repeated(Action)"),
        ("action=&action=", "Repeated(Action)"),
        ("action=a&x=1&action=b&x=2&action=c", "Repeated(Action)"),
        ("%20action=b", "Alias(Action)"),
        ("action%00x=b", "Alias(Action)"),
        ("password[]=x&username=admin", "Alias(Password)"),
        ("password[]=x&password[]=y&username=admin", "Alias(Password)"),
        ("secret=s&secret[]=t&secret=s", "Alias(Secret)"),
        ("secret=s&secret=t&secret[]=s", "Alias(Secret)"),
        ("action=a&secret=%FF&action=b&secret=x", "Repeated(Secret)"),
        ("secret=%FF", "NotUtf8(Secret)"),
        ("identifier=%00&secret=s", "ControlCharacter(Identifier)"),
        ("action", "Absent"),
        ("action=%3Cb%3E", "Invalid"),
        ("responsetype=json&accesskey=key%231%2B2", r#"Absent Json Ok(Some("key#1+2"))"#),
        ("%FF=1&x=%FF&email=a&email=b", "Err(MissingCredentials)"),
    ] {
        let described = assert_same_request(body);
        assert!(described.contains(part), "{body}: {described}");
    }
    // The bodies of the vectors that PHP generated.
    let mut rows = 0;
    for line in include_str!("../../../tests/vectors/forms.tsv").lines().skip(1) {
        let (body, _) = line.split_once('\t').unwrap();
        assert_same_request(body);
        rows += 1;
    }
    assert!(rows > 50);
}

#[test]
fn a_table_of_queries_has_the_same_verdicts() {
    let link = "email=a%2Bb%40example.com&timestamp=1700000000\
                &hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8";
    for (rest, part) in [
        ("", "goto: Absent"),
        ("&goto=index.php", r#"goto: SameSite(GotoTarget("index.php"))"#),
        ("&goto=index.php&goto=index.php", "goto: Refused"),
        ("&goto[]=index.php", "goto: Refused"),
        ("&goto=%FF", "NotUtf8(Goto)"),
        ("&goto=%FF&goto=x", "goto: Refused"),
        ("&goto=x&email=", "Repeated(Email)"),
        ("&hash[]=", "Alias(Hash)"),
        ("&action=a&action=b", "goto: Absent"),
    ] {
        let described = assert_same_link(&format!("{link}{rest}"));
        assert!(described.contains(part), "{rest}: {described}");
    }
    let unencoded = link.replace("%2B", "+");
    assert!(assert_same_link(&unencoded).contains("is_repaired: true"));
    assert!(assert_same_link("").contains("Missing(Email)"));
}

/// Random forms. Their names are known names and variants that PHP reads as known; some values break a rule.
fn form(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let name = (
        prop::sample::select(&["", "", "", "", "%20", "+", "%09", "x"][..]),
        prop::sample::select(names),
        prop::sample::select(&["", "", "", "", "[]", "%5Bx%5D", "%00", "%00x", "+", "%FF"][..]),
    );
    let value = prop::sample::select(
        &[
            "",
            "id",
            "s%2Be+c",
            "json",
            "GetClients",
            "%FF",
            "a%00b",
            "%3Cb%3E",
            "index.php",
            "//evil.example",
            "1700000000",
            "83878c91171338902e0fe0fb97a8c47a",
            "a+b%40example.com",
            "a28c27c2b14aa0d24698af1a453501c92d0d75e8",
            "%",
            "%zz",
            "\u{fc}",
            "=",
            "a=b",
        ][..],
    );
    let field = (name, value)
        .prop_map(|((before, name, after), value)| format!("{before}{name}{after}={value}"));
    prop::collection::vec(field, 0..8).prop_map(|fields| fields.join("&"))
}

const API_NAMES: &[&str] = &[
    "identifier",
    "secret",
    "username",
    "password",
    "accesskey",
    "action",
    "responsetype",
    "email",
    "",
];
const LINK_NAMES: &[&str] = &["email", "timestamp", "hash", "goto", "action", ""];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn random_forms_have_the_same_verdict(body in form(API_NAMES)) {
        assert_same_request(&body);
    }

    #[test]
    fn random_queries_have_the_same_verdict(query in form(LINK_NAMES)) {
        assert_same_link(&query);
    }

    #[test]
    fn random_text_has_the_same_verdict(text in "[a-z%&=+\\[\\]\u{0}-\u{ff}]{0,60}") {
        assert_same_request(&text);
        assert_same_link(&text);
    }
}

#[test]
fn a_request_can_be_flattened_into_a_struct() {
    #[derive(Deserialize)]
    struct GetClients {
        limitnum: String,
        #[serde(flatten)]
        request: ApiRequest<'static>,
    }

    let body = "action=GetClients&limitnum=25&identifier=id&secret=s%2Be+c";
    for form in [
        serde_urlencoded::from_str::<GetClients>(body).unwrap(),
        serde_html_form::from_str::<GetClients>(body).unwrap(),
    ] {
        assert_eq!(form.limitnum, "25");
        let expected = describe_request(&ApiRequest::from_form(body));
        assert_eq!(describe_request(&form.request), expected);
    }
    let twice = format!("{body}&secret=x");
    for form in [
        serde_urlencoded::from_str::<GetClients>(&twice).unwrap(),
        serde_html_form::from_str::<GetClients>(&twice).unwrap(),
    ] {
        let expected = ApiRefusal::Malformed(Malformed::Repeated(Field::Secret));
        assert_eq!(form.request.attempt().refusal(), Some(expected));
    }
}

/// JSON has values that no form has: numbers, lists, objects.
#[test]
fn other_values_are_absent_or_malformed_and_never_an_error() {
    let missing = || Some(Malformed::Missing(Field::Secret));
    let alias = || Some(Malformed::Alias(Field::Secret));
    let repeated = || Some(Malformed::Repeated(Field::Secret));
    for (secret, fault) in [
        (r#""s""#, None),
        (r#"["s"]"#, None),
        ("[]", missing()),
        ("null", missing()),
        (r#""""#, missing()),
        (r#"["s","s"]"#, repeated()),
        (r#"["s",null]"#, repeated()),
        (r#"["s",["t"]]"#, alias()),
        (r#"["s",1]"#, alias()),
        ("1", alias()),
        ("-1", alias()),
        ("1.5", alias()),
        ("18446744073709551615", alias()),
        ("true", alias()),
        (r#"{"0":"s"}"#, alias()),
        (r#"[["s"]]"#, alias()),
        (r#"[[]]"#, alias()),
        (r#"["s",["s"]]"#, alias()),
        (r#"[[[["s"]]]]"#, alias()),
        ("{}", alias()),
        (r#""\u0000""#, None),
    ] {
        let json = format!(r#"{{"identifier":"id","x":{secret},"secret":{secret}}}"#);
        let request: ApiRequest = serde_json::from_str(&json).unwrap();
        let refusal = request.attempt().refusal();
        assert_eq!(refusal, fault.map(ApiRefusal::Malformed), "{secret}");
    }
    // An unknown field may hold anything.
    let json = r#"{"x":{"secret":["a",1]},"identifier":"id","y":1.5,"secret":"s","z":[[]]}"#;
    let request: ApiRequest = serde_json::from_str(json).unwrap();
    assert_eq!(request.attempt().refusal(), None);
    // A name that occurs twice in the object is a repetition, too.
    let json = r#"{"identifier":"id","secret":"s","secret":"s"}"#;
    let request: ApiRequest = serde_json::from_str(json).unwrap();
    assert_eq!(request.attempt().refusal(), repeated().map(ApiRefusal::Malformed));
}

/// Deserializes to a kind of value that JSON does not have.
struct Other(&'static str);

impl<'de> serde::Deserializer<'de> for Other {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let Self(kind) = self;
        match kind {
            "none" => visitor.visit_none(),
            "some text" => visitor.visit_some("s".into_deserializer()),
            "some none" => visitor.visit_some(Self("none")),
            "bytes" => visitor.visit_bytes(b"s"),
            "bytes that are no text" => visitor.visit_bytes(b"\xff"),
            "character" => visitor.visit_char('s'),
            "i128" => visitor.visit_i128(-1),
            "u128" => visitor.visit_u128(1),
            "wrapped" => visitor.visit_newtype_struct(Self("bytes")),
            _ => unreachable!("{kind}"),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier
        ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Other {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[test]
fn other_kinds_of_text_are_text() {
    for (secret, verdict) in [
        ("none", Err(Malformed::Missing(Field::Secret).into())),
        ("some text", Ok(())),
        ("some none", Err(Malformed::Missing(Field::Secret).into())),
        ("bytes", Ok(())),
        ("bytes that are no text", Err(Malformed::NotUtf8(Field::Secret).into())),
        ("character", Ok(())),
        ("i128", Err(Malformed::Alias(Field::Secret).into())),
        ("u128", Err(Malformed::Alias(Field::Secret).into())),
    ] {
        let form = [("secret", Other(secret)), ("identifier", Other("bytes"))];
        let form = MapDeserializer::<_, Error>::new(form.into_iter());
        let request = ApiRequest::deserialize(form).unwrap();
        let record = StoredSecret::plain("s").unwrap();
        let record = ApiCredential::new((), "s", record, AdminState::WithApiAccess);
        let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
        let attempt = request.attempt();
        let decided = attempt.decide(Some(&record), None, expected, &ApiPolicy::new());
        assert_eq!(decided.map(|_| ()), verdict, "{secret}");
    }
}

#[test]
fn an_absent_value_counts_as_an_occurrence() {
    for (first, second) in [("none", "bytes"), ("some none", "bytes"), ("none", "none")] {
        let form = [("secret", Other(first)), ("secret", Other(second))];
        let form = MapDeserializer::<_, Error>::new(form.into_iter());
        let request = ApiRequest::deserialize(form).unwrap();
        let repeated = ApiRequest::from_pairs([("secret", ""), ("secret", "")]);
        assert_eq!(describe_request(&request), describe_request(&repeated));
    }
}

#[test]
fn a_newtype_struct_is_an_error() {
    let form = [("secret", Other("wrapped"))];
    let form = MapDeserializer::<_, Error>::new(form.into_iter());
    assert_eq!(
        ApiRequest::deserialize(form).unwrap_err().to_string(),
        "invalid type: newtype struct, expected a text or a sequence of texts"
    );
}

#[test]
fn a_name_is_text_or_an_error_that_does_not_show_it() {
    for (name, expected) in [
        ("bytes", Ok(())),
        ("bytes that are no text", Ok(())),
        ("character", Ok(())),
        ("i128", Err("expected the name of a field")),
        ("u128", Err("expected the name of a field")),
        ("none", Err("invalid type: Option value, expected the name of a field")),
    ] {
        let form = MapDeserializer::<_, Error>::new([(Other(name), "s")].into_iter());
        let request = ApiRequest::deserialize(form);
        let result = request.map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(result, expected.map_err(str::to_owned), "{name}");
    }
    for name in [-1_i64, 1851876211] {
        let form = MapDeserializer::<_, Error>::new([(name, "s")].into_iter());
        let error = ApiRequest::deserialize(form).unwrap_err().to_string();
        assert_eq!(error, "expected the name of a field");
    }
}

#[test]
fn a_value_without_fields_is_an_error_that_does_not_show_it() {
    let fields = "expected the fields of a request";
    for json in [r#""mArKeR""#, "1851876211", "-5", "1.25", "true", "[\"mArKeR\"]", "null"] {
        let errors = [
            serde_json::from_str::<ApiRequest>(json).unwrap_err().to_string(),
            serde_json::from_str::<AutoAuthRequest>(json).unwrap_err().to_string(),
        ];
        for error in errors {
            assert!(error.contains(fields), "{error}");
            let value = json.trim_matches(['"', '[', ']']);
            assert!(value == "null" || !error.contains(value), "{error}");
        }
    }
    for kind in ["bytes", "i128", "u128"] {
        let error = ApiRequest::deserialize(Other(kind)).unwrap_err();
        assert_eq!(error.to_string(), fields);
    }
}
