//! Who calls the API.

pub(crate) mod action;
pub(crate) mod attempt;
pub(crate) mod caller;
mod decide;
mod equal_work;
pub(crate) mod look_up;
#[cfg(feature = "std")]
pub(crate) mod memory_store;
pub(crate) mod policy;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod store;

use self::attempt::ApiAttempt;
use self::caller::ApiCaller;
use self::policy::ApiPolicy;
use self::refusal::ApiError;
use self::request::ApiRequest;
use self::store::CredentialStore;

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
/// [`ApiError::Refused`] with the cause, or [`ApiError::Store`] if the store could not
/// answer, in which case nobody was judged.
///
/// # Security
///
/// Every refusal that follows a look-up costs what the checks of [`CredentialStore::expected_schemes`] cost,
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
) -> Result<ApiCaller<S::Id>, ApiError<S::Error>> {
    verify_attempt(&request.attempt(), store, policy)
}

impl ApiRequest<'_> {
    /// Verifies the request over a store, as [`verify_api_request`] does.
    ///
    /// # Errors
    ///
    /// Those of [`verify_api_request`].
    pub fn verify<S: CredentialStore + ?Sized>(
        &self,
        store: &S,
        policy: &ApiPolicy,
    ) -> Result<ApiCaller<S::Id>, ApiError<S::Error>> {
        verify_api_request(self, store, policy)
    }
}

/// Both steps over a store.
pub(crate) fn verify_attempt<S: CredentialStore + ?Sized>(
    attempt: &ApiAttempt<'_>,
    store: &S,
    policy: &ApiPolicy,
) -> Result<ApiCaller<S::Id>, ApiError<S::Error>> {
    let credential = match attempt.identifier() {
        Some(identifier) => store.find_credential(identifier).map_err(ApiError::Store)?,
        None => None,
    };
    let admin = match attempt.username() {
        Some(username) => store.find_admin(username).map_err(ApiError::Store)?,
        None => None,
    };
    let expected = store.expected_schemes();
    Ok(attempt.decide(credential.as_deref(), admin.as_deref(), expected, policy)?)
}
