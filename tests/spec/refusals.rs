//! Every refusal: its code, the sentence for the operator, and the answer to the caller. Every other error:
//! its sentence. The sentences are asserted here and in no other module.

use std::collections::BTreeSet;
use std::time::Duration;

use whmcs_auth::gate::{AddressGate, GateError, HiddenCaller};
use whmcs_auth::{
    ActionRefusal, ApiError, ApiRefusal, ApiRequest, AutoAuthRefusal, Field, KeyError, Malformed,
    Refusal, ReplayRefusal, SchemeError,
};

use crate::common::{action_name, address, with_access_key};

/// The message and the HTTP status for the caller.
type PublicAnswer = (&'static str, u16);

const FAILED: PublicAnswer = ("Authentication Failed", 403);
const NOT_VALID: PublicAnswer = ("This login link is not valid.", 403);
const EXPIRED: PublicAnswer = ("This login link has expired.", 403);
const UNAVAILABLE: PublicAnswer = ("Service Unavailable", 503);

const MALFORMED: [(Malformed, &str, &str); 13] = [
    (
        Malformed::Repeated(Field::Secret),
        "repeated_field",
        "the field `secret` occurs more than once",
    ),
    (
        Malformed::Disguised(Field::Action),
        "disguised_field",
        "PHP reads a field with another name as `action`, for example `action[]`",
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
        "the timestamp must be a Unix time in seconds: ten digits, and the first must not be 0",
    ),
    (Malformed::HashFormat, "hash_format", "the hash is not 40 hexadecimal digits"),
    (
        Malformed::SpaceInEmail,
        "space_in_email",
        "the e-mail holds a space: the program that made the link must percent-encode `+`",
    ),
    (
        Malformed::BodyNotForm,
        "body_not_form",
        "the body is not read: its content type is missing, or is not a form type",
    ),
    (
        Malformed::MultipartBroken,
        "multipart_broken",
        "the multipart body is not well-formed, or can be read in two ways",
    ),
    (
        Malformed::BodyWithoutPost,
        "body_without_post",
        "the request has a body that is not read, because its method is not POST",
    ),
    (
        Malformed::FieldCount { max_fields: 1000 },
        "field_count",
        "the request has more than 1000 fields: see max_input_vars of PHP",
    ),
];

const API: [(ApiRefusal, &str, &str, PublicAnswer); 11] = [
    (
        ApiRefusal::MissingCredentials,
        "missing_credentials",
        "the request holds no credentials",
        FAILED,
    ),
    (
        ApiRefusal::UnknownIdentifier,
        "unknown_identifier",
        "no API credential has this identifier: it was deleted, or is from another installation",
        FAILED,
    ),
    (
        ApiRefusal::UnknownUsername,
        "unknown_username",
        "no API credential and no admin has this name",
        FAILED,
    ),
    (
        ApiRefusal::RecordNameMismatch,
        "record_name_mismatch",
        "the store returned a record with another name: its collation may fold letters",
        FAILED,
    ),
    (
        ApiRefusal::WrongSecret,
        "wrong_secret",
        "the identifier is known, but the secret is wrong",
        FAILED,
    ),
    (
        ApiRefusal::SecretLooksMd5,
        "secret_looks_md5",
        "the identifier is known, but the secret is wrong: the client may send the secret's md5",
        FAILED,
    ),
    (
        ApiRefusal::WrongPassword,
        "wrong_password",
        "the username is known, but the md5 of the password is wrong: the client may apply md5 twice, \
         to another charset, or to a password with a line end",
        FAILED,
    ),
    (
        ApiRefusal::PasswordNotMd5,
        "password_not_md5",
        "the password is not 32 hexadecimal digits: the client must send its md5",
        FAILED,
    ),
    (
        ApiRefusal::AdminLoginOff,
        "admin_login_off",
        "no API credential has this name, and admin logins are switched off",
        FAILED,
    ),
    (
        ApiRefusal::AdminDisabled,
        "admin_disabled",
        "the admin's account is disabled",
        ("Administrator Account Disabled", 403),
    ),
    (
        ApiRefusal::NoApiAccess,
        "no_api_access",
        "the admin's role group lacks the permission API Access",
        ("Access Denied", 403),
    ),
];

const BY: Duration = Duration::from_secs(7);

const LINK: [(AutoAuthRefusal, &str, &str, PublicAnswer); 9] = [
    (
        AutoAuthRefusal::Disabled,
        "autoauth_disabled",
        "AutoAuth is disabled: no key is configured",
        NOT_VALID,
    ),
    (
        AutoAuthRefusal::HashMismatch,
        "hash_mismatch",
        "the hash is wrong: the link was changed, not percent-encoded, or made with another key",
        NOT_VALID,
    ),
    (
        AutoAuthRefusal::Expired { by: BY },
        "expired",
        "the link is genuine, but it expired 7 s ago",
        EXPIRED,
    ),
    (
        AutoAuthRefusal::FromFuture { by: BY },
        "from_future",
        "the link is genuine, but its timestamp is 7 s too far ahead: the clocks differ",
        EXPIRED,
    ),
    (
        AutoAuthRefusal::ClockBefore1970,
        "clock_before_1970",
        "the link is genuine, but this server's clock is before 1970",
        EXPIRED,
    ),
    (
        AutoAuthRefusal::UnknownEmail,
        "unknown_email",
        "the link is genuine, but no account has its e-mail",
        NOT_VALID,
    ),
    (
        AutoAuthRefusal::AccountEmailMismatch,
        "account_email_mismatch",
        "the link is genuine, but the account found has another e-mail: a collation may fold letters",
        NOT_VALID,
    ),
    (
        AutoAuthRefusal::AccountClosed,
        "account_closed",
        "the link is genuine, but the account with its e-mail is closed",
        NOT_VALID,
    ),
    (
        AutoAuthRefusal::AmbiguousAccount,
        "ambiguous_account",
        "the link is genuine, but several accounts have its e-mail",
        NOT_VALID,
    ),
];

const EMPTY_ACTION: PublicAnswer = ("Empty action request", 400);
const NOT_ALLOWED: PublicAnswer =
    ("Invalid Permissions: API action \"getclients\" is not allowed", 403);

fn actions() -> [(ActionRefusal, &'static str, &'static str, PublicAnswer); 4] {
    let action = action_name("GetClients");
    [
        (ActionRefusal::Absent, "action_missing", "the request names no action", EMPTY_ACTION),
        (
            ActionRefusal::Invalid,
            "action_invalid",
            "the action is not 1 to 64 letters, digits and underscores",
            EMPTY_ACTION,
        ),
        (
            ActionRefusal::NotAllowed { action },
            "action_not_allowed",
            "no API role of the credential allows the action",
            NOT_ALLOWED,
        ),
        (
            ActionRefusal::AdminNotAllowed { action },
            "admin_action_not_allowed",
            "an admin login has no API roles, and the policy allows it no action",
            NOT_ALLOWED,
        ),
    ]
}

const REPLAY: [(ReplayRefusal, &str, &str, PublicAnswer); 3] = [
    (ReplayRefusal::Used, "link_used", "the link was used before", EXPIRED),
    (
        ReplayRefusal::MayBeForgotten,
        "link_may_be_forgotten",
        "the link may have been used before: it was made before the service or its store started, its window is \
         closed, or the clock went back",
        EXPIRED,
    ),
    (
        ReplayRefusal::Full,
        "replay_guard_full",
        "the replay guard is full: its capacity is too small for the logins of a window",
        UNAVAILABLE,
    ),
];

fn assert_reported(refusal: &dyn Refusal, code: &str, sentence: &str, answer: (&str, u16)) {
    assert_eq!((refusal.code(), &*refusal.to_string()), (code, sentence));
    assert_eq!((&*refusal.public_message(), refusal.http_status()), answer, "{code}");
}

#[test]
fn field_7_every_malformed_request_gets_the_same_public_answer() {
    for (malformed, code, sentence) in MALFORMED {
        assert_eq!((malformed.code(), &*malformed.to_string()), (code, sentence));
        assert_reported(&ApiRefusal::from(malformed), code, sentence, FAILED);
        assert_reported(&AutoAuthRefusal::from(malformed), code, sentence, NOT_VALID);
    }
}

#[test]
fn a_refused_request_is_reported() {
    for (refusal, code, sentence, answer) in API {
        assert_reported(&refusal, code, sentence, answer);
        assert_reported(&ApiError::<std::fmt::Error>::from(refusal), code, sentence, answer);
    }
}

#[test]
fn a_refused_link_is_reported() {
    for (refusal, code, sentence, answer) in LINK {
        assert_reported(&refusal, code, sentence, answer);
    }
}

#[test]
fn a_link_that_the_replay_guard_refuses_is_reported() {
    for (refusal, code, sentence, answer) in REPLAY {
        assert_reported(&refusal, code, sentence, answer);
    }
}

#[test]
fn a_refused_action_is_reported() {
    for (refusal, code, sentence, answer) in actions() {
        assert_reported(&refusal, code, sentence, answer);
    }
}

#[test]
fn a_refused_address_is_reported_with_the_likely_mistakes() {
    let gate = AddressGate::new().with_entries(["203.0.113.7"]);
    let with_key = gate.clone().with_access_key("right").unwrap();
    let with_network = gate.clone().with_entries(["10.0.0.0/8"]);
    let empty = AddressGate::new();
    let ipv6 = AddressGate::new().with_entries(["2001:db8::1"]);
    let networks = AddressGate::new().with_entries(["10.0.0.0/8", "fd00::/8"]);
    for (gate, caller, key, code, seen, cause) in [
        (
            &empty,
            "203.0.113.7",
            None,
            "address_list_empty",
            "203.0.113.7",
            "the list is empty, which denies everyone",
        ),
        (
            &gate,
            "127.0.0.1",
            None,
            "loopback_not_listed",
            "127.0.0.1",
            "the caller, or a proxy, is on this machine",
        ),
        (
            &gate,
            "::ffff:127.1.2.3",
            None,
            "loopback_not_listed",
            "127.1.2.3",
            "the caller, or a proxy, is on this machine",
        ),
        (
            &gate,
            "0:0::1",
            None,
            "ipv6_localhost_not_listed",
            "::1",
            "`localhost` resolved to IPv6, or a proxy is on this machine",
        ),
        (
            &gate,
            "10.0.0.1",
            None,
            "address_not_listed",
            "10.0.0.1",
            "if it is the address of a proxy, trust the proxy to pass on the caller's address",
        ),
        (
            &gate,
            "2001:DB8:0::1",
            Some(""),
            "only_ipv4_listed",
            "2001:db8::1",
            "the caller uses IPv6, and the list holds only IPv4: also list the IPv6 address",
        ),
        (
            &ipv6,
            "10.0.0.1",
            None,
            "only_ipv6_listed",
            "10.0.0.1",
            "the caller uses IPv4, and the list holds only IPv6: also list the IPv4 address",
        ),
        (
            &networks,
            "10.0.0.1",
            None,
            "address_list_unreadable",
            "10.0.0.1",
            "no entry of the list is an address, which denies everyone; \
             2 entries of the list cannot be read as an address",
        ),
        (
            &with_network,
            "10.0.0.1",
            None,
            "address_not_listed",
            "10.0.0.1",
            "if it is the address of a proxy, trust the proxy to pass on the caller's address; \
             an entry of the list cannot be read as an address",
        ),
        (
            &with_key,
            "127.0.0.1",
            Some("wrong"),
            "wrong_access_key",
            "127.0.0.1",
            "the caller, or a proxy, is on this machine; the access key is wrong: a `#`, `+`, `%` or `&` in it must be \
             percent-encoded",
        ),
        (
            &gate,
            "::1",
            Some("any"),
            "ipv6_localhost_not_listed",
            "::1",
            "`localhost` resolved to IPv6, or a proxy is on this machine; \
             an access key was presented, but none is configured",
        ),
        (
            &with_network,
            "10.0.0.1",
            Some("any"),
            "address_not_listed",
            "10.0.0.1",
            "if it is the address of a proxy, trust the proxy to pass on the caller's address; \
             an entry of the list cannot be read as an address; \
             an access key was presented, but none is configured",
        ),
    ] {
        let request = with_access_key(key);
        let refusal = gate.check(address(caller), &request).unwrap_err();
        let sentence = format!("the address {seen} is not listed: {cause}");
        assert_reported(&refusal, code, &sentence, (&format!("Invalid IP {seen}"), 403));
        assert_eq!(refusal.address(), address(seen));
    }
}

#[test]
fn a_malformed_access_key_is_reported_with_its_fault() {
    let gate = AddressGate::new().with_entries(["203.0.113.7"]);
    let request = ApiRequest::from_pairs([("accesskey", "a"), ("accesskey", "a")]);
    let refusal = gate.check(address("127.0.0.1"), &request).unwrap_err();
    let sentence = "the address 127.0.0.1 is not listed: the caller, or a proxy, is on this machine; \
                    the access key is malformed: the field `accesskey` occurs more than once";
    let answer = ("Invalid IP 127.0.0.1", 403);
    assert_reported(&refusal, "malformed_access_key", sentence, answer);
}

#[test]
fn an_entry_of_the_address_list_that_cannot_be_read_is_reported() {
    for (entry, sentence) in [
        ("", "holds nothing: remove it"),
        (" ::1", "has white space or invisible characters around its address: remove them"),
        (
            "10.0.0.0/8",
            "is a network, and an entry is one address: list each of its addresses, or use a setting \
             for networks",
        ),
        ("10.0.0.*", "is a range of addresses: list each of them"),
        ("::1, ::2", "holds a separator: give each address an entry of its own"),
        ("[::1]:80", "has a port or brackets: write the address alone"),
        ("fe80::1%1", "has a zone: write the address without `%` and the zone"),
        ("10.0.0.01", "has a number with a leading zero: write it without the zero"),
        ("localhost", "is a host name: list the addresses of the host"),
        ("10.0.0", "is not an IPv4 or IPv6 address: correct it or remove it"),
    ] {
        let gate = AddressGate::new().with_entries([entry]);
        let shown = gate.unreadable_entries().iter().map(ToString::to_string);
        assert_eq!(shown.collect::<Vec<_>>(), [format!("the entry \"{entry}\" {sentence}")]);
    }
}

#[test]
fn a_failure_of_the_store_is_reported_with_its_source() {
    let (code, sentence) = ("store_failure", "the credential store failed");
    let error = ApiError::Store(std::fmt::Error);
    assert_reported(&error, code, sentence, UNAVAILABLE);
    let source = std::error::Error::source(&error).expect("the store's own error");
    assert!(source.is::<std::fmt::Error>());
    let error = GateError::<u64, _>::Store(std::fmt::Error);
    assert_reported(&error, code, sentence, UNAVAILABLE);
    let source = std::error::Error::source(&error).expect("the store's own error");
    assert!(source.is::<std::fmt::Error>());
}

#[test]
fn a_decision_that_did_not_end_is_reported_with_its_source() {
    let error = GateError::<u64, std::fmt::Error>::Stopped("no permit".into());
    assert_reported(&error, "stopped", "the decision did not end", UNAVAILABLE);
    let source = std::error::Error::source(&error).expect("the error of the runtime");
    assert_eq!(source.to_string(), "no permit");
}

const HIDDEN: [(HiddenCaller, &str, &str); 7] = [
    (
        HiddenCaller::PeerUnknown,
        "peer_unknown",
        "the address of the peer is not known: let the web server pass it on",
    ),
    (
        HiddenCaller::UntrustedProxy,
        "untrusted_proxy",
        "a proxy on this machine sent the request, and it is not trusted: trust its address",
    ),
    (
        HiddenCaller::NoForwardedFor,
        "forwarded_for_missing",
        "a trusted proxy sent no X-Forwarded-For: let it append its caller's address there",
    ),
    (
        HiddenCaller::OtherHeader { header: "X-Real-IP" },
        "other_forwarding_header",
        "a trusted proxy sent X-Real-IP and no X-Forwarded-For, the only header that is read: \
         let it append its caller's address there",
    ),
    (
        HiddenCaller::Unreadable,
        "forwarded_for_unreadable",
        "the caller's entry in X-Forwarded-For is not an address, but empty, `unknown` or a name: \
         let the proxy append the address itself",
    ),
    (
        HiddenCaller::LocalAddress,
        "forwarded_for_local",
        "the caller's entry in X-Forwarded-For is an address such as 127.0.0.1: if another proxy has \
         it, also trust that proxy",
    ),
    (
        HiddenCaller::OnlyProxies,
        "forwarded_for_only_proxies",
        "X-Forwarded-For holds only addresses of trusted proxies: a proxy does not append its \
         caller's address, or callers are in a trusted network",
    ),
];

#[test]
fn a_hidden_caller_is_reported_and_refused_like_an_invalid_address() {
    for (hidden, code, sentence) in HIDDEN {
        assert_reported(&hidden, code, sentence, ("Invalid IP", 403));
        let error = GateError::<u64, std::fmt::Error>::from(hidden);
        assert_reported(&error, code, sentence, ("Invalid IP", 403));
    }
}

#[cfg(feature = "form")]
#[test]
fn a_request_that_is_not_forwarded_is_reported() {
    use whmcs_auth::ForwardRefusal;

    let cause = "a field is in both the query and the body, and one of the two is an array";
    assert_reported(&ForwardRefusal::SplitArray, "split_array", cause, ("Bad Request", 400));
    for (refusal, code, sentence, answer) in API {
        assert_reported(&ForwardRefusal::from(refusal), code, sentence, answer);
    }
    for (malformed, code, sentence) in MALFORMED {
        let refusal = ForwardRefusal::Api(malformed.into());
        assert_reported(&refusal, code, sentence, FAILED);
    }
}

#[cfg(feature = "http")]
#[test]
fn a_request_that_is_refused_by_its_head_is_reported() {
    use whmcs_auth::http::HeadRefusal;

    const NOT_ALLOWED: PublicAnswer = ("Method Not Allowed", 405);
    for (refusal, code, sentence, answer, allow) in [
        (
            HeadRefusal::NotACall { allows: "GET, POST" },
            "method_not_allowed",
            "this method is not allowed for an API call, only GET, POST",
            NOT_ALLOWED,
            Some("GET, POST"),
        ),
        (
            HeadRefusal::GetNotAllowed,
            "get_not_allowed",
            "the API call is a GET, and its URL puts the secret into logs: let the client send a POST, or allow GET",
            NOT_ALLOWED,
            Some("POST"),
        ),
        (
            HeadRefusal::LinkNotByGet,
            "method_not_allowed",
            "a login link must be opened with GET, because another method would use it up",
            NOT_ALLOWED,
            Some("GET"),
        ),
        (
            HeadRefusal::NotAVisit,
            "not_a_visit",
            "another page loads the login link, for example as an image or a frame",
            NOT_VALID,
            None,
        ),
        (
            HeadRefusal::FetchedAhead,
            "prefetch",
            "a browser fetched the link ahead of a visit",
            UNAVAILABLE,
            None,
        ),
    ] {
        assert_reported(&refusal, code, sentence, answer);
        assert_eq!(refusal.allow(), allow, "{code}");
    }
}

#[test]
fn no_two_refusals_share_a_code() {
    let mut codes = vec!["store_failure", "stopped"];
    codes.extend(MALFORMED.iter().map(|row| row.1));
    codes.extend(API.iter().map(|row| row.1));
    codes.extend(LINK.iter().map(|row| row.1));
    codes.extend(actions().iter().map(|row| row.1));
    codes.extend(HIDDEN.iter().map(|row| row.1));
    codes.extend(REPLAY.iter().map(|row| row.1));
    let different: BTreeSet<_> = codes.iter().collect();
    assert_eq!(different.len(), codes.len());
}

#[test]
fn a_refused_key_is_reported() {
    for (error, sentence) in [
        (KeyError::Empty, "an AutoAuth key cannot be empty"),
        (KeyError::Blank, "a key must hold a visible character: its file may hold only a line end"),
        (KeyError::Overlap, "two AutoAuth keys of a set are equal, or one ends with the other"),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
}

#[test]
fn a_refused_secret_or_password_of_a_record_is_reported() {
    use SchemeError::{BcryptCost, Empty, FeatureOff, NotBcrypt, NotHex, TooLong, UnknownScheme};

    for (error, sentence) in [
        (Empty, "a stored secret or password cannot be empty"),
        (TooLong, "a plain secret is at most 1024 bytes long"),
        (NotHex { digits: 64 }, "the digest is not 64 hexadecimal digits"),
        (NotBcrypt, "the text is not a bcrypt string of version 2a, 2b or 2y"),
        (BcryptCost, "a bcrypt cost is between 4 and 31"),
        (
            UnknownScheme,
            "the scheme of the text cannot be detected: use the constructor of its scheme",
        ),
        (FeatureOff { feature: "sha2" }, "this scheme needs the crate's feature `sha2`"),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
}

#[cfg(feature = "std")]
#[test]
fn a_second_record_of_a_name_is_reported() {
    use whmcs_auth::DuplicateRecord;

    for (error, sentence) in [
        (
            DuplicateRecord::Credential { index: 2 },
            "the API credential at index 2 has the same identifier as an earlier one",
        ),
        (
            DuplicateRecord::Admin { index: 1 },
            "the admin at index 1 has the same username as an earlier one",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
}

#[cfg(feature = "form")]
#[test]
fn a_link_that_cannot_be_signed_is_reported() {
    use whmcs_auth::SignError;

    for (error, sentence) in [
        (
            SignError::Email(Malformed::Missing(Field::Email)),
            "the field `email` is missing or empty",
        ),
        (SignError::SpaceInEmail, "the e-mail holds a space, which would be read as `+`"),
        (SignError::Goto, "the goto is outside the grammar of same-site targets"),
        (SignError::Clock, "a ten-digit timestamp needs a clock between the years 2001 and 2286"),
        (
            SignError::Base,
            "the base must be an http or https URL with a host, and nothing more than a port and a path",
        ),
    ] {
        assert_eq!(error.to_string(), sentence);
    }
}
