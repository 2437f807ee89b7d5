//! API-1: which pair of fields counts, and what to look up for it.

use super::refusal::ApiRefusal;
use super::request::ApiRequest;
use crate::field::Field;
use crate::secret_text::SecretText;

/// One attempt to authenticate: the pair of fields that counts (API-1), before any look-up.
///
/// It splits [`verify_api_request`](crate::verify_api_request) into two steps without I/O:
///
/// 1. [`identifier`](Self::identifier) and [`username`](Self::username) say what to look up.
/// 2. [`decide`](Self::decide) takes the records that were found.
///
/// [`look_up`](Self::look_up) makes the look-ups over an async store, and returns what decides. Take the two
/// steps yourself to cache or join the look-ups.
/// A malformed request, or one without credentials, asks for no look-up, and `decide` refuses it.
///
/// [`ApiError`](crate::ApiError) works here, too: `?` turns a refusal into one, and `ApiError::Store` holds
/// the error of a look-up.
///
/// # Security
///
/// Make every look-up that the attempt asks for, even if the first one found a record. Otherwise the number
/// of look-ups shows whether a name is known. Debug shows no name and no secret.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiPolicy, ApiRequest, ExpectedSchemes, PasswordScheme, SecretScheme};
///
/// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "secret")]);
/// let attempt = request.attempt().into_owned();
/// assert_eq!(attempt.identifier(), Some("admin"));
/// assert_eq!(attempt.username(), Some("admin"));
///
/// // Nothing was found.
/// let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
/// let refusal = attempt.decide::<u64>(None, None, expected, &ApiPolicy::new()).unwrap_err();
/// assert_eq!(refusal.to_string(), "no API credential and no admin has this name");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiAttempt<'a>(pub(crate) Result<Presented<'a>, ApiRefusal>);

/// The pair of fields that counts.
#[derive(Clone, Debug)]
pub(crate) struct Presented<'a> {
    pub(crate) pair: Pair,
    pub(crate) name: SecretText<'a>,
    pub(crate) secret: SecretText<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// `identifier` and `secret`.
    Credential,
    /// `username` and `password`.
    Login,
}

impl ApiRequest<'_> {
    /// Checks the shape of the request (API-1): the first step of [`ApiAttempt`].
    ///
    /// It never fails. A refusal of the shape comes from [`ApiAttempt::refusal`] or [`ApiAttempt::decide`].
    pub fn attempt(&self) -> ApiAttempt<'_> {
        ApiAttempt(self.presented())
    }

    fn presented(&self) -> Result<Presented<'_>, ApiRefusal> {
        if let Some(fault) = self.malformed() {
            return Err(fault.into());
        }
        let has = |field| self.fields.text(field).is_some();
        let (pair, name, secret) = if has(Field::Identifier) || has(Field::Secret) {
            (Pair::Credential, Field::Identifier, Field::Secret)
        } else if has(Field::Username) || has(Field::Password) {
            (Pair::Login, Field::Username, Field::Password)
        } else {
            return Err(ApiRefusal::MissingCredentials);
        };
        Ok(Presented {
            pair,
            name: SecretText::new(self.fields.required(name)?),
            secret: SecretText::new(self.fields.required(secret)?),
        })
    }
}

impl ApiAttempt<'_> {
    /// The identifier of the API credential to look up. `None` if the shape is refused.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        let presented = self.0.as_ref().ok()?;
        Some(presented.name.as_str())
    }

    /// The username of the admin to look up. `None` if the shape is refused, or if `identifier` and `secret`
    /// count.
    ///
    /// Look the admin up even if a credential was found, so that the number of look-ups does not show
    /// whether the identifier is known.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        let presented = self.0.as_ref().ok()?;
        (presented.pair == Pair::Login).then_some(presented.name.as_str())
    }

    /// Why the shape of the request is refused: [`ApiRefusal::Malformed`] or
    /// [`ApiRefusal::MissingCredentials`]. [`decide`](Self::decide) returns the same refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiRefusal> {
        self.0.as_ref().err().copied()
    }

    /// The same attempt with text of its own, to move into a blocking thread.
    pub fn into_owned(self) -> ApiAttempt<'static> {
        ApiAttempt(self.0.map(|presented| Presented {
            pair: presented.pair,
            name: presented.name.into_owned(),
            secret: presented.secret.into_owned(),
        }))
    }
}
