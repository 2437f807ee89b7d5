//! The fields of one request as they were received, and the form that a gateway forwards.

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::api::request::ApiRequest;
use crate::autoauth::request::AutoAuthRequest;
use crate::field::{Field, Fields, Malformed};
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// The fields of one HTTP request, from its query, its form body and its multipart parts. Needs feature
/// `form`.
///
/// Use it if a request may send fields in several places, if your service reads other fields than those for
/// authentication, or if it forwards the request to PHP.
///
/// | part of the request | method | what is read |
/// |---|---|---|
/// | query | [`with_query`](Self::with_query) | pairs between `&`; `+` and `%20` are a space |
/// | body | [`with_body`](Self::with_body) | the same, if its content type is `application/x-www-form-urlencoded` |
/// | multipart parts | [`with_part`](Self::with_part) | one text part; a multipart decoder finds the parts |
///
/// Add the query before the body, as PHP does: if two fields have one name, the later one counts. A name
/// that [`Field`] knows is malformed if it occurs twice, in whatever part (FIELD-2).
///
/// Bytes are kept as they are, UTF-8 or not. A request with more than 10,000 fields is malformed, with the
/// code `field_count`: otherwise a short body could take a lot of memory.
///
/// # Security
///
/// A body of any other type makes the request malformed, with the code `body_not_form`. Its type is never
/// guessed. Otherwise the library could read a body as a form while PHP reads it as multipart, and PHP would
/// carry out another call than the one that was verified.
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
///     received.to_api_form(1000)?,
///     "identifier=id&secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo&action=GetClients&search=a+b",
/// );
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Received {
    pairs: Vec<Pair>,
    is_not_form: bool,
    has_too_many_fields: bool,
}

/// A field takes many times the memory of the two bytes that can stand for it in a body.
const MAX_FIELDS: usize = 10_000;

/// A name and a value, decoded.
#[derive(Clone)]
struct Pair {
    place: Place,
    name: SecretBytes,
    value: SecretBytes,
}

/// PHP reads the query and the body apart from each other, and merges them afterwards.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Query,
    Body,
}

impl Received {
    /// A request without fields.
    pub const fn new() -> Self {
        Self { pairs: Vec::new(), is_not_form: false, has_too_many_fields: false }
    }

    /// Adds the fields of a raw query, without its `?`.
    pub fn with_query<Q: AsRef<[u8]> + ?Sized>(mut self, query: &Q) -> Self {
        self.read_form(Place::Query, query.as_ref());
        self
    }

    /// Adds the fields of a raw body. `content_type` is the value of the header `Content-Type`.
    ///
    /// The type is `application/x-www-form-urlencoded`, in any case, perhaps with parameters after a `;`.
    /// They are ignored, as PHP ignores them. A body of another type, or of none, is malformed
    /// unless it is empty.
    pub fn with_body<B: AsRef<[u8]> + ?Sized>(
        mut self,
        content_type: Option<&str>,
        body: &B,
    ) -> Self {
        let body = body.as_ref();
        if is_form(content_type) {
            self.read_form(Place::Body, body);
        } else {
            self.is_not_form |= !body.is_empty();
        }
        self
    }

    /// Adds a text part of a multipart body, decoded. Leave out a part with a file name: PHP reads it as a
    /// file.
    pub fn with_part(mut self, name: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) -> Self {
        self.push(Place::Body, SecretBytes(name.into()), SecretBytes(value.into()));
        self
    }

    fn read_form(&mut self, place: Place, form: &[u8]) {
        for pair in form.split(|byte| *byte == b'&') {
            if self.has_too_many_fields {
                return;
            }
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let [name, value] = [halves.next(), halves.next()].map(Option::unwrap_or_default);
            self.push(place, decode(name), decode(value));
        }
    }

    /// PHP has no field without a name.
    fn push(&mut self, place: Place, name: SecretBytes, value: SecretBytes) {
        if name.0.is_empty() {
            return;
        }
        match self.pairs.len() < MAX_FIELDS {
            true => self.pairs.push(Pair { place, name, value }),
            false => self.has_too_many_fields = true,
        }
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
        let mut fields =
            Fields::from_pairs(self.pairs.iter().map(|Pair { name, value, .. }| {
                (String::from_utf8_lossy(&name.0), String::from_utf8_lossy(&value.0))
            }));
        if self.is_not_form {
            fields.refuse(Malformed::BodyNotForm);
        } else if self.has_too_many_fields {
            fields.refuse(Malformed::FieldCount);
        }
        fields
    }

    /// The decoded fields, in the order in which they arrived.
    #[cfg(feature = "diagnose")]
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|pair| (&*pair.name.0, &*pair.value.0))
    }

    /// The value that PHP has under this name: the last one, unless it is an array.
    ///
    /// PHP reads `client.id` and ` client_id` as `client_id`, and `items[]` as the array `items`. PHP's limits
    /// on the number of fields and on the depth of arrays are not applied here.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let (is_array, value) = self.pairs.iter().rev().find_map(|pair| {
            let (php_name, is_array) = php_name(&pair.name.0)?;
            (*php_name == *name.as_bytes()).then_some((is_array, &pair.value.0))
        })?;
        (!is_array).then_some(value)
    }

    /// The form to forward to PHP once the request was verified, encoded anew.
    ///
    /// The fields that were verified come first: the pair of credentials that counts, the access key, the
    /// action and the response type. All others follow in the order in which they arrived. A verified field
    /// that is empty is left out, and so is a pair of credentials that does not count.
    ///
    /// `max_fields` is PHP's setting `max_input_vars`, 1000 by default.
    ///
    /// # Errors
    ///
    /// - [`ForwardRefusal::Malformed`] for a request that verification refuses as malformed.
    /// - [`ForwardRefusal::TooManyFields`] for more fields than `max_fields`: PHP would drop some.
    /// - [`ForwardRefusal::SplitArray`] if one name is in the query and in the body, and is an array such as
    ///   `items[]` in one of them. PHP merges the two by index, and no single form does the same.
    ///
    /// # Security
    ///
    /// Send it as the body of a POST with the content type `application/x-www-form-urlencoded`. Send no
    /// query and no cookies: PHP may read both as fields. The form holds the secret, so do not log it. The returned
    /// text is not wiped when it is dropped.
    pub fn to_api_form(&self, max_fields: usize) -> Result<String, ForwardRefusal> {
        let request = self.api_request();
        if let Some(fault) = request.malformed() {
            return Err(ForwardRefusal::Malformed(fault));
        }
        let known = request.forwarded();
        let others = self.pairs.iter().filter(|pair| !is_api_field(&pair.name.0));
        let fields = known.clone().count().saturating_add(others.clone().count());
        if fields > max_fields {
            return Err(ForwardRefusal::TooManyFields { fields, max_fields });
        }
        if has_split_array(others.clone()) {
            return Err(ForwardRefusal::SplitArray);
        }
        // An escape has three bytes. The text never grows, as that would leave a copy of the secret behind.
        let bytes = |pair: &Pair| pair.name.0.len().saturating_add(pair.value.0.len());
        let decoded = self.pairs.iter().map(bytes).fold(0, usize::saturating_add);
        let separators = fields.saturating_mul(2);
        let mut form = String::with_capacity(decoded.saturating_mul(3).saturating_add(separators));
        for (field, value) in known {
            append(&mut form, field.name().as_bytes(), value.as_bytes());
        }
        for Pair { name, value, .. } in others {
            append(&mut form, &name.0, &value.0);
        }
        Ok(form)
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received")
            .field("fields", &self.pairs.len())
            .field("is_not_form", &self.is_not_form)
            .field("has_too_many_fields", &self.has_too_many_fields)
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

/// PHP ends the type at the first `;`, `,` or space. Only a `;` may follow it here, perhaps after spaces:
/// another reader may take a comma for the start of a second type.
pub(crate) fn is_form(content_type: Option<&str>) -> bool {
    let media_type = content_type.and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| {
        let media_type = media_type.trim_end_matches(' ');
        media_type.eq_ignore_ascii_case("application/x-www-form-urlencoded")
    })
}

/// The bytes of a name or a value in a form. Their vector never grows, as that would leave a copy behind.
pub(crate) fn decode(text: &[u8]) -> SecretBytes {
    let mut decoded = Vec::with_capacity(text.len());
    for (place, part) in text.split(|byte| *byte == b'+').enumerate() {
        if place > 0 {
            decoded.push(b' ');
        }
        decoded.extend(percent_encoding::percent_decode(part));
    }
    SecretBytes(decoded)
}

/// The name under which PHP stores a field, and whether the field is an array. `None` if PHP drops the
/// field.
fn php_name(name: &[u8]) -> Option<(Cow<'_, [u8]>, bool)> {
    let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
    let spaces = name.iter().take_while(|byte| **byte == b' ').count();
    let name = name.get(spaces..).unwrap_or_default();
    let bracket = name.iter().position(|byte| *byte == b'[').unwrap_or(name.len());
    let (base, rest) = name.split_at_checked(bracket)?;
    // PHP checks for this before it looks for the `]`.
    if base.is_empty() {
        return None;
    }
    let is_array = rest.contains(&b']');
    let stored = if is_array { base } else { name };
    let is_replaced = |byte: &u8| matches!(byte, b' ' | b'.' | b'[');
    let stored = match stored.iter().any(is_replaced) {
        true => {
            let underscored = |byte| if is_replaced(byte) { b'_' } else { *byte };
            Cow::Owned(stored.iter().map(underscored).collect())
        }
        false => Cow::Borrowed(stored),
    };
    // No other name may become one of these, which browsers accept only for secure cookies.
    let becomes = |prefix: &[u8]| stored.starts_with(prefix) && !name.starts_with(prefix);
    let is_dropped = becomes(b"__Host-") || becomes(b"__Secure-");
    (!is_dropped).then_some((stored, is_array))
}

fn is_api_field(name: &[u8]) -> bool {
    let field = core::str::from_utf8(name).ok().and_then(Field::named);
    field.is_some_and(ApiRequest::reads)
}

/// Whether one name is in the query, in the body, and an array in at least one of them.
fn has_split_array<'a>(pairs: impl Iterator<Item = &'a Pair>) -> bool {
    let mut names = BTreeMap::<_, [bool; 3]>::new();
    for Pair { place, name, .. } in pairs {
        if let Some((name, is_array)) = php_name(&name.0) {
            let [in_query, in_body, as_array] = names.entry(name).or_default();
            *in_query |= *place == Place::Query;
            *in_body |= *place == Place::Body;
            *as_array |= is_array;
        }
    }
    names.values().any(|seen| *seen == [true; 3])
}

fn append(form: &mut String, name: &[u8], value: &[u8]) {
    if !form.is_empty() {
        form.push('&');
    }
    form.extend(form_urlencoded::byte_serialize(name));
    form.push('=');
    form.extend(form_urlencoded::byte_serialize(value));
}

/// Why a request is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardRefusal {
    /// Verification refuses the request as malformed. Code: that of [`Malformed`].
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// PHP would drop fields of the form. Code `too_many_fields`; the public message is
    /// `Request Too Large`, 413.
    #[error("the request has {fields} fields, but PHP accepts {max_fields}: see max_input_vars")]
    TooManyFields {
        /// How many fields the form would have.
        fields: usize,
        /// How many PHP takes.
        max_fields: usize,
    },
    /// One name is in the query and in the body, and is an array in at least one of them. Code
    /// `split_array`; the public message is `Bad Request`, 400.
    #[error("a field is in both the query and the body, and one of the two is an array")]
    SplitArray,
}

impl Refusal for ForwardRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code(),
            Self::TooManyFields { .. } => "too_many_fields",
            Self::SplitArray => "split_array",
        }
    }
}

impl Sealed for ForwardRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Malformed(_) => PublicAnswer::AuthenticationFailed,
            Self::TooManyFields { .. } => PublicAnswer::RequestTooLarge,
            Self::SplitArray => PublicAnswer::BadRequest,
        }
    }
}
