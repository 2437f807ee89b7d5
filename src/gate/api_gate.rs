//! One call for the lot: address, credentials, and the action.

use core::fmt;
use core::net::IpAddr;

use super::address::AddressGate;
use super::refusal::{AddressRefusal, GateError, GateRefusal};
use crate::api::action::{ActionName, ActionRefusal};
use crate::api::attempt::ApiAttempt;
use crate::api::caller::ApiCaller;
use crate::api::policy::ApiPolicy;
use crate::api::request::ApiRequest;
use crate::api::store::{Admin, ApiCredential, CredentialStore};
use crate::api::verify_attempt;
use crate::stored::scheme::ExpectedSchemes;

/// Decides whether a request may do what it asks for, in WHMCS's order: the address, or the access
/// key that lifts its restriction; the credentials; that an action is named; that an API role
/// allows it.
///
/// [`verify`](Self::verify) is the whole in one line. [`admit`](Self::admit) and
/// [`AdmittedAttempt::decide`] are its two steps without I/O, for a service that awaits its records
/// or moves the decision into a blocking thread.
///
/// An example stands at [the module](crate::gate).
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiGate {
    addresses: AddressGate,
    policy: ApiPolicy,
}

impl ApiGate {
    /// A gate for these addresses, with the default policy.
    pub const fn new(addresses: AddressGate) -> Self {
        Self { addresses, policy: ApiPolicy::new() }
    }

    /// Sets what is accepted, and what admin logins may do.
    pub const fn with_policy(mut self, policy: ApiPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Says who calls and what is to be done, or why not. Blocking, like
    /// [`verify_api_request`](crate::verify_api_request).
    ///
    /// # Errors
    ///
    /// [`GateError::Refused`] with the cause, or [`GateError::Store`] if the store could not
    /// answer. Where several things are wrong, the first in the order of checks is the cause.
    ///
    /// # Security
    ///
    /// A refused address costs no look-up, so its time differs from that of a refused credential. The
    /// difference tells nothing about names. For the rest see
    /// [`verify_api_request`](crate::verify_api_request).
    pub fn verify<S: CredentialStore + ?Sized>(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
        store: &S,
    ) -> Result<AuthorizedCall<S::Id>, GateError<S::Error>> {
        let admitted = self.admit(address, request)?;
        let caller = verify_attempt(&admitted.attempt, store, &self.policy)?;
        Ok(admitted.authorize(caller)?)
    }

    /// Judges the address and the shape of the request: the first step. A request of the wrong
    /// shape is admitted, and refused by the second.
    ///
    /// # Errors
    ///
    /// [`AddressRefusal`], whatever else is wrong.
    pub fn admit<'r>(
        &self,
        address: IpAddr,
        request: &'r ApiRequest<'_>,
    ) -> Result<AdmittedAttempt<'r>, AddressRefusal> {
        self.addresses.check(address, request.access_key())?;
        Ok(AdmittedAttempt {
            attempt: request.attempt(),
            action: request.action().try_into(),
            policy: self.policy,
        })
    }
}

/// A request from an address that may call: its [`attempt`](Self::attempt) says what to look up,
/// and [`decide`](Self::decide) takes the records found.
///
/// Debug shows nothing of the request: nobody was verified yet.
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
/// // Awaited, joined, cached.
/// let (credential, admin) = (None, None);
/// let forms = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
/// let refusal = admitted.decide::<u64>(credential, admin, forms).unwrap_err();
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

    /// Judges the records found, and the action: the second step.
    /// The arguments are those of [`ApiAttempt::decide`].
    ///
    /// A refusal does not hold the caller. A service that wants to know whose action was refused
    /// takes [`attempt`](Self::attempt), [`ApiAttempt::decide`] and [`ApiCaller::authorize`] itself.
    ///
    /// # Errors
    ///
    /// [`GateRefusal::Api`], and only for a verified caller [`GateRefusal::Action`].
    pub fn decide<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Result<AuthorizedCall<Id>, GateRefusal> {
        let policy = &self.policy;
        let caller = self.attempt.decide(credential, admin, expected, policy)?;
        Ok(self.authorize(caller)?)
    }

    fn authorize<Id>(&self, caller: ApiCaller<Id>) -> Result<AuthorizedCall<Id>, ActionRefusal> {
        let action = caller.authorize_name(self.action?, &self.policy)?;
        Ok(AuthorizedCall { caller, action })
    }

    /// The same, owning its text, to move into a blocking thread.
    pub fn into_owned(self) -> AdmittedAttempt<'static> {
        AdmittedAttempt {
            attempt: self.attempt.into_owned(),
            action: self.action,
            policy: self.policy,
        }
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

/// A call that may be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub struct AuthorizedCall<Id> {
    /// Who calls.
    pub caller: ApiCaller<Id>,
    /// What is to be done.
    pub action: ActionName,
}
