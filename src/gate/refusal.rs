//! Why a gate let no call through: the operator's cause, its code, and the public answer.

use alloc::borrow::Cow;
use core::error::Error;
use core::fmt;
use core::net::IpAddr;

use super::action::ActionName;
use crate::refusal::{ApiRefusal, VerifyError};

/// Why no access key lifted the restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    Absent,
    NotConfigured,
    Wrong,
}

/// Why an address may not call. For the operator: Display names the address and the likely mistakes.
///
/// | code | what is wrong |
/// |---|---|
/// | `wrong_access_key` | an access key was presented, and another is configured |
/// | `address_list_empty` | no address is listed |
/// | `loopback_not_listed` | the caller has an IPv4 loopback address |
/// | `ipv6_localhost_not_listed` | the caller is `::1` |
/// | `address_not_listed` | any other |
///
/// Of several the first is the code.
///
/// Source: the public message and the status are those of WHMCS installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRefusal {
    pub(super) address: IpAddr,
    pub(super) list_is_empty: bool,
    pub(super) ignored_entries: usize,
    pub(super) key: KeyFault,
}

impl AddressRefusal {
    /// The caller's address. An IPv4-mapped one was made IPv4.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self.key {
            KeyFault::Wrong => "wrong_access_key",
            KeyFault::Absent | KeyFault::NotConfigured => self.cause().0,
        }
    }

    /// What the address alone tells: a code and a hint.
    const fn cause(&self) -> (&'static str, &'static str) {
        match self.address {
            _ if self.list_is_empty => (
                "address_list_empty",
                "the list is empty, which denies everyone",
            ),
            IpAddr::V4(address) if address.is_loopback() => (
                "loopback_not_listed",
                "the caller, or a proxy, is on this machine",
            ),
            IpAddr::V6(address) if address.is_loopback() => (
                "ipv6_localhost_not_listed",
                "`localhost` resolved to IPv6, or a proxy is on this machine",
            ),
            _ => (
                "address_not_listed",
                "if it is a proxy's, the proxy must pass on the caller's",
            ),
        }
    }

    /// What the caller of the service is told: `Invalid IP 203.0.113.7`.
    pub fn public_message(&self) -> Cow<'static, str> {
        alloc::format!("Invalid IP {}", self.address).into()
    }

    /// The HTTP status that goes with it, always 403.
    pub const fn http_status(&self) -> u16 {
        403
    }
}

impl fmt::Display for AddressRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, hint) = self.cause();
        write!(f, "the address {} is not listed: {hint}", self.address)?;
        match self.ignored_entries {
            0 => {}
            1 => f.write_str("; an entry of the list is no address, and matches nobody")?,
            count => write!(
                f,
                "; {count} entries of the list are no addresses, and match nobody"
            )?,
        }
        f.write_str(match self.key {
            KeyFault::Absent => "",
            KeyFault::NotConfigured => "; no access key is configured, and one was presented",
            KeyFault::Wrong => "; the access key is not the right one",
        })
    }
}

impl Error for AddressRefusal {}

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

/// Why a gate refused a request. For the operator, like each of its causes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GateRefusal {
    /// The address may not call.
    #[error(transparent)]
    Address(#[from] AddressRefusal),
    /// The caller could not be verified.
    #[error(transparent)]
    Api(#[from] ApiRefusal),
    /// The verified caller may not do what was asked for.
    #[error(transparent)]
    Action(#[from] ActionRefusal),
}

impl GateRefusal {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Address(refusal) => refusal.code(),
            Self::Api(refusal) => refusal.code(),
            Self::Action(refusal) => refusal.code(),
        }
    }

    /// What the caller of the service is told.
    pub fn public_message(&self) -> Cow<'static, str> {
        match self {
            Self::Address(refusal) => refusal.public_message(),
            Self::Api(refusal) => refusal.public_message().into(),
            Self::Action(refusal) => refusal.public_message(),
        }
    }

    /// The HTTP status that goes with it.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Address(refusal) => refusal.http_status(),
            Self::Api(refusal) => refusal.http_status(),
            Self::Action(refusal) => refusal.http_status(),
        }
    }
}

/// Why no call was let through: what [`ApiGate::verify`](super::ApiGate::verify) answers. It serves
/// the two steps, too: `?` turns every refusal into one, and `GateError::Store` takes whatever kept
/// a record from coming.
///
/// # Security
///
/// As with [`VerifyError`], what Debug and Display of `E` show is the store's affair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GateError<E> {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] GateRefusal),
    /// The store could not answer, so nobody was judged. Code `store_failure`.
    #[error("the credential store failed")]
    Store(#[source] E),
}

macro_rules! refused {
    ($($refusal:ty),+) => {$(
        impl<E> From<$refusal> for GateError<E> {
            fn from(refusal: $refusal) -> Self {
                Self::Refused(refusal.into())
            }
        }
    )+};
}

refused!(AddressRefusal, ApiRefusal, ActionRefusal);

impl<E> From<VerifyError<E>> for GateError<E> {
    fn from(error: VerifyError<E>) -> Self {
        match error {
            VerifyError::Refused(refusal) => refusal.into(),
            VerifyError::Store(error) => Self::Store(error),
        }
    }
}

impl<E> GateError<E> {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store(_) => "store_failure",
        }
    }

    /// What the caller of the service is told.
    pub fn public_message(&self) -> Cow<'static, str> {
        match self {
            Self::Refused(refusal) => refusal.public_message(),
            Self::Store(_) => "Service Unavailable".into(),
        }
    }

    /// The HTTP status that goes with it: 503 for a failure of the store.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.http_status(),
            Self::Store(_) => 503,
        }
    }
}
