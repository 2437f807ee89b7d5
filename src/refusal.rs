//! Refusals: the operator's cause, its code, and the one public answer.

use core::time::Duration;

use crate::fields::Field;

/// A request whose fields cannot be judged. Nothing was looked up or hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A known name occurs twice, with the same value or not. Code `repeated_field`.
    #[error("the field `{0}` occurs more than once")]
    Repeated(Field),
    /// A name that PHP reads as a known one, such as `password[]` or ` action`. Code
    /// `disguised_field`.
    #[error("a field that is not named `{0}` is read as `{0}` by PHP")]
    Disguised(Field),
    /// The value is over the cap given at [`Field`]. Code `field_too_long`.
    #[error("the field `{0}` is longer than {cap} bytes", cap = .0.cap())]
    TooLong(Field),
    /// The value holds U+FFFD, which stands for bytes that were not UTF-8. Code `field_not_utf8`.
    #[error("the field `{0}` is not UTF-8")]
    NotUtf8(Field),
    /// NUL or another control character in `identifier`, `username` or `email`. Code
    /// `control_character`.
    #[error("the field `{0}` holds a control character")]
    ControlCharacter(Field),
    /// The field is absent or empty: the other half of a pair, or a field of a link. Code
    /// `missing_field`.
    #[error("the field `{0}` is missing or empty")]
    Missing(Field),
    /// A link's timestamp is not ten ASCII digits, the first not 0. Code `timestamp_format`.
    #[error("the timestamp is not ten decimal digits, the first of them not 0")]
    TimestampFormat,
    /// A link's hash is not 40 hexadecimal digits. Code `hash_format`.
    #[error("the hash is not 40 hexadecimal digits")]
    HashFormat,
    /// A link's e-mail holds a space, and the policy does not read it as `+`. Code
    /// `space_in_email`.
    #[error("the e-mail holds a space: whoever made the link did not percent-encode its `+`")]
    SpaceInEmail,
}

impl Malformed {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Repeated(_) => "repeated_field",
            Self::Disguised(_) => "disguised_field",
            Self::TooLong(_) => "field_too_long",
            Self::NotUtf8(_) => "field_not_utf8",
            Self::ControlCharacter(_) => "control_character",
            Self::Missing(_) => "missing_field",
            Self::TimestampFormat => "timestamp_format",
            Self::HashFormat => "hash_format",
            Self::SpaceInEmail => "space_in_email",
        }
    }
}

/// Why an API request was refused. For the operator: Display names the cause, and the mistake behind
/// it where one is likely, and holds nothing of the request.
///
/// The caller of the service gets [`public_message`](Self::public_message), which is the same for
/// unknown, wrong, missing and malformed credentials. Hints come from the shape of the presented
/// value alone.
///
/// Source: the messages, and 403 for `Authentication Failed`, are those of WHMCS installations; 403
/// for the other two messages is this crate's.
///
/// # Examples
///
/// ```
/// use whmcs_auth::ApiRefusal;
///
/// let refusal = ApiRefusal::PasswordNotMd5;
/// // To the log and the metrics.
/// assert_eq!(refusal.code(), "password_not_md5");
/// assert_eq!(
///     refusal.to_string(),
///     "the password is not 32 hexadecimal digits: the client must send its md5",
/// );
/// // To the caller.
/// assert_eq!(refusal.public_message(), "Authentication Failed");
/// assert_eq!(refusal.http_status(), 403);
/// ```
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

impl ApiRefusal {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
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

    /// What the caller of the service is told.
    pub const fn public_message(&self) -> &'static str {
        match self {
            Self::AdminDisabled => "Administrator Account Disabled",
            Self::NoApiAccess => "Access Denied",
            _ => "Authentication Failed",
        }
    }

    /// The HTTP status that goes with it, always 403.
    pub const fn http_status(&self) -> u16 {
        403
    }
}

/// Why a login link was refused. For the operator: Display names the cause, and the mistake behind it
/// where one is likely, and holds nothing of the link.
///
/// Source: the public messages and the status are this crate's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AutoAuthRefusal {
    /// No key is configured. Code `autoauth_disabled`.
    #[error("AutoAuth is disabled: no key is configured")]
    Disabled,
    /// The link cannot be judged. Code: that of [`Malformed`].
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The hash is that of no key: the link was changed, its e-mail not percent-encoded, or the key
    /// is another installation's. Code `hash_mismatch`.
    #[error("the hash is not genuine: changed, not percent-encoded, or made with another key")]
    HashMismatch,
    /// The link is genuine and too old. Code `expired`.
    #[error("the link is genuine and expired {} s ago", .by.as_secs())]
    Expired {
        /// The time since the last second in which it was accepted.
        by: Duration,
    },
    /// The link is genuine, and its timestamp too far ahead. Code `from_future`.
    #[error("the link is genuine and comes {} s too early: the clocks are apart", .by.as_secs())]
    FromFuture {
        /// The time until the first second in which it will be accepted.
        by: Duration,
    },
    /// The link is genuine, and the clock stands before 1970. Code `clock_before_1970`.
    #[error("the link is genuine, and the clock stands before 1970")]
    ClockBefore1970,
    /// The link is genuine, and no account has its e-mail. Not of
    /// [`verify_autoauth`](crate::verify_autoauth), but of
    /// [`check_account`](crate::AutoAuthLogin::check_account). Code `unknown_email`.
    #[error("the link is genuine, and no account has its e-mail")]
    UnknownEmail,
    /// The link is genuine, and the account found has another e-mail. Likewise. Code
    /// `account_email_mismatch`.
    #[error(
        "the link is genuine, and the account found has another e-mail: a collation may fold letters"
    )]
    AccountEmailMismatch,
    /// The link is genuine, and several accounts have its e-mail. Likewise. Code
    /// `ambiguous_account`.
    #[error("the link is genuine, and several accounts have its e-mail")]
    AmbiguousAccount,
}

impl AutoAuthRefusal {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Disabled => "autoauth_disabled",
            Self::Malformed(malformed) => malformed.code(),
            Self::HashMismatch => "hash_mismatch",
            Self::Expired { .. } => "expired",
            Self::FromFuture { .. } => "from_future",
            Self::ClockBefore1970 => "clock_before_1970",
            Self::UnknownEmail => "unknown_email",
            Self::AccountEmailMismatch => "account_email_mismatch",
            Self::AmbiguousAccount => "ambiguous_account",
        }
    }

    /// What the visitor is told. Only a genuine link is told that it is outside its window.
    pub const fn public_message(&self) -> &'static str {
        match self {
            Self::Disabled
            | Self::Malformed(_)
            | Self::HashMismatch
            | Self::UnknownEmail
            | Self::AccountEmailMismatch
            | Self::AmbiguousAccount => "This login link is not valid.",
            Self::Expired { .. } | Self::FromFuture { .. } | Self::ClockBefore1970 => {
                "This login link has expired."
            }
        }
    }

    /// The HTTP status that goes with it, always 403.
    pub const fn http_status(&self) -> u16 {
        403
    }
}

/// Why [`verify_api_request`](crate::verify_api_request) named no caller.
///
/// # Security
///
/// `E` is the store's own type. What its Debug and Display show is the store's affair; the promise
/// that no secret is shown ends there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError<E> {
    /// The caller is refused.
    #[error(transparent)]
    Refused(#[from] ApiRefusal),
    /// The store could not answer, so nobody was judged. Code `store_failure`.
    #[error("the credential store failed")]
    Store(#[source] E),
}

impl<E> VerifyError<E> {
    /// A stable name for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code(),
            Self::Store(_) => "store_failure",
        }
    }

    /// What the caller of the service is told.
    pub const fn public_message(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.public_message(),
            Self::Store(_) => "Service Unavailable",
        }
    }

    /// The HTTP status that goes with it: 403 for a refusal, 503 for a failure of the store.
    pub const fn http_status(&self) -> u16 {
        match self {
            Self::Refused(refusal) => refusal.http_status(),
            Self::Store(_) => 503,
        }
    }
}
