//! One call for everything: address, credentials and action.

#[cfg(feature = "cache")]
use alloc::sync::Arc;
use core::fmt;
use core::future::Future;
use core::net::IpAddr;
#[cfg(feature = "cache")]
use std::time::Instant;

use super::address::AddressGate;
use super::refusal::{AddressRefusal, GateError, GateRefusal};
#[cfg(feature = "test-util")]
use crate::api::action::Action;
use crate::api::action::{ActionName, ActionRefusal};
use crate::api::attempt::ApiAttempt;
use crate::api::caller::ApiCaller;
use crate::api::look_up::{AsyncCredentialStore, PendingDecision};
use crate::api::policy::ApiPolicy;
use crate::api::request::ApiRequest;
use crate::api::store::{Admin, ApiCredential, CredentialStore};
use crate::api::verify_attempt;
#[cfg(feature = "cache")]
use crate::api::verify_attempt_with_cache;
#[cfg(feature = "cache")]
use crate::cache::{Recall, VerificationCache};
use crate::stored::scheme::ExpectedSchemes;

/// Decides whether a request may do what it asks for: address, credentials and action in one call.
///
/// The checks run in WHMCS's order, and the first that fails is reported:
///
/// 1. The address is listed, or the access key lifts the restriction.
/// 2. The credentials are right (see [`verify_api_request`](crate::verify_api_request)).
/// 3. The request names an action.
/// 4. The caller may do the action.
///
/// [`verify`](Self::verify) does all of this. An async service calls [`admit`](Self::admit), awaits
/// [`AdmittedAttempt::look_up`], and runs [`PendingCall::decide`] in a blocking thread.
///
/// [The module](crate::gate) has an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiGate {
    addresses: AddressGate,
    policy: ApiPolicy,
}

impl ApiGate {
    /// Makes a gate for these addresses, with the default [`ApiPolicy`].
    pub const fn new(addresses: AddressGate) -> Self {
        Self { addresses, policy: ApiPolicy::new() }
    }

    /// Sets the policy: which credentials are accepted, and what admin logins may do.
    pub const fn with_policy(mut self, policy: ApiPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Checks everything. Returns the caller and the action, or why the call is not authorized.
    ///
    /// It blocks while the store and bcrypt work, like
    /// [`verify_api_request`](crate::verify_api_request).
    ///
    /// # Errors
    ///
    /// - [`GateError::Refused`] with the first check that fails.
    /// - [`GateError::Store`] if the store failed.
    ///
    /// # Security
    ///
    /// A refused address causes no look-up, so its time differs from the time of refused
    /// credentials. This difference shows nothing about names. For the cost of refused credentials,
    /// see [`verify_api_request`](crate::verify_api_request).
    pub fn verify<S: CredentialStore + ?Sized>(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
        store: &S,
    ) -> Result<AuthorizedCall<S::Id>, GateError<S::Error>> {
        let admitted = self.admit(address, request)?;
        let caller = verify_attempt(&admitted.attempt, store, &self.policy)?;
        Ok(authorize(caller, admitted.action, &self.policy)?)
    }

    /// Checks everything, as [`verify`](Self::verify) does, and asks a cache before bcrypt. Needs feature
    /// `cache`.
    ///
    /// `now` is the time of the call.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify).
    #[cfg(feature = "cache")]
    pub fn verify_with_cache<S: CredentialStore + ?Sized>(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
        store: &S,
        cache: &VerificationCache,
        now: Instant,
    ) -> Result<AuthorizedCall<S::Id>, GateError<S::Error>> {
        let admitted = self.admit(address, request)?;
        let attempt = &admitted.attempt;
        let caller = verify_attempt_with_cache(attempt, store, &self.policy, cache, now)?;
        Ok(authorize(caller, admitted.action, &self.policy)?)
    }

    /// The first step: checks the address, and reads what to look up.
    ///
    /// A malformed request is admitted. The second step refuses it.
    ///
    /// # Errors
    ///
    /// [`AddressRefusal`] if the address may not call, whatever else is wrong with the request.
    pub fn admit<'r>(
        &self,
        address: IpAddr,
        request: &'r ApiRequest<'_>,
    ) -> Result<AdmittedAttempt<'r>, AddressRefusal> {
        self.addresses.check(address, request)?;
        Ok(AdmittedAttempt {
            attempt: request.attempt(),
            action: request.action().try_into(),
            policy: self.policy,
        })
    }
}

/// A request from an address that may call. [`attempt`](Self::attempt) says what to look up, and
/// [`decide`](Self::decide) takes the records that were found.
///
/// # Security
///
/// Debug shows no text of the request, because the caller is not verified yet.
///
/// # Examples
///
/// ```
/// use whmcs_auth::gate::{AddressGate, ApiGate};
/// use whmcs_auth::{ApiRequest, ExpectedSchemes, PasswordScheme, Refusal, SecretScheme};
///
/// let gate = ApiGate::new(AddressGate::new().with_entries(["127.0.0.1"]));
/// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "x")]);
/// let admitted = gate.admit("127.0.0.1".parse()?, &request)?.into_owned();
/// assert_eq!(admitted.attempt().username(), Some("admin"));
///
/// // Look the records up here: await them, join the queries, or ask a cache.
/// let (credential, admin) = (None, None);
/// let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
/// let refusal = admitted.decide::<u64>(credential, admin, expected).unwrap_err();
/// assert_eq!(refusal.code(), "unknown_username");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct AdmittedAttempt<'a> {
    attempt: ApiAttempt<'a>,
    action: Result<ActionName, ActionRefusal>,
    policy: ApiPolicy,
}

impl AdmittedAttempt<'_> {
    /// What to look up.
    pub fn attempt(&self) -> &ApiAttempt<'_> {
        &self.attempt
    }

    /// The second step: checks the records that were found, and the action. The arguments are those
    /// of [`ApiAttempt::decide`].
    ///
    /// A refusal does not name the caller. A service that needs to know which caller's action was
    /// refused calls [`ApiAttempt::decide`] and [`ApiCaller::authorize`] itself.
    ///
    /// # Errors
    ///
    /// - [`GateRefusal::Api`] if the credentials are refused.
    /// - [`GateRefusal::Action`] if the caller is verified, and the action is absent, invalid or
    ///   not allowed.
    pub fn decide<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Result<AuthorizedCall<Id>, GateRefusal> {
        let policy = &self.policy;
        let caller = self.attempt.decide(credential, admin, expected, policy)?;
        Ok(authorize(caller, self.action, policy)?)
    }

    /// Copies borrowed text, so that the attempt can move into a blocking thread.
    pub fn into_owned(self) -> AdmittedAttempt<'static> {
        AdmittedAttempt {
            attempt: self.attempt.into_owned(),
            action: self.action,
            policy: self.policy,
        }
    }
}

impl AdmittedAttempt<'_> {
    /// Makes every look-up that the attempt asks for, as [`ApiAttempt::look_up`] does.
    ///
    /// # Errors
    ///
    /// [`GateError::Store`] if a look-up failed.
    pub fn look_up<S: AsyncCredentialStore + ?Sized>(
        self,
        store: &S,
    ) -> impl Future<Output = Result<PendingCall<S::Id>, GateError<S::Error>>> + Send {
        let Self { attempt, action, policy } = self;
        let look_up = attempt.look_up(store);
        async move { Ok(PendingCall { decision: look_up.await?, action, policy }) }
    }
}

fn authorize<Id>(
    caller: ApiCaller<Id>,
    action: Result<ActionName, ActionRefusal>,
    policy: &ApiPolicy,
) -> Result<AuthorizedCall<Id>, ActionRefusal> {
    let action = caller.authorize_name(action?, policy)?;
    Ok(AuthorizedCall { caller, action })
}

/// An admitted call with the records that were looked up for it. It owns them, so it can be moved into a
/// blocking thread.
///
/// Debug shows no name and no secret of the request.
#[derive(Clone)]
#[must_use]
pub struct PendingCall<Id> {
    decision: PendingDecision<Id>,
    action: Result<ActionName, ActionRefusal>,
    policy: ApiPolicy,
}

impl<Id: Clone> PendingCall<Id> {
    /// Checks the records and the action, as [`AdmittedAttempt::decide`] does.
    ///
    /// # Errors
    ///
    /// Those of [`AdmittedAttempt::decide`].
    ///
    /// # Security
    ///
    /// Call this in a blocking thread, and move the permit of your limit into it: see
    /// [`PendingDecision::decide`].
    pub fn decide(&self) -> Result<AuthorizedCall<Id>, GateRefusal> {
        let caller = self.decision.decide(&self.policy)?;
        Ok(authorize(caller, self.action, &self.policy)?)
    }

    /// Asks a cache before bcrypt, as [`PendingDecision::recall`] does. It takes about a microsecond, so it can
    /// run on an async executor. Needs feature `cache`.
    ///
    /// # Errors
    ///
    /// [`GateRefusal::Action`] if the caller is verified without bcrypt, and the action is absent, invalid or
    /// not allowed. Refused credentials are pending: [`decide`](Self::decide) refuses them.
    #[cfg(feature = "cache")]
    pub fn recall(
        self,
        cache: &Arc<VerificationCache>,
        now: Instant,
    ) -> Result<Recall<AuthorizedCall<Id>, Self>, GateRefusal> {
        let Self { decision, action, policy } = self;
        Ok(match decision.recall(cache, now, &policy) {
            Recall::Accepted(caller) => Recall::Accepted(authorize(caller, action, &policy)?),
            Recall::Pending(decision) => Recall::Pending(Self { decision, action, policy }),
        })
    }
}

impl<Id> fmt::Debug for PendingCall<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingCall").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl fmt::Debug for AdmittedAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdmittedAttempt")
            .field("attempt", &self.attempt)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
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
