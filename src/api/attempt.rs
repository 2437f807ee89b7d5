//! The request as an attempt to prove who calls: one pair of fields, and what to look up for it.

use super::refusal::ApiRefusal;
use super::request::ApiRequest;
use crate::field::Field;
use crate::secret_text::SecretText;

/// A request whose shape was judged: it says what to look up, and
/// [`decide`](Self::decide) takes the records found.
///
/// These are the two steps of [`verify_api_request`](crate::verify_api_request), without I/O, for a service that awaits its
/// records, joins or caches the look-ups, or moves the decision into a blocking thread. A request
/// of the wrong shape asks for nothing and is refused by `decide`. [`ApiError`](crate::ApiError) serves here, too:
/// `?` turns a refusal into one, and `ApiError::Store` takes whatever kept a record from coming.
///
/// Debug shows no name and no secret.
///
/// # Examples
///
/// ```
/// # use whmcs_auth::ApiRequest;
/// let attempt = ApiRequest::from_pairs([("username", "admin"), ("password", "secret")])
///     .attempt()
///     .into_owned();
/// assert_eq!(attempt.identifier(), Some("admin"));
/// assert_eq!(attempt.username(), Some("admin"));
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiAttempt<'a>(pub(crate) Result<Presented<'a>, ApiRefusal>);

/// The one pair of fields that counts.
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
    /// Judges the shape of the request: the first step of [`ApiAttempt`].
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
    /// The identifier of the API credential to look up, if any.
    pub fn identifier(&self) -> Option<&str> {
        let presented = self.0.as_ref().ok()?;
        Some(presented.name.as_str())
    }

    /// The username of the admin to look up, if any. Look it up whether or not a credential was
    /// found, so that the number of look-ups tells nothing.
    pub fn username(&self) -> Option<&str> {
        let presented = self.0.as_ref().ok()?;
        (presented.pair == Pair::Login).then_some(presented.name.as_str())
    }

    /// Why the shape of the request is refused, for a service that answers at once.
    pub fn refusal(&self) -> Option<ApiRefusal> {
        self.0.as_ref().err().copied()
    }

    /// The same attempt, owning its text, to move into a blocking thread.
    pub fn into_owned(self) -> ApiAttempt<'static> {
        ApiAttempt(self.0.map(|presented| Presented {
            pair: presented.pair,
            name: presented.name.into_owned(),
            secret: presented.secret.into_owned(),
        }))
    }
}
