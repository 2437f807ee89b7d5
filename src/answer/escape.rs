//! What is escaped in each format.

use core::fmt::{self, Write};

pub(super) type WriteCharacter = fn(char, &mut fmt::Formatter<'_>) -> fmt::Result;

/// Displays a string. The function writes each character.
pub(super) struct Escaped<'a>(pub(super) &'a str, pub(super) WriteCharacter);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, write) = self;
        // Most characters are plain. Those between two others are written at once.
        text.split_inclusive(|character| !is_plain(character)).try_for_each(|piece| {
            let mut plain = piece.chars();
            let last = plain.next_back();
            f.write_str(plain.as_str())?;
            last.map_or(Ok(()), |last| write(last, f))
        })
    }
}

/// Whether no format changes it.
fn is_plain(character: char) -> bool {
    character.is_ascii_alphanumeric()
        || matches!(character, ' ' | '_' | '-' | '.' | ',' | ':' | '@')
}

/// Writes what PHP's `json_encode` writes with its four `JSON_HEX_*` flags. PHP writes the
/// hexadecimal digits of these escapes in upper case, and of all others in lower case.
pub(super) fn json_character(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '"' | '<' | '>' | '&' | '\'' => write!(f, "\\u{:04X}", u32::from(character)),
        '/' => f.write_str(r"\/"),
        '\\' => f.write_str(r"\\"),
        '\u{8}' => f.write_str(r"\b"),
        '\t' => f.write_str(r"\t"),
        '\n' => f.write_str(r"\n"),
        '\u{c}' => f.write_str(r"\f"),
        '\r' => f.write_str(r"\r"),
        ' '..='\u{7f}' => f.write_char(character),
        _ => character
            .encode_utf16(&mut [0; 2])
            .iter()
            .try_for_each(|unit| write!(f, "\\u{unit:04x}")),
    }
}

pub(super) fn xml_character(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '<' => f.write_str("&lt;"),
        '>' => f.write_str("&gt;"),
        '&' => f.write_str("&amp;"),
        '"' => f.write_str("&quot;"),
        '\'' => f.write_str("&#39;"),
        // XML parsers read an unescaped carriage return as a line feed.
        '\r' => f.write_str("&#13;"),
        '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'.. => f.write_char(character),
        _ => f.write_char(char::REPLACEMENT_CHARACTER),
    }
}

pub(super) fn nvp_character(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        ';' | '=' => f.write_char(' '),
        _ if character.is_control() => f.write_char(' '),
        _ => f.write_char(character),
    }
}
