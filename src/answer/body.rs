//! The three bodies, and their escapes.

use alloc::string::String;
use core::fmt::{self, Write};

use crate::api::action::{Action, ActionName};

pub(super) fn json(message: &str) -> String {
    alloc::format!(r#"{{"result":"error","message":"{}"}}"#, Escaped(message, json_character))
}

pub(super) fn xml(action: Action<'_>, message: &str) -> String {
    let action = ActionName::try_from(action);
    alloc::format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <whmcsapi>\n\
         <action>{}</action>\n\
         <result>error</result>\n\
         <message>{}</message>\n\
         </whmcsapi>",
        action.as_ref().map_or("", ActionName::as_str),
        Escaped(message, xml_character),
    )
}

pub(super) fn nvp(message: &str) -> String {
    alloc::format!("result=error;message={}", Escaped(message, nvp_character))
}

type WriteCharacter = fn(char, &mut fmt::Formatter<'_>) -> fmt::Result;

/// Displays a text; the function writes each character.
struct Escaped<'a>(&'a str, WriteCharacter);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text, write) = self;
        text.chars().try_for_each(|character| write(character, f))
    }
}

/// Writes what PHP's `json_encode` writes with its four `JSON_HEX_*` flags. PHP writes the
/// hexadecimal digits of these escapes in upper case, and of all others in lower case.
fn json_character(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

fn xml_character(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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

fn nvp_character(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        ';' | '=' => f.write_char(' '),
        _ if character.is_control() => f.write_char(' '),
        _ => f.write_char(character),
    }
}
