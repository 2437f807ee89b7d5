//! What an API request holds beside the credentials.

use whmcs_auth::{Action, ApiPolicy, ApiRequest, Field, Malformed, ResponseType};

fn with<'a>(name: &'a str, value: &'a str) -> ApiRequest<'a> {
    ApiRequest::from_pairs([(name, value)])
}

#[test]
fn field_6_an_action_is_1_to_64_letters_digits_and_underscores() {
    let longest = "a".repeat(64);
    for name in ["GetClients", "getclients", "a", "_", "0", "Module_Create_2", &longest] {
        assert_eq!(with("action", name).action(), Action::Named(name));
    }
    let too_long = "a".repeat(65);
    for name in [
        " GetClients",
        "Get Clients",
        "Get-Clients",
        "get.clients",
        "<b>",
        "a\n",
        "a\0",
        "ä",
        "٣",
        "a;message=x",
        "../x",
        &too_long,
    ] {
        assert_eq!(with("action", name).action(), Action::Invalid, "{name:?}");
    }
    assert_eq!(with("action", "").action(), Action::Absent);
    assert_eq!(with("other", "x").action(), Action::Absent);
}

#[test]
fn the_response_type_is_nvp_unless_it_is_json_or_xml() {
    for (text, response_type) in [
        ("json", ResponseType::Json),
        ("JSON", ResponseType::Json),
        ("xml", ResponseType::Xml),
        ("Xml", ResponseType::Xml),
        ("nvp", ResponseType::Nvp),
        ("", ResponseType::Nvp),
        ("yaml", ResponseType::Nvp),
        (" json", ResponseType::Nvp),
    ] {
        let request = with("responsetype", text);
        assert_eq!(request.response_type(), response_type, "{text:?}");
        let is_unknown = ["yaml", " json"].contains(&text);
        assert_eq!(request.has_unknown_response_type(), is_unknown, "{text:?}");
    }
    assert_eq!(ResponseType::default(), ResponseType::Nvp);
}

#[test]
fn the_access_key_is_kept_as_it_was_decoded() {
    assert_eq!(with("accesskey", "a!@#$%.()*[]-_ +").access_key(), Ok(Some("a!@#$%.()*[]-_ +")));
    assert_eq!(with("accesskey", "").access_key(), Ok(None));
    assert_eq!(with("other", "x").access_key(), Ok(None));
}

#[test]
fn field_7_a_malformed_field_keeps_no_value_and_is_refused_later() {
    let repeated = Malformed::Repeated(Field::AccessKey);
    let disguised = Malformed::Disguised(Field::AccessKey);
    for (pairs, fault) in [
        (vec![("accesskey", "a"), ("accesskey", "b")], repeated),
        (vec![("accesskey", "a"), ("accesskey", "b"), ("accesskey", "c")], repeated),
        (vec![("accesskey", "a"), ("accesskey[]", "b")], disguised),
        (vec![("accesskey[]", "a"), ("accesskey", "b")], disguised),
        (vec![("accesskey", "a\u{fffd}")], Malformed::NotUtf8(Field::AccessKey)),
    ] {
        let request = ApiRequest::from_pairs([pairs, vec![("action", "GetClients")]].concat());
        assert_eq!(request.access_key(), Err(fault));
        assert_eq!(request.action(), Action::Named("GetClients"));
        assert_eq!(request.attempt(&ApiPolicy::new()).refusal(), Some(fault.into()));
    }
}

#[test]
fn pairs_may_be_borrowed_or_owned() {
    let owned = vec![(String::from("action"), String::from("GetClients"))];
    for request in [
        ApiRequest::from_pairs(&owned),
        ApiRequest::from_pairs(owned.as_slice()),
        ApiRequest::from_pairs(&[("action", String::from("GetClients"))]),
        ApiRequest::from_pairs([("action", "GetClients")]),
        ApiRequest::from_pairs([("action", String::from("GetClients"))]),
    ] {
        assert_eq!(request.action(), Action::Named("GetClients"));
    }
    let request: ApiRequest<'static> = ApiRequest::from_pairs(owned);
    assert_eq!(request.action(), Action::Named("GetClients"));
}

#[test]
fn an_owned_request_holds_the_same() {
    let pairs = [
        ("identifier", "id"),
        ("secret", "s"),
        ("accesskey", "key"),
        ("action", "GetClients"),
        ("responsetype", "xml"),
    ];
    let owned = ApiRequest::from_pairs(pairs).into_owned();
    assert_eq!(owned.action(), Action::Named("GetClients"));
    assert_eq!(owned.access_key(), Ok(Some("key")));
    assert_eq!(owned.response_type(), ResponseType::Xml);
    assert_eq!(owned.attempt(&ApiPolicy::new()).identifier(), Some("id"));

    let pairs = [("username", "u"), ("password", "p"), ("password", "p")];
    let malformed = ApiRequest::from_pairs(pairs).into_owned();
    assert_eq!(malformed.attempt(&ApiPolicy::new()).identifier(), None);

    let request = ApiRequest::from_pairs([("username", "u"), ("password", "p")]);
    let attempt = request.attempt(&ApiPolicy::new()).into_owned();
    assert_eq!((attempt.identifier(), attempt.username()), (Some("u"), Some("u")));
}

#[cfg(feature = "form")]
mod raw {
    use super::*;
    use crate::common::form;

    #[test]
    fn plus_and_percent_20_are_both_a_space() {
        for body in ["accesskey=a+b", "accesskey=a%20b", "accesskey=a b"] {
            assert_eq!(form(body).api_request().access_key(), Ok(Some("a b")));
        }
        assert_eq!(form("accesskey=a%2Bb").api_request().access_key(), Ok(Some("a+b")));
    }

    #[test]
    fn a_body_may_be_text_or_bytes() {
        let bytes = b"action=GetClients".as_slice();
        assert_eq!(form(bytes).api_request().action(), Action::Named("GetClients"));
        let vector = bytes.to_vec();
        assert_eq!(form(&vector).api_request().action(), Action::Named("GetClients"));
        let text = String::from("action=GetClients");
        assert_eq!(form(&text).api_request().action(), Action::Named("GetClients"));
    }
}
