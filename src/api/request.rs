//! The fields of an API request.

use alloc::borrow::Cow;
use core::fmt;

use super::action::Action;
use crate::field::{Field, Fields, Malformed};
use crate::pairs::Pairs;

/// A call of the WHMCS API: the decoded fields that this crate uses.
///
/// | field | use |
/// |---|---|
/// | `identifier`, `secret` | an API credential |
/// | `username`, `password` | an API credential, or an admin's username and the md5 of the password |
/// | `accesskey` | for an [`AddressGate`](crate::gate::AddressGate); never a credential |
/// | `action` | for [`ApiCaller::authorize`](crate::ApiCaller::authorize) |
/// | `responsetype` | for an [`Answer`](crate::answer::Answer) |
///
/// The rules FIELD-1 to FIELD-7, with the cap of each field, are listed at [`Field`]. Building a
/// request never fails: every verification refuses a malformed one. The value of a malformed field is not
/// kept.
///
/// Source: WHMCS documents the fields.
///
/// # Security
///
/// A gateway that passes a verified request on to PHP must forward fields that it encoded itself, never the
/// bytes that it received (FIELD-3). `Received::to_api_form`, with feature `form`, writes such a form. The
/// rules for a form of your own:
///
/// - Forward one pair of credentials: the pair that was verified. A request may hold both pairs. Then
///   `identifier` and `secret` count here (API-1), so drop `username` and `password`.
/// - Forward the fields of the table first, and all others after them.
/// - Forward no more fields than PHP accepts (`max_input_vars`, 1000 by default), and refuse a request with
///   more. PHP drops the fields after that number. If it dropped `identifier` and `secret`, it would use the
///   login fields.
/// - Forward no cookies: PHP may read them as request fields.
///
/// Debug shows which fields are present, without their values. With feature `zeroize`, values that the
/// request owns are wiped on drop.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Action, ApiRequest, ResponseType};
///
/// let request = ApiRequest::from_pairs([
///     ("action", "GetClients"),
///     ("identifier", "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv"),
///     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
///     ("responsetype", "json"),
/// ]);
/// assert_eq!(request.action(), Action::Named("GetClients"));
/// assert_eq!(request.response_type(), ResponseType::Json);
/// assert_eq!(request.access_key(), Ok(None));
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ApiRequest<'a> {
    pub(crate) fields: Fields<'a, { Field::Identifier as usize }, 7>,
}

impl<'a> ApiRequest<'a> {
    /// Reads decoded pairs of name and value, for example from a multipart reader, or from an extractor of
    /// type `Vec<(String, String)>`. Pass all pairs of the request.
    ///
    /// Bytes that are not UTF-8 must have been replaced by U+FFFD, as `String::from_utf8_lossy` does, so that
    /// FIELD-5 refuses them. If fields come in the query and in the body, pass both, the query first. A name
    /// that occurs in both is then malformed (FIELD-2).
    ///
    /// # Security
    ///
    /// A map does not compile: it has already dropped the repetitions that FIELD-2 refuses.
    pub fn from_pairs(pairs: impl Pairs<'a>) -> Self {
        Self::from_decoded(pairs.into_pairs())
    }

    fn from_decoded<N, V>(pairs: impl Iterator<Item = (N, V)>) -> Self
    where
        N: AsRef<str>,
        V: Into<Cow<'a, str>>,
    {
        Self { fields: Fields::from_pairs(pairs) }
    }

    /// Reads a raw body whose content type you have checked, or a raw query without its `?`. Needs feature
    /// `form`.
    ///
    /// The content type must be `application/x-www-form-urlencoded`. Otherwise take
    /// [`Received`](crate::Received), which checks the content type, and reads a query and a body as one
    /// request.
    ///
    /// `+` and `%20` are both read as a space. Bytes that are not UTF-8 are read as U+FFFD, which FIELD-5
    /// refuses.
    ///
    /// # Security
    ///
    /// PHP reads no field out of a body of another type, such as JSON or multipart. If this function reads one,
    /// you may verify another request than the one that PHP carries out.
    ///
    /// The buffers of the form decoder are not wiped.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::{Action, ApiRequest};
    ///
    /// let request = ApiRequest::from_form("action=GetClients&identifier=id&secret=s%2Be+c");
    /// assert_eq!(request.action(), Action::Named("GetClients"));
    /// ```
    #[cfg(feature = "form")]
    pub fn from_form<B: AsRef<[u8]> + ?Sized>(body: &'a B) -> Self {
        Self::from_decoded(form_urlencoded::parse(body.as_ref()))
    }

    /// The action that the caller asks for (FIELD-6).
    #[must_use]
    pub fn action(&self) -> Action<'_> {
        match self.fields.text(Field::Action) {
            None => Action::Absent,
            Some(name) if Action::is_valid(name) => Action::Named(name),
            Some(_) => Action::Invalid,
        }
    }

    /// The format that the caller wants the answer in.
    #[must_use]
    pub fn response_type(&self) -> ResponseType {
        match self.fields.text(Field::ResponseType) {
            Some(name) if name.eq_ignore_ascii_case("json") => ResponseType::Json,
            Some(name) if name.eq_ignore_ascii_case("xml") => ResponseType::Xml,
            _ => ResponseType::Nvp,
        }
    }

    /// The presented access key. It may lift the address restriction, but does not say who is calling.
    ///
    /// # Errors
    ///
    /// [`Malformed`] if the field breaks a rule of [`Field`]. A check of the address comes before
    /// verification, so its refusal must say that the key was malformed.
    ///
    /// # Security
    ///
    /// The access key is a secret. [`AddressGate::check`](crate::gate::AddressGate::check) compares it in
    /// constant time; compare it so yourself if you use another check.
    pub fn access_key(&self) -> Result<Option<&str>, Malformed> {
        self.fields.content(Field::AccessKey)
    }

    /// The fault of the first malformed field, in the order of [`Field`].
    pub(crate) fn malformed(&self) -> Option<Malformed> {
        self.fields.faults().next()
    }

    /// Whether a field belongs to such a request.
    #[cfg(feature = "form")]
    pub(crate) fn reads(field: Field) -> bool {
        !matches!(field, Field::Email | Field::Timestamp | Field::Hash | Field::Goto)
    }

    /// The fields that count, for a gateway: one pair of credentials, and those beside it.
    #[cfg(feature = "form")]
    pub(crate) fn forwarded(&self) -> impl Iterator<Item = (Field, &str)> + Clone {
        let is_credential = self.fields.text(Field::Identifier).is_some();
        let pair = match is_credential {
            true => [Field::Identifier, Field::Secret],
            false => [Field::Username, Field::Password],
        };
        let others = [Field::AccessKey, Field::Action, Field::ResponseType];
        let fields = pair.into_iter().chain(others);
        fields.filter_map(|field| Some((field, self.fields.text(field)?)))
    }

    /// The same request with text of its own.
    pub fn into_owned(self) -> ApiRequest<'static> {
        ApiRequest { fields: self.fields.into_owned() }
    }
}

impl fmt::Debug for ApiRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.debug(f, "ApiRequest", self.malformed())
    }
}

/// The `responsetype` of an [`ApiRequest`], read without ASCII case.
///
/// Source: WHMCS documents the three formats and the default.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiRequest, ResponseType};
///
/// let request = ApiRequest::from_pairs([("responsetype", "JSON")]);
/// assert_eq!(request.response_type(), ResponseType::Json);
/// assert_eq!(ApiRequest::default().response_type(), ResponseType::Nvp);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResponseType {
    /// `nvp`, any other text, or no field: `result=error;message=...`, the default of WHMCS.
    #[default]
    Nvp,
    /// `json`.
    Json,
    /// `xml`.
    Xml,
}
