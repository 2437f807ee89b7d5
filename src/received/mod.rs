//! The fields of one request as they were received: the one reader of queries, content types and bodies.

mod content_type;
pub(crate) mod forward;
pub(crate) mod multipart;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, str};

pub(crate) use self::content_type::ContentType;
use crate::api::request::ApiRequest;
use crate::autoauth::request::AutoAuthRequest;
use crate::field::{Fields, Malformed};
use crate::php_name;

/// The fields of one HTTP request, from its query and its body. Needs feature `form`.
///
/// Use it if a request may send fields in several places, if your service reads other fields than those for
/// authentication, or if it forwards the request to PHP.
///
/// | part of the request | method | what is read |
/// |---|---|---|
/// | query | [`with_query`](Self::with_query) | pairs between `&`; `+` and `%20` are a space |
/// | body | [`with_body`](Self::with_body) | the same for `application/x-www-form-urlencoded`, and the text parts of `multipart/form-data` |
/// | all of it | `with_request`, with feature `http` | query and body, by method and headers |
///
/// Add the query before the body, as PHP does: if two fields have one name, the later one counts. A name that
/// [`Field`](crate::Field) knows is malformed if it occurs twice, wherever it occurs (FIELD-2).
///
/// Bytes are kept as they are, UTF-8 or not. A request with more than 1,000 fields is malformed, with the code
/// `field_count`, unless [`with_max_fields`](Self::with_max_fields) sets another number. A request takes at most 16
/// bytes of memory for each byte that was received, and 24 bytes more. While a body is added to a query, what the query
/// took may exist twice.
///
/// # Security
///
/// A body of any other type makes the request malformed, with the code `body_not_form`. Its type is never
/// guessed. A multipart body that two readers could read in two ways is malformed, with the code `multipart_broken`.
/// Otherwise PHP could carry out another call than the one that was verified.
///
/// Debug shows the number of fields, and no name and no value. With feature `zeroize`, names and values are
/// wiped when they are dropped.
///
/// # Examples
///
/// A gateway verifies the call, and forwards what was verified:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use whmcs_auth::gate::{AddressGate, ApiGate};
/// use whmcs_auth::{
///     AdminState, AllowedActions, ApiCredential, MemoryStore, Received, StoredSecret,
/// };
///
/// let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
/// let credential = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess)
///     .with_actions(AllowedActions::new(["GetClients"]));
/// let store = MemoryStore::new([credential], [])?;
/// let gate = ApiGate::new(AddressGate::open());
///
/// let body = "search=a+b&identifier=id&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
/// let received = Received::new()
///     .with_query("action=GetClients")
///     .with_body(Some("application/x-www-form-urlencoded; charset=UTF-8"), body);
/// let call = gate.verify("203.0.113.7".parse()?, &received.api_request(), &store)?;
/// assert_eq!(call.action.as_str(), "getclients");
/// assert_eq!(received.field("search"), Some(&b"a b"[..]));
/// assert_eq!(
///     received.to_api_form()?,
///     "identifier=id&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo&action=GetClients&search=a+b",
/// );
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Received {
    /// The names and values of all fields, one after the other.
    text: SecretBytes,
    fields: Vec<Span>,
    max_fields: usize,
    /// What makes the request malformed, whatever its fields are.
    fault: Option<Malformed>,
}

/// Where a name and its value end in the text. Its start is the end of the field before it.
#[derive(Clone, Copy)]
struct Span {
    place: Place,
    name_end: usize,
    end: usize,
}

/// PHP reads the query and the body apart from each other, and merges them afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Query,
    Body,
}

/// A field as it was received, decoded.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'r> {
    pub(crate) place: Place,
    pub(crate) name: &'r [u8],
    pub(crate) value: &'r [u8],
}

impl Received {
    /// A request without fields.
    pub const fn new() -> Self {
        Self { text: SecretBytes(Vec::new()), fields: Vec::new(), max_fields: 1000, fault: None }
    }

    /// Sets how many fields are read: `max_input_vars` of the PHP that the request is forwarded to. Set it before
    /// fields are added.
    pub const fn with_max_fields(mut self, count: usize) -> Self {
        self.max_fields = count;
        self
    }

    /// Adds the fields of a raw query, without its `?`.
    pub fn with_query<Q: AsRef<[u8]> + ?Sized>(mut self, query: &Q) -> Self {
        self.read_form(Place::Query, query.as_ref());
        self
    }

    /// Adds the fields of a raw body. `content_type` is the value of the header `Content-Type`: pass `None` if the
    /// request has none, or more than one.
    ///
    /// The type is `application/x-www-form-urlencoded` or `multipart/form-data`, in any case. The parameters of a
    /// form are ignored, as PHP ignores them. A body of another type, or of none, is malformed unless it is empty.
    ///
    /// A multipart part with a file name is left out: PHP keeps files apart from the fields.
    pub fn with_body<B: AsRef<[u8]> + ?Sized>(
        mut self,
        content_type: Option<&str>,
        body: &B,
    ) -> Self {
        let body = body.as_ref();
        if body.is_empty() {
            return self;
        }
        match content_type.and_then(ContentType::read) {
            Some(ContentType::Form) => self.read_form(Place::Body, body),
            Some(ContentType::Multipart(content_type)) => self.read_multipart(content_type, body),
            None => self.refuse(Malformed::BodyNotForm),
        }
        self
    }

    /// Makes the request malformed. The first fault is kept.
    pub(crate) fn refuse(&mut self, fault: Malformed) {
        self.fault.get_or_insert(fault);
    }

    fn read_form(&mut self, place: Place, form: &[u8]) {
        // The shortest pair is one byte and a separator.
        let pairs = separators(form).saturating_add(1).min(form.len().div_ceil(2));
        self.reserve(pairs, form.len());
        // Most forms are plain, or need nothing but spaces.
        let append = match [b'%', b'+'].map(|mark| form.contains(&mark)) {
            [false, false] => Vec::extend_from_slice,
            [false, true] => extend_with_spaces,
            [true, _] => decode_into,
        };
        for pair in form.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let [name, value] = [halves.next(), halves.next()].map(Option::unwrap_or_default);
            if !self.push(place, name, value, append) {
                return;
            }
        }
    }

    fn read_multipart(&mut self, content_type: &str, body: &[u8]) {
        let max_parts = self.max_fields.saturating_sub(self.fields.len());
        match multipart::text_parts(content_type, body, max_parts) {
            Ok(parts) => {
                self.reserve(parts.len(), body.len());
                for part in parts {
                    self.push(Place::Body, part.name, part.value, Vec::extend_from_slice);
                }
            }
            Err(Malformed::FieldCount { .. }) => self.refuse_count(),
            Err(fault) => self.refuse(fault),
        }
    }

    /// Makes room for fields of that many bytes together. Later the text never grows, because that would leave a
    /// copy of a secret in memory.
    fn reserve(&mut self, fields: usize, bytes: usize) {
        let unread = self.max_fields.saturating_sub(self.fields.len());
        self.fields.reserve_exact(fields.min(unread));
        let mut text = Vec::with_capacity(self.text.0.len().saturating_add(bytes));
        text.extend_from_slice(&self.text.0);
        self.text = SecretBytes(text);
    }

    /// Adds a field. A field without a name is dropped, as in PHP. Returns whether more fields may follow.
    fn push(
        &mut self,
        place: Place,
        name: &[u8],
        value: &[u8],
        append: impl Fn(&mut Vec<u8>, &[u8]),
    ) -> bool {
        let start = self.text.0.len();
        append(&mut self.text.0, name);
        let name_end = self.text.0.len();
        if name_end == start {
            return true;
        }
        if self.fields.len() >= self.max_fields {
            self.text.0.truncate(start);
            self.refuse_count();
            return false;
        }
        append(&mut self.text.0, value);
        self.fields.push(Span { place, name_end, end: self.text.0.len() });
        true
    }

    fn refuse_count(&mut self) {
        self.refuse(Malformed::FieldCount { max_fields: self.max_fields });
    }

    /// The request for the API.
    pub fn api_request(&self) -> ApiRequest<'_> {
        ApiRequest { fields: self.fields() }
    }

    /// The login link.
    pub fn autoauth_request(&self) -> AutoAuthRequest<'_> {
        AutoAuthRequest { fields: self.fields() }
    }

    fn fields<const FIRST: usize, const N: usize>(&self) -> Fields<'_, FIRST, N> {
        let mut fields = Fields::default();
        for Pair { name, value, .. } in self.pairs() {
            fields.read_pair(name, Lossy(value));
        }
        if let Some(fault) = self.fault {
            fields.refuse(fault);
        }
        fields
    }

    /// The decoded fields, in the order in which they arrived.
    pub(crate) fn pairs(&self) -> impl DoubleEndedIterator<Item = Pair<'_>> + Clone {
        self.fields.iter().enumerate().filter_map(|(index, span)| {
            let before = index.checked_sub(1).and_then(|index| self.fields.get(index));
            let start = before.map_or(0, |before| before.end);
            let name = self.text.0.get(start..span.name_end)?;
            let value = self.text.0.get(span.name_end..span.end)?;
            Some(Pair { place: span.place, name, value })
        })
    }

    /// The value that PHP has under this name: the last one, unless it is an array.
    ///
    /// PHP reads `client.id` and ` client_id` as `client_id`, and `items[]` as the array `items`. PHP's limit
    /// on the depth of arrays is not applied here.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let (is_array, value) = self.pairs().rev().find_map(|pair| {
            let (stored, is_array) = php_name::stored(pair.name)?;
            (*stored == *name.as_bytes()).then_some((is_array, pair.value))
        })?;
        (!is_array).then_some(value)
    }
}

impl Default for Received {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("fields", &self.fields.len())
            .field("fault", &self.fault)
            .finish()
    }
}

/// Bytes that may be secret, wiped when they are dropped.
#[derive(Clone)]
pub(crate) struct SecretBytes(pub(crate) Vec<u8>);

#[cfg(feature = "zeroize")]
impl Drop for SecretBytes {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

/// A value that becomes a string, with U+FFFD for bytes that are not UTF-8. Only the values of known fields become
/// strings.
struct Lossy<'a>(&'a [u8]);

impl<'a> From<Lossy<'a>> for Cow<'a, str> {
    /// The text never grows, because that would leave a copy of a secret in memory.
    fn from(Lossy(value): Lossy<'a>) -> Self {
        if let Ok(text) = str::from_utf8(value) {
            return Self::Borrowed(text);
        }
        let mut text = String::with_capacity(value.len().saturating_mul(3));
        for chunk in value.utf8_chunks() {
            text.push_str(chunk.valid());
            if !chunk.invalid().is_empty() {
                text.push(char::REPLACEMENT_CHARACTER);
            }
        }
        Self::Owned(text)
    }
}

/// How many `&` a form has. A part of 255 bytes is counted in one byte, so many bytes are compared at once.
fn separators(form: &[u8]) -> usize {
    let count = |part: &[u8]| part.iter().map(|byte| u8::from(*byte == b'&')).sum::<u8>();
    form.chunks(255).map(|part| usize::from(count(part))).sum()
}

/// Decodes a name or a value of a form, and appends it. The result is never longer than the text.
fn decode_into(bytes: &mut Vec<u8>, text: &[u8]) {
    if !text.contains(&b'%') {
        return extend_with_spaces(bytes, text);
    }
    for (place, part) in text.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            bytes.push(b' ');
        }
        bytes.extend(percent_encoding::percent_decode(part));
    }
}

/// Appends a text without escapes. `+` is a space.
fn extend_with_spaces(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend(text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }));
}

/// Decodes into a new vector. It never grows, because that would leave a copy of a secret in memory.
#[cfg(feature = "diagnose")]
pub(crate) fn decode(text: &[u8]) -> SecretBytes {
    let mut bytes = Vec::with_capacity(text.len());
    decode_into(&mut bytes, text);
    SecretBytes(bytes)
}
