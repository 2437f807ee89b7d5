//! What a refusal tells, and to whom.

use alloc::borrow::Cow;
use core::error::Error;
use core::net::IpAddr;

/// Why a request was refused, for its two readers.
///
/// | reader | what it gets |
/// |---|---|
/// | the operator | [`code`](Self::code), a stable name for metrics, and Display, a sentence that names the likely mistake |
/// | the caller of the service | [`public_message`](Self::public_message) and [`http_status`](Self::http_status), the same for unknown, wrong and malformed credentials |
///
/// A refusal holds nothing of the request but an address or the name of a well-formed action.
/// [`Answer`](crate::answer::Answer) turns one into the body that WHMCS's clients parse. Only this
/// crate can implement the trait.
///
/// Source: `Authentication Failed`, `Invalid IP` and `Invalid Permissions` with 403, and
/// `Empty action request` with 400, are the answers of WHMCS installations. The other texts of the API are
/// WHMCS's, too; their statuses, and the texts for links, are this crate's.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiRefusal, Refusal};
///
/// let refusal = ApiRefusal::PasswordNotMd5;
/// // For the log and the metrics.
/// assert_eq!(refusal.code(), "password_not_md5");
/// assert_eq!(
///     refusal.to_string(),
///     "the password is not 32 hexadecimal digits: the client must send its md5",
/// );
/// // For the caller.
/// assert_eq!(refusal.public_message(), "Authentication Failed");
/// assert_eq!(refusal.http_status(), 403);
/// ```
pub trait Refusal: Error + Sealed {
    /// A stable name for metrics.
    fn code(&self) -> &'static str;

    /// What the caller of the service is told.
    fn public_message(&self) -> Cow<'static, str> {
        self.public_answer().message()
    }

    /// The HTTP status that goes with the message.
    fn http_status(&self) -> u16 {
        self.public_answer().http_status()
    }
}

/// Keeps other crates from implementing [`Refusal`].
pub trait Sealed {
    /// The row of the table of public texts.
    fn public_answer(&self) -> PublicAnswer<'_>;
}

/// The table of public texts: all that the caller of a service is ever told of a refusal.
#[derive(Clone, Copy, Debug)]
pub enum PublicAnswer<'a> {
    AuthenticationFailed,
    AccessDenied,
    AdministratorAccountDisabled,
    InvalidIp(IpAddr),
    /// A proxy hides the address.
    HiddenIp,
    EmptyAction,
    /// The action, in lower case.
    ActionNotAllowed(&'a str),
    LinkNotValid,
    LinkExpired,
    RequestTooLarge,
    ServiceUnavailable,
}

impl PublicAnswer<'_> {
    fn message(self) -> Cow<'static, str> {
        match self {
            Self::AuthenticationFailed => "Authentication Failed".into(),
            Self::AccessDenied => "Access Denied".into(),
            Self::AdministratorAccountDisabled => "Administrator Account Disabled".into(),
            Self::InvalidIp(address) => alloc::format!("Invalid IP {address}").into(),
            Self::HiddenIp => "Invalid IP".into(),
            Self::EmptyAction => "Empty action request".into(),
            Self::ActionNotAllowed(action) => {
                alloc::format!("Invalid Permissions: API action \"{action}\" is not allowed").into()
            }
            Self::LinkNotValid => "This login link is not valid.".into(),
            Self::LinkExpired => "This login link has expired.".into(),
            Self::RequestTooLarge => "Request Too Large".into(),
            Self::ServiceUnavailable => "Service Unavailable".into(),
        }
    }

    fn http_status(self) -> u16 {
        match self {
            Self::EmptyAction => 400,
            Self::RequestTooLarge => 413,
            Self::ServiceUnavailable => 503,
            _ => 403,
        }
    }
}
