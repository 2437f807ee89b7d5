//! The rules for fields, seen through the requests that are built of them.

#[cfg(feature = "form")]
mod vectors;

use time::OffsetDateTime;
use whmcs_auth::{
    ApiPolicy, ApiRefusal, ApiRequest, AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRefusal,
    AutoAuthRequest, ExpectedSchemes, Field, Goto, Malformed, PasswordScheme, SecretScheme,
    verify_autoauth,
};

/// What an API request is refused for before any look-up.
fn shape_of(request: &ApiRequest<'_>) -> Result<(), ApiRefusal> {
    let attempt = request.attempt();
    let Some(refusal) = attempt.refusal() else {
        return Ok(());
    };
    assert_eq!(attempt.identifier(), None, "nothing is looked up");
    assert_eq!(attempt.username(), None, "nothing is looked up");
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    let verdict = attempt.decide::<()>(None, None, expected, &ApiPolicy::new());
    assert_eq!(verdict, Err(refusal));
    Err(refusal)
}

fn api(pairs: &[(&str, &str)]) -> Result<(), ApiRefusal> {
    shape_of(&ApiRequest::from_pairs(pairs.iter().copied()))
}

/// What a link is refused for before its hash is compared.
fn link(pairs: &[(&str, &str)]) -> Result<(), AutoAuthRefusal> {
    let request = AutoAuthRequest::from_pairs(pairs.iter().copied());
    let keys = AutoAuthKeys::from(AutoAuthKey::new("key").unwrap());
    let now = OffsetDateTime::UNIX_EPOCH;
    match verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()) {
        Err(AutoAuthRefusal::HashMismatch) => Ok(()),
        verdict => verdict.map(|_| ()),
    }
}

/// A link of the right shape, with another value in one field.
const HASH: &str = "0000000000000000000000000000000000000000";

fn link_with(field: &str, value: &str) -> Result<(), AutoAuthRefusal> {
    let mut pairs =
        [("email", "a@b.test"), ("timestamp", "1700000000"), ("hash", HASH), ("goto", "index.php")];
    for (_, old) in pairs.iter_mut().filter(|(name, _)| *name == field) {
        *old = value;
    }
    link(&pairs)
}

const API_FIELDS: [(&str, Field); 7] = [
    ("identifier", Field::Identifier),
    ("secret", Field::Secret),
    ("username", Field::Username),
    ("password", Field::Password),
    ("accesskey", Field::AccessKey),
    ("action", Field::Action),
    ("responsetype", Field::ResponseType),
];

const LINK_FIELDS: [(&str, Field); 4] = [
    ("email", Field::Email),
    ("timestamp", Field::Timestamp),
    ("hash", Field::Hash),
    ("goto", Field::Goto),
];

const PAIR: [(&str, &str); 2] = [("identifier", "id"), ("secret", "s")];

#[test]
fn a_field_is_displayed_by_its_name_on_the_wire() {
    for (name, field) in API_FIELDS.into_iter().chain(LINK_FIELDS) {
        assert_eq!(field.name(), name);
        assert_eq!(field.to_string(), name);
    }
}

#[test]
fn a_known_name_that_occurs_twice_is_malformed_whatever_the_values() {
    for (first, second) in [("a", "b"), ("a", "a"), ("", "a"), ("a", ""), ("", "")] {
        for (name, field) in API_FIELDS {
            let verdict = api(&[(name, first), (name, second)]);
            assert_eq!(verdict, Err(Malformed::Repeated(field).into()), "{name}");
        }
        for (name, field) in &LINK_FIELDS[..3] {
            let verdict = link(&[(name, first), (name, second)]);
            assert_eq!(verdict, Err(Malformed::Repeated(*field).into()), "{name}");
        }
    }
}

#[test]
fn a_name_that_php_reads_as_a_known_one_is_malformed() {
    let disguises =
        [" {}", "   {}", "{}\0", "{}\0x", "{}[]", "{}[0]", "{}[", "{}[x][y]", " {}\0[", "{}[\0"];
    for disguise in disguises {
        for (name, field) in API_FIELDS {
            let name = disguise.replace("{}", name);
            for value in ["x", ""] {
                let verdict = api(&[PAIR[0], PAIR[1], (&name, value)]);
                assert_eq!(verdict, Err(Malformed::Alias(field).into()), "{name:?}");
            }
        }
        for (name, field) in &LINK_FIELDS[..3] {
            let name = disguise.replace("{}", name);
            let verdict = link(&[(&name, "x")]);
            assert_eq!(verdict, Err(Malformed::Alias(*field).into()), "{name:?}");
        }
    }
}

#[test]
fn any_other_name_is_ignored() {
    for disguise in [
        "x{}", "{}x", "{} ", "\t{}", "\n{}", "\u{a0}{}", "\0{}", "[{}]", "[{}", "{}]", "{}.",
        "x[{}]", "-{}", "",
    ] {
        for (name, _) in API_FIELDS {
            let name = disguise.replace("{}", name);
            assert_eq!(api(&[PAIR[0], PAIR[1], (&name, "x")]), Ok(()), "{name:?}");
        }
    }
    for (name, _) in API_FIELDS.into_iter().chain(LINK_FIELDS) {
        let (first, rest) = name.split_at(1);
        for name in [name.to_uppercase(), first.to_uppercase() + rest] {
            assert_eq!(api(&[PAIR[0], PAIR[1], (&name, "x")]), Ok(()), "{name:?}");
            let fields =
                [("email", "a@b.test"), ("timestamp", "1700000000"), ("hash", HASH), (&name, "x")];
            assert_eq!(link(&fields), Ok(()), "{name:?}");
        }
    }
}

#[test]
fn the_names_of_links_mean_nothing_in_a_request_nor_those_of_requests_in_a_link() {
    for (name, _) in LINK_FIELDS {
        let twice = [PAIR[0], PAIR[1], (name, "\u{fffd}"), (name, "x")];
        assert_eq!(api(&twice), Ok(()), "{name}");
    }
    for (name, _) in API_FIELDS {
        let verdict = link(&[
            ("email", "a@b.test"),
            ("timestamp", "1700000000"),
            ("hash", HASH),
            (name, "\u{fffd}"),
            (name, "x"),
        ]);
        assert_eq!(verdict, Ok(()), "{name}");
    }
}

#[test]
fn an_empty_field_is_an_absent_field() {
    let missing = |field| Err(Malformed::Missing(field).into());
    for (pairs, verdict) in [
        (vec![("identifier", "id"), ("secret", "")], missing(Field::Secret)),
        (vec![("identifier", ""), ("secret", "s")], missing(Field::Identifier)),
        (vec![("username", "u"), ("password", "")], missing(Field::Password)),
        (vec![("username", ""), ("password", "p")], missing(Field::Username)),
        (vec![("identifier", ""), ("secret", "")], Err(ApiRefusal::MissingCredentials)),
        (vec![("identifier", ""), ("secret", ""), ("username", "u"), ("password", "p")], Ok(())),
        (vec![("identifier", "id"), ("secret", "s"), ("username", ""), ("password", "")], Ok(())),
    ] {
        assert_eq!(api(&pairs), verdict, "{pairs:?}");
    }
    for (name, field) in &LINK_FIELDS[..3] {
        assert_eq!(link_with(name, ""), Err(Malformed::Missing(*field).into()), "{name}");
    }
    assert_eq!(link_with("goto", ""), Ok(()));
}

#[test]
fn a_value_may_be_as_long_as_its_cap_and_no_longer() {
    for (name, other, field, cap) in [
        ("identifier", "secret", Field::Identifier, 255),
        ("secret", "identifier", Field::Secret, 1024),
        ("username", "password", Field::Username, 255),
        ("password", "username", Field::Password, 1024),
    ] {
        let longest = "x".repeat(cap);
        assert_eq!(api(&[(name, &longest), (other, "x")]), Ok(()), "{name}");
        for length in [cap + 1, 1_000_000] {
            let verdict = api(&[(name, &"x".repeat(length)), (other, "x")]);
            assert_eq!(verdict, Err(Malformed::TooLong(field).into()), "{name}");
        }
    }
    for (name, field, cap) in
        [("email", Field::Email, 254), ("hash", Field::Hash, 40), ("goto", Field::Goto, 2048)]
    {
        assert_eq!(link_with(name, &"a".repeat(cap)), Ok(()), "{name}");
        for length in [cap + 1, 1_000_000] {
            let verdict = link_with(name, &"a".repeat(length));
            assert_eq!(verdict, Err(Malformed::TooLong(field).into()), "{name}");
        }
    }
    // Bytes are counted, not characters.
    let characters = "ü".repeat(128);
    assert_eq!(
        api(&[("identifier", &characters), ("secret", "s")]),
        Err(Malformed::TooLong(Field::Identifier).into())
    );
    // Nothing is hashed over the others.
    for name in ["accesskey", "action", "responsetype"] {
        let long = "x".repeat(100_000);
        assert_eq!(api(&[PAIR[0], PAIR[1], (name, &long)]), Ok(()), "{name}");
    }
}

#[test]
fn bytes_that_were_no_utf8_are_malformed() {
    for (name, field) in API_FIELDS {
        for value in ["\u{fffd}", "x\u{fffd}y"] {
            let verdict = api(&[(name, value)]);
            assert_eq!(verdict, Err(Malformed::NotUtf8(field).into()), "{name}");
        }
    }
    for (name, field) in LINK_FIELDS {
        let verdict = link_with(name, "\u{fffd}");
        assert_eq!(verdict, Err(Malformed::NotUtf8(field).into()), "{name}");
    }
}

#[test]
fn a_control_in_a_name_or_an_email_is_malformed() {
    for control in ('\0'..=' ').chain('~'..='\u{a0}').filter(|any| any.is_control()) {
        let value = format!("x{control}y");
        for (name, field) in [("identifier", Field::Identifier), ("username", Field::Username)] {
            let verdict = api(&[(name, &value)]);
            assert_eq!(verdict, Err(Malformed::ControlCharacter(field).into()), "{value:?}");
        }
        let verdict = link_with("email", &value);
        let expected = Malformed::ControlCharacter(Field::Email).into();
        assert_eq!(verdict, Err(expected), "{value:?}");
        // A secret may hold anything.
        assert_eq!(api(&[("identifier", "id"), ("secret", &value)]), Ok(()), "{value:?}");
        assert_eq!(api(&[("username", "u"), ("password", &value)]), Ok(()), "{value:?}");
    }
    assert_eq!(api(&[("identifier", "x\u{a0}\u{202e}y"), ("secret", "s")]), Ok(()));
}

/// Some decoders group the values of a name, so that they arrive in another order.
#[test]
fn of_several_faults_the_one_named_does_not_depend_on_their_order() {
    let faults = [
        vec![("secret[]", "x"), ("username", "\u{fffd}"), ("secret", "s")],
        vec![("username", "\u{fffd}"), ("secret", "s"), ("secret[]", "x")],
        vec![("secret", "s"), ("secret[]", "x"), ("secret", "s")],
        vec![("secret", "s"), ("secret", "s"), ("secret[]", "x")],
        vec![("secret[]", "\u{fffd}"), ("secret", "\u{fffd}")],
        vec![("secret", "\u{fffd}"), ("secret[]", "\u{fffd}")],
    ];
    for pairs in faults {
        let expected = Malformed::Alias(Field::Secret);
        assert_eq!(api(&pairs), Err(expected.into()), "{pairs:?}");
    }
    for pairs in [
        [("secret", "\u{fffd}"), ("secret", "x"), ("action", "\u{fffd}")],
        [("action", "\u{fffd}"), ("secret", "x"), ("secret", "\u{fffd}")],
    ] {
        let expected = Malformed::Repeated(Field::Secret);
        assert_eq!(api(&pairs), Err(expected.into()), "{pairs:?}");
    }
    for pairs in [
        [("hash[]", "x"), ("email", "\u{fffd}"), ("hash", "x")],
        [("email", "\u{fffd}"), ("hash", "x"), ("hash[]", "x")],
    ] {
        let expected = Malformed::NotUtf8(Field::Email);
        assert_eq!(link(&pairs), Err(expected.into()), "{pairs:?}");
    }
    let too_long = "x".repeat(2049);
    for pairs in [[("goto", &*too_long), ("hash[]", "x")], [("hash[]", "x"), ("goto", &*too_long)]]
    {
        let expected = Malformed::Alias(Field::Hash);
        assert_eq!(link(&pairs), Err(expected.into()), "{pairs:?}");
    }
    // Of one field a repetition is named before any fault of a value.
    for faulty in [&*too_long, "\u{fffd}", "\0"] {
        for (first, second) in [(faulty, "x"), ("x", faulty), (faulty, faulty)] {
            let verdict = api(&[("identifier", first), ("identifier", second)]);
            let expected = Malformed::Repeated(Field::Identifier);
            assert_eq!(verdict, Err(expected.into()), "{first:?}, {second:?}");
        }
    }
}

#[test]
fn a_repeated_or_disguised_goto_only_loses_the_goto() {
    let hash = "6624fa4b6fb3c5fcd24e587154a949911046d92b";
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123").unwrap());
    let now = OffsetDateTime::from_unix_timestamp(1290100706).unwrap();
    let too_long = "x".repeat(2049);
    for (gotos, verdict) in [
        (vec![], Goto::Absent),
        (vec![("goto", "")], Goto::Absent),
        (vec![("goto", "index.php")], Goto::parse("index.php")),
        (vec![("goto", "index.php"), ("goto", "index.php")], Goto::Refused),
        (vec![("goto", ""), ("goto", "index.php")], Goto::Refused),
        (vec![("goto[]", "index.php")], Goto::Refused),
        (vec![("goto", "index.php"), (" goto", "index.php")], Goto::Refused),
        (vec![("goto", "\u{fffd}"), ("goto", "index.php")], Goto::Refused),
        (vec![("goto", &*too_long), ("goto", "index.php")], Goto::Refused),
    ] {
        let mut pairs =
            vec![("email", "demo@whmcs.com"), ("timestamp", "1290100706"), ("hash", hash)];
        pairs.extend(&gotos);
        let request = AutoAuthRequest::from_pairs(pairs);
        let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()).unwrap();
        assert_eq!(*login.goto(), verdict, "{gotos:?}");
    }
}

/// Either the request is malformed, or it says what PHP would read.
#[cfg(feature = "form")]
#[test]
fn a_body_is_read_as_php_reads_it_or_refused() {
    let mut refused = Vec::new();
    for [body, read_by_php] in vectors::rows(include_str!("vectors/forms.tsv")) {
        let ours = ApiRequest::from_form(body);
        match shape_of(&ours) {
            Ok(()) | Err(ApiRefusal::MissingCredentials) => {}
            Err(ApiRefusal::Malformed(Malformed::Missing(_))) => {}
            Err(_) => {
                refused.push(body);
                continue;
            }
        }
        let php = ApiRequest::from_form(read_by_php);
        assert!(!read_by_php.contains("[]"), "{body}");
        assert_eq!(shape_of(&ours), shape_of(&php), "{body}");
        assert_eq!(ours.action(), php.action(), "{body}");
        assert_eq!(ours.access_key(), php.access_key(), "{body}");
        assert_eq!(ours.response_type(), php.response_type(), "{body}");
        assert_eq!(ours.attempt().identifier(), php.attempt().identifier(), "{body}");
        assert_eq!(ours.attempt().username(), php.attempt().username(), "{body}");
    }
    assert_eq!(
        refused,
        [
            "action=a&action=b",
            "action=b&action=b",
            "action=&action=b",
            "action=b&action=",
            "%20action=b",
            "+action=b",
            "++%20action=b",
            "action%00x=b",
            "action%00=b",
            "%20action%00[=b",
            "action[]=b",
            "action%5B%5D=b",
            "action[x]=b",
            "action[x][y]=b",
            "action[=b",
            "action[x=b",
            "password[]=x&username=admin",
            "identifier=id&secret=s&secret[]=t",
            "identifier=id&secret=s&%20secret=t",
            "identifier=id&secret=s&secret%00=t",
            "identifier[]=id&secret=s",
            "identifier=a%00b&secret=s",
        ]
    );
}
