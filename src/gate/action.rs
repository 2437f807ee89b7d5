//! The name of the action asked for.

use core::fmt;

use super::refusal::ActionRefusal;
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
