//! The look-ups of an attempt, and the decision about what they found.

use alloc::borrow::Cow;
use core::future::Future;

use super::async_store::AsyncCredentialStore;
use super::attempt::ApiAttempt;
use super::caller::ApiCaller;
use super::refusal::{ApiError, ApiRefusal};
use super::store::{Admin, ApiCredential, CredentialStore};
use crate::stored::scheme::ExpectedSchemes;

/// An attempt with the records that were looked up for it.
///
/// [`ApiAttempt::look_up`] and [`ApiAttempt::look_up_async`] return it. Debug shows no name and no secret of
/// the request.
///
/// # Examples
///
/// A service on an async executor runs only bcrypt in a blocking thread:
///
/// ```
/// # #[cfg(feature = "std")] {
/// use whmcs_auth::{ApiCaller, ApiError, ApiPolicy, ApiRequest, AsyncCredentialStore};
///
/// async fn who_calls<S: AsyncCredentialStore>(
///     request: &ApiRequest<'_>,
///     store: &S,
/// ) -> Result<ApiCaller<S::Id>, ApiError<S::Error>> {
///     let pending = request.attempt(&ApiPolicy::new()).look_up_async(store).await?;
///     if let Some(verdict) = pending.decide_without_bcrypt() {
///         return Ok(verdict?);
///     }
///     let decided = tokio::task::spawn_blocking(move || pending.decide());
///     Ok(decided.await.expect("the decision never panics")?)
/// }
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct PendingDecision<'a, Id: Clone> {
    pub(super) attempt: ApiAttempt<'a>,
    pub(super) credential: Option<Cow<'a, ApiCredential<Id>>>,
    pub(super) admin: Option<Cow<'a, Admin<Id>>>,
    expected: ExpectedSchemes,
}

/// The credential and the admin that were found for an attempt.
type Found<'s, Id> = (Option<Cow<'s, ApiCredential<Id>>>, Option<Cow<'s, Admin<Id>>>);

impl<'a> ApiAttempt<'a> {
    /// Makes every look-up that the attempt asks for (API-1).
    fn find<'s, S: CredentialStore + ?Sized>(
        &self,
        store: &'s S,
    ) -> Result<Found<'s, S::Id>, ApiError<S::Error>> {
        let credential = match self.identifier() {
            Some(identifier) => store.find_credential(identifier).map_err(ApiError::Store)?,
            None => None,
        };
        let admin = match self.username() {
            Some(username) => store.find_admin(username).map_err(ApiError::Store)?,
            None => None,
        };
        Ok((credential, admin))
    }

    /// Looks up and decides at once. Nothing moves to another thread, so no pending decision is made.
    pub(crate) fn verify<S: CredentialStore + ?Sized>(
        &self,
        store: &S,
    ) -> Result<ApiCaller<S::Id>, ApiError<S::Error>> {
        let (credential, admin) = self.find(store)?;
        Ok(self.decide(credential.as_deref(), admin.as_deref(), store.expected_schemes())?)
    }

    /// Makes every look-up that the attempt asks for (API-1), and keeps the records for the decision. So no
    /// look-up is left out, and no record takes another's place. The records are borrowed if the store lends
    /// them.
    ///
    /// # Errors
    ///
    /// [`ApiError::Store`] if a look-up failed. A malformed request causes no look-up and no error:
    /// [`PendingDecision::decide`] refuses it.
    pub fn look_up<S: CredentialStore + ?Sized>(
        self,
        store: &'a S,
    ) -> Result<PendingDecision<'a, S::Id>, ApiError<S::Error>> {
        let (credential, admin) = self.find(store)?;
        let expected = store.expected_schemes();
        Ok(PendingDecision { attempt: self, credential, admin, expected })
    }

    /// The same with an async store. The returned decision owns its data, so it can move into a blocking
    /// thread.
    ///
    /// # Errors
    ///
    /// [`ApiError::Store`] if a look-up failed.
    pub fn look_up_async<S: AsyncCredentialStore + ?Sized>(
        self,
        store: &S,
    ) -> impl Future<Output = Result<PendingDecision<'static, S::Id>, ApiError<S::Error>>> + Send
    {
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
            Ok(PendingDecision {
                attempt,
                credential: credential.map(Cow::Owned),
                admin: admin.map(Cow::Owned),
                expected: store.expected_schemes(),
            })
        }
    }
}

impl<'a, Id: Clone> PendingDecision<'a, Id> {
    /// The attempt that is decided. It says which name was presented.
    pub fn attempt(&self) -> &ApiAttempt<'a> {
        &self.attempt
    }

    /// Decides, as [`ApiAttempt::decide`] does.
    ///
    /// # Errors
    ///
    /// The cause of the refusal: see [`ApiRefusal`].
    ///
    /// # Security
    ///
    /// Bcrypt takes tens of milliseconds. On an async executor, call
    /// [`decide_without_bcrypt`](Self::decide_without_bcrypt) first, and this in a blocking thread. Limit how
    /// many run at once, and move the permit of the limit into the thread. A caller who hangs up ends the
    /// future, but not the thread. So a permit in the future would be released too early.
    pub fn decide(&self) -> Result<ApiCaller<Id>, ApiRefusal> {
        self.attempt.decide(self.credential.as_deref(), self.admin.as_deref(), self.expected)
    }

    /// Decides, if that needs no bcrypt. It takes about a microsecond, so it can run on an async executor.
    ///
    /// It returns what [`decide`](Self::decide) returns:
    ///
    /// - if the decision needs no bcrypt, not even for the checks that a refusal must cost (API-8);
    /// - if the cache of the attempt (`ApiAttempt::with_cache`) remembers a match. Only an acceptance is
    ///   returned then, because a refusal must cost bcrypt.
    ///
    /// `None` says nothing about the caller: call `decide` in a blocking thread.
    #[must_use]
    pub fn decide_without_bcrypt(&self) -> Option<Result<ApiCaller<Id>, ApiRefusal>> {
        let (credential, admin) = (self.credential.as_deref(), self.admin.as_deref());
        self.attempt.decide_without_bcrypt(credential, admin, self.expected)
    }

    /// The same decision with owned strings and records, to move into a blocking thread.
    pub fn into_owned(self) -> PendingDecision<'static, Id> {
        PendingDecision {
            attempt: self.attempt.into_owned(),
            credential: self.credential.map(|record| Cow::Owned(record.into_owned())),
            admin: self.admin.map(|record| Cow::Owned(record.into_owned())),
            expected: self.expected,
        }
    }
}
