//! The look-ups of an attempt over an async store.

use alloc::borrow::Cow;
#[cfg(feature = "cache")]
use alloc::sync::Arc;
use core::future::{Future, ready};
#[cfg(feature = "cache")]
use std::time::Instant;

use super::attempt::ApiAttempt;
use super::caller::ApiCaller;
use super::policy::ApiPolicy;
use super::refusal::{ApiError, ApiRefusal};
use super::store::{Admin, ApiCredential, CredentialStore};
#[cfg(feature = "cache")]
use crate::cache::{Recall, VerificationCache};
use crate::stored::scheme::ExpectedSchemes;

/// Finds credentials and admins by name, for a service that awaits its look-ups. It works with every async
/// runtime.
///
/// [`ApiAttempt::look_up`] asks it. The methods return what those of
/// [`CredentialStore`](crate::CredentialStore) return: a record with the name that was asked for. Return
/// disabled admins, and leave deleted credentials out.
///
/// # Security
///
/// If the stored text of a row is not accepted by any constructor, log the error and return `Ok(None)`. An
/// error would become an answer with status 503, which shows the caller that the name exists. Return an
/// error only if the store could not answer for any name.
///
/// # Examples
///
/// The rows of a WHMCS database, in which secrets and passwords are bcrypt:
///
/// ```
/// use std::io;
/// use whmcs_auth::{
///     Admin, AdminState, ApiCredential, AsyncCredentialStore, BcryptCost, ExpectedSchemes,
///     PasswordScheme, SecretScheme, StoredPassword, StoredSecret,
/// };
///
/// struct Database;
///
/// struct Row {
///     id: u64,
///     name: String,
///     bcrypt: String,
///     is_disabled: bool,
///     has_api_access: bool,
/// }
///
/// impl Row {
///     fn admin_state(&self) -> AdminState {
///         match (self.is_disabled, self.has_api_access) {
///             (true, _) => AdminState::Disabled,
///             (false, false) => AdminState::WithoutApiAccess,
///             (false, true) => AdminState::WithApiAccess,
///         }
///     }
///
///     /// It counts as no record, and the operator learns why.
///     fn report(&self, error: impl std::fmt::Display) {
///         eprintln!("row {} cannot be read: {error}", self.id);
///     }
/// }
///
/// impl Database {
///     async fn row(&self, _sql: &str, _name: &str) -> io::Result<Option<Row>> {
///         Ok(None) // Ask your database here.
///     }
/// }
///
/// /// Credentials and admins have ids of their own.
/// #[derive(Clone)]
/// enum Id {
///     Credential(u64),
///     Admin(u64),
/// }
///
/// impl AsyncCredentialStore for Database {
///     type Id = Id;
///     type Error = io::Error;
///
///     async fn find_credential(&self, identifier: &str) -> io::Result<Option<ApiCredential<Id>>> {
///         let sql = "SELECT ... FROM tbldeviceauth WHERE identifier = ? AND deleted_at IS NULL";
///         let Some(row) = self.row(sql, identifier).await? else { return Ok(None) };
///         let secret = StoredSecret::bcrypt(&row.bcrypt).map_err(|error| row.report(error)).ok();
///         let state = row.admin_state();
///         Ok(secret.map(|secret| ApiCredential::new(Id::Credential(row.id), row.name, secret, state)))
///     }
///
///     async fn find_admin(&self, username: &str) -> io::Result<Option<Admin<Id>>> {
///         let sql = "SELECT ... FROM tbladmins WHERE username = ?";
///         let Some(row) = self.row(sql, username).await? else { return Ok(None) };
///         let password =
///             StoredPassword::bcrypt_of_md5(&row.bcrypt).map_err(|error| row.report(error)).ok();
///         let state = row.admin_state();
///         Ok(password.map(|password| Admin::new(Id::Admin(row.id), row.name, password, state)))
///     }
///
///     fn expected_schemes(&self) -> ExpectedSchemes {
///         let cost = BcryptCost::WHMCS;
///         ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
///     }
/// }
/// ```
pub trait AsyncCredentialStore: Sync {
    /// The record id. See [`CredentialStore::Id`](crate::CredentialStore::Id).
    type Id: Clone + Send + 'static;
    /// Why a look-up failed. Implement [`Error`](core::error::Error), so that
    /// [`Answer`](crate::answer::Answer) takes the failure.
    type Error: Send;

    /// Finds the API credential with this identifier.
    ///
    /// # Errors
    ///
    /// The store's own error if the look-up failed.
    fn find_credential(
        &self,
        identifier: &str,
    ) -> impl Future<Output = Result<Option<ApiCredential<Self::Id>>, Self::Error>> + Send;

    /// Finds the admin with this username.
    ///
    /// # Errors
    ///
    /// The store's own error if the look-up failed.
    fn find_admin(
        &self,
        username: &str,
    ) -> impl Future<Output = Result<Option<Admin<Self::Id>>, Self::Error>> + Send;

    /// The schemes that a refusal must cost. See
    /// [`CredentialStore::expected_schemes`](crate::CredentialStore::expected_schemes).
    fn expected_schemes(&self) -> ExpectedSchemes;
}

/// Makes an [`AsyncCredentialStore`] out of a [`CredentialStore`](crate::CredentialStore) that answers at
/// once, such as a `MemoryStore`. It clones the records that it finds.
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
    /// Makes every look-up that the attempt asks for (API-1), and keeps the records for the decision. So no
    /// look-up is left out, and no record takes another's place.
    ///
    /// # Errors
    ///
    /// [`ApiError::Store`] if a look-up failed. A malformed request causes no look-up and no error:
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
            Ok(PendingDecision {
                attempt,
                credential,
                admin,
                expected,
                #[cfg(feature = "cache")]
                cache: None,
            })
        }
    }
}

/// An attempt with the records that were looked up for it. It owns them, so it can be moved into a blocking
/// thread.
///
/// Debug shows no name and no secret of the request.
#[derive(Clone, Debug)]
#[must_use]
pub struct PendingDecision<Id> {
    attempt: ApiAttempt<'static>,
    credential: Option<ApiCredential<Id>>,
    admin: Option<Admin<Id>>,
    expected: ExpectedSchemes,
    /// What remembers a match, and when the cache was asked.
    #[cfg(feature = "cache")]
    cache: Option<(Arc<VerificationCache>, Instant)>,
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
    /// A bcrypt takes tens of milliseconds. Call this in a blocking thread, and limit how many run at once.
    /// Move the permit of the limit into the thread. A caller who hangs up ends the future, but not the
    /// thread, so a permit in the future would end too early.
    pub fn decide(&self, policy: &ApiPolicy) -> Result<ApiCaller<Id>, ApiRefusal> {
        let (credential, admin) = (self.credential.as_ref(), self.admin.as_ref());
        let expected = self.expected;
        #[cfg(feature = "cache")]
        if let Some((cache, now)) = &self.cache {
            let attempt = &self.attempt;
            return attempt.decide_and_remember(credential, admin, expected, policy, cache, *now);
        }
        self.attempt.decide(credential, admin, expected, policy)
    }

    /// Asks a cache before bcrypt. It takes about a microsecond, so it can run on an async executor.
    ///
    /// `now` is the time of the call. A match that [`decide`](Self::decide) finds is remembered from this
    /// time on.
    ///
    /// # Security
    ///
    /// The records are those that were looked up for this call, so a changed secret or a disabled admin counts.
    /// A refusal takes the same steps with every cache: see [the module](crate::cache).
    ///
    /// # Examples
    ///
    /// [The module](crate::cache) has one.
    #[cfg(feature = "cache")]
    pub fn recall(
        mut self,
        cache: &Arc<VerificationCache>,
        now: Instant,
        policy: &ApiPolicy,
    ) -> Recall<ApiCaller<Id>, Self> {
        let (credential, admin) = (self.credential.as_ref(), self.admin.as_ref());
        match self.attempt.recall(credential, admin, self.expected, policy, cache, now) {
            Some(caller) => Recall::Accepted(caller),
            None => {
                self.cache = Some((Arc::clone(cache), now));
                Recall::Pending(self)
            }
        }
    }
}
