//! Every refusal: its code, what the operator reads, and what the caller is told.

use std::collections::BTreeSet;
use std::time::Duration;

use whmcs_auth::*;

const MALFORMED: [(Malformed, &str, &str); 9] = [
    (
        Malformed::Repeated(Field::Secret),
        "repeated_field",
        "the field `secret` occurs more than once",
    ),
    (
        Malformed::Alias(Field::Action),
        "disguised_field",
        "a field that is not named `action` is read as `action` by PHP",
    ),
    (
        Malformed::TooLong(Field::Goto),
        "field_too_long",
        "the field `goto` is longer than 2048 bytes",
    ),
    (Malformed::NotUtf8(Field::AccessKey), "field_not_utf8", "the field `accesskey` is not UTF-8"),
    (
        Malformed::ControlCharacter(Field::Username),
        "control_character",
        "the field `username` holds a control character",
    ),
    (
        Malformed::Missing(Field::Password),
        "missing_field",
        "the field `password` is missing or empty",
    ),
    (
        Malformed::TimestampFormat,
        "timestamp_format",
        "the timestamp is not ten decimal digits, the first of them not 0",
    ),
    (Malformed::HashFormat, "hash_format", "the hash is not 40 hexadecimal digits"),
    (
        Malformed::SpaceInEmail,
        "space_in_email",
        "the e-mail holds a space: whoever made the link did not percent-encode its `+`",
    ),
];

const API: [(ApiRefusal, &str, &str, &str); 11] = [
    (
        ApiRefusal::MissingCredentials,
        "missing_credentials",
        "the request holds no credentials",
        "Authentication Failed",
    ),
    (
        ApiRefusal::UnknownIdentifier,
        "unknown_identifier",
        "no API credential has this identifier: deleted, or of another installation",
        "Authentication Failed",
    ),
    (
        ApiRefusal::UnknownUsername,
        "unknown_username",
        "no API credential and no admin has this name",
        "Authentication Failed",
    ),
    (
        ApiRefusal::RecordNameMismatch,
        "record_name_mismatch",
        "the store found a record under another name: its collation may fold letters",
        "Authentication Failed",
    ),
    (
        ApiRefusal::WrongSecret,
        "wrong_secret",
        "the secret is not that of the API credential",
        "Authentication Failed",
    ),
    (
        ApiRefusal::SecretLooksMd5,
        "secret_looks_md5",
        "the secret is not that of the API credential: the client may send its md5",
        "Authentication Failed",
    ),
    (
        ApiRefusal::WrongPassword,
        "wrong_password",
        "the md5 is not that of the admin's password: the client may have applied md5 twice",
        "Authentication Failed",
    ),
    (
        ApiRefusal::PasswordNotMd5,
        "password_not_md5",
        "the password is not 32 hexadecimal digits: the client must send its md5",
        "Authentication Failed",
    ),
    (
        ApiRefusal::AdminLoginOff,
        "admin_login_off",
        "no API credential has this name, and admin logins are switched off",
        "Authentication Failed",
    ),
    (
        ApiRefusal::AdminDisabled,
        "admin_disabled",
        "the admin's account is disabled",
        "Administrator Account Disabled",
    ),
    (
        ApiRefusal::NoApiAccess,
        "no_api_access",
        "the admin's role group lacks the permission API Access",
        "Access Denied",
    ),
];

const BY: Duration = Duration::from_secs(7);

const AUTOAUTH: [(AutoAuthRefusal, &str, &str, &str); 7] = [
    (
        AutoAuthRefusal::Disabled,
        "autoauth_disabled",
        "AutoAuth is disabled: no key is configured",
        "This login link is not valid.",
    ),
    (
        AutoAuthRefusal::HashMismatch,
        "hash_mismatch",
        "the hash is not genuine: changed, not percent-encoded, or made with another key",
        "This login link is not valid.",
    ),
    (
        AutoAuthRefusal::Expired { by: BY },
        "expired",
        "the link is genuine and expired 7 s ago",
        "This login link has expired.",
    ),
    (
        AutoAuthRefusal::FromFuture { by: BY },
        "from_future",
        "the link is genuine and comes 7 s too early: the clocks are apart",
        "This login link has expired.",
    ),
    (
        AutoAuthRefusal::ClockBefore1970,
        "clock_before_1970",
        "the link is genuine, and the clock stands before 1970",
        "This login link has expired.",
    ),
    (
        AutoAuthRefusal::UnknownEmail,
        "unknown_email",
        "the link is genuine, and no account has its e-mail",
        "This login link is not valid.",
    ),
    (
        AutoAuthRefusal::AccountEmailMismatch,
        "account_email_mismatch",
        "the link is genuine, and the account found has another e-mail: a collation may fold letters",
        "This login link is not valid.",
    ),
];

#[test]
fn malformed_is_one_answer_with_many_causes() {
    for (malformed, code, cause) in MALFORMED {
        assert_eq!((malformed.code(), malformed.to_string().as_str()), (code, cause));

        let refusal = ApiRefusal::from(malformed);
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, cause));
        assert_eq!(refusal.public_message(), "Authentication Failed");
        assert_eq!(refusal.http_status(), 403);

        let refusal = AutoAuthRefusal::from(malformed);
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, cause));
        assert_eq!(refusal.public_message(), "This login link is not valid.");
        assert_eq!(refusal.http_status(), 403);
    }
}

#[test]
fn a_refused_request_has_a_code_a_cause_and_a_public_message() {
    for (refusal, code, cause, message) in API {
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, cause));
        assert_eq!((&*refusal.public_message(), refusal.http_status()), (message, 403));

        let error = ApiError::<std::fmt::Error>::from(refusal);
        assert_eq!(error.code(), code);
        assert_eq!((&*error.public_message(), error.http_status()), (message, 403));
        assert_eq!(ApiError::<std::fmt::Error>::from(refusal).to_string(), cause);
    }
}

#[test]
fn a_refused_link_has_a_code_a_cause_and_a_public_message() {
    for (refusal, code, cause, message) in AUTOAUTH {
        assert_eq!((refusal.code(), refusal.to_string().as_str()), (code, cause));
        assert_eq!((&*refusal.public_message(), refusal.http_status()), (message, 403));
    }
}

#[test]
fn a_failure_of_the_store_keeps_its_source() {
    let error = ApiError::Store(std::fmt::Error);
    assert_eq!(error.to_string(), "the credential store failed");
    assert_eq!(error.code(), "store_failure");
    assert_eq!((&*error.public_message(), error.http_status()), ("Service Unavailable", 503));
    let source = std::error::Error::source(&error).expect("the store's own error");
    assert!(source.is::<std::fmt::Error>());
}

#[test]
fn no_two_causes_share_a_code() {
    let codes = MALFORMED.iter().map(|row| row.1);
    let codes = codes.chain(API.iter().map(|row| row.1));
    let codes: BTreeSet<_> = codes.chain(AUTOAUTH.iter().map(|row| row.1)).collect();
    assert_eq!(codes.len(), MALFORMED.len() + API.len() + AUTOAUTH.len());
}
