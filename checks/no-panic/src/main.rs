//! Links only if the optimiser proves that these functions never panic. `#[no_panic]` refers to a missing
//! symbol wherever a function could panic, and only the optimiser can remove that reference.
//!
//! Functions that allocate are left out, as an allocation can panic. Every argument goes through `black_box`.
//! Otherwise the optimiser would prove it for one constant only.

use std::hint::black_box;

use no_panic::no_panic;
use time::OffsetDateTime;
use whmcs_auth::gate::*;
use whmcs_auth::*;

#[no_panic]
fn read_api_request<'a>(pairs: &'a [(&'a str, &'a str)]) -> ApiRequest<'a> {
    ApiRequest::from_pairs(pairs)
}

#[no_panic]
fn read_link<'a>(pairs: &'a [(&'a str, &'a str)]) -> AutoAuthRequest<'a> {
    AutoAuthRequest::from_pairs(pairs)
}

#[no_panic]
fn attempt<'a>(request: &'a ApiRequest<'_>, policy: &ApiPolicy) -> ApiAttempt<'a> {
    request.attempt(policy)
}

#[no_panic]
fn decide(
    attempt: &ApiAttempt<'_>,
    credential: Option<&ApiCredential<u64>>,
    admin: Option<&Admin<u64>>,
    expected: ExpectedSchemes,
) -> Result<ApiCaller<u64>, ApiRefusal> {
    attempt.decide(credential, admin, expected)
}

/// Without reading spaces as plus signs, which allocates.
#[no_panic]
fn verify<'r>(
    request: &'r AutoAuthRequest<'_>,
    keys: &AutoAuthKeys,
    now: &OffsetDateTime,
    policy: AutoAuthPolicy,
) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    verify_autoauth(request, keys, now, &policy.with_space_as_plus(false))
}

#[no_panic]
fn is_for(login: AutoAuthLogin<'_>, stored_email: &str) -> bool {
    login.check_account([stored_email], |email| email, |_| true).is_ok()
}

#[no_panic]
fn parse_goto(goto: &str) -> Goto<'_> {
    Goto::parse(goto)
}

#[no_panic]
fn check_address(gate: &AddressGate, request: &ApiRequest<'_>) -> Result<(), AddressRefusal> {
    gate.check([203, 0, 113, 7].into(), request)
}

#[no_panic]
fn admit<'r>(
    gate: &ApiGate,
    request: &'r ApiRequest<'_>,
) -> Result<ApiAttempt<'r>, AddressRefusal> {
    gate.admit([203, 0, 113, 7].into(), request)
}

#[no_panic]
fn authorize(caller: &ApiCaller<u64>, action: Action<'_>) -> Result<ActionName, ActionRefusal> {
    caller.authorize(action)
}

#[no_panic]
fn name_action(action: Action<'_>) -> Result<ActionName, ActionRefusal> {
    action.try_into()
}

#[no_panic]
fn includes(actions: &AllowedActions, action: &str) -> bool {
    actions.includes(action)
}

#[no_panic]
fn read_digests(hex: &str) -> [Result<StoredSecret, SchemeError>; 2] {
    [StoredSecret::md5(hex), StoredSecret::sha256(hex)]
}

#[cfg(feature = "can_panic")]
#[no_panic]
fn ends_with_a_digit(goto: &str) -> bool {
    goto.as_bytes()[goto.len() - 1].is_ascii_digit()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let text = black_box(arguments[0].as_str());
    let pairs: Vec<_> = arguments.iter().map(|text| (text.as_str(), text.as_str())).collect();
    let expected = black_box(ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5));
    let keys = black_box(AutoAuthKeys::default());
    let now = black_box(OffsetDateTime::UNIX_EPOCH);
    let addresses = black_box(AddressGate::new());

    let request = read_api_request(&pairs);
    let action = request.action();
    let policy = black_box(ApiPolicy::new());
    let attempt = attempt(&request, &policy);
    if let Ok(caller) = decide(&attempt, black_box(None), black_box(None), expected) {
        let _ = black_box(authorize(&caller, action));
    }
    let link = read_link(&pairs);
    if let Ok(login) = verify(&link, &keys, &now, black_box(AutoAuthPolicy::new())) {
        black_box(is_for(login, text));
    }
    let _ = black_box(parse_goto(text));
    let _ = black_box(check_address(&addresses, &request));
    let _ = black_box(admit(&black_box(ApiGate::new(addresses)), &request));
    let _ = black_box(name_action(action));
    black_box(includes(&black_box(AllowedActions::new(&arguments)), text));
    let _ = black_box(read_digests(text));
    #[cfg(feature = "can_panic")]
    black_box(ends_with_a_digit(text));
}
