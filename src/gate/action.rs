//! The action asked for, and why it is refused.

use alloc::borrow::Cow;
use core::fmt;

use crate::request::Action;

/// The name of an action, in lower case: 1 to 64 of `[a-z0-9_]`.
///
/// WHMCS compares names without ASCII case, so match on [`as_str`](Self::as_str).
///
/// # Examples
///
/// ```
/// use whmcs_auth::Action;
/// use whmcs_auth::gate::{ActionName, ActionRefusal};
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

/// Why a verified caller may not do what was asked for. For the operator: Display names the cause
/// and holds nothing of the request; the name of the action can be had of the variant.
///
/// Source: the public messages are those of WHMCS installations. What an action holds that is no
/// name is not told to anybody; it gets the answer of an absent one, which is this crate's choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
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
    /// The caller is an admin, who has no API roles, and the policy lets admins do nothing. Code
    /// `admin_action_not_allowed`.
    #[error("an admin login has no API roles, and the policy does not let it do all")]
    AdminNotAllowed {
        /// What was asked for.
        action: ActionName,
    },
}

impl ActionRefusal {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Absent => "action_missing",
            Self::Invalid => "action_invalid",
            Self::NotAllowed { .. } => "action_not_allowed",
            Self::AdminNotAllowed { .. } => "admin_action_not_allowed",
        }
    }

    /// What the caller of the service is told: `Empty action request`, or
    /// `Invalid Permissions: API action "getclients" is not allowed`.
    pub fn public_message(&self) -> Cow<'static, str> {
        match self {
            Self::Absent | Self::Invalid => "Empty action request".into(),
            Self::NotAllowed { action } | Self::AdminNotAllowed { action } => {
                alloc::format!("Invalid Permissions: API action \"{action}\" is not allowed").into()
            }
        }
    }

    /// The HTTP status that goes with it: 400 without an action, otherwise 403.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Absent | Self::Invalid => 400,
            Self::NotAllowed { .. } | Self::AdminNotAllowed { .. } => 403,
        }
    }
}
