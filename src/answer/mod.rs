//! HTTP answers to API calls: body, status and content type, as WHMCS's clients read them.
//!
//! - **ANSWER-1**: The field `responsetype` names the format, in any case of its letters.
//!
//! | `responsetype` | content type | body |
//! |---|---|---|
//! | `json` | `application/json` | `{"result":"error","message":"Authentication Failed"}` |
//! | `xml` | `application/xml` | `action`, `result` and `message` in the root `whmcsapi` |
//! | `nvp`, any other value, or none | `text/plain` | `result=error;message=Authentication Failed` |
//!
//! These answers are for API clients. For a refused login link, show the refusal's public message
//! to the visitor on a page.
//!
//! Source: the JSON body with its `\u0022`, the root `whmcsapi` and the NVP body were seen on WHMCS
//! installations. The layout of the XML, the content types and the other escapes are decisions of
//! this crate.
//!
//! # Security
//!
//! - **ANSWER-2**: No value can add a field or a tag to an answer:
//!   - JSON is ASCII. `"`, `<`, `>`, `&` and `'` become `\u00XX`, and `/` becomes `\/`. PHP writes
//!     them in this way with its `JSON_HEX_*` flags. So the body is also harmless inside HTML.
//!   - In XML, `<`, `>`, `&`, `"` and `'` are escaped. A character that XML 1.0 does not allow
//!     becomes U+FFFD.
//!   - NVP has no escapes. So `;`, `=` and control characters become spaces.
//! - **ANSWER-3**: The only text of the request in an answer is a valid action, 1 to 64 of `[A-Za-z0-9_]`, in
//!   lower case (FIELD-6). It appears in the XML, and in the message `Invalid Permissions`.
//!
//! # Examples
//!
//! ```
//! use whmcs_auth::answer::Answer;
//! use whmcs_auth::{ApiRefusal, ApiRequest};
//!
//! let request = ApiRequest::from_pairs([("action", "GetClients"), ("responsetype", "json")]);
//! let answer = Answer::refusal(&ApiRefusal::UnknownIdentifier, &request);
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
    /// The HTTP status code.
    pub http_status: u16,
    /// The value of the header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// Makes the answer to a refused request, in the format that the request asks for.
    ///
    /// If the service could not read a request at all, pass [`ApiRequest::default`], which asks for
    /// NVP.
    pub fn refusal(refusal: &dyn Refusal, request: &ApiRequest<'_>) -> Self {
        Self::error(refusal.http_status(), &refusal.public_message(), request)
    }

    /// Makes the answer to a request that failed for a reason of the service. The service chooses the status
    /// code and the message.
    ///
    /// The message is escaped as [the module](crate::answer) says. The status is not checked.
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
        let format = request.response_type();
        let body = match format {
            ResponseType::Json => error::json(message),
            ResponseType::Xml => error::xml(request.action(), message),
            ResponseType::Nvp => error::nvp(message),
        };
        Self { http_status, content_type: content_type(format), body }
    }

    /// Makes the answer to a successful call, with status 200. [`Value`] has an example.
    ///
    /// - **ANSWER-4**: `result` comes first, then the fields in their order. The answer writes `result` itself,
    ///   and in XML also `action`. So a field with such a name is left out.
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
