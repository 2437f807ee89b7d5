//! FIELD-1 to FIELD-7: what a field of a request may be called, and what it may hold.

use whmcs_auth::{
    ApiPolicy, ApiRefusal, ApiRequest, AutoAuthRefusal, AutoAuthRequest, Field, Goto, Malformed,
};

use crate::common::{EMAIL, HASH, KEY, SIGNED, TIMESTAMP, at, goto_of, plain_and_md5, verify_link};
#[cfg(feature = "form")]
use crate::common::{cases, form};

/// Why an API request is refused before any look-up.
fn shape_of(request: &ApiRequest<'_>) -> Result<(), ApiRefusal> {
    let attempt = request.attempt(&ApiPolicy::new());
    let Some(refusal) = attempt.refusal() else {
        return Ok(());
    };
    assert_eq!(attempt.identifier(), None, "nothing is looked up");
    assert_eq!(attempt.username(), None, "nothing is looked up");
    let verdict = attempt.decide::<()>(None, None, plain_and_md5());
    assert_eq!(verdict, Err(refusal));
    Err(refusal)
}

fn api(pairs: &[(&str, &str)]) -> Result<(), ApiRefusal> {
    shape_of(&ApiRequest::from_pairs(pairs))
}

/// Why a link is refused before its hash is compared.
fn link(pairs: &[(&str, &str)]) -> Result<(), AutoAuthRefusal> {
    let request = AutoAuthRequest::from_pairs(pairs);
    match verify_link(&request, "another key", at(0)) {
        Err(AutoAuthRefusal::HashMismatch) => Ok(()),
        verdict => verdict.map(|_| ()),
    }
}

const LINK: [(&str, &str); 3] = [("email", EMAIL), ("timestamp", TIMESTAMP), ("hash", HASH)];

/// A link of the right shape, with another value in one field.
fn link_with(field: &str, value: &str) -> Result<(), AutoAuthRefusal> {
    let [email, timestamp, hash] = LINK;
    let mut pairs = [email, timestamp, hash, ("goto", "index.php")];
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
fn a_field_displays_its_name_on_the_wire() {
    for (name, field) in API_FIELDS.into_iter().chain(LINK_FIELDS) {
        assert_eq!(field.name(), name);
        assert_eq!(field.to_string(), name);
    }
}

#[test]
fn field_2_a_known_name_twice_is_malformed_whatever_the_values() {
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
fn field_3_a_name_that_php_reads_as_a_known_one_is_malformed() {
    let disguises =
        [" {}", "   {}", "{}\0", "{}\0x", "{}[]", "{}[0]", "{}[", "{}[x][y]", " {}\0[", "{}[\0"];
    for disguise in disguises {
        for (name, field) in API_FIELDS {
            let name = disguise.replace("{}", name);
            for value in ["x", ""] {
                let verdict = api(&[PAIR[0], PAIR[1], (&name, value)]);
                assert_eq!(verdict, Err(Malformed::Disguised(field).into()), "{name:?}");
            }
        }
        for (name, field) in &LINK_FIELDS[..3] {
            let name = disguise.replace("{}", name);
            let verdict = link(&[(&name, "x")]);
            assert_eq!(verdict, Err(Malformed::Disguised(*field).into()), "{name:?}");
        }
    }
}

#[test]
fn field_1_any_other_name_is_ignored() {
    for other in [
        "x{}", "{}x", "{} ", "\t{}", "\n{}", "\u{a0}{}", "\0{}", "[{}]", "[{}", "{}]", "{}.",
        "x[{}]", "-{}", "",
    ] {
        for (name, _) in API_FIELDS {
            let name = other.replace("{}", name);
            assert_eq!(api(&[PAIR[0], PAIR[1], (&name, "x")]), Ok(()), "{name:?}");
        }
    }
    for (name, _) in API_FIELDS.into_iter().chain(LINK_FIELDS) {
        let (first, rest) = name.split_at(1);
        for name in [name.to_uppercase(), first.to_uppercase() + rest] {
            assert_eq!(api(&[PAIR[0], PAIR[1], (&name, "x")]), Ok(()), "{name:?}");
            let [email, timestamp, hash] = LINK;
            assert_eq!(link(&[email, timestamp, hash, (&name, "x")]), Ok(()), "{name:?}");
        }
    }
}

#[test]
fn field_1_a_request_ignores_fields_of_links_and_a_link_ignores_fields_of_requests() {
    for (name, _) in LINK_FIELDS {
        let twice = [PAIR[0], PAIR[1], (name, "\u{fffd}"), (name, "x")];
        assert_eq!(api(&twice), Ok(()), "{name}");
    }
    for (name, _) in API_FIELDS {
        let [email, timestamp, hash] = LINK;
        let twice = [email, timestamp, hash, (name, "\u{fffd}"), (name, "x")];
        assert_eq!(link(&twice), Ok(()), "{name}");
    }
}

#[test]
fn field_1_an_empty_field_is_an_absent_field() {
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
fn field_4_a_value_is_no_longer_than_its_cap() {
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
    for (name, field, cap) in [("email", Field::Email, 254), ("hash", Field::Hash, 40)] {
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
    // The other fields are not hashed, and have no cap.
    for name in ["accesskey", "action", "responsetype"] {
        let long = "x".repeat(100_000);
        assert_eq!(api(&[PAIR[0], PAIR[1], (name, &long)]), Ok(()), "{name}");
    }
}

#[test]
fn field_5_bytes_that_are_not_utf8_are_malformed() {
    for (name, field) in API_FIELDS {
        for value in ["\u{fffd}", "x\u{fffd}y"] {
            let verdict = api(&[(name, value)]);
            assert_eq!(verdict, Err(Malformed::NotUtf8(field).into()), "{name}");
        }
    }
    for (name, field) in &LINK_FIELDS[..3] {
        let verdict = link_with(name, "\u{fffd}");
        assert_eq!(verdict, Err(Malformed::NotUtf8(*field).into()), "{name}");
    }
}

#[test]
fn field_5_a_control_character_in_a_name_or_an_email_is_malformed() {
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

/// Some decoders group the values of a name, and so change the order of the fields.
#[test]
fn the_reported_fault_does_not_depend_on_the_order_of_the_fields() {
    let faults = [
        vec![("secret[]", "x"), ("username", "\u{fffd}"), ("secret", "s")],
        vec![("username", "\u{fffd}"), ("secret", "s"), ("secret[]", "x")],
        vec![("secret", "s"), ("secret[]", "x"), ("secret", "s")],
        vec![("secret", "s"), ("secret", "s"), ("secret[]", "x")],
        vec![("secret[]", "\u{fffd}"), ("secret", "\u{fffd}")],
        vec![("secret", "\u{fffd}"), ("secret[]", "\u{fffd}")],
    ];
    for pairs in faults {
        let expected = Malformed::Disguised(Field::Secret);
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
        let expected = Malformed::Disguised(Field::Hash);
        assert_eq!(link(&pairs), Err(expected.into()), "{pairs:?}");
    }
    // A repetition is reported before a fault of the value.
    for faulty in [&*too_long, "\u{fffd}", "\0"] {
        for (first, second) in [(faulty, "x"), ("x", faulty), (faulty, faulty)] {
            let verdict = api(&[("identifier", first), ("identifier", second)]);
            let expected = Malformed::Repeated(Field::Identifier);
            assert_eq!(verdict, Err(expected.into()), "{first:?}, {second:?}");
        }
    }
}

/// The login of a genuine link with these additional fields.
fn assert_goto(gotos: &[(&str, &str)], expected: Goto<'_>) {
    let request = AutoAuthRequest::from_pairs([&LINK[..], gotos].concat());
    let login = verify_link(&request, KEY, at(SIGNED)).expect("a fault of `goto` refuses no link");
    assert_eq!(login.is_goto_refused(), expected == Goto::Refused, "{gotos:?}");
    assert_eq!(goto_of(&login), expected, "{gotos:?}");
}

#[test]
fn field_1_an_empty_or_other_goto_is_no_goto() {
    assert_goto(&[], Goto::Absent);
    assert_goto(&[("goto", "")], Goto::Absent);
    assert_goto(&[("Goto", "index.php"), ("goto]", "index.php")], Goto::Absent);
    assert_goto(&[("goto", "index.php")], Goto::parse("index.php"));
}

#[test]
fn field_2_a_repeated_goto_loses_only_the_goto() {
    for (first, second) in [("a.php", "a.php"), ("a.php", "b.php"), ("", "a.php"), ("", "")] {
        assert_goto(&[("goto", first), ("goto", second)], Goto::Refused);
    }
    assert_goto(&[("goto", "\u{fffd}"), ("goto", "index.php")], Goto::Refused);
    assert_goto(&[("goto", &"x".repeat(2049)), ("goto", "index.php")], Goto::Refused);
}

#[test]
fn field_3_a_disguised_goto_loses_only_the_goto() {
    for name in [" goto", "   goto", "goto\0", "goto\0x", "goto[]", "goto[0]", "goto[", " goto\0["]
    {
        for value in ["index.php", ""] {
            assert_goto(&[(name, value)], Goto::Refused);
            assert_goto(&[("goto", "index.php"), (name, value)], Goto::Refused);
            assert_goto(&[(name, value), ("goto", "index.php")], Goto::Refused);
        }
    }
}

#[test]
fn field_4_a_goto_that_is_too_long_loses_only_the_goto() {
    let longest = "a".repeat(2048);
    assert_goto(&[("goto", &longest)], Goto::parse(&longest));
    for length in [2049, 1_000_000] {
        assert_goto(&[("goto", &"a".repeat(length))], Goto::Refused);
    }
}

#[test]
fn field_5_a_goto_with_other_bytes_loses_only_the_goto() {
    for value in ["\u{fffd}", "a.php?\u{fffd}", "a.php\0", "a\r\nb", "\t", "a.php?\u{1b}", "\u{85}"]
    {
        assert_goto(&[("goto", value)], Goto::Refused);
    }
}

/// Either the request is malformed, or it holds what PHP would read.
#[cfg(feature = "form")]
#[test]
fn field_3_a_body_is_read_as_php_reads_it_or_refused() {
    for case in cases(include_str!("../vectors/forms.json")) {
        let received = form(case["body"].as_str().unwrap());
        let ours = received.api_request();
        let is_malformed = match shape_of(&ours) {
            Ok(()) | Err(ApiRefusal::MissingCredentials) => false,
            Err(ApiRefusal::Malformed(Malformed::Missing(_))) => false,
            Err(_) => true,
        };
        assert_eq!(case["malformed"], is_malformed, "{case}");
        if is_malformed {
            continue;
        }
        let read_by_php = case["php"].as_object().unwrap().iter();
        let pairs: Vec<_> =
            read_by_php.map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let php = ApiRequest::from_pairs(&pairs[..]);
        assert_eq!(shape_of(&ours), shape_of(&php), "{case}");
        assert_eq!(ours.action(), php.action(), "{case}");
        assert_eq!(ours.access_key(), php.access_key(), "{case}");
        assert_eq!(ours.response_type(), php.response_type(), "{case}");
        let policy = ApiPolicy::new();
        let [ours, php] = [ours.attempt(&policy), php.attempt(&policy)];
        assert_eq!(ours.identifier(), php.identifier(), "{case}");
        assert_eq!(ours.username(), php.username(), "{case}");
    }
}
