//! What the caller of a refused call gets, and what the operator gets.

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use axum::routing::{any, post};
use axum::{BoxError, Router};
use support::{
    Answered, FORM, IDENTIFIER, MULTIPART, PAIR, STRANGER, Store, access, auth, call, empty, form,
    from, multipart, request, send, store,
};
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, ApiRefusal, AsyncCredentialStore,
    AutoAuthRefusal, ExpectedSchemes, PasswordScheme, ReplayRefusal, SecretScheme, StoredPassword,
    StoredSecret,
};
use whmcs_auth_axum::{Access, ApiCall, Authenticator, Cause, LinkVerifier, LoginLink, Rejection};

const JSON: &str = r#"{"result":"error","message":"Authentication Failed"}"#;
const XML: &str = "<message>Authentication Failed</message>";
const NVP: &str = "result=error;message=Authentication Failed";

#[tokio::test]
async fn a_refusal_has_the_format_that_query_or_body_asks_for() {
    for (responsetype, content_type, body) in [
        ("responsetype=json", "application/json", JSON),
        ("responsetype=xml", "application/xml", XML),
        ("responsetype=nvp", "text/plain", NVP),
        ("", "text/plain", NVP),
    ] {
        let in_query = support::post(FORM, responsetype, "identifier=x&secret=y");
        let in_body = form(format!("{responsetype}&identifier=x&secret=y"));
        let part = ("; name=\"responsetype\"", responsetype.rsplit('=').next().unwrap());
        let parts = multipart(&[("; name=\"identifier\"", "x"), ("; name=\"secret\"", "y"), part]);
        let in_part = support::post(MULTIPART, "", parts);
        for request in [in_query, in_body, in_part] {
            let answer = call(request).await;
            assert_eq!(answer.verdict(), (403, "unknown_identifier"));
            assert_eq!(answer.header("content-type"), content_type);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.body.contains(body), "{}", answer.body);
        }
    }
}

/// No other header: one that shows the code would tell an unknown name from a wrong secret.
#[tokio::test]
async fn these_are_all_headers_of_a_refused_call() {
    let all = |length: usize, content_type: &str, more: &[&str]| {
        let mut headers = vec![
            "cache-control: no-store".to_owned(),
            format!("content-length: {length}"),
            format!("content-type: {content_type}"),
        ];
        headers.extend(more.iter().map(|header| header.to_string()));
        headers.sort();
        headers
    };
    let wrong = format!("identifier={IDENTIFIER}&secret=wrong");
    let action = format!("action=DeleteClient&{PAIR}");
    for (format, content_type) in
        [("json", "application/json"), ("xml", "application/xml"), ("nvp", "text/plain")]
    {
        let query = format!("responsetype={format}");
        let post = |body: &str| support::post(FORM, &query, body.to_owned());
        let mut hidden = post(PAIR);
        hidden.extensions_mut().clear();
        for (request, code) in [
            (post("identifier=x&secret=y"), "unknown_identifier"),
            (post(&wrong), "wrong_secret"),
            (post("identifier=x&secret=y&secret=z"), "repeated_field"),
            (post(&action), "action_not_allowed"),
            (post(PAIR), "action_missing"),
            (from(STRANGER, post(PAIR)), "address_not_listed"),
            (from(STRANGER, post("accesskey=wrong")), "wrong_access_key"),
            (support::post("application/json", &query, "{}"), "body_not_form"),
            (support::post(MULTIPART, &query, "x"), "multipart_broken"),
            (post(&"x".repeat(3 * 1024 * 1024)), "body_too_large"),
            (hidden, "no_connect_info"),
        ] {
            let answer = call(request).await;
            assert_eq!(answer.code(), code);
            assert_eq!(answer.all_headers(), all(answer.body.len(), content_type, &[]), "{code}");
        }

        let path = format!("/includes/api.php?{query}");
        for (method, code) in [("GET", "get_not_allowed"), ("DELETE", "method_not_allowed")] {
            let answer = call(request(method, &path).body(Body::empty()).unwrap()).await;
            assert_eq!(answer.verdict(), (405, code));
            let expected = all(answer.body.len(), content_type, &["allow: POST"]);
            assert_eq!(answer.all_headers(), expected);
        }
    }
}

#[tokio::test]
async fn these_are_all_headers_of_a_refusal_of_the_services_own() {
    async fn handler(call: ApiCall<Store>) -> Rejection {
        let cause = Cause::new("too_many_calls", "the client calls too often", 429, "Slow down");
        call.refuse(cause.with_retry_after(Duration::from_millis(1_500)))
    }
    let router = Router::new().route("/includes/api.php", post(handler)).with_state(auth());
    let body = format!("action=GetClients&responsetype=json&{PAIR}");
    let answer = send(router, form(body)).await;
    assert_eq!(answer.verdict(), (429, "too_many_calls"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Slow down"}"#);
    assert_eq!(
        answer.all_headers(),
        [
            "cache-control: no-store",
            "content-length: 40",
            "content-type: application/json",
            "retry-after: 2",
        ]
    );
}

#[tokio::test]
async fn these_are_all_headers_of_a_refused_link() {
    async fn dologin(_: LoginLink) {}
    let links = LinkVerifier::new(Access::new());
    let router = Router::new().route("/dologin.php", any(dologin)).with_state(links);
    let ask = async |method: &str, purpose: &'static str| {
        let request = request(method, "/dologin.php?email=demo@whmcs.com");
        let request = request.header("sec-purpose", purpose).body(Body::empty()).unwrap();
        send(router.clone(), request).await
    };
    let text = ["content-type: text/plain; charset=utf-8", "referrer-policy: no-referrer"];
    let all = |length, allow: &'static [&'static str]| {
        [allow, &["cache-control: no-store", length], &text].concat()
    };
    let answer = ask("GET", "").await;
    assert_eq!(answer.verdict(), (403, "autoauth_disabled"));
    assert_eq!(answer.all_headers(), all("content-length: 29", &[]));
    let answer = ask("GET", "prefetch").await;
    assert_eq!(answer.verdict(), (503, "prefetch"));
    assert_eq!(answer.all_headers(), all("content-length: 19", &[]));
    for method in ["POST", "HEAD"] {
        let answer = ask(method, "").await;
        assert_eq!(answer.verdict(), (405, "method_not_allowed"));
        assert_eq!(answer.all_headers(), all("content-length: 18", &["allow: GET"]));
    }
}

/// Every refusal of a route of the service's own, by `?`.
#[tokio::test]
async fn a_cause_is_a_rejection_by_itself() {
    async fn route(request: Request<Body>) -> Result<(), Rejection> {
        match request.uri().path() {
            "/own" => Err(Cause::new("client_missing", "no client", 404, "Client Not Found"))?,
            "/wait" => {
                let cause = Cause::unavailable("queue_full", "the queue is full");
                Err(cause.with_retry_after(Duration::ZERO))?
            }
            "/odd" => Err(Cause::new("odd", "no such status", 99, "Odd"))?,
            "/link" => Err(AutoAuthRefusal::UnknownEmail)?,
            "/replay" => Err(ReplayRefusal::Used)?,
            "/call" => Err(Cause::from(ApiRefusal::WrongSecret))?,
            _ => Err(Cause::store_failure("the pool is empty"))?,
        }
    }
    for (path, status, code, message, retry_after) in [
        ("/own", 404, "client_missing", "Client Not Found", ""),
        ("/wait", 503, "queue_full", "Service Unavailable", "1"),
        ("/odd", 500, "odd", "Odd", ""),
        ("/link", 403, "unknown_email", "This login link is not valid.", ""),
        ("/replay", 403, "link_used", "This login link has expired.", ""),
        ("/call", 403, "wrong_secret", "Authentication Failed", ""),
        ("/store", 503, "store_failure", "Service Unavailable", ""),
    ] {
        let router = Router::new().fallback(route);
        let answer = send(router, request("GET", path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.verdict(), &*answer.body), ((status, code), message));
        assert_eq!(answer.header("retry-after"), retry_after);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert!(!answer.report.unwrap().is_call());
    }
}

/// Answers every look-up in the same way.
struct Answers<F>(F);

impl<E, F> AsyncCredentialStore for Answers<F>
where
    E: Send,
    F: Fn() -> Result<Option<ApiCredential<u64>>, E> + Send + Sync,
{
    type Id = u64;
    type Error = E;

    async fn find_credential(&self, _: &str) -> Result<Option<ApiCredential<u64>>, E> {
        (self.0)()
    }

    async fn find_admin(&self, _: &str) -> Result<Option<Admin<u64>>, E> {
        (self.0)().map(|_| None)
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
    }
}

async fn ask<E, F>(find: F, body: &str) -> Answered
where
    E: Into<BoxError> + Send + 'static,
    F: Fn() -> Result<Option<ApiCredential<u64>>, E> + Send + Sync + 'static,
{
    let auth = Authenticator::new(Answers(find), access());
    let router =
        Router::new().route("/includes/api.php", post(empty::<Answers<F>>)).with_state(auth);
    send(router, form(format!("action=GetClients&responsetype=json&{body}"))).await
}

#[derive(Debug)]
struct Outer(std::io::Error);

impl fmt::Display for Outer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the database is down")
    }
}

impl Error for Outer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test]
async fn a_store_failure_is_503_and_the_report_names_it() {
    let outer = || Outer(std::io::Error::other("connection refused"));
    let is_unavailable = |answer: Answered, cause: &str| {
        assert_eq!(answer.verdict(), (503, "store_failure"));
        assert_eq!(answer.body, r#"{"result":"error","message":"Service Unavailable"}"#);
        assert_eq!(answer.sentence(), cause);
    };
    let cause = "the store failed: the database is down: connection refused";
    is_unavailable(ask(move || Err(outer()), PAIR).await, cause);
    is_unavailable(ask(move || Err(outer()), "username=admin&password=x").await, cause);
    // The error of most applications. One that repeats its source says it once.
    is_unavailable(ask(move || Err(BoxError::from(outer())), PAIR).await, cause);
    let repeated = || Err(BoxError::from(axum::Error::new("connection refused")));
    is_unavailable(ask(repeated, PAIR).await, "the store failed: connection refused");
}

/// Which of its look-ups fails.
#[derive(Clone, Copy)]
enum Failing {
    Credential,
    Admin,
}

impl AsyncCredentialStore for Failing {
    type Id = u64;
    type Error = std::io::Error;

    async fn find_credential(&self, name: &str) -> Result<Option<ApiCredential<u64>>, Self::Error> {
        let Self::Admin = self else { return Err(std::io::Error::other("no connection")) };
        let secret = StoredSecret::plain("5f4dcc3b5aa765d61d8327deb882cf99").unwrap();
        let credential = ApiCredential::new(7, name, secret, AdminState::WithApiAccess);
        Ok(Some(credential.with_actions(AllowedActions::all())))
    }

    async fn find_admin(&self, name: &str) -> Result<Option<Admin<u64>>, Self::Error> {
        let Self::Credential = self else { return Err(std::io::Error::other("no connection")) };
        let password = StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99").unwrap();
        Ok(Some(Admin::new(1, name, password, AdminState::WithApiAccess)))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
    }
}

/// It is never "absent": the admin would be let in, although a credential may have this name, and a wrong password
/// would show which look-up works.
#[tokio::test]
async fn a_failed_look_up_is_503_although_the_other_one_found_a_record() {
    for store in [Failing::Credential, Failing::Admin] {
        let auth = Authenticator::new(store, access());
        let router =
            Router::new().route("/includes/api.php", post(empty::<Failing>)).with_state(auth);
        for password in ["5f4dcc3b5aa765d61d8327deb882cf99", "wrong"] {
            let body =
                format!("action=GetClients&responsetype=json&username=admin&password={password}");
            let answer = send(router.clone(), form(body)).await;
            assert_eq!(answer.verdict(), (503, "store_failure"));
            assert_eq!(answer.body, r#"{"result":"error","message":"Service Unavailable"}"#);
            assert_eq!(answer.sentence(), "the store failed: no connection");
            assert_eq!(answer.report.unwrap().caller(), None);
        }
    }
}

/// A row whose stored text no constructor takes is the store's affair: it reports the row to its operator, and
/// answers as for an absent one. Status 503 would show that the name is known.
#[tokio::test]
async fn an_unreadable_row_is_absent() {
    let read_row = |stored: &str| -> Result<_, Infallible> {
        Ok(StoredSecret::md5(stored)
            .ok()
            .map(|secret| ApiCredential::new(7, IDENTIFIER, secret, AdminState::WithApiAccess)))
    };
    let unreadable = ask(move || read_row("no md5"), PAIR).await;
    let absent = ask(|| Ok::<_, Infallible>(None), PAIR).await;
    assert_eq!((unreadable.status.as_u16(), unreadable.code()), (403, "unknown_identifier"));
    assert_eq!((absent.status, absent.body), (unreadable.status, unreadable.body));
}

/// Code that is generic over its store is a handler.
#[tokio::test]
async fn a_generic_handler_is_a_handler() {
    async fn handler<S>(call: ApiCall<S>) -> Result<Response, Rejection>
    where
        S: AsyncCredentialStore<Id: fmt::Debug, Error: Into<BoxError>> + Send + 'static,
    {
        match call.parameter("fail") {
            Some(_) => Err(call.unavailable("the pool is empty")),
            None => Ok(call.success(&[])),
        }
    }
    fn router<S>(auth: Authenticator<S>) -> Router
    where
        S: AsyncCredentialStore<Id: fmt::Debug, Error: Into<BoxError>> + Send + 'static,
    {
        Router::new().route("/includes/api.php", post(handler::<S>)).with_state(auth)
    }
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let auth = Authenticator::new(store(), access());
    let request: Request<Body> = form(format!("action=GetClients&{PAIR}"));
    assert_eq!(is_send(send(router(auth), request)).await.body, "result=success");
    // Stores that are shared, too.
    let auth = Authenticator::new(std::sync::Arc::new(store()), access());
    let request: Request<Body> = form(format!("action=GetClients&{PAIR}"));
    assert_eq!(send(router(auth), request).await.body, "result=success");
}

/// A page of the handler. What belongs to the refusal stays.
#[tokio::test]
async fn a_rejection_may_have_another_response() {
    async fn route() -> Rejection {
        let cause = Cause::new("cart_empty", "the cart is empty", 429, "Nothing Here");
        let cause =
            cause.with_status(StatusCode::NOT_FOUND).with_retry_after(Duration::from_secs(3));
        assert_eq!(cause.retry_after(), Some(Duration::from_secs(3)));
        let page = (StatusCode::OK, [("cache-control", "public")], axum::response::Html("<h1>"));
        Rejection::from(cause).with_response(page)
    }
    let router = Router::new().route("/cart/{id}", any(route));
    let answer = send(router, request("GET", "/cart/7").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.verdict(), &*answer.body), ((404, "cart_empty"), "<h1>"));
    assert_eq!(
        answer.all_headers(),
        [
            "cache-control: no-store",
            "content-length: 4",
            "content-type: text/html; charset=utf-8",
            "referrer-policy: no-referrer",
            "retry-after: 3",
        ]
    );
    assert_eq!(answer.report.unwrap().route(), Some("/cart/{id}"));
}

/// So a store has codes of its own.
#[tokio::test]
async fn a_cause_that_a_store_returns_is_the_answer() {
    let slow = || Err(Cause::unavailable("store_slow", "the database is slow"));
    let answer = ask(slow, PAIR).await;
    assert_eq!(
        (answer.verdict(), answer.sentence()),
        ((503, "store_slow"), "the database is slow")
    );
}
