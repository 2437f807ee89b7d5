//! Who is calling the API.
//!
//! The docs of [`verify_api_request`] list the rules API-1 to API-8. `docs/architecture.md` says where each
//! rule is applied.

pub(crate) mod action;
pub(crate) mod async_store;
pub(crate) mod attempt;
#[cfg(feature = "bcrypt")]
mod bcrypt_checks;
pub(crate) mod caller;
mod decide;
mod equal_work;
#[cfg(feature = "std")]
pub(crate) mod memory_store;
pub(crate) mod pending;
pub(crate) mod policy;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod store;
mod weak_secret;

use self::caller::ApiCaller;
use self::policy::ApiPolicy;
use self::refusal::ApiError;
use self::request::ApiRequest;
use self::store::CredentialStore;

/// Verifies who is calling the API, or says why the call is refused.
///
/// - **API-1**: The fields that are present decide the mode and the look-ups, as the table below says. If
///   `identifier` and `secret` are present, the login fields are ignored: no second try is made with them.
/// - **API-2**: Only the mode decides how a value is checked. The look of the value does not matter. Otherwise
///   somebody could present a stolen digest as the secret. A credential is checked against the raw secret
///   ([`StoredSecret`]). An admin is checked against the md5 of the password, 32 hexadecimal digits of
///   either case ([`StoredPassword`]).
/// - **API-3**: `password = md5(secret)` for a credential is off unless
///   [`ApiPolicy::with_md5_of_secret`] allows it, and only in the login fields. It is checked against a
///   plain secret, an md5, or the record's [compat scheme](crate::ApiCredential::with_compat).
/// - **API-4**: Each scheme has its own fallible constructor. Only `detect` reads the scheme from the text.
///   A bcrypt text without feature `bcrypt` is an error, never a plain secret.
/// - **API-5**: A presented secret over 71 bytes, or with a NUL, never matches bcrypt, and costs the same.
///   Bcrypt reads 72 bytes, and the last of them is a NUL that it appends.
/// - **API-6**: A record must have the name that was asked for. Identifiers are compared byte for byte,
///   usernames without ASCII case. A record with another name counts as absent, and has a cause of its own:
///   [`ApiRefusal::RecordNameMismatch`].
/// - **API-7**: The checks run in this order: shape, look-up, secret, admin enabled, API Access. A caller
///   who did not prove the secret learns nothing about the admin.
/// - **API-8**: A refusal costs the same whether the name is known or not. The store names a scheme and its bcrypt
///   cost: the costliest in use. A refusal costs as much as this scheme. If no record with that scheme was
///   checked, a decoy is checked. A match on a decoy is never a success.
///
/// | fields | mode | looked up |
/// |---|---|---|
/// | `identifier` and `secret`, whatever else is present | credential | credential |
/// | only one of `identifier` and `secret`, whatever else is present | malformed | nothing |
/// | `username` and `password` | credential if one has that identifier, otherwise admin login | credential and admin, always both |
/// | only one of `username` and `password` | malformed | nothing |
/// | none of the four | missing credentials | nothing |
///
/// This function blocks. With bcrypt, or with a store that must be awaited, call the steps of
/// [`ApiAttempt`](crate::ApiAttempt) instead. WHMCS authenticates every request, and a service should do the same.
///
/// Source: WHMCS documents the three modes, and that the admin needs API Access. The
/// look-ups, the order of the checks, API-3 and API-8 are this crate's decision.
///
/// # Errors
///
/// - [`ApiError::Refused`] with the cause. Unknown, wrong, missing and malformed credentials all get the
///   same public message.
/// - [`ApiError::Store`] if the store failed. Then nothing was decided.
///
/// # Security
///
/// API-8 holds for every refusal after a look-up. It does not cover
///
/// - a record with another scheme or bcrypt cost than [`CredentialStore::expected_schemes`] names: its own
///   check is done in addition;
/// - the time of the store's own look-ups;
/// - the length of a stored plain secret or password.
///
/// The time does not depend on where a wrong secret differs from the stored one. Bcrypt is an exception:
/// it looks up its tables by the presented secret. Identifiers and usernames are not treated as secrets.
///
/// [`ApiRefusal::RecordNameMismatch`]: crate::ApiRefusal::RecordNameMismatch
/// [`StoredPassword`]: crate::StoredPassword
/// [`StoredSecret`]: crate::StoredSecret
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "std")] {
/// use whmcs_auth::{
///     AdminState, ApiCredential, ApiMode, ApiPolicy, ApiRequest, MemoryStore, Refusal, StoredSecret,
///     verify_api_request,
/// };
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
    request.attempt(policy).verify(store)
}
