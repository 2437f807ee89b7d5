//! The verified caller, and the actions that it may do.

use core::fmt;

use super::action::{Action, ActionName, ActionRefusal, AllowedActions};
use crate::stored::scheme::StoredScheme;
#[cfg(feature = "test-util")]
use crate::stored::scheme::{PasswordScheme, SecretScheme};

/// The mode in which a caller was verified (API-1).
///
/// Display writes a name for logs and metrics: `credential`, `credential-as-login` or `admin-login`.
///
/// Source: WHMCS documents all three.
///
/// # Examples
///
/// ```
/// use whmcs_auth::ApiMode;
///
/// assert_eq!(ApiMode::CredentialAsLogin.to_string(), "credential-as-login");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ApiMode {
    /// An API credential in `identifier` and `secret`.
    Credential,
    /// An API credential in `username` and `password`.
    CredentialAsLogin,
    /// An admin's username, and the md5 of the password.
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

/// A verified caller of the API.
///
/// [`verify_api_request`](crate::verify_api_request) and [`PendingDecision::decide`](crate::PendingDecision::decide)
/// return it. It holds the actions that the caller may do. Call [`authorize`](Self::authorize) before you carry out
/// the action.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[must_use]
pub struct ApiCaller<Id> {
    /// The record id: of the admin in mode [`AdminLogin`](ApiMode::AdminLogin), otherwise of the credential.
    /// Read it together with `mode`.
    pub id: Id,
    /// The mode in which the caller was verified.
    pub mode: ApiMode,
    /// The stored scheme that matched, so that an operator can find and replace weak ones.
    pub scheme: StoredScheme,
    /// Whether an md5 was presented in place of the secret itself. Always `true` for an admin. For a
    /// credential it is `true` only under
    /// [`ApiPolicy::with_md5_of_secret`](crate::ApiPolicy::with_md5_of_secret) (API-3).
    pub presented_md5: bool,
    /// What the caller may do: the actions of the credential, or what the policy allows an admin.
    pub(crate) actions: AllowedActions,
}

#[cfg(feature = "test-util")]
impl<Id> ApiCaller<Id> {
    /// Makes a caller without verification, for tests of handlers. Needs feature `test-util`.
    ///
    /// Its `scheme` is plain text, or md5 for an admin login. An admin may do every action. A credential may do
    /// none: [`with_actions`](Self::with_actions) sets some.
    ///
    /// # Security
    ///
    /// Nobody proved anything. Enable the feature under `[dev-dependencies]` only, never in a release build.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::{ApiCaller, ApiMode};
    ///
    /// let caller = ApiCaller::for_test(7, ApiMode::Credential);
    /// assert_eq!((caller.id, caller.mode), (7, ApiMode::Credential));
    /// ```
    pub fn for_test(id: Id, mode: ApiMode) -> Self {
        let is_admin = mode == ApiMode::AdminLogin;
        let scheme = match is_admin {
            true => PasswordScheme::Md5.into(),
            false => SecretScheme::Plain.into(),
        };
        let actions = match is_admin {
            true => AllowedActions::all(),
            false => AllowedActions::default(),
        };
        Self { id, mode, scheme, presented_md5: is_admin, actions }
    }
}

impl<Id> ApiCaller<Id> {
    /// Sets the actions that the caller may do, in place of the actions of the credential's record. It is for
    /// a service that loads API roles after the secret was verified. It has no effect on an admin login: the policy
    /// says what admins may do.
    ///
    /// # Security
    ///
    /// Do not load the roles of a credential before its secret is verified. The time of the extra query
    /// would show that the identifier exists.
    pub fn with_actions(mut self, actions: AllowedActions) -> Self {
        if self.mode != ApiMode::AdminLogin {
            self.actions = actions;
        }
        self
    }

    /// Checks whether the caller may do the [action](crate::ApiRequest::action), and returns its name.
    ///
    /// A credential may do the [actions of its record](crate::ApiCredential::with_actions). An admin login
    /// may do every action, unless
    /// [`ApiPolicy::with_admin_actions`](crate::ApiPolicy::with_admin_actions) allowed none.
    ///
    /// Source: WHMCS documents API roles. WHMCS installations were seen to report a missing action before a
    /// forbidden one.
    ///
    /// # Errors
    ///
    /// The first of these that applies:
    ///
    /// - [`ActionRefusal::Absent`] if the action is absent or empty;
    /// - [`ActionRefusal::Invalid`] if it breaks FIELD-6;
    /// - [`ActionRefusal::AdminNotAllowed`] if the policy allows admins no action;
    /// - [`ActionRefusal::NotAllowed`] if no role of the credential allows the action.
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
    /// let refusal = caller.authorize(request.action()).unwrap_err();
    /// assert_eq!(refusal.code(), "action_not_allowed");
    /// assert_eq!(
    ///     refusal.public_message(),
    ///     "Invalid Permissions: API action \"getproducts\" is not allowed",
    /// );
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authorize(&self, action: Action<'_>) -> Result<ActionName, ActionRefusal> {
        let action = ActionName::try_from(action)?;
        if self.actions.includes_name(&action) {
            return Ok(action);
        }
        Err(match self.mode {
            ApiMode::AdminLogin => ActionRefusal::AdminNotAllowed { action },
            ApiMode::Credential | ApiMode::CredentialAsLogin => {
                ActionRefusal::NotAllowed { action }
            }
        })
    }
}
