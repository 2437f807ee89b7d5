//! `/includes/api.php`: carries out and answers an API call that was authorized.

mod actions;

use axum::extract::State;
use axum::http::{self, StatusCode};
use axum::response::{IntoResponse, Response};
use tracing::field::display;
#[cfg(feature = "load-test")]
use whmcs_auth::Received;
use whmcs_auth::answer::Answer;
use whmcs_auth::{ApiMode, ApiRequest};
use whmcs_auth_axum::{ApiCall, Rejection};

use crate::database::Credentials;
use crate::deadline::in_time;
use crate::service::{Service, Shared};

pub(crate) const ENDPOINT: &str = "api";

pub(crate) async fn call(
    State(service): State<Shared>,
    call: ApiCall<Credentials>,
) -> Result<Response, Rejection> {
    let caller = call.caller();
    let span = tracing::Span::current();
    let table = match caller.mode {
        ApiMode::AdminLogin => "admin",
        _ => "credential",
    };
    span.record("caller", display(format_args!("{table} {}", caller.id)));
    span.record("mode", display(caller.mode));
    span.record("action", call.action().as_str());
    service.database.touch(caller, service.now()).await;
    match in_time(actions::perform(&service, call.action(), call.received())).await {
        Ok(success) => {
            service.accepted(ENDPOINT);
            Ok(call.success(&success))
        }
        // Public clients take any other status for a broken connection, and lose the message.
        Err(refusal) if refusal.is_by_action && !service.settings.action_error_statuses => {
            Err(call.refuse(refusal.cause.with_status(StatusCode::OK)))
        }
        Err(refusal) => Err(call.refuse(refusal.cause)),
    }
}

/// Answers a path under `includes/` that does not exist, in JSON, which clients of the API read.
pub(crate) fn unknown_path(service: &Service) -> Response {
    let message = format!("Not Found: the API is {}/includes/api.php", service.settings.base_path);
    let json = ApiRequest::from_pairs([("responsetype", "json")]);
    let answer = Answer::error(StatusCode::NOT_FOUND.as_u16(), &message, &json);
    http::Response::<String>::from(answer).into_response()
}

/// Performs the action for everybody. Everything else is as in [`call`].
#[cfg(feature = "load-test")]
pub(crate) async fn call_without_authentication(
    State(service): State<Shared>,
    request: axum::extract::Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 512 * 1024).await.unwrap_or_default();
    let received = Received::new().with_request(&head, &body);
    let request = received.api_request();
    let performed = async {
        let action = whmcs_auth::ActionName::try_from(request.action()).ok()?;
        actions::perform(&service, &action, &received).await.ok()
    };
    let answer = match performed.await {
        Some(success) => Answer::success(&success, &request),
        None => Answer::error(400, "Bad Request", &request),
    };
    service.accepted(ENDPOINT);
    http::Response::<String>::from(answer).into_response()
}
