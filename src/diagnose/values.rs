//! What the value of a field looks like.

use core::str;

use super::actions::is_documented;
use super::fields::{Fields, Sent, starts_with_html};
use super::finding::{Findings, Mistake};
use super::goto;
use super::names::{is_blank, is_quote};
use crate::api::action::Action;
use crate::autoauth::goto::is_allowed;
use crate::field::Field;
use crate::stored::password::PresentedMd5;

/// Adds what the values look like, of the fields that count. A value of another kind is likelier the cause of a
/// refusal than its text, and an unencoded `+` is common in links that are accepted.
pub(super) fn add(fields: &Fields<'_>, counts: impl Fn(Field) -> bool, findings: &mut Findings) {
    let all = || Field::ALL.into_iter().filter(|field| counts(*field));
    let sent = || all().filter_map(|field| Some((field, fields.sent(field)?)));
    for (field, sent) in sent() {
        add_kind(field, sent, findings);
    }
    for (field, sent) in sent() {
        add_text(field, sent, findings);
    }
    if let Some(sent) = fields.sent(Field::Goto) {
        goto::add(sent, findings);
    }
    for (field, _) in sent().filter(|(field, sent)| has_raw_plus(*field, sent.raw)) {
        findings.add_to(field, Mistake::RawPlus);
    }
    let action = fields.sent(Field::Action).and_then(|sent| str::from_utf8(&sent.value.0).ok());
    if action.is_some_and(|name| Action::is_valid(name) && !is_documented(name)) {
        findings.add_to(Field::Action, Mistake::ActionUndocumented);
    }
}

/// Adds that a client logs in, or that both halves of a pair are one text.
pub(super) fn add_pairs(
    fields: &Fields<'_>,
    counts: impl Fn(Field) -> bool,
    findings: &mut Findings,
) {
    let value = |field| {
        let sent = fields.sent(field).filter(|sent| counts(field) && !sent.is_long);
        sent.map(|sent| trimmed(&sent.value.0)).filter(|value| !value.is_empty())
    };
    let (identifier, username) = (value(Field::Identifier), value(Field::Username));
    let password = value(Field::Password);
    // An admin may have an e-mail as username. Whoever sends an md5 knows how admins log in.
    let is_md5 = password.and_then(|text| str::from_utf8(text).ok());
    let is_md5 = is_md5.is_some_and(PresentedMd5::is_shape_of);
    let is_client = identifier.is_some_and(is_email)
        || username.is_some_and(is_email) && !is_md5
        || identifier.or(username).is_none() && password.is_some() && fields.has_email();
    if is_client {
        findings.add(Mistake::ClientLogin);
    }
    for (name, secret, field) in
        [(identifier, value(Field::Secret), Field::Secret), (username, password, Field::Password)]
    {
        if name.is_some() && name == secret {
            findings.add_to(field, Mistake::SameValue);
        }
    }
}

/// Whether a text looks like an e-mail address.
fn is_email(text: &[u8]) -> bool {
    let mut parts = text.split(|byte| *byte == b'@');
    match (parts.next(), parts.next(), parts.next()) {
        (Some([_, ..]), Some([_, domain @ .., _]), None) => {
            domain.contains(&b'.') && !text.iter().any(u8::is_ascii_whitespace)
        }
        _ => false,
    }
}

/// Whether a text stands where a value should be: the name of a variable, what a program writes for no value, or what
/// hides a secret on a screen.
fn is_placeholder(text: &str) -> bool {
    const BRACKETS: [(&str, &str); 9] = [
        ("${", "}"),
        ("#{", "}"),
        ("{{", "}}"),
        ("{", "}"),
        ("[[", "]]"),
        ("[", "]"),
        ("<", ">"),
        ("%", "%"),
        ("*|", "|*"),
    ];
    const NO_VALUES: [&str; 7] =
        ["undefined", "null", "none", "nil", "nan", "array", "[object object]"];
    let is_made_of = |name: &str, marks: &str| {
        name.contains(|letter: char| letter.is_ascii_alphabetic())
            && name.chars().all(|it| it.is_ascii_alphanumeric() || marks.contains(it))
    };
    let is_in = |(start, end): (&str, &str)| {
        let inside = text.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
        inside.is_some_and(|name| is_made_of(name, "_-.:$ "))
    };
    let of_shell = text.strip_prefix('$').filter(|name| !name.contains(char::is_lowercase));
    let starts_with_your = text.get(..5).is_some_and(|start| {
        ["your_", "your-", "your "].iter().any(|your| start.eq_ignore_ascii_case(your))
    });
    let is_hidden = ['*', 'x', 'X', '.', '\u{2022}']
        .into_iter()
        .any(|mark| text.chars().count() >= 4 && text.chars().all(|it| it == mark));
    BRACKETS.into_iter().any(is_in)
        || of_shell.is_some_and(|name| is_made_of(name, "_"))
        || NO_VALUES.iter().any(|known| text.eq_ignore_ascii_case(known))
        || starts_with_your
        || is_hidden
}

fn add_kind(field: Field, sent: &Sent<'_>, findings: &mut Findings) {
    let text = trimmed(&sent.value.0);
    let has_placeholder = || {
        // An access key may have brackets, and a `goto` has a grammar.
        let may = !matches!(field, Field::AccessKey | Field::Goto) && !sent.is_long;
        may && str::from_utf8(text).is_ok_and(is_placeholder)
    };
    let kind = match field {
        _ if has_placeholder() => Some(Mistake::Placeholder),
        Field::Secret | Field::Password if is_stored_hash(text) => Some(Mistake::StoredHash),
        Field::Password => kind_of_password(text),
        Field::Hash => kind_of_hash(text),
        Field::Timestamp => str::from_utf8(text).ok().and_then(kind_of_timestamp),
        _ => None,
    };
    if let Some(kind) = kind {
        findings.add_to(field, kind);
    }
}

fn add_text(field: Field, sent: &Sent<'_>, findings: &mut Findings) {
    let value = &*sent.value.0;
    let is_goto = field == Field::Goto;
    match str::from_utf8(value) {
        // The grammar of `goto` reports each of these.
        _ if is_goto || sent.is_long => {}
        Ok(text) => add_ends(field, text, findings),
        Err(_) if field == Field::Hash => {}
        Err(_) => findings.add_to(field, Mistake::OtherCharset),
    }
    if sent.has_html_tail || after(value, b'&').any(starts_with_html) {
        findings.add_to(field, Mistake::HtmlEscapedValue);
    }
    if !is_goto && is_encoded(trimmed(value)) {
        findings.add_to(field, Mistake::EncodedTwice);
    }
    if !is_goto && !sent.is_long && !after(sent.raw, b'%').all(starts_escape) {
        findings.add_to(field, Mistake::RawPercent);
    }
    if sent.has_tail && !is_goto {
        findings.add_to(field, Mistake::RawAmpersand);
    }
    if sent.is_in_query && sent.raw.contains(&b'#') {
        findings.add_to(field, Mistake::RawHashSign);
    }
}

fn add_ends(field: Field, text: &str, findings: &mut Findings) {
    let has_at_end = |is: fn(char) -> bool| text.starts_with(is) || text.ends_with(is);
    if has_at_end(|end| matches!(end, '\r' | '\n')) {
        findings.add_to(field, Mistake::LineEnd);
    } else if has_at_end(is_blank) {
        findings.add_to(field, Mistake::WhiteSpaceAroundValue);
    }
    let text = text.trim_matches(is_blank);
    if matches!(field, Field::Identifier | Field::Hash) && text.contains(is_blank) {
        findings.add_to(field, Mistake::WhiteSpaceInValue);
    }
    // The part of an e-mail before its `@` may be quoted.
    if text.ends_with(is_quote) || field != Field::Email && text.starts_with(is_quote) {
        findings.add_to(field, Mistake::QuotedValue);
    }
}

/// The texts after each mark.
fn after(text: &[u8], mark: u8) -> impl Iterator<Item = &[u8]> {
    text.split(move |byte| *byte == mark).skip(1)
}

fn starts_escape(text: &[u8]) -> bool {
    matches!(text, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
}

/// Whether a decoded value looks like an encoder's output. Encoders escape no letter and no digit, and they escape
/// every character that a URL must not have.
fn is_encoded(text: &[u8]) -> bool {
    let is_escape_of_encoders = |text: &[u8]| {
        let mut byte = [0];
        let digits = text.get(..2).unwrap_or_default();
        hex::decode_to_slice(digits, &mut byte).is_ok()
            && !byte.iter().all(u8::is_ascii_alphanumeric)
    };
    text.iter().all(is_allowed) && after(text, b'%').any(is_escape_of_encoders)
}

/// An unencoded `+` inside a value that has no space. A client that encodes another `+` of the value means a
/// space. White space around the value is a finding of its own.
fn has_raw_plus(field: Field, raw: &[u8]) -> bool {
    let may_have_space = match field {
        Field::Goto | Field::Hash => true,
        Field::Username => !raw.contains(&b'@') && !raw.windows(3).any(|escape| escape == b"%40"),
        _ => false,
    };
    let has_encoded_plus = || raw.windows(3).any(|escape| escape.eq_ignore_ascii_case(b"%2b"));
    let [_, inside @ .., _] = raw else { return false };
    !may_have_space && inside.contains(&b'+') && !has_encoded_plus()
}

/// The number of digits of a hash.
const DIGITS: usize = Field::Hash.cap();

/// What a hash is that does not have so many hexadecimal digits.
fn kind_of_hash(text: &[u8]) -> Option<Mistake> {
    let is_hex = text.iter().all(u8::is_ascii_hexdigit);
    match text.len() {
        20 if !text.is_ascii() => Some(Mistake::HashIsBinary),
        32 if is_hex => Some(Mistake::HashIsMd5),
        56 | 64 | 96 | 128 if is_hex => Some(Mistake::HashIsSha2),
        1..DIGITS if is_hex => Some(Mistake::HashCutShort),
        27 | 28 if is_base64(text) => Some(Mistake::HashIsBase64),
        length if length > DIGITS && has_whole_hash(text) => Some(Mistake::HashWithOtherText),
        _ => None,
    }
}

fn has_whole_hash(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_hexdigit()).any(|digits| digits.len() == DIGITS)
}

/// No way to write a date is longer.
const MAX_DATE: usize = 64;

/// What a timestamp is that is not ten digits.
fn kind_of_timestamp(text: &str) -> Option<Mistake> {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let count = |marks: &[char]| text.matches(marks).count();
    let is_made_of = |marks: &[char]| {
        let is_of = |character: char| character.is_ascii_digit() || marks.contains(&character);
        text.starts_with(|first: char| first.is_ascii_digit()) && text.chars().all(is_of)
    };
    if is_made_of(&[]) {
        match digits {
            13 => Some(Mistake::TimestampMilliseconds),
            16 | 19 => Some(Mistake::TimestampMicroseconds),
            8 | 14 if text.starts_with("20") => Some(Mistake::TimestampDate),
            _ => None,
        }
    } else if !text.is_empty() && text.chars().all(char::is_numeric) {
        Some(Mistake::TimestampOtherDigits)
    } else if is_made_of(&['.', ',', 'e', 'E', '+', '-', ' '])
        && (count(&['.', ',']) == 1 && count(&['-', ' ']) < 2 || count(&['e', 'E']) == 1)
    {
        Some(Mistake::TimestampFloat)
    } else if digits == 10 && is_made_of(&['.', ',', '_', '\'', ' ']) {
        Some(Mistake::TimestampGrouped)
    } else if digits > 0 && text.len() <= MAX_DATE && count(&['-', '/', ':', '.', ' ']) >= 2 {
        Some(Mistake::TimestampDate)
    } else {
        None
    }
}

/// What a password is that is a digest and no md5.
fn kind_of_password(text: &[u8]) -> Option<Mistake> {
    let is_hex = text.iter().all(u8::is_ascii_hexdigit);
    match text.len() {
        40 if is_hex => Some(Mistake::PasswordIsSha1),
        56 | 64 | 96 | 128 if is_hex => Some(Mistake::PasswordIsSha2),
        24 | 28 | 44 | 88 if text.ends_with(b"=") && is_base64(text) => {
            Some(Mistake::PasswordIsBase64)
        }
        _ => None,
    }
}

/// Whether a text is what a database stores of a secret.
fn is_stored_hash(text: &[u8]) -> bool {
    let schemes = ["$2a$", "$2b$", "$2x$", "$2y$", "$argon2", "$1$", "$5$", "$6$", "$P$", "$H$"];
    schemes.into_iter().any(|scheme| text.starts_with(scheme.as_bytes()))
}

/// Whether a text is base64 of either alphabet. An unencoded `+` became a space.
fn is_base64(text: &[u8]) -> bool {
    let end = text.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last.saturating_add(1));
    let (digits, padding) = text.split_at_checked(end).unwrap_or_default();
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_ ".contains(byte);
    padding.len() <= 2 && digits.iter().all(is_digit)
}

/// Without the white space around a text.
fn trimmed(value: &[u8]) -> &[u8] {
    match str::from_utf8(value) {
        Ok(text) => text.trim_matches(is_blank).as_bytes(),
        Err(_) => value,
    }
}
