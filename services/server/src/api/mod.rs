//! `/includes/api.php`: reads, authorizes and answers an API call.

mod actions;
mod address;
mod authorization;
mod fields;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State};
use axum::http::{self, HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
#[cfg(feature = "load-test")]
use whmcs_auth::ActionName;
use whmcs_auth::answer::Answer;
use whmcs_auth::diagnose::{self, Findings};
use whmcs_auth::{ApiRequest, Received};

use self::actions::Success;
use self::authorization::authorize;
use crate::client_address::ClientAddress;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};
use crate::throttle::Guess;

const ENDPOINT: &str = "api";

/// What the sender sent, kept until the answer for a diagnosis.
struct Sent {
    query: String,
    content_type: Option<String>,
    /// Empty if it was multipart and its parts were read: they are diagnosed themselves.
    body: Bytes,
}

impl Sent {
    fn of(request: &Request<Body>) -> Self {
        let content_type = fields::content_type(request.headers());
        Self {
            query: request.uri().query().unwrap_or_default().to_owned(),
            content_type: content_type.map(str::to_owned),
            body: Bytes::new(),
        }
    }

    fn findings(&self, received: &Received) -> Findings {
        let content_type = self.content_type.as_deref();
        if self.body.is_empty() && fields::is_multipart(content_type) {
            return diagnose::multipart(received);
        }
        diagnose::api(&self.query, content_type, &self.body)
    }
}

pub(crate) async fn call(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    request: Request<Body>,
) -> Response {
    let mut sent = Sent::of(&request);
    let mut received = Received::new().with_query(&sent.query);
    let outcome = answer(&service, address, request, &mut received, &mut sent.body);
    let outcome = service.in_time(outcome).await;
    respond(&service, address, &received, &sent, outcome).await
}

/// Performs the action for everybody. All else is done as for [`call`].
#[cfg(feature = "load-test")]
pub(crate) async fn call_without_authentication(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    request: Request<Body>,
) -> Response {
    let mut sent = Sent::of(&request);
    let mut received = Received::new().with_query(&sent.query);
    let limits = &service.settings.limits;
    let outcome = service.in_time(async {
        received = fields::with_body(&received, request, limits, &mut sent.body).await?;
        let action = ActionName::try_from(received.api_request().action())?;
        actions::perform(&service, &action, &received).await
    });
    let outcome = outcome.await;
    respond(&service, address, &received, &sent, outcome).await
}

async fn respond(
    service: &Service,
    address: ClientAddress,
    received: &Received,
    sent: &Sent,
    outcome: Result<Success, Refusal>,
) -> Response {
    let request = received.api_request();
    match outcome {
        Ok(success) => {
            service.accepted(ENDPOINT);
            render(Answer::success(&success, &request))
        }
        Err(refusal) => {
            let refusal = refusal.diagnosed(|| sent.findings(received));
            service.refused(ENDPOINT, address, &refusal).await;
            let status = refusal.status;
            let mut response = render(Answer::error(status.as_u16(), &refusal.message, &request));
            if let Some(seconds) = refusal.retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            if status == StatusCode::METHOD_NOT_ALLOWED {
                let allowed = match service.settings.allow_get {
                    true => HeaderValue::from_static("GET, POST"),
                    false => HeaderValue::from_static("POST"),
                };
                response.headers_mut().insert(header::ALLOW, allowed);
            }
            response
        }
    }
}

async fn answer(
    service: &Service,
    address: ClientAddress,
    request: Request<Body>,
    received: &mut Received,
    kept: &mut Bytes,
) -> Result<Success, Refusal> {
    match *request.method() {
        Method::POST => {
            *received =
                fields::with_body(received, request, &service.settings.limits, kept).await?;
        }
        Method::GET if service.settings.allow_get => {}
        _ => {
            return Err(Refusal::new(
                "method_not_allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "Method Not Allowed",
                "the API accepts POST, and GET only with --allow-get",
            )
            .by_look());
        }
    }
    // After the body was read, because `responsetype` may be in the body.
    let address = service.admit(address, Guess::Secret).await?;
    let action = authorize(service, address, &received.api_request()).await?;
    actions::perform(service, &action, received).await.map_err(|mut refusal| {
        // Public clients take any other status for a broken connection, and lose the message.
        if refusal.is_by_action && !service.settings.action_error_statuses {
            refusal.status = StatusCode::OK;
        }
        refusal
    })
}

/// Answers a path under `includes/` that does not exist, in JSON, which clients of the API read.
pub(crate) fn unknown_path(service: &Service) -> Response {
    let message = format!("Not Found: the API is {}/includes/api.php", service.settings.base_path);
    let json = ApiRequest::from_pairs([("responsetype", "json")]);
    render(Answer::error(StatusCode::NOT_FOUND.as_u16(), &message, &json))
}

fn render(answer: Answer) -> Response {
    http::Response::<String>::from(answer).into_response()
}
