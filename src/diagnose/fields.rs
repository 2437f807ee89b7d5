//! The known fields of a request, and the names and separators that went wrong.

use super::body::is_json;
use super::finding::{Finding, Findings};
use super::names::{self, Spelling};
use crate::field::Field;
use crate::received::{SecretBytes, decode};

/// As many fields as PHP reads, unless it is configured for more.
const MAX_FIELDS: usize = 1000;
/// The longest value that is decoded, encoded: a `goto` over its cap, all of it escapes.
const MAX_VALUE: usize = 3 * (2048 + 1);
/// The longest name that is decoded, encoded.
const MAX_NAME: usize = 3 * 64;

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

impl Sent<'_> {
    fn of(value: SecretBytes) -> Self {
        Self {
            raw: &[],
            value,
            is_long: false,
            is_in_query: false,
            has_tail: false,
            has_html_tail: false,
            is_followed: false,
        }
    }
}

/// As much of a value as is decoded, and whether it has more.
fn start(value: &[u8]) -> (&[u8], bool) {
    value.get(..MAX_VALUE).map_or((value, false), |start| (start, start.len() < value.len()))
}

/// Most values are not, and need not be decoded.
fn may_be_json(value: &[u8]) -> bool {
    matches!(value, [b'{' | b'[' | b'"' | b'%', ..])
}

/// The fields of one request, read from its query and its body.
pub(super) struct Fields<'a> {
    known: &'static [Field],
    sent: [Option<Sent<'a>>; Field::ALL.len()],
    spelled: [Option<Spelling>; Field::ALL.len()],
    encoded_twice: Option<Field>,
    has_json: bool,
    is_cut: bool,
}

/// Whether the fields are those of the query.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Query,
    Body,
}

impl<'a> Fields<'a> {
    pub(super) fn new(known: &'static [Field]) -> Self {
        Self {
            known,
            sent: [const { None }; Field::ALL.len()],
            spelled: [None; Field::ALL.len()],
            encoded_twice: None,
            has_json: false,
            is_cut: false,
        }
    }

    /// Reads a query or a form body.
    pub(super) fn read(&mut self, place: Place, form: &'a [u8]) {
        let mut last = None;
        let mut pairs = form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        for pair in pairs.by_ref().take(MAX_FIELDS) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let name = halves.next().unwrap_or_default();
            let value = halves.next();
            let spelled = match name.len() <= MAX_NAME {
                true => names::read(&decode(name).0, self.known),
                false => None,
            };
            match (spelled, value) {
                (Some((field, Spelling::Exact)), value) => {
                    let (raw, is_long) = start(value.unwrap_or_default());
                    let is_in_query = place == Place::Query;
                    self.keep(field, || Sent {
                        raw,
                        is_long,
                        is_in_query,
                        ..Sent::of(decode(raw))
                    });
                    last = Some(field);
                }
                (Some((field, spelling)), Some(_)) => {
                    self.note(field, spelling);
                    last = None;
                }
                (_, None) => self.read_tail(name, last),
                (None, Some(value)) => {
                    self.has_json |= may_be_json(value) && is_json(value);
                    if let Some(sent) = last.and_then(|field| self.sent_mut(field)) {
                        sent.is_followed = true;
                    }
                }
            }
        }
        self.is_cut |= pairs.next().is_some();
    }

    /// Reads names and values that are not percent-encoded.
    pub(super) fn read_decoded<'p>(
        &mut self,
        mut pairs: impl Iterator<Item = (&'p [u8], &'p [u8])>,
    ) {
        for (name, value) in pairs.by_ref().take(MAX_FIELDS) {
            let spelled = match name.len() <= MAX_NAME {
                true => names::read(name, self.known),
                false => None,
            };
            match spelled {
                Some((field, Spelling::Exact)) => {
                    let (start, is_long) = start(value);
                    self.keep(field, || Sent { is_long, ..Sent::of(SecretBytes(start.into())) });
                }
                Some((field, spelling)) => self.note(field, spelling),
                None => self.has_json |= may_be_json(value) && is_json(value),
            }
        }
        self.is_cut |= pairs.next().is_some();
    }

    /// Whether fields follow that were not read. Then no field can be called missing.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// FIELD-2 refuses a repetition, so the first one is enough.
    fn keep(&mut self, field: Field, sent: impl FnOnce() -> Sent<'a>) {
        if let Some(kept @ None) = self.sent.get_mut(field as usize) {
            *kept = Some(sent());
        }
    }

    fn note(&mut self, field: Field, spelling: Spelling) {
        if let Some(spelled) = self.spelled.get_mut(field as usize) {
            spelled.get_or_insert(spelling);
        }
    }

    /// Reads a text without `=`.
    fn read_tail(&mut self, text: &[u8], last: Option<Field>) {
        let is_before_equals = |field: &&Field| {
            let rest = text.strip_prefix(field.name().as_bytes());
            rest.is_some_and(|rest| matches!(rest, [b'%', b'3', b'D' | b'd', ..]))
        };
        if let Some(field) = self.known.iter().find(is_before_equals) {
            self.encoded_twice.get_or_insert(*field);
        } else if let Some(sent) = last.and_then(|field| self.sent_mut(field)) {
            match starts_with_html(text) {
                true => sent.has_html_tail = true,
                false => sent.has_tail = true,
            }
        }
    }

    fn sent_mut(&mut self, field: Field) -> Option<&mut Sent<'a>> {
        self.sent.get_mut(field as usize)?.as_mut()
    }

    /// A field that was sent under its name, perhaps empty.
    pub(super) fn sent(&self, field: Field) -> Option<&Sent<'a>> {
        self.sent.get(field as usize)?.as_ref()
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
        self.sent.iter().any(Option::is_some)
            || self.spelled.iter().any(Option::is_some)
            || self.encoded_twice.is_some()
    }

    /// Adds what is wrong with names and separators. `is_missing` says which fields the request lacks.
    pub(super) fn add_names(&self, is_missing: impl Fn(Field) -> bool, findings: &mut Findings) {
        if let Some(field) = self.encoded_twice.filter(|field| is_missing(*field)) {
            findings.add(Finding::FormEncodedTwice(field));
        }
        for (field, spelled) in Field::ALL.into_iter().zip(self.spelled) {
            let counts = |spelling: &Spelling| spelling.is_always_wrong() || is_missing(field);
            if let Some(finding) =
                spelled.filter(counts).and_then(|spelling| spelling.finding(field))
            {
                findings.add(finding);
            }
        }
        for inside in self.known.iter().filter_map(|field| self.field_inside(*field)) {
            match inside {
                Finding::OtherSeparator(field)
                | Finding::EncodedSeparator(field)
                | Finding::HtmlEscapedName(field)
                    if !is_missing(field) => {}
                finding => findings.add(finding),
            }
        }
    }

    /// Whether a field that is no known one holds JSON.
    pub(super) fn has_json(&self) -> bool {
        self.has_json
    }

    /// The first other field inside the value of a field. A `goto` may hold any.
    fn field_inside(&self, field: Field) -> Option<Finding> {
        let value = &self.sent(field).filter(|_| field != Field::Goto)?.value.0;
        let names = value.split(|byte| *byte == b'=');
        // The text behind the last `=` is no name.
        let names = names.clone().take(names.count().saturating_sub(1));
        names.filter_map(|text| self.name_at_end(text)).next()
    }

    /// A known name at the end of a text, and a separator before it.
    fn name_at_end(&self, text: &[u8]) -> Option<Finding> {
        if text.ends_with("\u{d7}tamp".as_bytes()) || text.ends_with(b"\xd7tamp") {
            return self
                .known
                .contains(&Field::Timestamp)
                .then_some(Finding::HtmlEscapedName(Field::Timestamp));
        }
        self.known.iter().find_map(|field| match *text.strip_suffix(field.name().as_bytes())? {
            [.., b'&'] => Some(Finding::EncodedSeparator(*field)),
            [.., b';' | b',' | b'|' | b'?' | b'\r' | b'\n' | b'\t' | b' '] => {
                Some(Finding::OtherSeparator(*field))
            }
            _ => None,
        })
    }
}

/// Whether a text starts with an escape of HTML behind its `&`.
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
