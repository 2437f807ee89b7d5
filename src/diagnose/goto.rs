//! Which rule of its grammar a `goto` breaks (LINK-6).

use super::fields::Sent;
use super::finding::{Findings, Mistake};
use crate::autoauth::goto::{GotoRule, Parts, is_allowed};
use crate::field::Field;

/// Adds one finding or more if the grammar refuses the text, and that it may be cut.
pub(super) fn add(sent: &Sent<'_>, findings: &mut Findings) {
    let text = &*sent.value.0;
    if sent.is_long {
        return findings.add_to(Field::Goto, Mistake::GotoTooLong);
    } else if text.is_empty() {
        return;
    }
    if sent.has_tail || sent.is_followed && sent.raw.contains(&b'?') {
        findings.add_to(Field::Goto, Mistake::GotoCutAtAmpersand);
    }
    for rule in GotoRule::broken_by(text) {
        match rule {
            GotoRule::Length => findings.add_to(Field::Goto, Mistake::GotoTooLong),
            GotoRule::Characters => add_characters(text, findings),
            GotoRule::Start => add_start(text, findings),
            GotoRule::PathCharacters => add_path_characters(text, findings),
            GotoRule::DotSegments => findings.add_to(Field::Goto, Mistake::GotoDotSegment),
            GotoRule::Escapes => findings.add_to(Field::Goto, Mistake::GotoEscape),
        }
    }
}

fn add_characters(text: &[u8], findings: &mut Findings) {
    let is_white = |byte: &u8| *byte == b' ' || byte.is_ascii_control();
    for byte in text.iter().filter(|byte| !is_allowed(byte)) {
        findings.add_to(
            Field::Goto,
            match byte {
                byte if is_white(byte) => Mistake::GotoWhiteSpace,
                byte if !byte.is_ascii() => Mistake::GotoNotAscii,
                _ => Mistake::GotoCharacter,
            },
        );
    }
}

/// The other rules report a first character that they refuse.
fn add_start(text: &[u8], findings: &mut Findings) {
    match *text {
        [b'/', b'/', ..] => findings.add_to(Field::Goto, Mistake::GotoOtherSite),
        [b':' | b'@' | b';' | b'%', ..] => {}
        [b'.', b'/', ..] | [b'.', b'.', b'/', ..] | [b'.'] | [b'.', b'.'] => {}
        [first, ..] if !is_allowed(&first) => {}
        _ => findings.add_to(Field::Goto, Mistake::GotoStart),
    }
}

fn add_path_characters(text: &[u8], findings: &mut Findings) {
    let path = Parts::of(text).path;
    let scheme = path.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_url = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if is_url {
        findings.add_to(Field::Goto, Mistake::GotoFullUrl);
    }
    if path.contains(&b'%') {
        findings.add_to(Field::Goto, Mistake::GotoEscapeInPath);
    }
    let is_other = |byte: &u8| matches!(byte, b'@' | b';') || *byte == b':' && !is_url;
    if path.iter().any(is_other) {
        findings.add_to(Field::Goto, Mistake::GotoPathCharacter);
    }
}
