//! Which rule of its grammar a `goto` breaks (LINK-6).

use super::fields::Sent;
use super::finding::{Finding, Findings};
use crate::autoauth::goto::{GotoRule, Parts, is_allowed};

/// Adds one finding or more if the grammar refuses the text, and that it may be cut.
pub(super) fn add(sent: &Sent<'_>, findings: &mut Findings) {
    let text = &*sent.value.0;
    if sent.is_long {
        return findings.add(Finding::GotoTooLong);
    } else if text.is_empty() {
        return;
    }
    if sent.has_tail || sent.is_followed && sent.raw.contains(&b'?') {
        findings.add(Finding::GotoCutAtAmpersand);
    }
    for rule in GotoRule::broken_by(text) {
        match rule {
            GotoRule::Length => findings.add(Finding::GotoTooLong),
            GotoRule::Characters => add_characters(text, findings),
            GotoRule::Start => add_start(text, findings),
            GotoRule::PathCharacters => add_path_characters(text, findings),
            GotoRule::DotSegments => findings.add(Finding::GotoDotSegment),
            GotoRule::Escapes => findings.add(Finding::GotoEscape),
        }
    }
}

fn add_characters(text: &[u8], findings: &mut Findings) {
    let is_white = |byte: &u8| *byte == b' ' || byte.is_ascii_control();
    for byte in text.iter().filter(|byte| !is_allowed(byte)) {
        findings.add(match byte {
            byte if is_white(byte) => Finding::GotoWhiteSpace,
            byte if !byte.is_ascii() => Finding::GotoNotAscii,
            _ => Finding::GotoCharacter,
        });
    }
}

/// The other rules report a first character that they refuse.
fn add_start(text: &[u8], findings: &mut Findings) {
    match *text {
        [b'/', b'/', ..] => findings.add(Finding::GotoOtherSite),
        [b':' | b'@' | b';' | b'%', ..] => {}
        [b'.', b'/', ..] | [b'.', b'.', b'/', ..] | [b'.'] | [b'.', b'.'] => {}
        [first, ..] if !is_allowed(&first) => {}
        _ => findings.add(Finding::GotoStart),
    }
}

fn add_path_characters(text: &[u8], findings: &mut Findings) {
    let path = Parts::of(text).path;
    let scheme = path.split(|byte| *byte == b':').next().unwrap_or_default();
    let is_url = scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
    if is_url {
        findings.add(Finding::GotoFullUrl);
    }
    if path.contains(&b'%') {
        findings.add(Finding::GotoEscapeInPath);
    }
    let is_other = |byte: &u8| matches!(byte, b'@' | b';') || *byte == b':' && !is_url;
    if path.iter().any(is_other) {
        findings.add(Finding::GotoPathCharacter);
    }
}
