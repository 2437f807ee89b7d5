//! Actions: the one that a request asks for, and the ones that a caller may do.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// The `action` of an [`ApiRequest`](crate::ApiRequest). A valid one is 1 to 64 characters of
/// `[A-Za-z0-9_]` (FIELD-6).
///
/// An action that is not [`Named`](Self::Named) is refused after authentication, by
/// [`ApiCaller::authorize`](crate::ApiCaller::authorize). Nothing returns its text, so no answer repeats it.
///
/// Source: WHMCS documents the names. The grammar is this crate's decision.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Action, ApiRequest};
///
/// let request = ApiRequest::from_pairs([("action", "GetClients")]);
/// assert_eq!(request.action(), Action::Named("GetClients"));
/// let request = ApiRequest::from_pairs([("action", "<script>")]);
/// assert_eq!(request.action(), Action::Invalid);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action<'a> {
    /// The action is absent or empty.
    Absent,
    /// A valid action, in the case that the caller wrote. WHMCS compares names without ASCII case.
    Named(&'a str),
    /// Any other text.
    Invalid,
}

impl Action<'_> {
    /// FIELD-6.
    pub(crate) fn is_valid(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}

/// The name of a valid action in lower case: 1 to 64 characters of `[a-z0-9_]`.
///
/// WHMCS compares names without ASCII case, so compare the result of [`as_str`](Self::as_str).
///
/// # Errors
///
/// The conversion from [`Action`] fails with [`ActionRefusal::Absent`] if the action is absent or empty,
/// and with [`ActionRefusal::Invalid`] if it breaks FIELD-6.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Action, ActionName, ActionRefusal};
///
/// let name = ActionName::try_from(Action::Named("GetClients"))?;
/// assert_eq!(name.as_str(), "getclients");
/// assert_eq!(ActionName::try_from(Action::Absent), Err(ActionRefusal::Absent));
/// # Ok::<(), ActionRefusal>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActionName {
    /// Bytes after `length` are 0, so that derived equality works.
    bytes: [u8; 64],
    length: usize,
}

impl ActionName {
    /// The name in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl TryFrom<Action<'_>> for ActionName {
    type Error = ActionRefusal;

    fn try_from(action: Action<'_>) -> Result<Self, ActionRefusal> {
        let name = match action {
            Action::Absent => return Err(ActionRefusal::Absent),
            Action::Named(name) if Action::is_valid(name) => name,
            Action::Named(_) | Action::Invalid => return Err(ActionRefusal::Invalid),
        };
        let mut bytes = [0; 64];
        for (lower, byte) in bytes.iter_mut().zip(name.bytes()) {
            *lower = byte.to_ascii_lowercase();
        }
        let length = name.len();
        Ok(Self { bytes, length })
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActionName").field(&self.as_str()).finish()
    }
}

/// The actions that a credential may do: everything that any of its API roles allows.
///
/// Names are compared without ASCII case, and without white space around them. A name that breaks FIELD-6 never
/// matches. A clone shares the names, so credentials with the same roles can use clones of one value. The
/// default allows nothing.
///
/// Source: WHMCS documents that an action is allowed if any role of the credential allows it.
///
/// # Examples
///
/// ```
/// use whmcs_auth::AllowedActions;
///
/// let support = ["getclients", "gettickets"];
/// let sales = ["getclients", "getproducts"];
/// let allowed = AllowedActions::new([support, sales].concat());
/// assert!(allowed.includes("GetProducts"));
/// assert!(!allowed.includes("DeleteClient"));
/// assert!(!AllowedActions::default().includes("GetClients"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct AllowedActions(Allowed);

/// `None` is a variant of its own, so that a credential without roles touches no reference count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
enum Allowed {
    #[default]
    None,
    /// The names in lower case.
    Some(Arc<BTreeSet<String>>),
    All,
}

impl AllowedActions {
    /// Allows these actions. Pass the actions of all roles of a credential. A name may occur several times.
    pub fn new<N: AsRef<str>>(actions: impl IntoIterator<Item = N>) -> Self {
        let names: BTreeSet<_> =
            actions.into_iter().map(|name| name.as_ref().trim().to_ascii_lowercase()).collect();
        Self(match names.is_empty() {
            true => Allowed::None,
            false => Allowed::Some(names.into()),
        })
    }

    /// Allows every action, for a service that checks roles elsewhere.
    pub const fn all() -> Self {
        Self(Allowed::All)
    }

    /// Whether this action is allowed. A name that breaks FIELD-6 is never allowed, even by [`all`](Self::all).
    #[must_use]
    pub fn includes(&self, action: &str) -> bool {
        ActionName::try_from(Action::Named(action)).is_ok_and(|name| self.includes_name(&name))
    }

    pub(crate) fn includes_name(&self, name: &ActionName) -> bool {
        match &self.0 {
            Allowed::None => false,
            Allowed::Some(names) => names.contains(name.as_str()),
            Allowed::All => true,
        }
    }
}

/// Why a verified caller may not do the action.
///
/// Display is for the operator: it names the cause. It does not show the name of the action. The variant holds
/// the name of a well-formed action, and no other text of the request's fields.
///
/// | variants | public message | HTTP status |
/// |---|---|---|
/// | `Absent`, `Invalid` | `Empty action request` | 400 |
/// | `NotAllowed`, `AdminNotAllowed` | `Invalid Permissions: API action "getclients" is not allowed` | 403 |
///
/// Source: the messages and statuses were seen on WHMCS installations. This crate gives an invalid action the
/// same answer as an absent one. That is this crate's decision.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Action, ActionName, ActionRefusal, Refusal};
///
/// let refusal = ActionName::try_from(Action::Invalid).unwrap_err();
/// assert_eq!(refusal, ActionRefusal::Invalid);
/// assert_eq!(refusal.code(), "action_invalid");
/// assert_eq!(refusal.public_message(), "Empty action request");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionRefusal {
    /// The action is absent or empty. Code `action_missing`.
    #[error("the request names no action")]
    Absent,
    /// The action is not 1 to 64 characters of `[A-Za-z0-9_]` (FIELD-6). Code `action_invalid`.
    #[error("the action is not 1 to 64 letters, digits and underscores")]
    Invalid,
    /// None of the credential's API roles allows the action. Code `action_not_allowed`.
    #[error("no API role of the credential allows the action")]
    NotAllowed {
        /// The action that the caller asked for.
        action: ActionName,
    },
    /// The caller is an admin, and the policy allows admins no action
    /// ([`ApiPolicy::with_admin_actions`](crate::ApiPolicy::with_admin_actions)). Code
    /// `admin_action_not_allowed`.
    #[error("an admin login has no API roles, and the policy allows it no action")]
    AdminNotAllowed {
        /// The action that the caller asked for.
        action: ActionName,
    },
}

impl Refusal for ActionRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Absent => "action_missing",
            Self::Invalid => "action_invalid",
            Self::NotAllowed { .. } => "action_not_allowed",
            Self::AdminNotAllowed { .. } => "admin_action_not_allowed",
        }
    }
}

impl Sealed for ActionRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Absent | Self::Invalid => PublicAnswer::EmptyAction,
            Self::NotAllowed { action } | Self::AdminNotAllowed { action } => {
                PublicAnswer::ActionNotAllowed(action.as_str())
            }
        }
    }
}
