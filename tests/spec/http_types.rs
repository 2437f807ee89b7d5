//! Answers and redirects as the types of the crate `http`.

use http::{HeaderMap, Response, StatusCode};
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth::{ApiRefusal, ApiRequest, AutoAuthPolicy, AutoAuthRequest};

use crate::common::{EMAIL, HASH, KEY, SIGNED, TIMESTAMP, at, keys};

#[test]
fn an_answer_is_a_response() {
    for (format, content_type) in
        [("json", "application/json"), ("xml", "application/xml"), ("nvp", "text/plain")]
    {
        let request = ApiRequest::from_pairs([("responsetype", format)]);
        let answer = Answer::new(&ApiRefusal::WrongSecret, &request);
        let response = Response::<String>::from(answer.clone());
        assert_eq!(response.status(), 403);
        assert_eq!(response.headers()["content-type"], content_type);
        assert_eq!(*response.body(), answer.body);
    }
    let answer = Answer::error(42, "no status", &ApiRequest::default());
    assert_eq!(Response::<String>::from(answer).status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[test]
fn link_6_a_redirect_stays_on_the_site_and_in_no_cache() {
    for (goto, default, location) in [
        ("index.php", "clientarea.php", "index.php"),
        ("", "clientarea.php", "clientarea.php"),
        ("//evil.example", "clientarea.php", "clientarea.php"),
        ("", "https://evil.example", "/"),
        ("", "a\r\nset-cookie: x", "/"),
        ("", "", "/"),
        ("x?a=%20b#c", "clientarea.php", "x?a=%20b#c"),
    ] {
        let request = AutoAuthRequest::from_pairs([
            ("email", EMAIL),
            ("timestamp", TIMESTAMP),
            ("hash", HASH),
            ("goto", goto),
        ]);
        let login = request.verify(&keys(&[KEY]), &at(SIGNED), &AutoAuthPolicy::new()).unwrap();
        let login = login.check_account([EMAIL], |email| email, |_| true).unwrap().repeatable();
        let response: Response<String> = login.redirect(default);
        assert_eq!(response.status(), StatusCode::FOUND);
        assert_eq!(response.headers()["location"], location, "{goto} {default:?}");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["referrer-policy"], "no-referrer");
        assert_eq!(response.headers().len(), 3);
    }
}

#[test]
fn the_caller_is_read_from_a_header_map() {
    let proxies = TrustedProxies::new().with_addresses(["192.0.2.9".parse().unwrap()]);
    let mut headers = HeaderMap::new();
    headers.append("x-forwarded-for", "203.0.113.7".parse().unwrap());
    headers.append("x-forwarded-for", "203.0.113.8".parse().unwrap());
    let caller = proxies.caller_of("192.0.2.9".parse().unwrap(), &headers).unwrap();
    assert_eq!(caller.to_string(), "203.0.113.8");
}
