//! One call for everything: address, credentials and action.

use alloc::boxed::Box;
#[cfg(feature = "cache")]
use alloc::sync::Arc;
use core::error::Error;
use core::future::Future;
use core::net::IpAddr;
#[cfg(feature = "cache")]
use std::time::Instant;

use super::address::AddressGate;
use super::error::GateError;
use super::refusal::AddressRefusal;
use crate::api::action::{Action, ActionName};
use crate::api::async_store::AsyncCredentialStore;
use crate::api::attempt::ApiAttempt;
use crate::api::caller::ApiCaller;
use crate::api::pending::PendingDecision;
use crate::api::policy::ApiPolicy;
use crate::api::refusal::ApiRefusal;
use crate::api::request::ApiRequest;
use crate::api::store::CredentialStore;
#[cfg(feature = "cache")]
use crate::cache::VerificationCache;

/// Decides whether a request may do what it asks for: address, credentials and action in one call.
///
/// - **GATE-6**: The checks run in WHMCS's order, and the first that fails is reported:
///   1. The address is listed, or the access key lifts the restriction.
///   2. The credentials are right (see [`verify_api_request`](crate::verify_api_request)).
///   3. The request names an action.
///   4. The caller may do the action.
/// - **GATE-7**: A credential may do everything that any of its API roles allows
///   ([`AllowedActions`](crate::AllowedActions)). An admin login may do every action, unless the policy says otherwise
///   ([`ApiPolicy::with_admin_actions`]).
///
/// [`verify`](Self::verify) does all of this with a store that answers at once, and
/// [`verify_async`](Self::verify_async) with an async store. A service that loads API roles after the secret was
/// verified calls the steps itself: [`admit`](Self::admit), the look-ups, the decision, [`ApiCaller::with_actions`]
/// and [`ApiCaller::authorize`].
///
/// [The module](crate::gate) has an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiGate {
    addresses: AddressGate,
    policy: ApiPolicy,
    #[cfg(feature = "cache")]
    cache: Option<Arc<VerificationCache>>,
}

impl ApiGate {
    /// Makes a gate for these addresses, with the default [`ApiPolicy`].
    pub const fn new(addresses: AddressGate) -> Self {
        Self {
            addresses,
            policy: ApiPolicy::new(),
            #[cfg(feature = "cache")]
            cache: None,
        }
    }

    /// Sets the policy: which credentials are accepted, and what admin logins may do.
    pub const fn with_policy(mut self, policy: ApiPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Asks this cache before bcrypt. Needs feature `cache`. [The module](crate::cache) says what it changes.
    #[cfg(feature = "cache")]
    pub fn with_cache(mut self, cache: Arc<VerificationCache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Checks everything. Returns the caller and the action, or why the call is not authorized.
    ///
    /// It blocks while the store and bcrypt work, like
    /// [`verify_api_request`](crate::verify_api_request).
    ///
    /// # Errors
    ///
    /// [`GateError`] with the first check that fails, or with the failure of the store.
    ///
    /// # Security
    ///
    /// A refused address causes no look-up, so its time differs from the time of refused
    /// credentials. This difference shows nothing about names. For the cost of refused credentials,
    /// see [`verify_api_request`](crate::verify_api_request).
    #[expect(clippy::type_complexity, reason = "an alias would hide what it returns")]
    pub fn verify<S: CredentialStore + ?Sized>(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
        store: &S,
    ) -> Result<AuthorizedCall<S::Id>, GateError<S::Id, S::Error>> {
        let caller = self.admit(address, request)?.verify(store)?;
        authorize(caller, request.action())
    }

    /// Checks everything with an async store. Only a decision that needs bcrypt is passed to
    /// `run_blocking`, which runs it in a blocking thread.
    ///
    /// # Errors
    ///
    /// [`GateError`] with the first check that fails, with the failure of the store, or with the error of
    /// `run_blocking`.
    ///
    /// # Security
    ///
    /// Limit how many decisions run at once, and move the permit of the limit into the thread: see
    /// [`PendingDecision::decide`].
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use std::net::IpAddr;
    ///
    /// use tokio::task::spawn_blocking;
    /// use whmcs_auth::gate::{ApiGate, AuthorizedCall};
    /// use whmcs_auth::{AsyncCredentialStore, Received, Refusal};
    ///
    /// async fn authorized<S: AsyncCredentialStore<Id: std::fmt::Debug, Error: std::error::Error> + 'static>(
    ///     gate: &ApiGate,
    ///     address: IpAddr,
    ///     received: &Received,
    ///     store: &S,
    /// ) -> Result<AuthorizedCall<S::Id>, Box<dyn Refusal>> {
    ///     let request = received.api_request();
    ///     let run_blocking = |pending: whmcs_auth::PendingDecision<'static, S::Id>| {
    ///         spawn_blocking(move || pending.decide())
    ///     };
    ///     Ok(gate.verify_async(address, &request, store, run_blocking).await?)
    /// }
    /// # }
    /// ```
    pub async fn verify_async<S, F, B, E>(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
        store: &S,
        run_blocking: F,
    ) -> Result<AuthorizedCall<S::Id>, GateError<S::Id, S::Error>>
    where
        S: AsyncCredentialStore + ?Sized,
        F: FnOnce(PendingDecision<'static, S::Id>) -> B,
        B: Future<Output = Result<Result<ApiCaller<S::Id>, ApiRefusal>, E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let pending = self.admit(address, request)?.look_up_async(store).await?;
        let verdict = match pending.decide_without_bcrypt() {
            Some(verdict) => verdict,
            None => {
                run_blocking(pending).await.map_err(|error| GateError::Stopped(error.into()))?
            }
        };
        authorize(verdict?, request.action())
    }

    /// The first step: checks the address, and makes the [attempt](ApiAttempt) with the policy and the cache of
    /// the gate.
    ///
    /// A malformed request is admitted. The decision refuses it.
    ///
    /// # Errors
    ///
    /// [`AddressRefusal`] if the address may not call, whatever else is wrong with the request.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::gate::{AddressGate, ApiGate};
    /// use whmcs_auth::{ApiRequest, ExpectedSchemes, PasswordScheme, Refusal, SecretScheme};
    ///
    /// let gate = ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]));
    /// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "x")]);
    /// let attempt = gate.admit("127.0.0.1".parse()?, &request)?;
    /// assert_eq!(attempt.username(), Some("admin"));
    ///
    /// // Look the records up here.
    /// let (credential, admin) = (None, None);
    /// let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
    /// let refusal = attempt.decide::<u64>(credential, admin, expected).unwrap_err();
    /// assert_eq!(refusal.code(), "unknown_username");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn admit<'r>(
        &self,
        address: IpAddr,
        request: &'r ApiRequest<'_>,
    ) -> Result<ApiAttempt<'r>, AddressRefusal> {
        self.addresses.check(address, request)?;
        let attempt = request.attempt(&self.policy);
        #[cfg(feature = "cache")]
        if let Some(cache) = &self.cache {
            return Ok(attempt.with_cache(cache, Instant::now()));
        }
        Ok(attempt)
    }
}

/// Keeps the caller in both outcomes, so that the operator learns whose call was refused.
fn authorize<Id, E>(
    caller: ApiCaller<Id>,
    action: Action<'_>,
) -> Result<AuthorizedCall<Id>, GateError<Id, E>> {
    match caller.authorize(action) {
        Ok(action) => Ok(AuthorizedCall { caller, action }),
        Err(refusal) => Err(GateError::Action { caller, refusal }),
    }
}

/// A call that is allowed: the caller is verified and may do the action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub struct AuthorizedCall<Id> {
    /// Who calls.
    pub caller: ApiCaller<Id>,
    /// What to do.
    pub action: ActionName,
}

#[cfg(feature = "test-util")]
impl<Id> AuthorizedCall<Id> {
    /// Makes a call without verification, for tests of handlers. Needs feature `test-util`.
    ///
    /// # Panics
    ///
    /// If the action breaks FIELD-6: it is not 1 to 64 of `[A-Za-z0-9_]`.
    ///
    /// # Security
    ///
    /// Nobody proved anything. Enable the feature under `[dev-dependencies]` only, never in a release build.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::gate::AuthorizedCall;
    /// use whmcs_auth::{ApiCaller, ApiMode};
    ///
    /// fn greeting(call: &AuthorizedCall<u64>) -> String {
    ///     format!("{} does {}", call.caller.id, call.action)
    /// }
    ///
    /// let caller = ApiCaller::for_test(7, ApiMode::AdminLogin);
    /// let call = AuthorizedCall::for_test(caller, "GetClients");
    /// assert_eq!(greeting(&call), "7 does getclients");
    /// ```
    #[expect(clippy::panic, reason = "a test that names no valid action is wrong")]
    pub fn for_test(caller: ApiCaller<Id>, action: &str) -> Self {
        match Action::Named(action).try_into() {
            Ok(action) => Self { caller, action },
            Err(refusal) => panic!("{refusal}"),
        }
    }
}
