//! The fields of an API request.

use core::fmt;

use super::action::Action;
use crate::field::{ApiFields, Field, Fields, Malformed};
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
    pub(crate) fields: ApiFields<'a>,
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
        Self { fields: Fields::from_pairs(pairs.into_pairs()) }
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

    /// Whether the field `responsetype` holds something other than the three formats. The answer is then NVP, which
    /// the caller may not expect.
    #[must_use]
    pub fn has_unknown_response_type(&self) -> bool {
        let known = ["json", "xml", "nvp"];
        self.fields.content(Field::ResponseType).is_ok_and(|text| {
            text.is_some_and(|text| !known.iter().any(|name| text.eq_ignore_ascii_case(name)))
        })
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
    /// The access key is a secret. [`AddressGate::check`](crate::gate::AddressGate::check) compares it in constant
    /// time. If you use another check, also compare it in constant time.
    pub fn access_key(&self) -> Result<Option<&str>, Malformed> {
        self.fields.content(Field::AccessKey)
    }

    /// The fault of the first malformed field, in the order of [`Field`].
    pub(crate) fn malformed(&self) -> Option<Malformed> {
        self.fields.fault()
    }

    /// Whether a field belongs to such a request.
    #[cfg(feature = "form")]
    pub(crate) fn reads(field: Field) -> bool {
        ApiFields::holds(field)
    }

    /// The same request with owned strings.
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
    /// `nvp`, any other value, or no field: `result=error;message=...`, the default of WHMCS.
    #[default]
    Nvp,
    /// `json`.
    Json,
    /// `xml`.
    Xml,
}
