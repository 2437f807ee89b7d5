//! The layer `authorize`: the verified call in the extensions, and the body as it came.

mod support;

use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use support::{
    Answered, FORM, IDENTIFIER, MULTIPART, PAIR, SECRET, STRANGER, Store, auth, multipart, send,
};
use whmcs_auth::answer::Value;
use whmcs_auth_axum::{ApiCall, authorize};

/// Shows the call and the body.
async fn api(Extension(call): Extension<ApiCall<Store>>, body: String) -> Response {
    let id = i64::try_from(call.caller().id).unwrap();
    call.success(&[("id", Value::from(id)), ("body", Value::from(body))])
}

fn router() -> Router {
    let layer = from_fn_with_state(auth(), authorize::<Store>);
    Router::new().route("/includes/api.php", post(api)).route_layer(layer)
}

async fn ask(content_type: &str, body: &str) -> Answered {
    let query = "action=GetClients&responsetype=json";
    send(router(), support::post(content_type, query, body.to_owned())).await
}

#[tokio::test]
async fn an_authorized_call_passes_with_its_body() {
    let answer = ask(FORM, PAIR).await;
    assert_eq!(answer.status, 200);
    let escaped = PAIR.replace('&', r"\u0026");
    assert_eq!(answer.body, format!(r#"{{"result":"success","id":7,"body":"{escaped}"}}"#));

    let body = multipart(&[("; name=\"identifier\"", IDENTIFIER), ("; name=\"secret\"", SECRET)]);
    let answer = ask(MULTIPART, &body).await;
    assert!(answer.body.contains(r"\r\n--cut--\r\n"), "{}", answer.body);
}

#[tokio::test]
async fn other_calls_never_reach_the_handler() {
    for (content_type, body, code) in [
        (FORM, "identifier=x&secret=y", "unknown_identifier"),
        ("application/json", PAIR, "body_not_form"),
        (MULTIPART, PAIR, "multipart_broken"),
    ] {
        let answer = ask(content_type, body).await;
        assert_eq!(answer.verdict(), (403, code));
        assert_eq!(answer.body, r#"{"result":"error","message":"Authentication Failed"}"#);
    }
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() {
    let request = support::post(FORM, "accesskey=wrong", support::unreadable());
    let answer = send(router(), support::from(STRANGER, request)).await;
    assert_eq!(answer.verdict(), (403, "wrong_access_key"));
}

#[tokio::test]
async fn a_format_that_is_unknown_is_reported() {
    let request = support::post(FORM, "action=GetClients&responsetype=jsn", PAIR);
    assert_eq!(send(router(), request).await.verdict(), (200, "format_unknown"));
}
