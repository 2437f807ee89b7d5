//! Actions: the one that a request asks for, and those that a caller may do.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// The `action` of an [`ApiRequest`](crate::ApiRequest): 1 to 64 of `[A-Za-z0-9_]`.
///
/// The service refuses what is not [`Named`](Self::Named) after authentication. The text of an
/// invalid action cannot be had, so that no answer echoes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action<'a> {
    /// No action, or an empty one.
    Absent,
    /// A well-formed action, in the caller's case. WHMCS compares names without ASCII case.
    Named(&'a str),
    /// Anything else.
    Invalid,
}

impl Action<'_> {
    pub(crate) fn is_valid(name: &str) -> bool {
        (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }
}

/// The name of an action, in lower case: 1 to 64 of `[a-z0-9_]`.
///
/// WHMCS compares names without ASCII case, so match on [`as_str`](Self::as_str).
///
/// # Examples
///
/// ```
/// use whmcs_auth::Action;
/// use whmcs_auth::{ActionName, ActionRefusal};
///
/// let name = ActionName::try_from(Action::Named("GetClients"))?;
/// assert_eq!(name.as_str(), "getclients");
/// assert_eq!(ActionName::try_from(Action::Absent), Err(ActionRefusal::Absent));
/// # Ok::<(), ActionRefusal>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ActionName {
    /// Zero beyond the length.
    bytes: [u8; 64],
    length: usize,
}

impl ActionName {
    /// The name.
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
        let names: BTreeSet<_> =
            actions.into_iter().map(|name| name.as_ref().to_ascii_lowercase()).collect();
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

    pub(crate) fn includes_name(&self, name: &ActionName) -> bool {
        match &self.0 {
            Allowed::None => false,
            Allowed::Some(names) => names.contains(name.as_str()),
            Allowed::All => true,
        }
    }
}

/// Why a verified caller may not do what was asked for. For the operator: Display names the cause
/// and holds nothing of the request; the name of the action can be had of the variant.
///
/// Source: the public messages are those of WHMCS installations. An invalid action is never echoed,
/// and answered like an absent one; this is the crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ActionRefusal {
    /// No action, or an empty one. Code `action_missing`.
    #[error("the request names no action")]
    Absent,
    /// The action is not 1 to 64 of `[A-Za-z0-9_]`. Code `action_invalid`.
    #[error("the action is not 1 to 64 letters, digits and underscores")]
    Invalid,
    /// None of the credential's API roles allows the action. Code `action_not_allowed`.
    #[error("no API role of the credential allows the action")]
    NotAllowed {
        /// What was asked for.
        action: ActionName,
    },
    /// The caller is an admin, who has no API roles, and the policy allows admins nothing. Code
    /// `admin_action_not_allowed`.
    #[error("an admin login has no API roles, and the policy allows it no action")]
    AdminNotAllowed {
        /// What was asked for.
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
