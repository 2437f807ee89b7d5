//! Everything that the public API shows of a request or a link, as text.

use time::OffsetDateTime;
use whmcs_auth::*;

/// The Debug text of a request, the fields that have a method, and the verdicts for a credential and for an admin
/// of the presented name.
pub fn describe_request(request: &ApiRequest<'_>) -> String {
    let attempt = request.attempt(&ApiPolicy::new());
    let name = attempt.identifier().unwrap_or_default();
    let secret = StoredSecret::plain("s+e c").expect("a secret");
    let credential = ApiCredential::new(1, name, secret, AdminState::WithApiAccess);
    let password = StoredPassword::plain("p").expect("a password");
    let admin = Admin::new(2, name, password, AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
    format!(
        "{request:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
        request.action(),
        request.response_type(),
        request.access_key(),
        attempt.identifier(),
        attempt.username(),
        attempt.decide(Some(&credential), None, expected),
        attempt.decide(None, Some(&admin), expected),
    )
}

/// The verdict on a link.
pub fn describe_link(request: &AutoAuthRequest<'_>) -> String {
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123").expect("a key"));
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    format!("{:?}", verify_autoauth(request, &keys, &now, &AutoAuthPolicy::new()))
}

/// The control: two requests that differ in one field have two descriptions, so a reader that reads one field
/// differently is reported.
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_field_changes_the_description() {
        let described =
            |body: &str| describe_request(&Received::new().with_query(body).api_request());
        let body = "identifier=id&secret=s%2Be+c&accesskey=k&action=a&responsetype=xml";
        for (field, other) in [
            ("identifier=id", "identifier=other"),
            ("secret=s%2Be+c", "secret=other"),
            ("accesskey=k", "accesskey=other"),
            ("action=a", "action=other"),
            ("responsetype=xml", "responsetype=json"),
            ("action=a", "action=a&action=a"),
            ("action=a", "action=a&%20action=a"),
        ] {
            assert!(body.contains(field));
            assert_ne!(described(&body.replace(field, other)), described(body), "{other}");
        }
        let body = "username=id&password=83878c91171338902e0fe0fb97a8c47a";
        for (field, other) in [("username=id", "username=other"), ("password=8", "password=9")] {
            assert!(body.contains(field));
            assert_ne!(described(&body.replace(field, other)), described(body), "{other}");
        }
        let described = |query: &str| describe_link(&AutoAuthRequest::from_query(query));
        let query = "email=a%2Bb%40example.com&timestamp=1700000000\
                     &hash=a28c27c2b14aa0d24698af1a453501c92d0d75e8&goto=index.php";
        for (field, other) in [
            ("email=a%2Bb", "email=a+b"),
            ("timestamp=17", "timestamp=18"),
            ("hash=a", "hash=b"),
            ("goto=index.php", "goto=other.php"),
            ("goto=index.php", "goto=index.php&goto=index.php"),
        ] {
            assert!(query.contains(field));
            assert_ne!(described(&query.replace(field, other)), described(query), "{other}");
        }
    }
}
