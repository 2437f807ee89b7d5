//! Compares the library's own form decoder with two form deserializers. The tests of this package use it, and
//! so do `checks/oracles` and the fuzz target `deserializers`.

use time::OffsetDateTime;
use whmcs_auth::*;

/// Asserts that all three read the same API request, and returns its description.
pub fn assert_same_request<B: AsRef<[u8]> + ?Sized>(body: &B) -> String {
    let described = describe_request(&ApiRequest::from_form(body));
    let body = body.as_ref();
    let urlencoded = serde_urlencoded::from_bytes(body).unwrap();
    assert_eq!(describe_request(&urlencoded), described);
    let html_form = serde_html_form::from_bytes(body).unwrap();
    assert_eq!(describe_request(&html_form), described);
    described
}

/// Asserts that all three read the same link, and returns its description.
pub fn assert_same_link<Q: AsRef<[u8]> + ?Sized>(query: &Q) -> String {
    let described = describe_link(&AutoAuthRequest::from_query(query));
    let query = query.as_ref();
    let urlencoded = serde_urlencoded::from_bytes(query).unwrap();
    assert_eq!(describe_link(&urlencoded), described);
    let html_form = serde_html_form::from_bytes(query).unwrap();
    assert_eq!(describe_link(&html_form), described);
    described
}

/// Everything that the public API shows of a request: its Debug text, the fields that have a method, and the
/// verdicts for a credential and for an admin of the presented name.
pub fn describe_request(request: &ApiRequest<'_>) -> String {
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

/// Everything that the public API shows of a link: its Debug text and the verdict.
pub fn describe_link(request: &AutoAuthRequest<'_>) -> String {
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123").unwrap());
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let verdict = verify_autoauth(request, &keys, &now, &AutoAuthPolicy::new());
    format!("{request:?} {verdict:?}")
}
