//! The answers to callers, byte for byte.

use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{AddressGate, AddressRefusal, GateError};
use whmcs_auth::{
    ActionRefusal, ApiError, ApiRefusal, ApiRequest, AutoAuthRefusal, Field, Malformed, Refusal,
};

use crate::common::{action_name, address, cases};

const FORMATS: [(&str, &str); 3] =
    [("json", "application/json"), ("xml", "application/xml"), ("nvp", "text/plain")];

fn request<'a>(action: &'a str, format: &'a str) -> ApiRequest<'a> {
    ApiRequest::from_pairs([("action", action), ("responsetype", format)])
}

fn body(message: &str, format: &str) -> String {
    Answer::error(403, message, &request("GetClients", format)).body
}

/// The body of an error with this message, as the vectors say.
fn golden(message: &str, format: &str) -> String {
    let mut cases = cases(include_str!("../vectors/answers.json")).into_iter();
    let case = cases.find(|case| case["message"] == message).expect(message);
    case[format].as_str().unwrap().to_owned()
}

fn refused_address(text: &str) -> AddressRefusal {
    let gate = AddressGate::new();
    gate.check(address(text), &ApiRequest::default()).unwrap_err()
}

fn not_allowed() -> ActionRefusal {
    ActionRefusal::NotAllowed { action: action_name("GetClients") }
}

/// Every public message, with its status.
fn errors() -> Vec<(u16, Box<dyn Refusal>)> {
    vec![
        (403, Box::new(refused_address("203.0.113.7"))),
        (403, Box::new(refused_address("2001:db8::1"))),
        (403, Box::new(ApiRefusal::WrongSecret)),
        (403, Box::new(ApiRefusal::NoApiAccess)),
        (403, Box::new(ApiRefusal::AdminDisabled)),
        (403, Box::new(not_allowed())),
        (400, Box::new(ActionRefusal::Absent)),
        (503, Box::new(ApiError::Store(std::fmt::Error))),
        (403, Box::new(AutoAuthRefusal::HashMismatch)),
        (403, Box::new(AutoAuthRefusal::ClockBefore1970)),
    ]
}

#[test]
fn every_refusal_is_answered_as_the_vectors_say() {
    for (http_status, error) in errors() {
        for (format, content_type) in FORMATS {
            let answer = Answer::refusal(&*error, &request("GetClients", format));
            assert_eq!(answer.body, golden(&error.public_message(), format));
            assert_eq!(answer.content_type, content_type);
            assert_eq!(answer.http_status, http_status, "{error}");
        }
    }
}

#[test]
fn a_wrapped_refusal_gets_the_same_answer() {
    type Error = GateError<u64, std::fmt::Error>;

    let of = |refusal: &dyn Refusal| (refusal.http_status(), refusal.public_message());
    for refusal in [
        ApiRefusal::WrongSecret,
        ApiRefusal::MissingCredentials,
        ApiRefusal::Malformed(Malformed::Repeated(Field::Action)),
        ApiRefusal::NoApiAccess,
        ApiRefusal::AdminDisabled,
    ] {
        let alone = of(&refusal);
        assert_eq!(alone, (403, refusal.public_message()));
        assert_eq!(of(&ApiError::<std::fmt::Error>::Refused(refusal)), alone);
        assert_eq!(of(&Error::from(refusal)), alone);
    }
    let refusal = refused_address("::1");
    assert_eq!(of(&Error::from(refusal)), of(&refusal));
    let failure = (503, "Service Unavailable".into());
    assert_eq!(of(&Error::Store(std::fmt::Error)), failure);
    assert_eq!(of(&Error::Stopped("the runtime stops".into())), failure);
    assert_eq!(of(&ApiError::Store(std::fmt::Error)), failure);
    for refusal in
        [AutoAuthRefusal::Disabled, AutoAuthRefusal::HashMismatch, AutoAuthRefusal::ClockBefore1970]
    {
        let expected = (403, refusal.public_message());
        assert_eq!(of(&refusal), expected);
    }
}

#[cfg(feature = "std")]
#[test]
fn a_refusal_of_the_replay_guard_is_answered_like_any_other() {
    use whmcs_auth::ReplayRefusal;

    for (refusal, message, http_status) in [
        (ReplayRefusal::Used, "This login link has expired.", 403),
        (ReplayRefusal::MayBeForgotten, "This login link has expired.", 403),
        (ReplayRefusal::Full, "Service Unavailable", 503),
    ] {
        for (format, _) in FORMATS {
            let answer = Answer::refusal(&refusal, &request("GetClients", format));
            assert_eq!(answer.body, golden(message, format));
            assert_eq!(answer.http_status, http_status);
        }
    }
}

#[test]
fn answer_1_the_format_is_nvp_unless_the_request_asks_for_another() {
    let refusal = ApiRefusal::MissingCredentials;
    let nvp = "result=error;message=Authentication Failed";
    assert_eq!(Answer::refusal(&refusal, &ApiRequest::default()).body, nvp);
    for format in ["", "nvp", "NVP", "yaml", "json\0", "text/xml"] {
        let answer = Answer::refusal(&refusal, &request("GetClients", format));
        assert_eq!((answer.body.as_str(), answer.content_type), (nvp, "text/plain"));
    }
    let twice = [("responsetype", "json"), ("responsetype", "json")];
    assert_eq!(Answer::refusal(&refusal, &ApiRequest::from_pairs(twice)).body, nvp);
    assert_eq!(Answer::refusal(&refusal, &request("a", "JSON")).content_type, "application/json");
    assert_eq!(Answer::refusal(&refusal, &request("a", "Xml")).content_type, "application/xml");
}

#[test]
fn answer_3_only_a_well_formed_action_is_echoed_and_in_lower_case() {
    let with = |action: &str| {
        format!(
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>{action}</action>\n\
             <result>error</result>\n<message>Authentication Failed</message>\n</whmcsapi>"
        )
    };
    let longest = "a".repeat(64);
    for (action, echoed) in [
        ("GetClients", "getclients"),
        ("a_0", "a_0"),
        (&longest, &longest),
        ("", ""),
        ("</action>", ""),
        ("a&b", ""),
        ("a b", ""),
        ("ä", ""),
        (&"a".repeat(65), ""),
    ] {
        let answer = Answer::refusal(&ApiRefusal::WrongSecret, &request(action, "xml"));
        assert_eq!(answer.body, with(echoed), "{action:?}");
        for format in ["json", "nvp"] {
            let body = Answer::refusal(&ApiRefusal::WrongSecret, &request(action, format)).body;
            assert_eq!(body, golden("Authentication Failed", format));
        }
    }
    let without = ApiRequest::from_pairs([("responsetype", "xml")]);
    assert_eq!(Answer::refusal(&ApiRefusal::WrongSecret, &without).body, with(""));
}

/// A service may echo the request in a message of its own.
#[test]
fn answer_2_no_message_adds_a_field_or_a_tag() {
    for case in cases(include_str!("../vectors/answers.json")) {
        for (format, _) in FORMATS {
            assert_eq!(case[format], body(case["message"].as_str().unwrap(), format));
        }
    }
}

/// Clients cut the answer at `;` and then at `=`.
#[test]
fn answer_2_an_nvp_answer_has_two_fields_whatever_the_message() {
    for code in 0..=0x2fff_u32 {
        let Some(character) = char::from_u32(code) else {
            continue;
        };
        let body = body(&format!("a{character}b"), "nvp");
        let fields: Vec<_> = body.split(';').map(|field| field.split('=').count()).collect();
        assert_eq!(fields, [2, 2], "{character:?}");
        assert!(!body.contains(char::is_control), "{character:?}");
    }
}

#[test]
fn answer_2_an_xml_answer_has_four_elements_whatever_the_message() {
    let tags = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n<action>getclients</action>\n\
                <result>error</result>\n<message>a";
    for code in 0..=0x2fff_u32 {
        let Some(character) = char::from_u32(code) else {
            continue;
        };
        let body = body(&format!("a{character}b"), "xml");
        let rest = body.strip_prefix(tags).unwrap();
        let text = rest.strip_suffix("b</message>\n</whmcsapi>").unwrap();
        assert!(!text.contains(['<', '>', '"', '\'']), "{character:?}");
        assert_eq!(text.contains('&'), text.ends_with(';') && text.len() > 1);
        assert!(!text.contains(|c| c < ' ' && c != '\t' && c != '\n'), "{character:?}");
    }
}

#[test]
fn answer_2_a_json_answer_is_ascii_and_holds_no_html_markup() {
    let all: String = (0..=0x10ffff).filter_map(char::from_u32).collect();
    let body = body(&all, "json");
    assert!(body.is_ascii());
    assert!(!body.contains(['<', '>', '&', '\'']));
    assert_eq!(body.matches('"').count(), 8);
}
