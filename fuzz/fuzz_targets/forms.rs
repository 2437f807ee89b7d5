//! The decoders of forms and queries against the rules of fields, written down once more.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whmcs_auth::*;

type Pairs = Vec<(String, String)>;

/// The fields of a request, and the longest value of each, where it has one.
const FIELDS: [(Field, Option<usize>); 7] = [
    (Field::Identifier, Some(255)),
    (Field::Secret, Some(1024)),
    (Field::Username, Some(255)),
    (Field::Password, Some(1024)),
    (Field::AccessKey, None),
    (Field::Action, None),
    (Field::ResponseType, None),
];

fuzz_target!(|form: &[u8]| {
    let pairs = decoded(form);
    judge(&unlimited().with_query(form).api_request(), &pairs);
    // A field without a name is none.
    let count = pairs.iter().filter(|(name, _)| !name.is_empty()).count();
    let few = Received::new().with_max_fields(9).with_query(form);
    if count > 9 {
        let too_many = Malformed::FieldCount { max_fields: 9 };
        assert_eq!(refusal(&few.api_request()), Some(ApiRefusal::Malformed(too_many)));
    } else {
        assert_same(&few.api_request(), &ApiRequest::from_pairs(&pairs));
    }
    // A query, a body and a content type, with line breaks between them.
    let mut lines = form.splitn(3, |byte| *byte == b'\n');
    let [query, body, content_type] = [lines.next(), lines.next(), lines.next()];
    if let (Some(query), Some(body)) = (query, body) {
        received(query, body, content_type.and_then(|line| str::from_utf8(line).ok()));
    }
});

/// `Received` reads what `from_pairs` reads, and refuses a body of another type.
fn received(query: &[u8], body: &[u8], content_type: Option<&str>) {
    let only_query = decoded(query);
    let pairs = [only_query.clone(), decoded(body)].concat();
    let of_query = unlimited().with_query(query);
    let form = of_query.clone().with_body(Some("application/x-www-form-urlencoded"), body);
    judge(&form.api_request(), &pairs);
    assert_same(&form.api_request(), &ApiRequest::from_pairs(&pairs));
    multipart(&of_query, &only_query, &decoded(body));

    let other = of_query.with_body(content_type, body);
    let is_type = |expected| content_type.is_some_and(|given| media_type(given) == expected);
    let expected = if body.is_empty() {
        refusal(&ApiRequest::from_pairs(&only_query))
    } else if is_type("application/x-www-form-urlencoded") {
        refusal(&ApiRequest::from_pairs(&pairs))
    } else if is_type("multipart/form-data") {
        // It is read, or refused. The form that is forwarded has the same verdict.
        refusal(&other.api_request())
    } else {
        Some(ApiRefusal::Malformed(Malformed::BodyNotForm))
    };
    assert_eq!(refusal(&other.api_request()), expected);
    match other.to_api_form() {
        Ok(form) => {
            assert_eq!(expected, None);
            assert_same(&unlimited().with_query(&form).api_request(), &forwarded(&other));
        }
        Err(ForwardRefusal::Api(refusal)) => assert_eq!(expected, Some(refusal)),
        Err(_) => assert_eq!(expected, None),
    }
}

/// The request without a pair of credentials that does not count.
fn forwarded(received: &Received) -> ApiRequest<'_> {
    let form = |name| Some((name, str::from_utf8(received.field(name)?).ok()?));
    let request = received.api_request();
    let is_login = request.attempt(&ApiPolicy::new()).username().is_some();
    let pair = if is_login { ["username", "password"] } else { ["identifier", "secret"] };
    let names = pair.into_iter().chain(["accesskey", "action", "responsetype"]);
    ApiRequest::from_pairs(names.filter_map(form).collect::<Vec<_>>())
}

/// The same fields as the parts of a multipart body. It is read, unless a name or a value cannot be written.
fn multipart(of_query: &Received, query: &Pairs, body: &Pairs) {
    let disposition = |name: &str| format!("Content-Disposition: form-data; name=\"{name}\"");
    let is_broken = body.iter().any(|(name, value)| {
        let is_line = |line: &str| line.starts_with("--Z");
        disposition(name).len() > 1000
            || name.bytes().any(|byte| byte.is_ascii_control() || b"\"\\".contains(&byte))
            || value.split(['\r', '\n']).any(is_line)
    });
    let part = |(name, value): &(String, String)| {
        format!("--Z\r\n{}\r\n\r\n{value}\r\n", disposition(name))
    };
    let parts: String = body.iter().map(part).collect();
    let received = of_query
        .clone()
        .with_body(Some("multipart/form-data; boundary=Z"), &format!("{parts}--Z--\r\n"));
    if is_broken {
        let broken = Some(ApiRefusal::Malformed(Malformed::MultipartBroken));
        return assert_eq!(refusal(&received.api_request()), broken);
    }
    let pairs = [&query[..], body].concat();
    assert_same(&received.api_request(), &ApiRequest::from_pairs(&pairs));
}

fn unlimited() -> Received {
    Received::new().with_max_fields(usize::MAX)
}

fn media_type(content_type: &str) -> String {
    let (media_type, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    media_type.trim_end_matches(' ').to_ascii_lowercase()
}

fn refusal(request: &ApiRequest<'_>) -> Option<ApiRefusal> {
    request.attempt(&ApiPolicy::new()).refusal()
}

fn assert_same(one: &ApiRequest<'_>, other: &ApiRequest<'_>) {
    let policy = ApiPolicy::new();
    let [first, second] = [one, other].map(|request| request.attempt(&policy));
    assert_eq!(first.refusal(), second.refusal());
    assert_eq!(first.identifier(), second.identifier());
    assert_eq!(first.username(), second.username());
    assert_eq!(one.access_key(), other.access_key());
    assert_eq!(one.action(), other.action());
    assert_eq!(one.response_type(), other.response_type());
}

fn decoded(form: &[u8]) -> Pairs {
    form_urlencoded::parse(form).into_owned().collect()
}

fn judge(request: &ApiRequest<'_>, pairs: &Pairs) {
    let mut values = Vec::new();
    let mut fault = None;
    for (field, cap) in FIELDS {
        match expected(field, cap, pairs) {
            Ok(value) => values.push(value),
            Err(found) => fault = fault.or(Some(found)),
        }
    }
    let attempt = request.attempt(&ApiPolicy::new());
    if fault.is_some() {
        return assert_eq!(attempt.refusal(), fault.map(ApiRefusal::Malformed));
    }
    let values: [String; 7] = values.try_into().expect("a value for each field");
    let [identifier, secret, username, password, access_key, action, format] = values;

    let absent = |text: &str| text.is_empty();
    let missing = |field| Some(ApiRefusal::Malformed(Malformed::Missing(field)));
    let (name, presented, mode) = match (absent(&identifier), absent(&secret)) {
        (false, false) => (identifier, secret, ApiMode::Credential),
        (true, false) => return assert_eq!(attempt.refusal(), missing(Field::Identifier)),
        (false, true) => return assert_eq!(attempt.refusal(), missing(Field::Secret)),
        (true, true) => match (absent(&username), absent(&password)) {
            (false, false) => (username, password, ApiMode::CredentialAsLogin),
            (true, false) => return assert_eq!(attempt.refusal(), missing(Field::Username)),
            (false, true) => return assert_eq!(attempt.refusal(), missing(Field::Password)),
            (true, true) => {
                return assert_eq!(attempt.refusal(), Some(ApiRefusal::MissingCredentials));
            }
        },
    };
    assert_eq!(attempt.refusal(), None);
    assert_eq!(attempt.identifier(), Some(&*name));
    let is_login = mode == ApiMode::CredentialAsLogin;
    assert_eq!(attempt.username(), is_login.then_some(&*name));
    assert_eq!(request.access_key().ok().flatten().unwrap_or_default(), access_key);
    let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_');
    match request.action() {
        Action::Absent => assert_eq!(action, ""),
        Action::Named(name) => assert!(name == action && action.bytes().all(is_name)),
        Action::Invalid => assert!(action.len() > 64 || !action.bytes().all(is_name)),
    }
    let expected = match &*format.to_ascii_lowercase() {
        "json" => ResponseType::Json,
        "xml" => ResponseType::Xml,
        _ => ResponseType::Nvp,
    };
    assert_eq!(request.response_type(), expected);

    // The record of that name and secret is accepted, and none of another secret or name.
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    let verdict = |name: &str, secret: &str| {
        let secret = StoredSecret::plain(secret).expect("1 to 1024 bytes");
        let record = ApiCredential::new((), name, secret, AdminState::WithApiAccess);
        attempt.decide(Some(&record), None, expected)
    };
    assert_eq!(verdict(&name, &presented).map(|caller| caller.mode), Ok(mode));
    let other = if presented == "x" { "y" } else { "x" };
    assert!(verdict(&name, other).is_err());
    let other = format!("{name}x");
    assert_eq!(verdict(&other, &presented), Err(ApiRefusal::RecordNameMismatch));
}

/// The one value of a field, empty where it is absent, or what is wrong with it.
fn expected(field: Field, cap: Option<usize>, pairs: &Pairs) -> Result<String, Malformed> {
    let read: Vec<_> =
        pairs.iter().filter(|(name, _)| as_php_reads(name) == field.name()).collect();
    if read.iter().any(|(name, _)| name != field.name()) {
        return Err(Malformed::Disguised(field));
    }
    let value = match &read[..] {
        [] => return Ok(String::new()),
        [(_, value)] => value,
        _ => return Err(Malformed::Repeated(field)),
    };
    let is_name = matches!(field, Field::Identifier | Field::Username);
    if cap.is_some_and(|cap| value.len() > cap) {
        Err(Malformed::TooLong(field))
    } else if value.chars().any(|character| character == '\u{fffd}') {
        Err(Malformed::NotUtf8(field))
    } else if is_name && value.chars().any(char::is_control) {
        Err(Malformed::ControlCharacter(field))
    } else {
        Ok(value.clone())
    }
}

fn as_php_reads(name: &str) -> String {
    let after_spaces = name.chars().skip_while(|character| *character == ' ');
    after_spaces.take_while(|character| !matches!(character, '\0' | '[')).collect()
}
