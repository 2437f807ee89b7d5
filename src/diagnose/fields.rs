//! The known fields of a request, and the names and separators that went wrong.

use super::body::is_json;
use super::finding::{Findings, Mistake};
use super::names::{self, Spelling};
use crate::field::Field;
use crate::received::multipart::TextPart;
use crate::received::{SecretBytes, decode};

/// As many fields as PHP reads, unless it is configured for more.
pub(super) const MAX_FIELDS: usize = 1000;
/// The longest value that is decoded, encoded: a `goto` over its cap, all of it escapes.
const MAX_VALUE: usize = 3 * (Field::Goto.cap() + 1);
/// The longest name of a format, encoded.
const MAX_FORMAT: usize = 48;

/// The part of a request that a form comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Body,
}

/// The first field of a known name.
pub(super) struct Sent<'a> {
    /// The value as it was sent, or its start if it is long. Empty if it was not percent-encoded.
    pub(super) raw: &'a [u8],
    /// The value, decoded.
    pub(super) value: SecretBytes,
    /// Whether the value is longer than what is kept.
    pub(super) is_long: bool,
    /// Whether it came in the query.
    pub(super) is_in_query: bool,
    /// Whether text without `=` follows.
    pub(super) has_tail: bool,
    /// Whether an escape of HTML follows, without `=`.
    pub(super) has_html_tail: bool,
    /// Whether a field of another name follows.
    pub(super) is_followed: bool,
}

impl<'a> Sent<'a> {
    /// A value of a query or a form body.
    fn encoded(place: Place, value: &'a [u8]) -> Self {
        let (raw, is_long) = start(value);
        Self { raw, is_in_query: place == Place::Query, ..Self::new(decode(raw), is_long) }
    }

    /// A value that is not percent-encoded.
    fn decoded(value: &[u8]) -> Self {
        let (value, is_long) = start(value);
        Self::new(SecretBytes(value.into()), is_long)
    }

    fn new(value: SecretBytes, is_long: bool) -> Self {
        Self {
            raw: &[],
            value,
            is_long,
            is_in_query: false,
            has_tail: false,
            has_html_tail: false,
            is_followed: false,
        }
    }
}

/// As much of a value as is read, and whether it has more.
fn start(value: &[u8]) -> (&[u8], bool) {
    value.get(..MAX_VALUE).map_or((value, false), |start| (start, start.len() < value.len()))
}

/// As much of an encoded name as is read. PHP drops any number of spaces before it (FIELD-3).
fn name_start(mut name: &[u8]) -> &[u8] {
    const MAX: usize = 3 * (names::MAX_NAME + 1);
    while name.len() > MAX
        && let [b' ' | b'+', rest @ ..] | [b'%', b'2', b'0', rest @ ..] = name
    {
        name = rest;
    }
    name.get(..MAX).unwrap_or(name)
}

/// What a request holds for one known field.
#[derive(Default)]
struct Seen<'a> {
    sent: Option<Sent<'a>>,
    /// The first other name that verification refuses.
    refused: Option<Mistake>,
    /// The first other name that verification ignores.
    ignored: Option<Mistake>,
}

/// The fields of one request, read from its query and its body.
pub(super) struct Fields<'a> {
    is_known: fn(Field) -> bool,
    seen: [Seen<'a>; Field::ALL.len()],
    encoded_twice: Option<Field>,
    has_json: bool,
    has_email: bool,
    is_cut: bool,
}

impl<'a> Fields<'a> {
    pub(super) fn new(is_known: fn(Field) -> bool) -> Self {
        let (seen, encoded_twice, has_json, has_email, is_cut) = Default::default();
        Self { is_known, seen, encoded_twice, has_json, has_email, is_cut }
    }

    fn known(&self) -> impl Iterator<Item = Field> {
        let is_known = self.is_known;
        Field::ALL.into_iter().filter(move |field| is_known(*field))
    }

    /// Reads a query or a form body.
    pub(super) fn read(&mut self, place: Place, form: &'a [u8]) {
        let mut last = None;
        let mut pairs = form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for pair in pairs.by_ref().take(MAX_FIELDS) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (halves.next().unwrap_or_default(), halves.next());
            let decoded = decode(name_start(name));
            match (names::read(&decoded.0, self.is_known), value) {
                (Some((field, Spelling::Exact)), value) => {
                    self.keep(field, || Sent::encoded(place, value.unwrap_or_default()));
                    last = Some(field);
                }
                (Some((_, Spelling::Ignored(_))) | None, None) => self.read_tail(name, last),
                (Some((field, spelling)), _) => {
                    self.note(field, spelling);
                    // Beside a field of the right name, it may be a part of the value before it.
                    let is_other = matches!(spelling, Spelling::Ignored(Mistake::ResemblingName));
                    if is_other && self.has(field) {
                        self.note_follower(last);
                    }
                    last = None;
                }
                (None, Some(value)) => {
                    self.note_other(&decoded.0, value, || decode(value));
                    if !names::is_of_mailer(&decoded.0) {
                        self.note_follower(last);
                    }
                }
            }
        }
        self.is_cut |= pairs.next().is_some();
    }

    /// Reads the parts of a multipart body.
    pub(super) fn read_parts(&mut self, parts: &[TextPart<'_>]) {
        for &TextPart { name, value } in parts {
            match names::read(name, self.is_known) {
                Some((field, Spelling::Exact)) => self.keep(field, || Sent::decoded(value)),
                Some((field, spelling)) => self.note(field, spelling),
                None => self.note_other(name, value, || SecretBytes(value.into())),
            }
        }
    }

    /// FIELD-2 refuses a repetition, so the first one is enough.
    fn keep(&mut self, field: Field, sent: impl FnOnce() -> Sent<'a>) {
        if let Some(seen) = self.seen.get_mut(field as usize) {
            seen.sent.get_or_insert_with(sent);
        }
    }

    fn note(&mut self, field: Field, spelling: Spelling) {
        let Some(seen) = self.seen.get_mut(field as usize) else { return };
        match spelling {
            Spelling::Exact => {}
            Spelling::Refused(mistake) => _ = seen.refused.get_or_insert(mistake),
            Spelling::Ignored(mistake) => _ = seen.ignored.get_or_insert(mistake),
        }
    }

    /// Notes what a field of no known name may be. Most values need not be decoded.
    fn note_other(&mut self, name: &[u8], value: &[u8], decoded: impl FnOnce() -> SecretBytes) {
        self.has_json |= matches!(value, [b'{' | b'[' | b'"' | b'%', ..]) && is_json(value);
        let letters = names::letters(name);
        self.has_email |= names::is_email(&letters.0);
        if value.len() <= MAX_FORMAT && names::asks_format(&letters.0, decoded) {
            self.note(Field::ResponseType, Spelling::Ignored(Mistake::FormatInOtherField));
        }
    }

    /// Notes that a field follows, of a name that no request has.
    fn note_follower(&mut self, last: Option<Field>) {
        if let Some(sent) = last.and_then(|field| self.sent_mut(field)) {
            sent.is_followed = true;
        }
    }

    /// Reads a text without `=`.
    fn read_tail(&mut self, text: &[u8], last: Option<Field>) {
        let is_before_equals = |field: &Field| {
            let rest = text.strip_prefix(field.name().as_bytes());
            rest.is_some_and(|rest| matches!(rest, [b'%', b'3', b'D' | b'd', ..]))
        };
        let encoded = self.known().find(is_before_equals);
        if let Some(field) = encoded {
            self.encoded_twice.get_or_insert(field);
        } else if let Some(sent) = last.and_then(|field| self.sent_mut(field)) {
            match starts_with_html(text) {
                true => sent.has_html_tail = true,
                false => sent.has_tail = true,
            }
        }
    }

    fn sent_mut(&mut self, field: Field) -> Option<&mut Sent<'a>> {
        self.seen.get_mut(field as usize)?.sent.as_mut()
    }

    /// A field that was sent under its name, perhaps empty.
    pub(super) fn sent(&self, field: Field) -> Option<&Sent<'a>> {
        self.seen.get(field as usize)?.sent.as_ref()
    }

    /// Whether a field has a value.
    pub(super) fn has(&self, field: Field) -> bool {
        self.sent(field).is_some_and(|sent| !sent.value.0.is_empty())
    }

    /// Whether a field was sent without a value.
    pub(super) fn is_empty(&self, field: Field) -> bool {
        self.sent(field).is_some_and(|sent| sent.value.0.is_empty())
    }

    /// Whether a field has exactly the name of a known one, or almost.
    pub(super) fn has_any_name(&self) -> bool {
        let is_seen = |seen: &Seen<'_>| {
            seen.sent.is_some() || seen.refused.is_some() || seen.ignored.is_some()
        };
        self.seen.iter().any(is_seen) || self.encoded_twice.is_some()
    }

    /// Whether a field of an unknown name holds JSON.
    pub(super) fn has_json(&self) -> bool {
        self.has_json
    }

    /// Whether a field of no known name has the name of an e-mail. In a link, that name is known.
    pub(super) fn has_email(&self) -> bool {
        self.has_email
    }

    /// Whether fields follow that were not read. Then no field can be called missing.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether the request does not have the field. Nothing is known if there are more fields than are read.
    pub(super) fn lacks(&self, field: Field) -> bool {
        !(self.is_cut || self.has(field))
    }

    /// Adds what is wrong with names and separators. `is_missing` says which fields the request lacks.
    pub(super) fn add_names(&self, is_missing: impl Fn(Field) -> bool, findings: &mut Findings) {
        if let Some(field) = self.encoded_twice.filter(|field| is_missing(*field)) {
            findings.add_to(field, Mistake::FormEncodedTwice);
        }
        for (field, seen) in Field::ALL.into_iter().zip(&self.seen) {
            let counts = field != Field::ResponseType && is_missing(field);
            let ignored = seen.ignored.filter(|_| counts);
            if let Some(mistake) = seen.refused.or(ignored) {
                findings.add_to(field, mistake);
            }
        }
        for (field, mistake) in self.known().filter_map(|field| self.field_inside(field)) {
            if is_missing(field) {
                findings.add_to(field, mistake);
            }
        }
    }

    /// Adds the name under which the request asks for a format. It is never the cause of a refusal.
    pub(super) fn add_format_name(&self, findings: &mut Findings) {
        let field = Field::ResponseType;
        let ignored = self.seen.get(field as usize).and_then(|seen| seen.ignored);
        if let Some(mistake) = ignored.filter(|_| self.lacks(field)) {
            findings.add_to(field, mistake);
        }
    }

    /// The first other field inside the value of a field. A `goto` may hold any.
    fn field_inside(&self, field: Field) -> Option<(Field, Mistake)> {
        let value = &self.sent(field).filter(|_| field != Field::Goto)?.value.0;
        let texts = value.split(|byte| *byte == b'=');
        // No name stands after the last `=`.
        let before_equals = texts.clone().take(texts.count().saturating_sub(1));
        before_equals.filter_map(|text| self.name_at_end(text)).next()
    }

    /// A known name at the end of a text, and a separator before it.
    fn name_at_end(&self, text: &[u8]) -> Option<(Field, Mistake)> {
        if text.ends_with("\u{d7}tamp".as_bytes()) || text.ends_with(b"\xd7tamp") {
            let field = Some(Field::Timestamp).filter(|field| (self.is_known)(*field));
            return field.map(|field| (field, Mistake::HtmlEscapedName));
        }
        self.known().find_map(|field| match *text.strip_suffix(field.name().as_bytes())? {
            [.., b'&'] => Some((field, Mistake::EncodedSeparator)),
            [.., b';' | b',' | b'|' | b'?' | b'\r' | b'\n' | b'\t' | b' '] => {
                Some((field, Mistake::OtherSeparator))
            }
            _ => None,
        })
    }
}

/// Whether a text starts with an escape of HTML, without its `&`.
pub(super) fn starts_with_html(text: &[u8]) -> bool {
    let end = text.iter().take(8).position(|byte| *byte == b';');
    let Some(entity) = end.and_then(|end| text.get(..end)) else { return false };
    match *entity {
        [b'#', b'x' | b'X', ref digits @ ..] => {
            !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit)
        }
        [b'#', ref digits @ ..] => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
        _ => matches!(entity, b"amp" | b"quot" | b"apos" | b"lt" | b"gt" | b"nbsp"),
    }
}
