//! Answers to successful calls.

use whmcs_auth::ApiRequest;
use whmcs_auth::answer::{Answer, Value};

fn body(format: &str, fields: &[(&str, Value<'_>)]) -> String {
    let request = ApiRequest::from_pairs([("action", "GetClients"), ("responsetype", format)]);
    let answer = Answer::success(fields, &request);
    assert_eq!(answer.http_status, 200);
    answer.body
}

fn clients() -> [(&'static str, Value<'static>); 2] {
    let client = |id: i64, email: &'static str| {
        Value::from(vec![("id", Value::from(id)), ("email", Value::from(email))])
    };
    let clients = Value::from(vec![client(1, "a@b.c"), client(2, "d@e.f")]);
    [("totalresults", Value::from(2)), ("clients", Value::from(vec![("client", clients)]))]
}

#[test]
fn answer_4_result_comes_first_in_every_format() {
    assert_eq!(
        body("json", &clients()),
        r#"{"result":"success","totalresults":2,"clients":{"client":[{"id":1,"email":"a@b.c"},{"id":2,"email":"d@e.f"}]}}"#
    );
    assert_eq!(
        body("nvp", &clients()),
        "result=success;totalresults=2;clients[client][0][id]=1;clients[client][0][email]=a@b.c;\
         clients[client][1][id]=2;clients[client][1][email]=d@e.f"
    );
    assert_eq!(
        body("xml", &clients()),
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>getclients</action>\n\
         <result>success</result>\n<totalresults>2</totalresults>\n<clients>\n<client>\n<id>1</id>\n\
         <email>a@b.c</email>\n</client>\n<client>\n<id>2</id>\n<email>d@e.f</email>\n</client>\n\
         </clients>\n</whmcsapi>"
    );
    for format in ["json", "nvp", "xml"] {
        assert!(!body(format, &[]).contains("totalresults"));
    }
    assert_eq!(body("json", &[]), r#"{"result":"success"}"#);
    assert_eq!(body("nvp", &[]), "result=success");
}

#[test]
fn answer_2_no_text_and_no_name_adds_a_field_or_a_tag() {
    let hostile = "\"},<x>&';=a\n\r\0\u{1f600}\u{fffe}";
    let fields =
        [(hostile, Value::from(hostile)), ("list", Value::from(vec![Value::from(hostile)]))];
    let json = body("json", &fields);
    assert!(json.is_ascii() && !json.contains(['<', '>', '&', '\'', '\n']), "{json}");
    assert_eq!(json.matches('"').count(), 4 + 4 + 4, "{json}");
    let nvp = body("nvp", &fields);
    assert_eq!(nvp.split(';').count(), 3, "{nvp}");
    assert!(!nvp.contains(char::is_control), "{nvp}");
    let xml = body("xml", &fields);
    assert_eq!(xml.matches('<').count(), 1 + 2 + 2 + 2 + 2 + 2, "{xml}");
    assert!(!xml.contains(['\0', '\u{fffe}']), "{xml}");
}

#[test]
fn answer_2_an_xml_name_is_one_that_every_parser_takes() {
    for (name, element) in [
        ("id", "id"),
        ("client.id-2_x", "client.id-2_x"),
        ("2fa", "_2fa"),
        ("a b", "a_b"),
        ("", "_"),
        ("<x>", "__x_"),
        ("ü", "__"),
    ] {
        let xml = body("xml", &[(name, Value::from(1))]);
        assert!(xml.contains(&format!("\n<{element}>1</{element}>\n")), "{name}: {xml}");
    }
}

#[test]
fn an_empty_list_is_an_empty_list() {
    let fields = [("clients", Value::List(vec![])), ("x", Value::Fields(vec![]))];
    assert_eq!(body("json", &fields), r#"{"result":"success","clients":[],"x":{}}"#);
    assert_eq!(body("nvp", &fields), "result=success");
    assert!(body("xml", &fields).ends_with("<result>success</result>\n<x>\n</x>\n</whmcsapi>"));
}

#[test]
fn arrays_vectors_and_iterators_are_the_same_values() {
    let items = || [Value::from(1_i32), Value::from(u32::MAX), Value::from("x")];
    let list = Value::List(vec![Value::Number(1), Value::Number(4_294_967_295), Value::from("x")]);
    assert_eq!(Value::from(items()), list);
    assert_eq!(Value::from(items().to_vec()), list);
    assert_eq!(items().into_iter().collect::<Value<'_>>(), list);
    assert_eq!(Value::from("abc".len()), Value::Number(3));
    let fields = [("a", Value::from(1))];
    assert_eq!(Value::from(fields.clone()), Value::from(fields.to_vec()));
}

/// A field cannot replace a name that the answer writes itself.
#[test]
fn answer_4_no_field_takes_the_place_of_the_result() {
    let fields =
        [("result", Value::from("error")), ("action", Value::from("x")), ("id", Value::from(1))];
    assert_eq!(body("json", &fields), r#"{"result":"success","action":"x","id":1}"#);
    assert_eq!(body("nvp", &fields), "result=success;action=x;id=1");
    assert_eq!(body("xml", &fields).matches("<result>").count(), 1);
    assert_eq!(body("xml", &fields).matches("<action>").count(), 1);
    // Only nested values have brackets.
    let nested = Value::from(vec![("y][z", Value::from(1))]);
    assert_eq!(
        body("nvp", &[("x][y", Value::from(1)), ("x", nested)]),
        "result=success;x__y=1;x[y__z]=1"
    );
}

#[test]
fn answer_5_a_value_that_nests_too_deep_is_an_empty_text() {
    let nested =
        |depth: usize| (1..depth).fold(Value::from("x"), |value, _| Value::List(vec![value]));
    let shown = |depth: usize| body("json", &[("a", nested(depth))]);
    assert!(shown(64).contains("\"x\""));
    for depth in [65, 10_000] {
        assert_eq!(shown(depth), r#"{"result":"success","a":""}"#, "{depth}");
        assert_eq!(body("nvp", &[("a", nested(depth))]), "result=success;a=");
    }
}
