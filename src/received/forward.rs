//! The form that a gateway forwards to PHP.

use alloc::collections::BTreeMap;
use alloc::string::String;

use super::{Pair, Place, Received};
use crate::api::refusal::ApiRefusal;
use crate::api::request::ApiRequest;
use crate::field::Field;
use crate::php_name;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

impl Received {
    /// Encodes a new form to forward to PHP. Call it after the request was verified.
    ///
    /// The fields that were verified come first: the pair of credentials that counts, the access key, the
    /// action and the response type. All others follow in the order in which they arrived. A verified field
    /// that is empty is left out, and so is a pair of credentials that does not count.
    ///
    /// # Errors
    ///
    /// - [`ForwardRefusal::Api`] if verification refuses the shape of the request. This includes a request with
    ///   more fields than [`with_max_fields`](Self::with_max_fields) allows: PHP would drop some.
    /// - [`ForwardRefusal::SplitArray`] if one name is in the query and in the body, and is an array such as
    ///   `items[]` in one of them. PHP merges the two by index. One form cannot express that.
    ///
    /// # Security
    ///
    /// Send it as the body of a POST with the content type `application/x-www-form-urlencoded`. Send no
    /// query and no cookies: PHP may read both as fields. The form holds the secret, so do not log it. The returned
    /// string is not wiped when it is dropped.
    pub fn to_api_form(&self) -> Result<String, ForwardRefusal> {
        let request = self.api_request();
        let pair = request.presented()?.pair.fields();
        let beside = [Field::AccessKey, Field::Action, Field::ResponseType];
        let known = pair.into_iter().chain(beside);
        let known = known.filter_map(|field| Some((field, request.fields.text(field)?)));
        let others = self.pairs().filter(|pair| !is_api_field(pair.name));
        if has_split_array(others.clone()) {
            return Err(ForwardRefusal::SplitArray);
        }
        // An escape has three bytes, and each field has two separators. The string never grows, because that would
        // leave a copy of the secret in memory.
        let bytes = |pair: Pair<'_>| pair.name.len().saturating_add(pair.value.len());
        let decoded = self.pairs().map(bytes).fold(0, usize::saturating_add);
        let separators = self.pairs().count().saturating_mul(2);
        let mut form = String::with_capacity(decoded.saturating_mul(3).saturating_add(separators));
        for (field, value) in known {
            append(&mut form, field.name().as_bytes(), value.as_bytes());
        }
        for Pair { name, value, .. } in others {
            append(&mut form, name, value);
        }
        Ok(form)
    }
}

fn is_api_field(name: &[u8]) -> bool {
    Field::named(name).is_some_and(ApiRequest::reads)
}

/// Whether one name is in both the query and the body, and is an array in at least one of them.
fn has_split_array<'a>(pairs: impl Iterator<Item = Pair<'a>>) -> bool {
    let mut names = BTreeMap::<_, [bool; 3]>::new();
    for Pair { place, name, .. } in pairs {
        if let Some((name, is_array)) = php_name::stored(name) {
            let [in_query, in_body, as_array] = names.entry(name).or_default();
            *in_query |= place == Place::Query;
            *in_body |= place == Place::Body;
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
    /// Verification refuses the shape of the request. The [`ApiRefusal`] gives the code and the public message.
    #[error(transparent)]
    Api(#[from] ApiRefusal),
    /// One name is in the query and in the body, and is an array in at least one of them. Code
    /// `split_array`; the public message is `Bad Request`, 400.
    #[error("a field is in both the query and the body, and one of the two is an array")]
    SplitArray,
}

impl Refusal for ForwardRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Api(refusal) => refusal.code(),
            Self::SplitArray => "split_array",
        }
    }
}

impl Sealed for ForwardRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Api(refusal) => refusal.public_answer(),
            Self::SplitArray => PublicAnswer::BadRequest,
        }
    }
}
