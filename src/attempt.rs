//! Which mode a request asks for, and what is looked up for it.

use core::fmt;

use crate::decide::ApiPolicy;
use crate::fields::{Field, Text};
use crate::forms::StoredForm;
use crate::gate::AllowedActions;
use crate::refusal::{ApiRefusal, VerifyError};
use crate::request::ApiRequest;
use crate::store::CredentialStore;

/// Says who calls the API, or why not.
///
/// | fields | mode | looked up |
/// |---|---|---|
/// | `identifier` and `secret`, whatever else is there | credential | credential by identifier |
/// | only one of `identifier` and `secret`, whatever else is there | malformed | nothing |
/// | `username` and `password` | credential if one has that identifier, otherwise admin login | both, always |
/// | only one of `username` and `password` | malformed | nothing |
/// | none of the four | missing credentials | nothing |
///
/// The checks come in this order: shape, look-up, secret, admin enabled, API Access. Nothing about
/// the admin is told to a caller who did not prove the secret.
///
/// Source: the modes and API Access are documented by WHMCS; what is looked up, and the order, are
/// this crate's.
///
/// This is the blocking form, for a store that answers at once. With bcrypt, or with a store that
/// must be awaited, take the two steps of [`ApiAttempt`] yourself. WHMCS authenticates on every
/// request, and so should the service.
///
/// # Errors
///
/// [`VerifyError::Refused`] with the cause, or [`VerifyError::Store`] if the store could not
/// answer, in which case nobody was judged.
///
/// # Security
///
/// Every refusal that follows a look-up costs what the checks of [`CredentialStore::forms`] cost,
/// whether the name is known or not; a record of another form costs its own check on top. The
/// store's own time is the store's.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use whmcs_auth::*;
///
/// let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
/// let identifier = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
/// let credential = ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess);
/// let store = MemoryStore::new([credential], [])?;
///
/// let request = ApiRequest::from_pairs([
///     ("identifier", identifier),
///     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
/// ]);
/// let caller = verify_api_request(&request, &store, &ApiPolicy::new())?;
/// assert_eq!(caller.id, 7);
/// assert_eq!(caller.mode, ApiMode::Credential);
///
/// let request = ApiRequest::from_pairs([("identifier", identifier), ("secret", "guess")]);
/// let error = verify_api_request(&request, &store, &ApiPolicy::new()).unwrap_err();
/// assert_eq!(error.code(), "wrong_secret");
/// assert_eq!(error.public_message(), "Authentication Failed");
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_api_request<S: CredentialStore + ?Sized>(
    request: &ApiRequest<'_>,
    store: &S,
    policy: &ApiPolicy,
) -> Result<ApiCaller<S::Id>, VerifyError<S::Error>> {
    request.attempt().verify(store, policy)
}

/// In which of the three modes a caller was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiMode {
    /// `identifier` and `secret`.
    Credential,
    /// The same pair in `username` and `password`.
    CredentialAsLogin,
    /// An admin's username and the md5 of the password.
    AdminLogin,
}

impl fmt::Display for ApiMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Credential => "credential",
            Self::CredentialAsLogin => "credential-as-login",
            Self::AdminLogin => "admin-login",
        })
    }
}

/// Who calls the API.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub struct ApiCaller<Id> {
    /// The store's own key: of the admin in mode [`AdminLogin`](ApiMode::AdminLogin), otherwise
    /// of the credential. Read it together with the mode.
    pub id: Id,
    /// The mode.
    pub mode: ApiMode,
    /// The stored form that matched, for an operator who wants to retire the weak ones.
    pub form: StoredForm,
    /// Whether the md5 was presented and not the secret itself: always so for an admin, and for a
    /// credential only under [`ApiPolicy::md5_of_secret`].
    pub presented_md5: bool,
    /// Those of the credential.
    pub(crate) actions: AllowedActions,
}

/// A request whose shape was judged: it says what to look up, and
/// [`decide`](Self::decide) takes the records found.
///
/// These are the two steps of [`verify_api_request`], without I/O, for a service that awaits its
/// records, joins or caches the look-ups, or moves the decision into a blocking thread. A request
/// of the wrong shape asks for nothing and is refused by `decide`. [`VerifyError`] serves here, too:
/// `?` turns a refusal into one, and `VerifyError::Store` takes whatever kept a record from coming.
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
    pub(crate) name: Text<'a>,
    pub(crate) secret: Text<'a>,
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
            name: Text::new(self.fields.required(name)?),
            secret: Text::new(self.fields.required(secret)?),
        })
    }
}

impl ApiAttempt<'_> {
    /// Both steps over a store.
    pub(crate) fn verify<S: CredentialStore + ?Sized>(
        &self,
        store: &S,
        policy: &ApiPolicy,
    ) -> Result<ApiCaller<S::Id>, VerifyError<S::Error>> {
        let credential = match self.identifier() {
            Some(identifier) => store
                .find_credential(identifier)
                .map_err(VerifyError::Store)?,
            None => None,
        };
        let admin = match self.username() {
            Some(username) => store.find_admin(username).map_err(VerifyError::Store)?,
            None => None,
        };
        let forms = store.forms();
        Ok(self.decide(credential.as_deref(), admin.as_deref(), forms, policy)?)
    }

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
