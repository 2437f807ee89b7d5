//! Answers and redirects as the types of the crate `http`.

use alloc::string::String;
use core::net::IpAddr;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
use ::http::{HeaderMap, HeaderValue, Response, StatusCode};

use crate::answer::Answer;
use crate::autoauth::account::AcceptedLogin;
use crate::autoauth::goto::Goto;
use crate::gate::{HiddenCaller, TrustedProxies};

/// The answer with its status and its content type. Needs feature `http`.
///
/// # Examples
///
/// ```
/// use whmcs_auth::answer::Answer;
/// use whmcs_auth::{ApiRefusal, ApiRequest};
///
/// let answer = Answer::new(&ApiRefusal::UnknownIdentifier, &ApiRequest::default());
/// let response = http::Response::<String>::from(answer);
/// assert_eq!(response.status(), 403);
/// assert_eq!(response.headers()["content-type"], "text/plain");
/// assert_eq!(response.body(), "result=error;message=Authentication Failed");
/// ```
impl From<Answer> for Response<String> {
    fn from(answer: Answer) -> Self {
        let Answer { http_status, content_type, body } = answer;
        let mut response = Response::new(body);
        // The service chose the status, so it may be invalid.
        *response.status_mut() =
            StatusCode::from_u16(http_status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        response
    }
}

impl<A> AcceptedLogin<'_, A> {
    /// The redirect to the target of the link, or to `default` if the link offers none. Needs feature
    /// `http`.
    ///
    /// It has status 302, `Cache-Control: no-store` and `Referrer-Policy: no-referrer`: no cache keeps
    /// the answer to a link, and no other page learns the link. Add the cookie of the session.
    ///
    /// A `default` outside the grammar of [`Goto`] becomes `/`. The body is the default of its type, which
    /// is empty for the body types of `hyper`, `axum` and their like.
    ///
    /// # Examples
    ///
    /// ```
    /// use time::OffsetDateTime;
    /// use whmcs_auth::{AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest};
    ///
    /// let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// let request = AutoAuthRequest::from_pairs([
    ///     ("email", "demo@whmcs.com"),
    ///     ("timestamp", "1290100706"),
    ///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// ]);
    /// let login = request.verify(&keys, &now, &AutoAuthPolicy::new())?;
    /// let login = login.check_account(["demo@whmcs.com"], |email| email, |_| true)?.repeatable();
    /// let response: http::Response<String> = login.redirect("clientarea.php");
    /// assert_eq!(response.status(), 302);
    /// assert_eq!(response.headers()["location"], "clientarea.php");
    /// assert_eq!(response.headers()["cache-control"], "no-store");
    /// assert_eq!(response.headers()["referrer-policy"], "no-referrer");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn redirect<B: Default>(&self, default: &str) -> Response<B> {
        let default = Goto::parse(default);
        let target = self.goto().target_or(default.target_or("/"));
        let location = HeaderValue::from_str(target);
        let mut response = Response::new(B::default());
        *response.status_mut() = StatusCode::FOUND;
        let headers = response.headers_mut();
        headers.insert(LOCATION, location.unwrap_or(HeaderValue::from_static("/")));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        response
    }
}

impl TrustedProxies {
    /// The address of the caller, from a header map of the crate `http`, as [`caller`](Self::caller) reads
    /// it. Needs feature `http`.
    ///
    /// # Errors
    ///
    /// Those of [`caller`](Self::caller).
    pub fn caller_of(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, HiddenCaller> {
        self.caller(peer, headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
    }
}
