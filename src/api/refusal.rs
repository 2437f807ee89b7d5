//! Why no caller was verified.

use core::error::Error;

use crate::field::Malformed;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Why an API request was refused. For the operator: Display names the cause, and the mistake behind
/// it where one is likely, and holds nothing of the request.
///
/// The caller of the service gets [`public_message`](Self::public_message), which is the same for
/// unknown, wrong, missing and malformed credentials. Hints come from the shape of the presented
/// value alone.
///
/// Source: the messages, and 403 for `Authentication Failed`, are those of WHMCS installations; 403
/// for the other two messages is this crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiRefusal {
    /// The request cannot be judged. Code: that of [`Malformed`].
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// None of the four credential fields is present. Code `missing_credentials`.
    #[error("the request holds no credentials")]
    MissingCredentials,
    /// No API credential has the identifier. Code `unknown_identifier`.
    #[error("no API credential has this identifier: deleted, or of another installation")]
    UnknownIdentifier,
    /// Neither a credential nor an admin has the username. Code `unknown_username`.
    #[error("no API credential and no admin has this name")]
    UnknownUsername,
    /// The store gave a record under another name than asked for, which counts as absent. Code
    /// `record_name_mismatch`.
    #[error("the store found a record under another name: its collation may fold letters")]
    RecordNameMismatch,
    /// The credential is known, its secret is another. Code `wrong_secret`.
    #[error("the secret is not that of the API credential")]
    WrongSecret,
    /// The same, and what was presented is 32 hexadecimal digits. Code `secret_looks_md5`.
    #[error("the secret is not that of the API credential: the client may send its md5")]
    SecretLooksMd5,
    /// The admin is known, the md5 is that of another password. Code `wrong_password`.
    #[error("the md5 is not that of the admin's password: the client may have applied md5 twice")]
    WrongPassword,
    /// The admin is known, and what was presented is not 32 hexadecimal digits. Code
    /// `password_not_md5`.
    #[error("the password is not 32 hexadecimal digits: the client must send its md5")]
    PasswordNotMd5,
    /// No credential has the name, and the policy accepts no admin logins. Code `admin_login_off`.
    #[error("no API credential has this name, and admin logins are switched off")]
    AdminLoginOff,
    /// The secret was right, the admin's account is disabled. Code `admin_disabled`.
    #[error("the admin's account is disabled")]
    AdminDisabled,
    /// The secret was right, the admin's role group lacks API Access. Code `no_api_access`.
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

/// Why [`verify_api_request`](crate::verify_api_request) named no caller.
///
/// # Security
///
/// `E` is the store's own type. What its Debug and Display show is the store's affair; the promise
/// that no secret is shown ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApiError<E> {
    /// The caller is refused.
    #[error(transparent)]
    Refused(#[from] ApiRefusal),
    /// The store could not answer, so nobody was judged. Code `store_failure`.
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
