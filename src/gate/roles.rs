//! API roles: which actions a verified caller may do.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;

use super::action::ActionName;
use super::refusal::ActionRefusal;
use crate::attempt::{ApiCaller, ApiMode};
use crate::request::Action;
use crate::store::ApiCredential;

/// The actions that a credential may do: the union of what its API roles allow.
///
/// Names compare without ASCII case. One that cannot be an [`ActionName`] allows nothing. Cloning is
/// cheap, and credentials of the same roles can share one.
///
/// Source: WHMCS documents that an action is allowed if any role of the credential allows it.
///
/// # Examples
///
/// ```
/// use whmcs_auth::gate::AllowedActions;
///
/// let support = ["getclients", "gettickets"];
/// let sales = ["getclients", "getproducts"];
/// let allowed = AllowedActions::new([support, sales].concat());
/// assert!(allowed.includes("GetProducts"));
/// assert!(!allowed.includes("DeleteClient"));
/// assert!(!AllowedActions::default().includes("GetClients"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AllowedActions(Allowed);

/// Three kinds, so that a credential without roles touches no reference count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Allowed {
    #[default]
    None,
    /// In lower case.
    Some(Arc<BTreeSet<String>>),
    All,
}

impl AllowedActions {
    /// These actions, of all roles of a credential. A name may occur several times.
    pub fn new<N: AsRef<str>>(actions: impl IntoIterator<Item = N>) -> Self {
        let names: BTreeSet<_> = actions
            .into_iter()
            .map(|name| name.as_ref().to_ascii_lowercase())
            .collect();
        Self(match names.is_empty() {
            true => Allowed::None,
            false => Allowed::Some(names.into()),
        })
    }

    /// Every action, for a service that leaves roles to somebody else.
    pub const fn all() -> Self {
        Self(Allowed::All)
    }

    /// Whether the action is one of them.
    #[must_use]
    pub fn includes(&self, action: &str) -> bool {
        ActionName::try_from(Action::Named(action)).is_ok_and(|name| self.includes_name(&name))
    }

    fn includes_name(&self, name: &ActionName) -> bool {
        match &self.0 {
            Allowed::None => false,
            Allowed::Some(names) => names.contains(name.as_str()),
            Allowed::All => true,
        }
    }
}

/// What admin logins, which have no API roles, may do.
///
/// # Examples
///
/// ```
/// use whmcs_auth::gate::{AddressGate, ApiGate, RolePolicy};
///
/// // Admins are verified, and then refused whatever they ask for.
/// let policy = RolePolicy::new().admins_may_all(false);
/// let gate = ApiGate::new(AddressGate::open()).role_policy(policy);
/// # let _ = gate;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct RolePolicy {
    admins_may_all: bool,
}

impl RolePolicy {
    /// Admin logins may do every action.
    pub const fn new() -> Self {
        Self {
            admins_may_all: true,
        }
    }

    /// Whether admin logins may do every action, or none.
    pub const fn admins_may_all(mut self, allowed: bool) -> Self {
        self.admins_may_all = allowed;
        self
    }
}

impl Default for RolePolicy {
    fn default() -> Self {
        Self::new()
    }
}

impl<Id> ApiCredential<Id> {
    /// Sets the actions that the credential's API roles allow, of all roles together. Without them
    /// [`ApiCaller::authorize`] refuses every action. Who calls is decided without them.
    pub fn actions(mut self, actions: AllowedActions) -> Self {
        self.actions = actions;
        self
    }
}

impl<Id> ApiCaller<Id> {
    /// Sets the actions that the caller may do, in place of those of the credential's record: for a
    /// service that loads API roles after the secret was verified. On an admin login it has no effect.
    ///
    /// # Security
    ///
    /// Do not load the roles of one credential before its secret is verified: the extra query would
    /// show that the identifier exists.
    pub fn actions(mut self, actions: AllowedActions) -> Self {
        self.actions = actions;
        self
    }

    /// The name of the [action](crate::ApiRequest::action), if the verified caller may do it: a
    /// credential by its [actions](ApiCredential::actions), an admin login by the policy.
    ///
    /// # Errors
    ///
    /// [`ActionRefusal`]. That no action is named is found before that it is not allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use whmcs_auth::gate::{AllowedActions, RolePolicy};
    /// use whmcs_auth::*;
    ///
    /// let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    /// let credential = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess)
    ///     .actions(AllowedActions::new(["getclients"]));
    /// let store = MemoryStore::new([credential], [])?;
    /// let request = ApiRequest::from_pairs([
    ///     ("action", "GetProducts"),
    ///     ("identifier", "id"),
    ///     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
    /// ]);
    /// let caller = verify_api_request(&request, &store, &ApiPolicy::new())?;
    ///
    /// let refusal = caller.authorize(request.action(), &RolePolicy::new()).unwrap_err();
    /// assert_eq!(refusal.code(), "action_not_allowed");
    /// assert_eq!(
    ///     refusal.public_message(),
    ///     "Invalid Permissions: API action \"getproducts\" is not allowed",
    /// );
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authorize(
        &self,
        action: Action<'_>,
        policy: &RolePolicy,
    ) -> Result<ActionName, ActionRefusal> {
        self.authorize_name(action.try_into()?, policy)
    }

    pub(super) fn authorize_name(
        &self,
        action: ActionName,
        policy: &RolePolicy,
    ) -> Result<ActionName, ActionRefusal> {
        match self.mode {
            ApiMode::AdminLogin if policy.admins_may_all => Ok(action),
            ApiMode::AdminLogin => Err(ActionRefusal::AdminNotAllowed { action }),
            _ if self.actions.includes_name(&action) => Ok(action),
            _ => Err(ActionRefusal::NotAllowed { action }),
        }
    }
}
