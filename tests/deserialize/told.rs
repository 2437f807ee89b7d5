//! Everything that can be told of a request.

use time::OffsetDateTime;
use whmcs_auth::*;

/// Everything that can be told of an API request: what Debug shows, what is carried along, what is
/// looked up, and the verdict where each look-up finds a record.
pub fn told_of_request(request: &ApiRequest<'_>) -> String {
    let attempt = request.attempt();
    let name = attempt.identifier().unwrap_or_default().to_owned();
    let secret = StoredSecret::plain("s+e c").unwrap();
    let credential = ApiCredential::new(1, &*name, secret, AdminState::WithApiAccess);
    let password = StoredPassword::plain("p").unwrap();
    let admin = Admin::new(2, &*name, password, AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    let decide = |credential, admin| attempt.decide(credential, admin, expected, &ApiPolicy::new());
    format!(
        "{request:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        request.action(),
        request.response_type(),
        request.access_key(),
        attempt.identifier(),
        attempt.username(),
        decide(Some(&credential), None),
        decide(None, Some(&admin)),
    )
}

/// Everything that can be told of a link.
pub fn told_of_link(request: &AutoAuthRequest<'_>) -> String {
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123").unwrap());
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let verdict = verify_autoauth(request, &keys, &now, &AutoAuthPolicy::new());
    format!("{request:?} {verdict:?}")
}
