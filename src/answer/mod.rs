//! Answers that WHMCS's clients understand: the body, status and content type of an error.
//!
//! | `responsetype` | content type | body |
//! |---|---|---|
//! | `json` | `application/json` | `{"result":"error","message":"Authentication Failed"}` |
//! | `xml` | `application/xml` | `action`, `result` and `message` in the root `whmcsapi` |
//! | `nvp`, or none | `text/plain` | `result=error;message=Authentication Failed` |
//!
//! Source: the JSON form and its `\u0022`, the root `whmcsapi` and the NVP form are WHMCS's; the
//! layout of the XML, the content types and what else is escaped are this crate's.
//!
//! This is for API callers. To a visitor with a login link, show the refusal's public message on a
//! page.
//!
//! # Security
//!
//! No text adds a field or a tag to an answer, wherever the text came from:
//!
//! - JSON is ASCII. `"` `<` `>` `&` `'` are written as `\u00XX`, `/` as `\/`, as PHP writes them with
//!   its `JSON_HEX_*` flags, so that it is harmless in HTML, too.
//! - XML has `<` `>` `&` `"` `'` escaped. What XML 1.0 cannot hold becomes U+FFFD.
//! - NVP has no escaping, so `;`, `=` and control characters become spaces.
//!
//! Of the request only an action of 1 to 64 `[A-Za-z0-9_]` is echoed, in lower case: in the XML, and
//! in `Invalid Permissions`.
//!
//! # Examples
//!
//! ```
//! use whmcs_auth::answer::Answer;
//! use whmcs_auth::{ApiRefusal, ApiRequest};
//!
//! let request = ApiRequest::from_pairs([("action", "GetClients"), ("responsetype", "json")]);
//! let answer = Answer::new(&ApiRefusal::UnknownIdentifier, &request);
//! assert_eq!(answer.http_status, 403);
//! assert_eq!(answer.content_type, "application/json");
//! assert_eq!(answer.body, r#"{"result":"error","message":"Authentication Failed"}"#);
//! ```

mod error;
mod escape;
mod success;

use alloc::string::String;

use crate::api::request::{ApiRequest, ResponseType};
use crate::refusal::Refusal;

pub use self::success::Value;

/// An HTTP answer to an API call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct Answer {
    /// The HTTP status.
    pub http_status: u16,
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// The answer to a refused request, in the format that the request asks for.
    ///
    /// In place of a request that could not be read take [`ApiRequest::default`], which asks for NVP.
    pub fn new(refusal: &dyn Refusal, request: &ApiRequest<'_>) -> Self {
        Self::error(refusal.http_status(), &refusal.public_message(), request)
    }

    /// The answer to a request that failed for a reason of the service's own.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::ApiRequest;
    /// use whmcs_auth::answer::Answer;
    ///
    /// let request = ApiRequest::from_pairs([("action", "GetInvoice")]);
    /// let answer = Answer::error(404, "Invoice ID Not Found", &request);
    /// assert_eq!(answer.http_status, 404);
    /// assert_eq!(answer.body, "result=error;message=Invoice ID Not Found");
    /// ```
    pub fn error(http_status: u16, message: &str, request: &ApiRequest<'_>) -> Self {
        let body = match request.response_type() {
            ResponseType::Json => error::json(message),
            ResponseType::Xml => error::xml(request.action(), message),
            ResponseType::Nvp => error::nvp(message),
        };
        Self { http_status, content_type: content_type(request.response_type()), body }
    }

    /// The answer to a call that was carried out, with status 200. `result` comes first, then the fields in
    /// their order.
    ///
    /// An example stands at [`Value`].
    pub fn success(fields: &[(&str, Value<'_>)], request: &ApiRequest<'_>) -> Self {
        let format = request.response_type();
        let body = success::body(format, request.action(), fields);
        Self { http_status: 200, content_type: content_type(format), body }
    }
}

fn content_type(format: ResponseType) -> &'static str {
    match format {
        ResponseType::Json => "application/json",
        ResponseType::Xml => "application/xml",
        ResponseType::Nvp => "text/plain",
    }
}
