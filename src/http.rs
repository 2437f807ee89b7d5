//! Requests, answers and redirects as the types of the crate `http`. Needs feature `http`.
//!
//! | item | what it is for |
//! |---|---|
//! | [`Received::with_request`] | the fields of a request, from its head and its body |
//! | [`content_type`] | the one content type of a request |
//! | [`TrustedProxies::caller_of`] | the address of the caller, from the headers |
//! | [`check_call`] | whether an API call may use the method |
//! | [`check_visit`] | whether a visitor opens a link, or a program fetches it |
//! | [`AcceptedLogin::redirect`] | the answer to a login link |
//! | `From<Answer>` for `http::Response<String>` | the answer to an API call |

use alloc::string::String;
use core::net::IpAddr;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, REFERRER_POLICY};
#[cfg(feature = "form")]
use ::http::request::Parts;
use ::http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use crate::answer::Answer;
use crate::autoauth::account::AcceptedLogin;
use crate::autoauth::goto::Goto;
#[cfg(feature = "form")]
use crate::field::Malformed;
use crate::gate::{HiddenCaller, TrustedProxies};
#[cfg(feature = "form")]
use crate::received::Received;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// The answer with its status and its content type. Needs feature `http`.
///
/// # Examples
///
/// ```
/// use whmcs_auth::answer::Answer;
/// use whmcs_auth::{ApiRefusal, ApiRequest};
///
/// let answer = Answer::refusal(&ApiRefusal::UnknownIdentifier, &ApiRequest::default());
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
    /// the answer to a link, and no other page learns the link. Add the cookie of the session, with `SameSite=Lax`:
    /// the visitor comes from a mail or another site, so a browser would not send a `Strict` cookie to the target.
    ///
    /// A target that [acts](crate::GotoTarget::acts) as soon as it is opened is not followed. A `default` that acts, or
    /// is outside the grammar of [`Goto`], becomes `/`. The body is the default of its type, which is empty for the
    /// body types of `hyper`, `axum` and similar crates.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::time::OffsetDateTime;
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
    /// The address of the caller. It is read as in [`caller`](Self::caller), from a header map of the crate `http`.
    /// Needs feature `http`.
    ///
    /// # Errors
    ///
    /// The errors of [`caller`](Self::caller).
    pub fn caller_of(&self, peer: IpAddr, headers: &HeaderMap) -> Result<IpAddr, HiddenCaller> {
        self.caller(peer, headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())))
    }
}

#[cfg(feature = "form")]
impl Received {
    /// Adds the fields of a request, from its query and its body. Needs features `form` and `http`.
    ///
    /// A body is malformed if the method is not POST, or if there are several headers `Content-Type`: PHP would read
    /// other fields.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::{Action, Received};
    ///
    /// let (head, ()) = http::Request::post("/includes/api.php?action=GetClients")
    ///     .header("content-type", "application/x-www-form-urlencoded")
    ///     .body(())?
    ///     .into_parts();
    /// let received = Received::new().with_request(&head, b"responsetype=json");
    /// assert_eq!(received.api_request().action(), Action::Named("GetClients"));
    /// # Ok::<(), http::Error>(())
    /// ```
    pub fn with_request<B: AsRef<[u8]> + ?Sized>(self, head: &Parts, body: &B) -> Self {
        let mut received = self.with_query(head.uri.query().unwrap_or_default());
        let body = body.as_ref();
        if head.method == Method::POST {
            return received.with_body(content_type(&head.headers), body);
        }
        if !body.is_empty() {
            received.refuse(Malformed::BodyWithoutPost);
        }
        received
    }
}

/// The value of `Content-Type`. Several headers could be read as several types, so they count as none.
#[must_use]
pub fn content_type(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let first = values.next()?.to_str().ok();
    first.filter(|_| values.next().is_none())
}

/// Checks the method of an API call, before its body is read: POST, or GET if `allows_get`.
///
/// A GET has the secret in its URL, and URLs are logged. A HEAD would perform the action.
///
/// # Errors
///
/// [`HeadRefusal::NotACall`] or [`HeadRefusal::GetNotAllowed`].
pub fn check_call(method: &Method, allows_get: bool) -> Result<(), HeadRefusal> {
    match *method {
        Method::POST => Ok(()),
        Method::GET if allows_get => Ok(()),
        Method::GET => Err(HeadRefusal::GetNotAllowed),
        _ if allows_get => Err(HeadRefusal::NotACall { allows: "GET, POST" }),
        _ => Err(HeadRefusal::NotACall { allows: "POST" }),
    }
}

/// Checks whether a visitor opens a login link, before [`use_once`](crate::AccountLogin::use_once) uses it up.
///
/// Programs open links as well. A HEAD asks only for the headers. Another page may load the link as an image. A browser
/// may fetch a page ahead of a visit: `Sec-Purpose` is the standard header for that. `Purpose`, `X-Purpose` and `X-Moz`
/// are what older browsers send. Several lines of a header are read together.
///
/// # Errors
///
/// [`HeadRefusal::LinkNotByGet`], [`HeadRefusal::NotAVisit`] or [`HeadRefusal::FetchedAhead`].
///
/// # Examples
///
/// ```
/// use http::{HeaderMap, HeaderValue, Method};
/// use whmcs_auth::Refusal;
/// use whmcs_auth::http::check_visit;
///
/// let mut headers = HeaderMap::new();
/// assert_eq!(check_visit(&Method::GET, &headers), Ok(()));
/// headers.insert("sec-purpose", HeaderValue::from_static("prefetch;prerender"));
/// assert_eq!(check_visit(&Method::GET, &headers).unwrap_err().code(), "prefetch");
/// ```
pub fn check_visit(method: &Method, headers: &HeaderMap) -> Result<(), HeadRefusal> {
    if method != Method::GET {
        return Err(HeadRefusal::LinkNotByGet);
    }
    // Browsers send it to HTTPS sites and to the same machine. Other programs do not send it.
    if headers.get_all("sec-fetch-dest").iter().any(|destination| destination != "document") {
        return Err(HeadRefusal::NotAVisit);
    }
    let values = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    let values = values.into_iter().flat_map(|name| headers.get_all(name));
    // A list of words with parameters: `prefetch;prerender, anonymous-client-ip`.
    let mut words = values.flat_map(|value| value.as_bytes().split(|byte| b",; \t".contains(byte)));
    let is_ahead = |word: &[u8]| {
        let ahead = ["prefetch", "prerender", "preview"];
        ahead.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    match words.any(is_ahead) {
        true => Err(HeadRefusal::FetchedAhead),
        false => Ok(()),
    }
}

/// Why a request is refused because of its method or its headers.
///
/// Source: the statuses are this crate's decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeadRefusal {
    /// An API call may not use this method. Code `method_not_allowed`; status 405.
    #[error("this method is not allowed for an API call, only {allows}")]
    NotACall {
        /// The methods that are allowed.
        allows: &'static str,
    },
    /// The API call is a GET. Code `get_not_allowed`; status 405.
    #[error(
        "the API call is a GET, and its URL puts the secret into logs: let the client send a POST, or allow GET"
    )]
    GetNotAllowed,
    /// The method is not GET, so no visitor opens the link. Code `method_not_allowed`; status 405.
    #[error("a login link must be opened with GET, because another method would use it up")]
    LinkNotByGet,
    /// Another page loads the link, for example as an image or a frame. Code `not_a_visit`; status 403.
    #[error("another page loads the login link, for example as an image or a frame")]
    NotAVisit,
    /// A browser fetched the link ahead of a visit. Code `prefetch`; status 503.
    #[error("a browser fetched the link ahead of a visit")]
    FetchedAhead,
}

impl HeadRefusal {
    /// The value of the header `Allow`, for an answer with status 405.
    #[must_use]
    pub const fn allow(&self) -> Option<&'static str> {
        match self {
            Self::NotACall { allows } => Some(allows),
            Self::GetNotAllowed => Some("POST"),
            Self::LinkNotByGet => Some("GET"),
            Self::NotAVisit | Self::FetchedAhead => None,
        }
    }
}

impl Refusal for HeadRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::NotACall { .. } | Self::LinkNotByGet => "method_not_allowed",
            Self::GetNotAllowed => "get_not_allowed",
            Self::NotAVisit => "not_a_visit",
            Self::FetchedAhead => "prefetch",
        }
    }
}

impl Sealed for HeadRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        match self {
            Self::NotACall { .. } | Self::GetNotAllowed | Self::LinkNotByGet => {
                PublicAnswer::MethodNotAllowed
            }
            Self::NotAVisit => PublicAnswer::LinkNotValid,
            Self::FetchedAhead => PublicAnswer::ServiceUnavailable,
        }
    }
}
