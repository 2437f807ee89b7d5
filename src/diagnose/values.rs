//! What the value of a field looks like.

use core::str;

use super::fields::{Sent, starts_with_html};
use super::finding::{Finding, Findings};
use super::names::{is_blank, is_quote};
use crate::field::Field;

/// Adds what is wrong with the text of a value, whatever the field is for.
pub(super) fn add(field: Field, sent: &Sent<'_>, findings: &mut Findings) {
    let value = &*sent.value.0;
    let is_goto = field == Field::Goto;
    match str::from_utf8(value) {
        // The grammar of `goto` reports each of these.
        _ if is_goto || sent.is_long => {}
        Ok(text) => add_ends(field, text, findings),
        Err(_) if field == Field::Hash => {}
        Err(_) => findings.add(Finding::OtherCharset(field)),
    }
    if sent.has_html_tail || behind(value, b'&').any(starts_with_html) {
        findings.add(Finding::HtmlEscapedValue(field));
    }
    if !is_goto && behind(value, b'%').any(starts_escape) {
        findings.add(Finding::EncodedTwice(field));
    }
    if !is_goto && !sent.is_long && !behind(sent.raw, b'%').all(starts_escape) {
        findings.add(Finding::RawPercent(field));
    }
    if sent.has_tail && !is_goto {
        findings.add(Finding::RawAmpersand(field));
    }
    if sent.is_in_query && sent.raw.contains(&b'#') {
        findings.add(Finding::RawHashSign(field));
    }
    if has_raw_plus(field, sent.raw) {
        findings.add(Finding::RawPlus(field));
    }
}

fn add_ends(field: Field, text: &str, findings: &mut Findings) {
    let has_at_end = |is: fn(char) -> bool| text.starts_with(is) || text.ends_with(is);
    if has_at_end(|end| matches!(end, '\r' | '\n')) {
        findings.add(Finding::LineEnd(field));
    } else if has_at_end(is_blank) {
        findings.add(Finding::WhiteSpaceAroundValue(field));
    }
    let text = text.trim_matches(is_blank);
    if matches!(field, Field::Identifier | Field::Hash) && text.contains(is_blank) {
        findings.add(Finding::WhiteSpaceInValue(field));
    }
    // The part of an e-mail before its `@` may be quoted.
    if text.ends_with(is_quote) || field != Field::Email && text.starts_with(is_quote) {
        findings.add(Finding::QuotedValue(field));
    }
}

/// The texts behind each mark.
fn behind(text: &[u8], mark: u8) -> impl Iterator<Item = &[u8]> {
    text.split(move |byte| *byte == mark).skip(1)
}

fn starts_escape(text: &[u8]) -> bool {
    matches!(text, [high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit())
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

/// Adds what a link's hash is, if it is not 40 hexadecimal digits.
pub(super) fn add_hash(sent: &Sent<'_>, findings: &mut Findings) {
    let text = trimmed(&sent.value.0);
    let is_hex = text.iter().all(u8::is_ascii_hexdigit);
    let found = match text.len() {
        _ if sent.is_long => return,
        20 if !text.is_ascii() => Finding::HashIsBinary,
        32 if is_hex => Finding::HashIsMd5,
        56 | 64 | 96 | 128 if is_hex => Finding::HashIsSha2,
        1..40 if is_hex => Finding::HashCutShort,
        27 | 28 if is_base64(text) => Finding::HashIsBase64,
        length if length > 40 && has_40_digits(text) => Finding::HashWithOtherText,
        _ => return,
    };
    findings.add(found);
}

fn has_40_digits(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_hexdigit()).any(|digits| digits.len() == 40)
}

/// Adds what a link's timestamp is, if it is not ten digits.
pub(super) fn add_timestamp(sent: &Sent<'_>, findings: &mut Findings) {
    let Ok(text) = str::from_utf8(trimmed(&sent.value.0)) else { return };
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let count = |marks: &[char]| text.matches(marks).count();
    let is_made_of = |marks: &[char]| {
        let is_of = |character: char| character.is_ascii_digit() || marks.contains(&character);
        text.starts_with(|first: char| first.is_ascii_digit()) && text.chars().all(is_of)
    };
    let found = if is_made_of(&[]) {
        match digits {
            13 => Finding::TimestampMilliseconds,
            16 | 19 => Finding::TimestampMicroseconds,
            8 | 14 if text.starts_with("20") => Finding::TimestampDate,
            _ => return,
        }
    } else if !text.is_empty() && text.chars().all(char::is_numeric) {
        Finding::TimestampOtherDigits
    } else if is_made_of(&['.', ',', 'e', 'E', '+', '-', ' '])
        && (count(&['.', ',']) == 1 && count(&['-', ' ']) < 2 || count(&['e', 'E']) == 1)
    {
        Finding::TimestampFloat
    } else if digits == 10 && is_made_of(&['.', ',', '_', '\'', ' ']) {
        Finding::TimestampGrouped
    } else if digits > 0 && count(&['-', '/', ':', '.', ' ']) >= 2 {
        Finding::TimestampDate
    } else {
        return;
    };
    findings.add(found);
}

/// Adds what a login's password is, if it is a digest and no md5.
pub(super) fn add_password(sent: &Sent<'_>, findings: &mut Findings) {
    let text = trimmed(&sent.value.0);
    let is_hex = text.iter().all(u8::is_ascii_hexdigit);
    let found = match text.len() {
        40 if is_hex => Finding::PasswordIsSha1,
        56 | 64 | 96 | 128 if is_hex => Finding::PasswordIsSha2,
        24 | 28 | 44 | 88 if text.ends_with(b"=") && is_base64(text) => Finding::PasswordIsBase64,
        _ => return,
    };
    findings.add(found);
}

/// Adds that a secret or a password is what a database stores of it.
pub(super) fn add_stored_hash(field: Field, sent: &Sent<'_>, findings: &mut Findings) {
    let text = trimmed(&sent.value.0);
    let schemes = ["$2a$", "$2b$", "$2x$", "$2y$", "$argon2", "$1$", "$5$", "$6$", "$P$", "$H$"];
    if schemes.into_iter().any(|scheme| text.starts_with(scheme.as_bytes())) {
        findings.add(Finding::StoredHash(field));
    }
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
