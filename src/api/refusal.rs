//! Why an API request was refused.

use core::error::Error;

use crate::field::Malformed;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Why an API request was refused.
///
/// Display is for the operator: it names the cause, and often the likely mistake of the client. It holds
/// no text of the request's fields. Each variant's docs give its [`code`](Self::code).
///
/// The caller of the service gets [`public_message`](Self::public_message):
///
/// | variants | public message | HTTP status |
/// |---|---|---|
/// | `AdminDisabled` | `Administrator Account Disabled` | 403 |
/// | `NoApiAccess` | `Access Denied` | 403 |
/// | all others | `Authentication Failed` | 403 |
///
/// Source: the messages, and 403 for `Authentication Failed`, were seen on WHMCS installations. The status
/// of the other two messages is this crate's decision.
///
/// # Security
///
/// The two messages about the admin are sent only to a caller who proved the secret (API-7). Hints come
/// only from the shape of the presented text. Nothing is hashed for a hint.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiRefusal, Refusal};
///
/// let refusal = ApiRefusal::UnknownIdentifier;
/// assert_eq!(refusal.code(), "unknown_identifier");
/// assert_eq!(refusal.public_message(), ApiRefusal::WrongSecret.public_message());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiRefusal {
    /// The request is malformed. The code is [`Malformed::code`].
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// `identifier`, `secret`, `username` and `password` are all absent (API-1). Code
    /// `missing_credentials`.
    #[error("the request holds no credentials")]
    MissingCredentials,
    /// No API credential has the identifier. Code `unknown_identifier`.
    #[error(
        "no API credential has this identifier: it was deleted, or is from another installation"
    )]
    UnknownIdentifier,
    /// Neither a credential nor an admin has the username. Code `unknown_username`.
    #[error("no API credential and no admin has this name")]
    UnknownUsername,
    /// API-6: the store returned a record with another name, which counts as absent. Code
    /// `record_name_mismatch`.
    #[error("the store returned a record with another name: its collation may fold letters")]
    RecordNameMismatch,
    /// The credential is known, but the secret is wrong. Code `wrong_secret`.
    #[error("the identifier is known, but the secret is wrong")]
    WrongSecret,
    /// The credential is known, but the secret is wrong, and it is 32 hexadecimal digits that were not
    /// checked as an md5. Code `secret_looks_md5`.
    #[error(
        "the identifier is known, but the secret is wrong: the client may send the secret's md5"
    )]
    SecretLooksMd5,
    /// The admin is known, but the presented md5 is wrong. Code `wrong_password`.
    #[error(
        "the username is known, but the md5 of the password is wrong: the client may apply md5 twice, \
         to another charset, or to a password with a line end"
    )]
    WrongPassword,
    /// The admin is known, but the presented text is not 32 hexadecimal digits. Code `password_not_md5`.
    #[error("the password is not 32 hexadecimal digits: the client must send its md5")]
    PasswordNotMd5,
    /// No credential has the username as its identifier, and the policy accepts no admin logins. Code
    /// `admin_login_off`.
    #[error("no API credential has this name, and admin logins are switched off")]
    AdminLoginOff,
    /// The secret is right, but the admin's account is disabled. Code `admin_disabled`.
    #[error("the admin's account is disabled")]
    AdminDisabled,
    /// The secret is right, but the admin's role group lacks API Access. Code `no_api_access`.
    #[error("the admin's role group lacks the permission API Access")]
    NoApiAccess,
}

impl Refusal for ApiRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Malformed(malformed) => malformed.code(),
            Self::MissingCredentials => "missing_credentials",
            Self::UnknownIdentifier => "unknown_identifier",
            Self::UnknownUsername => "unknown_username",
            Self::RecordNameMismatch => "record_name_mismatch",
            Self::WrongSecret => "wrong_secret",
            Self::SecretLooksMd5 => "secret_looks_md5",
            Self::WrongPassword => "wrong_password",
            Self::PasswordNotMd5 => "password_not_md5",
            Self::AdminLoginOff => "admin_login_off",
            Self::AdminDisabled => "admin_disabled",
            Self::NoApiAccess => "no_api_access",
        }
    }
}

impl Sealed for ApiRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::AdminDisabled => PublicAnswer::AdministratorAccountDisabled,
            Self::NoApiAccess => PublicAnswer::AccessDenied,
            _ => PublicAnswer::AuthenticationFailed,
        }
    }
}

/// Why [`verify_api_request`](crate::verify_api_request) returned no caller: a refusal, or a failed store.
/// After a failed store nothing was decided. It also implements [`Refusal`], so that
/// [`Answer`](crate::answer::Answer) can answer with 503.
///
/// | variant | code | public message | HTTP status |
/// |---|---|---|---|
/// | `Refused` | the refusal's | the refusal's | the refusal's |
/// | `Store` | `store_failure` | `Service Unavailable` | 503 |
///
/// Source: the message and status of a failed store are this crate's decision.
///
/// # Security
///
/// `E` is the store's own type. This crate cannot promise that its Debug and Display show no secret.
///
/// # Examples
///
/// ```
/// use std::io;
/// use whmcs_auth::{ApiError, ApiRefusal, Refusal};
///
/// let refused = ApiError::<io::Error>::from(ApiRefusal::WrongSecret);
/// assert_eq!(refused.code(), "wrong_secret");
///
/// let failed = ApiError::Store(io::Error::other("connection refused"));
/// assert_eq!((failed.code(), failed.http_status()), ("store_failure", 503));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError<E> {
    /// The caller was refused.
    #[error(transparent)]
    Refused(#[from] ApiRefusal),
    /// The store failed, so nothing was decided. Code `store_failure`. The source is the store's error.
    #[error("the credential store failed")]
    Store(#[source] E),
}

impl<E: Error + 'static> Refusal for ApiError<E> {
    fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store(_) => "store_failure",
        }
    }
}

impl<E> Sealed for ApiError<E> {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::Refused(refusal) => refusal.public_answer(),
            Self::Store(_) => PublicAnswer::ServiceUnavailable,
        }
    }
}
