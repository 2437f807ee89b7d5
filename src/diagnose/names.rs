//! Names that are almost those of a known field.

use core::str;

use super::finding::Finding;
use crate::field::Field;
use crate::received::SecretBytes;
use crate::secret_text::is_invisible;

/// How a name stands for a known field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    Exact,
    ByteOrderMark,
    HtmlEscaped,
    WhiteSpace,
    Quoted,
    List,
    Nested,
    Resembling,
}

impl Spelling {
    /// The mistake, unless the name is the right one.
    pub(super) fn finding(self, field: Field) -> Option<Finding> {
        match self {
            Self::Exact => None,
            Self::ByteOrderMark => Some(Finding::ByteOrderMark(field)),
            Self::HtmlEscaped => Some(Finding::HtmlEscapedName(field)),
            Self::WhiteSpace => Some(Finding::WhiteSpaceAroundName(field)),
            Self::Quoted => Some(Finding::QuotedName(field)),
            Self::List => Some(Finding::ListName(field)),
            Self::Nested => Some(Finding::NestedName(field)),
            Self::Resembling => Some(Finding::ResemblingName(field)),
        }
    }

    /// Whether the mistake counts although another field has the right name. PHP reads these names as known
    /// ones, so verification refuses them.
    pub(super) fn is_always_wrong(self) -> bool {
        matches!(self, Self::WhiteSpace | Self::List)
    }
}

/// Text that people and settings put before a name.
const PREFIXES: [&str; 6] = ["whmcsapi", "whmcs", "api", "admin", "autoauth", "auth"];

/// Letters and digits of names that clients send for a field, in lower case and without a prefix.
const SYNONYMS: [(&str, Field); 42] = [
    // `id` alone is what an action is about.
    ("apiid", Field::Identifier),
    ("identifer", Field::Identifier),
    ("identity", Field::Identifier),
    ("secretkey", Field::Secret),
    ("clientsecret", Field::Secret),
    ("user", Field::Username),
    ("login", Field::Username),
    ("loginname", Field::Username),
    ("pass", Field::Password),
    ("passwd", Field::Password),
    ("pwd", Field::Password),
    ("passwordhash", Field::Password),
    ("passwordmd5", Field::Password),
    ("md5password", Field::Password),
    ("access", Field::AccessKey),
    ("command", Field::Action),
    ("cmd", Field::Action),
    ("method", Field::Action),
    ("function", Field::Action),
    ("responseformat", Field::ResponseType),
    ("returntype", Field::ResponseType),
    ("mail", Field::Email),
    ("emailaddress", Field::Email),
    ("useremail", Field::Email),
    ("clientemail", Field::Email),
    ("time", Field::Timestamp),
    ("ts", Field::Timestamp),
    ("unixtime", Field::Timestamp),
    ("date", Field::Timestamp),
    ("sha1", Field::Hash),
    ("sig", Field::Hash),
    ("signature", Field::Hash),
    ("digest", Field::Hash),
    ("token", Field::Hash),
    ("redirect", Field::Goto),
    ("redirecturl", Field::Goto),
    ("redirectto", Field::Goto),
    ("returnurl", Field::Goto),
    ("returnto", Field::Goto),
    ("next", Field::Goto),
    ("target", Field::Goto),
    ("destination", Field::Goto),
];

/// The field that a decoded name stands for, and how it is spelled.
pub(super) fn read(name: &[u8], fields: &[Field]) -> Option<(Field, Spelling)> {
    let name = str::from_utf8(name).ok()?;
    let known = |name: &str| Field::named(name).filter(|field| fields.contains(field));
    if let Some(field) = known(name) {
        return Some((field, Spelling::Exact));
    }
    if let Some(field) = name.strip_prefix('\u{feff}').and_then(known) {
        return Some((field, Spelling::ByteOrderMark));
    }
    if let Some(field) = known(without_html(name)) {
        return Some((field, Spelling::HtmlEscaped));
    }
    // The browser shows `&times` as a sign, and takes the `;` behind it for a part of it.
    if name == "times;tamp" && fields.contains(&Field::Timestamp) {
        return Some((Field::Timestamp, Spelling::HtmlEscaped));
    }
    if let Some(field) = known(name.trim_matches(is_blank)) {
        return Some((field, Spelling::WhiteSpace));
    }
    if let Some(field) = known(name.trim_matches(is_quote)) {
        return Some((field, Spelling::Quoted));
    }
    if let Some((before, inside)) = name.split_once('[') {
        let list = known(before.trim_start_matches(' ')).map(|field| (field, Spelling::List));
        let nested = || known(inside.strip_suffix(']')?).map(|field| (field, Spelling::Nested));
        return list.or_else(nested);
    }
    resembled(name, fields).map(|field| (field, Spelling::Resembling))
}

/// Without `amp;` and its numeric forms, however often HTML escaped the `&`.
fn without_html(mut name: &str) -> &str {
    while let Some(rest) =
        ["amp;", "#38;", "#038;", "#x26;"].into_iter().find_map(|escape| name.strip_prefix(escape))
    {
        name = rest;
    }
    name
}

fn resembled(name: &str, fields: &[Field]) -> Option<Field> {
    let letters = name.bytes().filter(u8::is_ascii_alphanumeric);
    let letters = SecretBytes(letters.map(|byte| byte.to_ascii_lowercase()).collect());
    let letters = &*letters.0;
    let mut without_prefix =
        PREFIXES.into_iter().filter_map(|prefix| letters.strip_prefix(prefix.as_bytes()));
    let without_prefix = without_prefix.next().unwrap_or(letters);
    let is = |text: &str| letters == text.as_bytes() || without_prefix == text.as_bytes();
    let names = fields.iter().map(|field| (field.name(), *field));
    let mut names = names.chain(SYNONYMS).filter(|(_, field)| fields.contains(field));
    names.find(|(text, _)| is(text)).map(|(_, field)| field)
}

/// A character that nobody sees, or a soft hyphen, which is seen only at the end of a line.
pub(super) fn is_blank(character: char) -> bool {
    is_invisible(character) || character == '\u{ad}'
}

/// A quotation mark, straight or typographic.
pub(super) fn is_quote(character: char) -> bool {
    matches!(character, '"' | '\'' | '`' | '\u{b4}' | '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}')
}
