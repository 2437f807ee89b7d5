//! What a body is, if it is not a form.

use super::finding::Mistake;
use crate::received::{ContentType, decode};

/// What a body is, by its content type and its first bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// Nothing.
    Absent,
    /// A form, or what may be one.
    Form {
        /// Whether its content type is that of a form.
        is_typed: bool,
    },
    /// Multipart, with its content type. A multipart decoder reads its fields.
    Multipart,
    /// Something else.
    Other(Mistake),
}

/// More bytes than any mark below needs.
const HEAD: usize = 1024;

impl Body {
    pub(super) fn of(content_type: Option<&str>, body: &[u8]) -> Self {
        let head = body.get(..HEAD).unwrap_or(body);
        if body.is_empty() {
            return Self::Absent;
        }
        if let Some(found) = unlike_text(head) {
            return Self::Other(found);
        }
        if let Some(parameters) = content_type.and_then(multipart_parameters) {
            return match has_boundary(parameters, head) {
                true => Self::Multipart,
                false => Self::Other(Mistake::MultipartBoundary),
            };
        }
        if head.starts_with(b"--") && contains(head, b"content-disposition:") {
            Self::Other(Mistake::MultipartWithoutType)
        } else if is_json(head) {
            Self::Other(Mistake::BodyIsJson)
        } else if is_xml(head) {
            Self::Other(Mistake::BodyIsXml)
        } else {
            let is_typed = content_type.and_then(ContentType::read) == Some(ContentType::Form);
            Self::Form { is_typed }
        }
    }
}

/// Compressed bytes and UTF-16.
fn unlike_text(head: &[u8]) -> Option<Mistake> {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    match *head {
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Mistake::BodyIsCompressed),
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] => Some(Mistake::BodyIsUtf16),
        [0, high, 0, low, ..] | [high, 0, low, 0, ..] if is_text(&high) && is_text(&low) => {
            Some(Mistake::BodyIsUtf16)
        }
        // `x^` may also start a text.
        [b'x', 0x01 | 0x5e | 0x9c | 0xda, ref data @ ..] if !data.iter().all(is_text) => {
            Some(Mistake::BodyIsCompressed)
        }
        _ => None,
    }
}

/// What follows `multipart/form-data`.
fn multipart_parameters(content_type: &str) -> Option<&str> {
    let (media_type, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
    media_type.trim().eq_ignore_ascii_case("multipart/form-data").then_some(parameters)
}

/// Whether the parameters name a boundary. A body that starts with `--` must start with this one.
fn has_boundary(parameters: &str, head: &[u8]) -> bool {
    let boundary = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then_some(value.trim().trim_matches('"'))
    });
    boundary.is_some_and(|boundary| {
        let is_at_start = |rest: &[u8]| rest.starts_with(boundary.as_bytes());
        !boundary.is_empty() && head.strip_prefix(b"--").is_none_or(is_at_start)
    })
}

/// Whether a text starts as a JSON object, as a list of objects, lists or strings, or as either inside a JSON
/// string. The text may be percent-encoded.
pub(super) fn is_json(text: &[u8]) -> bool {
    // Blanks and brackets need no more.
    let decoded = decode(text.get(..64).unwrap_or(text));
    let text = start(&decoded.0);
    let text = text.strip_prefix(br#""{\""#).map_or(text, |_| br#"{""#);
    match *text {
        [b'{', ref rest @ ..] => matches!(start(rest), [b'"' | b'\'' | b'}', ..]),
        [b'[', ref rest @ ..] => matches!(start(rest), [b'{' | b'[' | b'"', ..]),
        _ => false,
    }
}

/// Whether a text starts with a tag.
fn is_xml(text: &[u8]) -> bool {
    let decoded = decode(text.get(..64).unwrap_or(text));
    match *start(&decoded.0) {
        [b'<', next, ..] => next.is_ascii_alphabetic() || matches!(next, b'?' | b'!'),
        _ => false,
    }
}

/// The text after a byte order mark and white space.
fn start(text: &[u8]) -> &[u8] {
    text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text).trim_ascii_start()
}

/// Without ASCII case. `text` is the head of a body and `part` is short, so this takes a bounded time.
fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part))
}
