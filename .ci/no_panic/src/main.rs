//! Links only if the optimiser proves that none of these functions can panic, whatever they are given.
//! Those that allocate are not among them: an allocation can always fail.

use std::hint::black_box;

use no_panic::no_panic;
use time::OffsetDateTime;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::*;

#[no_panic]
fn read_api_request<'a>(pairs: &[(&'a str, &'a str)]) -> ApiRequest<'a> {
    ApiRequest::from_pairs(pairs.iter().copied())
}

#[no_panic]
fn read_link<'a>(pairs: &[(&'a str, &'a str)]) -> AutoAuthRequest<'a> {
    AutoAuthRequest::from_pairs(pairs.iter().copied())
}

#[no_panic]
fn attempt<'a>(request: &'a ApiRequest<'_>) -> ApiAttempt<'a> {
    request.attempt()
}

#[no_panic]
fn decide(
    attempt: &ApiAttempt<'_>,
    credential: Option<&ApiCredential<u64>>,
    admin: Option<&Admin<u64>>,
    forms: StoredForms,
    policy: &ApiPolicy,
) -> Result<ApiCaller<u64>, ApiRefusal> {
    attempt.decide(credential, admin, forms, policy)
}

/// Without the repair of e-mails, which allocates.
#[no_panic]
fn verify<'r>(
    request: &'r AutoAuthRequest<'_>,
    keys: &AutoAuthKeys,
    now: &OffsetDateTime,
) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    let policy = AutoAuthPolicy::new().space_as_plus(false);
    verify_autoauth(request, keys, now, &policy)
}

#[no_panic]
fn judge(goto: &str) -> Goto<'_> {
    Goto::judge(goto)
}

#[no_panic]
fn check_access_key(gate: &AddressGate, presented: &str) -> bool {
    gate.check([203, 0, 113, 7].into(), Some(presented)).is_ok()
}

#[cfg(feature = "can_panic")]
#[no_panic]
fn ends_with_a_digit(goto: &str) -> bool {
    goto.as_bytes()[goto.len() - 1].is_ascii_digit()
}

fn main() {
    let sent: Vec<String> = std::env::args().collect();
    let pairs: Vec<_> = sent
        .iter()
        .map(|text| (text.as_str(), text.as_str()))
        .collect();
    let now = OffsetDateTime::UNIX_EPOCH;
    let forms = black_box(StoredForms::new(SecretForm::Sha256, PasswordForm::Md5));

    let request = read_api_request(&pairs);
    black_box(decide(
        &attempt(&request),
        black_box(None),
        black_box(None),
        forms,
        &ApiPolicy::new(),
    ))
    .ok();
    let keys = black_box(AutoAuthKeys::default());
    black_box(verify(&read_link(&pairs), &keys, &now)).ok();
    black_box(judge(&sent[0]));
    black_box(check_access_key(&AddressGate::new(), &sent[0]));
    #[cfg(feature = "can_panic")]
    black_box(ends_with_a_digit(&sent[0]));
}
