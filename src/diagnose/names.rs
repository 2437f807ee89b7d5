//! Names that are almost those of a known field.

use alloc::string::String;

use super::finding::Mistake;
use crate::field::Field;
use crate::received::SecretBytes;
use crate::secret_text::is_invisible;

/// How a name stands for a known field.
#[derive(Clone, Copy)]
pub(super) enum Spelling {
    Exact,
    /// Verification refuses a request with this name (FIELD-3).
    Refused(Mistake),
    /// Verification ignores a field with this name.
    Ignored(Mistake),
}

/// A longer name resembles none, in bytes.
pub(super) const MAX_NAME: usize = 64;

/// Text that people and settings put before a name.
const PREFIXES: [&str; 6] = ["whmcsapi", "whmcs", "api", "admin", "autoauth", "auth"];

/// Letters and digits of names that clients send for a field, in lower case and without a prefix.
const SYNONYMS: [(Field, &[&str]); 11] = [
    // `id` alone is what an action is about.
    (Field::Identifier, &["apiid", "identifer", "identity"]),
    (Field::Secret, &["secretkey", "clientsecret"]),
    (Field::Username, &["user", "login", "loginname"]),
    (Field::Password, &["pass", "passwd", "pwd", "passwordhash", "passwordmd5", "md5password"]),
    (Field::AccessKey, &["access"]),
    (Field::Action, &["command", "cmd", "method", "function"]),
    (Field::ResponseType, &["responseformat", "returntype"]),
    (Field::Email, &["mail", "emailaddress", "useremail", "clientemail"]),
    (Field::Timestamp, &["time", "ts", "unixtime", "date"]),
    (Field::Hash, &["sha1", "sig", "signature", "digest", "token"]),
    (
        Field::Goto,
        &[
            "redirect",
            "redirecturl",
            "redirectto",
            "returnurl",
            "returnto",
            "next",
            "target",
            "destination",
        ],
    ),
];

/// The known field that a decoded name stands for, and how it is spelled.
pub(super) fn read(name: &[u8], is_known: fn(Field) -> bool) -> Option<(Field, Spelling)> {
    let name = &*String::from_utf8_lossy(name);
    let known = |name| Field::named(name).filter(|field| is_known(*field));
    if let Some(field) = known(name) {
        return Some((field, Spelling::Exact));
    }
    if let Some(field) = Field::disguised(name).filter(|field| is_known(*field)) {
        let mistake = match name.contains('[') {
            true => Mistake::ListName,
            false => Mistake::WhiteSpaceAroundName,
        };
        return Some((field, Spelling::Refused(mistake)));
    }
    if name.len() > MAX_NAME {
        return None;
    }
    let (field, mistake) = if let Some(field) = name.strip_prefix('\u{feff}').and_then(known) {
        (field, Mistake::ByteOrderMark)
    } else if let Some(field) = known(without_html(name)) {
        (field, Mistake::HtmlEscapedName)
    } else if let Some(field) = known(name.trim_matches(is_blank)) {
        (field, Mistake::WhiteSpaceAroundName)
    } else if let Some(field) = known(name.trim_matches(is_quote)) {
        (field, Mistake::QuotedName)
    } else if let Some(field) = in_brackets(name).and_then(known) {
        (field, Mistake::NestedName)
    } else {
        (resembled(name, is_known)?, Mistake::ResemblingName)
    };
    Some((field, Spelling::Ignored(mistake)))
}

/// The letters and digits of a name, in lower case. Empty if the name is too long to resemble any.
pub(super) fn letters(name: &[u8]) -> SecretBytes {
    let letters = name.iter().filter(|byte| name.len() <= MAX_NAME && byte.is_ascii_alphanumeric());
    SecretBytes(letters.map(u8::to_ascii_lowercase).collect())
}

/// Whether these are the letters of the name of an e-mail, as forms for clients have it.
pub(super) fn is_email(letters: &[u8]) -> bool {
    is_any(letters, &["email", "mail", "useremail", "clientemail", "emailaddress"])
}

/// Whether a field with these letters asks for the format of the answer. Few names do, so few values are read.
pub(super) fn asks_format(letters: &[u8], value: impl FnOnce() -> SecretBytes) -> bool {
    const FORMATS: [&str; 6] =
        ["json", "xml", "nvp", "application/json", "application/xml", "text/xml"];
    const SWITCHES: [&str; 2] = ["json", "xml"];
    const NAMES: [&str; 12] = [
        "format",
        "output",
        "outputformat",
        "outputtype",
        "returnformat",
        "type",
        "datatype",
        "contenttype",
        "response",
        "resptype",
        "respformat",
        "accept",
    ];
    let is_switch = is_any(letters, &SWITCHES);
    if !is_switch && !is_any(letters, &NAMES) {
        return false;
    }
    let value = value();
    let is = |text: &&str| value.0.eq_ignore_ascii_case(text.as_bytes());
    FORMATS.iter().any(is) || is_switch && ["1", "true", "yes"].iter().any(is)
}

/// Whether senders of mails add a field of this name to each link, to count visits.
pub(super) fn is_of_mailer(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 10] = [
        b"gclid", b"dclid", b"fbclid", b"msclkid", b"mc_cid", b"mc_eid", b"_ga", b"_gl", b"_hsenc",
        b"_hsmi",
    ];
    name.starts_with(b"utm_") || NAMES.contains(&name)
}

fn is_any(letters: &[u8], names: &[&str]) -> bool {
    names.iter().any(|name| name.as_bytes() == letters)
}

/// Without `amp;` and its numeric forms, however often HTML escaped the `&`.
fn without_html(mut name: &str) -> &str {
    // A browser shows `&times` as a sign, and takes the `;` after it for a part of it.
    if name == "times;tamp" {
        return Field::Timestamp.name();
    }
    while let Some(rest) =
        ["amp;", "#38;", "#038;", "#x26;"].into_iter().find_map(|escape| name.strip_prefix(escape))
    {
        name = rest;
    }
    name
}

fn in_brackets(name: &str) -> Option<&str> {
    name.split_once('[')?.1.strip_suffix(']')
}

fn resembled(name: &str, is_known: fn(Field) -> bool) -> Option<Field> {
    let letters = letters(name.as_bytes());
    let letters = &*letters.0;
    let mut without_prefix =
        PREFIXES.into_iter().filter_map(|prefix| letters.strip_prefix(prefix.as_bytes()));
    let without_prefix = without_prefix.next().unwrap_or(letters);
    let is = |text: &str| letters == text.as_bytes() || without_prefix == text.as_bytes();
    let mut fields = SYNONYMS.into_iter().filter(|(field, _)| is_known(*field));
    let (field, _) =
        fields.find(|(field, synonyms)| is(field.name()) || synonyms.iter().any(|it| is(it)))?;
    Some(field)
}

/// An invisible character, or a soft hyphen, which is seen only at the end of a line.
pub(super) fn is_blank(character: char) -> bool {
    is_invisible(character) || character == '\u{ad}'
}

/// A quotation mark, straight or typographic.
pub(super) fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'' | '`' | '\u{b4}' | '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}')
}
