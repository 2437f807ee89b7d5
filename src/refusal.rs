//! The trait of all refusals, and the table of public messages.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::error::Error;
use core::net::IpAddr;

/// A refusal: why a request or a link was refused.
///
/// It has two readers:
///
/// | reader | what the reader gets |
/// |---|---|
/// | the operator of the service | [`code`](Self::code), a stable name for metrics, and Display, a sentence that names the likely mistake |
/// | the caller of the service | [`public_message`](Self::public_message) and [`http_status`](Self::http_status) |
///
/// Message and status are the same for unknown, wrong and malformed credentials. A refusal holds no
/// text of the request's fields, except the name of a well-formed action. It may hold the caller's
/// address.
///
/// A failed store is [`ApiError::Store`](crate::ApiError::Store): nothing was decided. It implements
/// `Refusal` as well, so that `Answer` can answer with 503.
///
/// [`Answer`](crate::answer::Answer) turns a refusal into the body that WHMCS's clients parse. Only
/// this crate can implement the trait.
///
/// Source: `Authentication Failed`, `Invalid IP` and `Invalid Permissions` with status 403, and
/// `Empty action request` with status 400, were seen on WHMCS installations. `Access Denied` and
/// `Administrator Account Disabled` are also WHMCS's messages; their status 403 is this crate's
/// decision. `Service Unavailable` with status 503 and the messages for links are decisions of this
/// crate.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiRefusal, Refusal};
///
/// let refusal = ApiRefusal::PasswordNotMd5;
/// // For the operator.
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
    #[must_use]
    fn code(&self) -> &'static str;

    /// The message for the caller of the service.
    #[must_use]
    fn public_message(&self) -> Cow<'static, str> {
        self.public_answer().message()
    }

    /// The HTTP status code for the caller of the service: 400, 403, 405 or 503.
    #[must_use]
    fn http_status(&self) -> u16 {
        self.public_answer().http_status()
    }
}

/// `?` boxes every refusal.
impl<'a, R: Refusal + 'a> From<R> for Box<dyn Refusal + 'a> {
    fn from(refusal: R) -> Self {
        Box::new(refusal)
    }
}

/// The same for threads.
impl<'a, R: Refusal + Send + Sync + 'a> From<R> for Box<dyn Refusal + Send + Sync + 'a> {
    fn from(refusal: R) -> Self {
        Box::new(refusal)
    }
}

/// Private, so that no other crate can implement [`Refusal`].
pub trait Sealed {
    /// A row of the table of public messages.
    fn public_answer(&self) -> PublicAnswer<'_>;
}

/// The table of public messages: everything that the caller of a service learns from a refusal.
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
    MethodNotAllowed,
    BadRequest,
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
            Self::MethodNotAllowed => "Method Not Allowed".into(),
            Self::BadRequest => "Bad Request".into(),
            Self::ServiceUnavailable => "Service Unavailable".into(),
        }
    }

    fn http_status(self) -> u16 {
        match self {
            Self::EmptyAction | Self::BadRequest => 400,
            Self::MethodNotAllowed => 405,
            Self::ServiceUnavailable => 503,
            _ => 403,
        }
    }
}
