//! The API request, as its fields arrived.

use alloc::borrow::Cow;
use core::fmt;

use super::action::Action;
use crate::field::{Field, Fields, Malformed};
use crate::pairs::Pairs;

/// A call of the WHMCS API: the seven fields that matter to authentication, decoded.
///
/// | field | use |
/// |---|---|
/// | `identifier`, `secret` | an API credential |
/// | `username`, `password` | the same pair, or an admin's username and the md5 of the password |
/// | `accesskey` | for an [`AddressGate`](crate::gate::AddressGate); never a credential |
/// | `action` | for [`ApiCaller::authorize`](crate::ApiCaller::authorize) |
/// | `responsetype` | for an [`Answer`](crate::answer::Answer) |
///
/// Every other field is ignored, and an empty field is an absent field. Building a request cannot
/// fail. One that breaks a rule of [`Malformed`] is built all the same, and every verification
/// refuses it; so there is one public answer. Of a malformed field no value is kept.
///
/// # Security
///
/// PHP reads ` action`, `action[]` and `action\0x` as `action`, and the last of two fields as the
/// one that counts. All of these are malformed here. A gateway that lets a verified request
/// through to PHP must forward fields that it encoded anew, never the bytes it received:
///
/// - Forward one pair of credentials, the one that was verified. A request may hold both; then
///   `identifier` and `secret` count here, and `username` and `password` are ignored.
/// - Put the fields of the table above first, and the others after them.
/// - Forward fewer fields than PHP takes (`max_input_vars`, 1000 by default) and refuse a request
///   with more. PHP drops those that are too many. Behind a thousand others it would drop
///   `identifier` and `secret`, and run the request for whoever the login fields name.
/// - Forward no cookies: they may change what PHP reads as a request field.
///
/// Debug shows which fields are present and none of their values. With feature `zeroize` the
/// values that the request owns are wiped when it is dropped.
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
/// assert_eq!(request.access_key(), None);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct ApiRequest<'a> {
    pub(crate) fields: Fields<'a, { Field::Identifier as usize }, 7>,
}

impl<'a> ApiRequest<'a> {
    /// Reads decoded name-value pairs, all of them, such as a multipart reader or an extractor of
    /// type `Vec<(String, String)>` yields. Bytes that were not UTF-8 must have become
    /// U+FFFD, as `String::from_utf8_lossy` makes them, so that they are refused.
    ///
    /// Where fields come in the query and in the body, chain the two: a name in both is malformed.
    ///
    /// # Security
    ///
    /// Never pass a map: it has lost the repetitions that must be refused.
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

    /// Reads a raw body of type `application/x-www-form-urlencoded`, or a raw query without its
    /// `?`. Both `+` and `%20` are a space; bytes that are not UTF-8 become U+FFFD. Needs feature
    /// `form`.
    ///
    /// # Security
    ///
    /// The decoder's own scratch buffers are not wiped.
    ///
    /// # Examples
    ///
    /// ```
    /// # use whmcs_auth::{Action, ApiRequest};
    /// let request = ApiRequest::from_form("action=GetClients&identifier=id&secret=s%2Be+c");
    /// assert_eq!(request.action(), Action::Named("GetClients"));
    /// ```
    #[cfg(feature = "form")]
    pub fn from_form<B: AsRef<[u8]> + ?Sized>(body: &'a B) -> Self {
        Self::from_decoded(form_urlencoded::parse(body.as_ref()))
    }

    /// Reads a raw query, without its `?`, and a raw form body: clients that post often leave
    /// `action` or `accesskey` in the query. A name in both is malformed. Needs feature `form`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use whmcs_auth::{Action, ApiRequest};
    /// let request = ApiRequest::from_query_and_form("action=GetClients", "accesskey=key%231%2B2");
    /// assert_eq!(request.action(), Action::Named("GetClients"));
    /// assert_eq!(request.access_key(), Some("key#1+2"));
    /// ```
    #[cfg(feature = "form")]
    pub fn from_query_and_form<Q, B>(query: &'a Q, body: &'a B) -> Self
    where
        Q: AsRef<[u8]> + ?Sized,
        B: AsRef<[u8]> + ?Sized,
    {
        let query = form_urlencoded::parse(query.as_ref());
        Self::from_decoded(query.chain(form_urlencoded::parse(body.as_ref())))
    }

    /// The action asked for.
    pub fn action(&self) -> Action<'_> {
        match self.fields.text(Field::Action) {
            None => Action::Absent,
            Some(name) if Action::is_valid(name) => Action::Named(name),
            Some(_) => Action::Invalid,
        }
    }

    /// The format in which the caller wants the answer.
    pub fn response_type(&self) -> ResponseType {
        match self.fields.text(Field::ResponseType) {
            Some(name) if name.eq_ignore_ascii_case("json") => ResponseType::Json,
            Some(name) if name.eq_ignore_ascii_case("xml") => ResponseType::Xml,
            _ => ResponseType::Nvp,
        }
    }

    /// The access key presented, which may lift an address restriction and proves nothing about
    /// who calls. It is a secret: compare it in constant time.
    pub fn access_key(&self) -> Option<&str> {
        self.fields.text(Field::AccessKey)
    }

    /// What is wrong with the first field that is malformed, in the order of [`Field`].
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

    /// The same request, owning its text.
    pub fn into_owned(self) -> ApiRequest<'static> {
        ApiRequest { fields: self.fields.into_owned() }
    }
}

impl fmt::Debug for ApiRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fields.debug(f, "ApiRequest", self.malformed())
    }
}

/// The `responsetype` of an [`ApiRequest`], compared without ASCII case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ResponseType {
    /// `nvp`, any other text, or none: WHMCS's default, `result=error;message=...`.
    #[default]
    Nvp,
    /// `json`.
    Json,
    /// `xml`.
    Xml,
}
