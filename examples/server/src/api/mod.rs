//! `/includes/api.php`: reads, authorizes and answers an API call.

mod actions;
mod authorization;
mod fields;
mod success;

use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Response};
use whmcs_auth::answer::Answer;

use self::authorization::authorize;
use self::fields::Fields;
use self::success::Success;
use crate::client_address::ClientAddress;
use crate::refusal::Refusal;
use crate::service::{Service, Shared};

const ENDPOINT: &str = "api";

pub(crate) async fn call(
    State(service): State<Shared>,
    Extension(address): Extension<ClientAddress>,
    request: Request<Body>,
) -> Response {
    let mut fields = Fields::from_query(request.uri());
    let outcome = service.in_time(answer(&service, address, request, &mut fields)).await;
    let request = fields.api_request();
    match outcome {
        Ok(success) => {
            service.accepted(ENDPOINT);
            let (content_type, body) = success.render(&request);
            render(StatusCode::OK, content_type, body)
        }
        Err(refusal) => {
            service.refused(ENDPOINT, address, &refusal);
            let status = refusal.status;
            let answer = Answer::error(status.as_u16(), &refusal.message, &request);
            let mut response = render(status, answer.content_type, answer.body);
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
    fields: &mut Fields,
) -> Result<Success, Refusal> {
    match *request.method() {
        Method::POST => fields.read_body(request, &service.settings.limits).await?,
        Method::GET if service.settings.allow_get => {}
        _ => {
            return Err(Refusal::new(
                "method_not_allowed",
                StatusCode::METHOD_NOT_ALLOWED,
                "Method Not Allowed",
                "the API accepts POST, and GET only with --allow-get",
            ));
        }
    }
    // After the body was read, because `responsetype` may be in the body.
    let address = service.admit(address)?;
    let action = authorize(service, address, &fields.api_request()).await?;
    actions::perform(service, &action, fields).await
}

fn render(status: StatusCode, content_type: &'static str, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, content_type)], body).into_response()
}
