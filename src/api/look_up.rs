//! The look-ups of an attempt over an async store.

use alloc::borrow::Cow;
use core::future::{Future, ready};

use super::attempt::ApiAttempt;
use super::caller::ApiCaller;
use super::policy::ApiPolicy;
use super::refusal::{ApiError, ApiRefusal};
use super::store::{Admin, ApiCredential, CredentialStore};
use crate::stored::scheme::ExpectedSchemes;

/// Finds records by name, for a service that awaits them. It is the async twin of
/// [`CredentialStore`](crate::CredentialStore), without a runtime of its own.
///
/// [`ApiAttempt::look_up`] asks it. What each method must return is said at
/// [`CredentialStore`](crate::CredentialStore): a record with the very name that was asked for,
/// disabled admins too, no deleted credential.
///
/// # Security
///
/// A row whose stored text no constructor takes is no record: report it to your operator, and return
/// `Ok(None)`. An error would become an answer with status 503, and tell the caller that the name
/// exists. Return an error only where the store could not answer for any name.
///
/// # Examples
///
/// ```
/// use std::io;
/// use whmcs_auth::{
///     Admin, ApiCredential, AsyncCredentialStore, BcryptCost, ExpectedSchemes, PasswordScheme,
///     SchemeError, SecretScheme,
/// };
///
/// struct Database;
///
/// impl AsyncCredentialStore for Database {
///     type Id = u64;
///     type Error = io::Error;
///
///     async fn find_credential(
///         &self,
///         identifier: &str,
///     ) -> Result<Option<ApiCredential<u64>>, io::Error> {
///         // SELECT ... FROM tbldeviceauth WHERE identifier = ? AND deleted_at IS NULL
/// #       let _ = identifier;
///         Ok(None)
///     }
///
///     async fn find_admin(&self, username: &str) -> Result<Option<Admin<u64>>, io::Error> {
///         // SELECT ... FROM tbladmins WHERE username = ?
/// #       let _ = username;
///         Ok(None)
///     }
///
///     fn expected_schemes(&self) -> ExpectedSchemes {
///         // As WHMCS stores them.
///         let cost = BcryptCost::WHMCS;
///         ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
///     }
/// }
/// ```
pub trait AsyncCredentialStore: Sync {
    /// The store's own key of a record. See [`CredentialStore::Id`](crate::CredentialStore::Id).
    type Id: Clone + Send + 'static;
    /// Why the store could not answer.
    type Error: Send;

    /// Finds the API credential with that identifier.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    fn find_credential(
        &self,
        identifier: &str,
    ) -> impl Future<Output = Result<Option<ApiCredential<Self::Id>>, Self::Error>> + Send;

    /// Finds the admin with that username.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    fn find_admin(
        &self,
        username: &str,
    ) -> impl Future<Output = Result<Option<Admin<Self::Id>>, Self::Error>> + Send;

    /// The schemes that a refusal must cost. See
    /// [`CredentialStore::expected_schemes`](crate::CredentialStore::expected_schemes).
    fn expected_schemes(&self) -> ExpectedSchemes;
}

/// A store that answers at once, as an async one: a `MemoryStore`, or a double in a
/// test. It clones what it finds.
#[derive(Clone, Copy, Debug)]
pub struct ReadyStore<S>(pub S);

impl<S> AsyncCredentialStore for ReadyStore<S>
where
    S: CredentialStore<Id: Send + 'static, Error: Send> + Sync,
{
    type Id = S::Id;
    type Error = S::Error;

    fn find_credential(
        &self,
        identifier: &str,
    ) -> impl Future<Output = Result<Option<ApiCredential<S::Id>>, S::Error>> + Send {
        ready(self.0.find_credential(identifier).map(owned))
    }

    fn find_admin(
        &self,
        username: &str,
    ) -> impl Future<Output = Result<Option<Admin<S::Id>>, S::Error>> + Send {
        ready(self.0.find_admin(username).map(owned))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        self.0.expected_schemes()
    }
}

fn owned<R: Clone>(found: Option<Cow<'_, R>>) -> Option<R> {
    found.map(Cow::into_owned)
}

impl ApiAttempt<'_> {
    /// Looks up what the attempt asks for: nothing for a malformed request, otherwise the credential,
    /// and for a login the admin too, whatever was found before.
    ///
    /// # Errors
    ///
    /// [`ApiError::Store`] if the store could not answer. A malformed request is no error here:
    /// [`PendingDecision::decide`] refuses it.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use whmcs_auth::{
    ///     ApiCaller, ApiError, ApiPolicy, AsyncCredentialStore, Received,
    /// };
    ///
    /// async fn who_calls<S: AsyncCredentialStore>(
    ///     received: &Received,
    ///     store: &S,
    /// ) -> Result<ApiCaller<S::Id>, ApiError<S::Error>> {
    ///     let decision = received.api_request().attempt().look_up(store).await?;
    ///     // Bcrypt takes tens of milliseconds: it runs in a blocking thread.
    ///     let decided = tokio::task::spawn_blocking(move || decision.decide(&ApiPolicy::new()));
    ///     Ok(decided.await.expect("the decision never panics")?)
    /// }
    /// # }
    /// ```
    pub fn look_up<S: AsyncCredentialStore + ?Sized>(
        self,
        store: &S,
    ) -> impl Future<Output = Result<PendingDecision<S::Id>, ApiError<S::Error>>> + Send {
        let attempt = self.into_owned();
        async move {
            let credential = match attempt.identifier() {
                Some(name) => store.find_credential(name).await.map_err(ApiError::Store)?,
                None => None,
            };
            let admin = match attempt.username() {
                Some(name) => store.find_admin(name).await.map_err(ApiError::Store)?,
                None => None,
            };
            let expected = store.expected_schemes();
            Ok(PendingDecision { attempt, credential, admin, expected })
        }
    }
}

/// An attempt with the records that were looked up for it. It owns all that the decision takes, so it can
/// be moved into a blocking thread.
///
/// Debug shows no name and no secret of the request.
#[derive(Clone, Debug)]
#[must_use]
pub struct PendingDecision<Id> {
    attempt: ApiAttempt<'static>,
    credential: Option<ApiCredential<Id>>,
    admin: Option<Admin<Id>>,
    expected: ExpectedSchemes,
}

impl<Id: Clone> PendingDecision<Id> {
    /// Decides, as [`ApiAttempt::decide`] does.
    ///
    /// # Errors
    ///
    /// The cause of the refusal: see [`ApiRefusal`].
    ///
    /// # Security
    ///
    /// A bcrypt takes tens of milliseconds. Call this in a blocking thread, and limit how many run at
    /// once. Hold the permit inside the thread: a caller who hangs up ends the future, not the thread.
    pub fn decide(&self, policy: &ApiPolicy) -> Result<ApiCaller<Id>, ApiRefusal> {
        self.attempt.decide(self.credential.as_ref(), self.admin.as_ref(), self.expected, policy)
    }
}
