//! What the caller of a refused call gets, and what the operator gets.

mod support;

use std::convert::Infallible;
use std::error::Error;
use std::fmt;

use axum::body::Body;
use axum::extract::FromRequest;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{BoxError, Router};
use support::{
    Answered, FORM, IDENTIFIER, PAIR, Store, auth, call, form, gate, multipart, send, store,
};
use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiRefusal, AsyncCredentialStore, ExpectedSchemes,
    PasswordScheme, SecretScheme, StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator, Rejection};

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
        let in_part = support::post("multipart/form-data; boundary=cut", "", parts);
        for request in [in_query, in_body, in_part] {
            let answer = call(request).await;
            assert_eq!((answer.status.as_u16(), answer.code()), (403, "unknown_identifier"));
            assert_eq!(answer.header("content-type"), content_type);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert!(answer.body.contains(body), "{}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_refusal_never_reaches_the_handler() {
    async fn handler(_: ApiCall<Store>) -> Response {
        panic!("the handler was called");
    }
    let router = Router::new().route("/includes/api.php", post(handler)).with_state(auth());
    for (body, status, code) in [
        ("action=GetClients".to_owned(), 403, "missing_credentials"),
        (format!("action=GetClients&{PAIR}x"), 403, "wrong_secret"),
        (format!("action=DeleteClient&{PAIR}"), 403, "action_not_allowed"),
        (PAIR.to_owned(), 400, "action_missing"),
    ] {
        let answer = send(router.clone(), form(body)).await;
        assert_eq!((answer.status.as_u16(), answer.code()), (status, code));
        assert!(!answer.cause().is_empty());
    }
}

/// A text that stands in every field, in a header and in the path.
const MARKER: &str = "Zx9MarkerQ7";

#[tokio::test]
async fn a_report_holds_nothing_of_the_request() {
    let known = format!("identifier={IDENTIFIER}&secret={MARKER}&action={MARKER}-&x={MARKER}");
    for (content_type, body) in [
        (FORM.to_owned(), known.clone()),
        (FORM.to_owned(), format!("username={MARKER}&password={MARKER}&accesskey={MARKER}")),
        (FORM.to_owned(), format!("username=admin&password={MARKER}")),
        (FORM.to_owned(), format!("identifier={MARKER}&secret[]={MARKER}")),
        (FORM.to_owned(), format!("identifier={MARKER}%FF&secret={MARKER}")),
        (FORM.to_owned(), format!("{PAIR}&action={MARKER}-")),
        (format!("application/{MARKER}"), known.clone()),
        (format!("multipart/form-data; boundary={MARKER}"), known.clone()),
        (format!("multipart/form-data; {MARKER}"), known.clone()),
        (format!("multipart/form-data;= {MARKER}"), known),
        (
            "multipart/form-data; boundary=cut".to_owned(),
            format!("--cut\r\n{MARKER}: {MARKER}\r\n{MARKER}\u{0}: x\r\n\r\n{MARKER}"),
        ),
        (
            "multipart/form-data; boundary=cut".to_owned(),
            format!("--cut\r\nContent-Disposition: form-data; name=\"{MARKER}\"\r\n\r\n{MARKER}"),
        ),
    ] {
        let mut request = support::post(&content_type, &format!("search={MARKER}"), body);
        request.headers_mut().insert("x-marker", MARKER.parse().unwrap());
        let rejection = ApiCall::<Store>::from_request(request, &auth()).await.unwrap_err();
        let shown = format!("{rejection:?}");
        assert!(!shown.contains(MARKER), "{shown}");
        let response = rejection.into_response();
        assert!(response.extensions().get::<whmcs_auth_axum::Report>().is_some());
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains(MARKER), "{body:?}");
    }
}

#[tokio::test]
async fn an_accepted_call_shows_no_secret() {
    let request = form(format!("action=GetClients&{PAIR}&search={MARKER}"));
    let call = ApiCall::<Store>::from_request(request, &auth()).await.unwrap();
    let shown = format!("{call:?} {:?}", auth());
    assert!(!shown.contains(support::SECRET) && !shown.contains(MARKER), "{shown}");
    assert!(!shown.contains("key#1+2"), "{shown}");
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
    async fn handler<S: AsyncCredentialStore>(call: ApiCall<S>) -> Response {
        call.success(&[])
    }
    let auth = Authenticator::new(Answers(find), gate());
    let router =
        Router::new().route("/includes/api.php", post(handler::<Answers<F>>)).with_state(auth);
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
        assert_eq!((answer.status.as_u16(), answer.code()), (503, "store_failure"));
        assert_eq!(answer.body, r#"{"result":"error","message":"Service Unavailable"}"#);
        assert_eq!(answer.cause(), cause);
    };
    let cause = "the store failed: the database is down: connection refused";
    is_unavailable(ask(move || Err(outer()), PAIR).await, cause);
    is_unavailable(ask(move || Err(outer()), "username=admin&password=x").await, cause);
    // The error of most applications. One that repeats its source says it once.
    is_unavailable(ask(move || Err(BoxError::from(outer())), PAIR).await, cause);
    let repeated = || Err(BoxError::from(axum::Error::new("connection refused")));
    is_unavailable(ask(repeated, PAIR).await, "the store failed: connection refused");
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

#[tokio::test]
async fn a_handler_answers_in_the_callers_format_too() {
    async fn handler(call: ApiCall<Store>) -> Result<Response, Rejection> {
        match call.parameter("search") {
            Some("refuse") => Err(call.refuse(&ApiRefusal::NoApiAccess)),
            Some("fail") => Err(call.unavailable("the pool is empty")),
            _ => Ok(call.error(404, "Client ID Not Found")),
        }
    }
    let router = Router::new().route("/includes/api.php", post(handler)).with_state(auth());
    let ask = async |search: &str| {
        let body = format!("action=GetClients&responsetype=json&search={search}&{PAIR}");
        send(router.clone(), form(body)).await
    };

    let answer = ask("").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.body, r#"{"result":"error","message":"Client ID Not Found"}"#);
    assert_eq!(answer.report, None);

    let answer = ask("refuse").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (403, "no_api_access"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Access Denied"}"#);

    let answer = ask("fail").await;
    assert_eq!((answer.status.as_u16(), answer.code()), (503, "store_failure"));
    assert_eq!(answer.body, r#"{"result":"error","message":"Service Unavailable"}"#);
    assert_eq!(answer.cause(), "the store failed: the pool is empty");
    assert_eq!(answer.report.unwrap().address, Some("203.0.113.7".parse().unwrap()));
}

/// Code that is generic over its store is a handler.
#[tokio::test]
async fn a_generic_handler_is_a_handler() {
    async fn handler<S>(call: ApiCall<S>) -> Response
    where
        S: AsyncCredentialStore<Error: Into<BoxError>> + Send + 'static,
    {
        call.success(&[])
    }
    fn router<S>(auth: Authenticator<S>) -> Router
    where
        S: AsyncCredentialStore<Error: Into<BoxError>> + Send + 'static,
    {
        Router::new().route("/includes/api.php", post(handler::<S>)).with_state(auth)
    }
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let auth = Authenticator::new(store(), gate());
    let request: Request<Body> = form(format!("action=GetClients&{PAIR}"));
    assert_eq!(is_send(send(router(auth), request)).await.body, "result=success");
}
