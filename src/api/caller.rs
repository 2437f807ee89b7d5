//! The verified caller, and what it may do.

use core::fmt;

use super::action::{Action, ActionName, ActionRefusal, AllowedActions};
use super::policy::ApiPolicy;
use crate::stored::scheme::StoredScheme;

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
    pub scheme: StoredScheme,
    /// Whether the md5 was presented and not the secret itself: always so for an admin, and for a
    /// credential only under [`ApiPolicy::with_md5_of_secret`].
    pub presented_md5: bool,
    /// Those of the credential.
    pub(crate) actions: AllowedActions,
}

impl<Id> ApiCaller<Id> {
    /// Sets the actions that the caller may do, in place of those of the credential's record: for a
    /// service that loads API roles after the secret was verified. On an admin login it has no effect.
    ///
    /// # Security
    ///
    /// Do not load the roles of one credential before its secret is verified: the extra query would
    /// show that the identifier exists.
    pub fn with_actions(mut self, actions: AllowedActions) -> Self {
        self.actions = actions;
        self
    }

    /// The name of the [action](crate::ApiRequest::action), if the verified caller may do it: a
    /// credential by its [actions](crate::ApiCredential::with_actions), an admin login by the policy.
    ///
    /// # Errors
    ///
    /// [`ActionRefusal`]. That no action is named is found before that it is not allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "std")] {
    /// use whmcs_auth::{
    ///     AdminState, AllowedActions, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, Refusal,
    ///     StoredSecret, verify_api_request,
    /// };
    ///
    ///     /// use whmcs_auth::*;
    ///
    /// let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    /// let credential = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess)
    ///     .with_actions(AllowedActions::new(["getclients"]));
    /// let store = MemoryStore::new([credential], [])?;
    /// let request = ApiRequest::from_pairs([
    ///     ("action", "GetProducts"),
    ///     ("identifier", "id"),
    ///     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
    /// ]);
    /// let caller = verify_api_request(&request, &store, &ApiPolicy::new())?;
    ///
    /// let refusal = caller.authorize(request.action(), &ApiPolicy::new()).unwrap_err();
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
        policy: &ApiPolicy,
    ) -> Result<ActionName, ActionRefusal> {
        self.authorize_name(action.try_into()?, policy)
    }

    pub(crate) fn authorize_name(
        &self,
        action: ActionName,
        policy: &ApiPolicy,
    ) -> Result<ActionName, ActionRefusal> {
        match self.mode {
            ApiMode::AdminLogin if policy.admin_actions => Ok(action),
            ApiMode::AdminLogin => Err(ActionRefusal::AdminNotAllowed { action }),
            _ if self.actions.includes_name(&action) => Ok(action),
            _ => Err(ActionRefusal::NotAllowed { action }),
        }
    }
}
