//! A genuine login link, as an extractor.

use std::fmt;
use std::sync::Arc;

use axum::BoxError;
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{
    AutoAuthKeys, AutoAuthLogin, AutoAuthPolicy, AutoAuthRequest, Clock, SystemClock,
};

use crate::rejection::{Cause, Rejection};

/// The state that [`LoginLink`] needs: the keys, the policy and the clock. Clones share the keys.
///
/// Put it into the router's state, alone or as a part that [`FromRef`] yields.
#[derive(Clone)]
#[must_use]
pub struct LinkVerifier {
    keys: Arc<AutoAuthKeys>,
    policy: AutoAuthPolicy,
    clock: Arc<dyn Clock + Send + Sync>,
}

impl LinkVerifier {
    /// Accepts links that were signed with one of these keys, under the default policy and by the system's
    /// clock. Without a key, every link is refused.
    pub fn new(keys: impl Into<AutoAuthKeys>) -> Self {
        Self {
            keys: Arc::new(keys.into()),
            policy: AutoAuthPolicy::new(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets the policy, for example how long a link may be used.
    pub fn with_policy(mut self, policy: AutoAuthPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the clock that links are verified by.
    pub fn with_clock(mut self, clock: impl Clock + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    fn verify(&self, head: &Parts) -> Result<LoginLink, Cause> {
        if head.method != Method::GET {
            return Err(Cause::method_not_allowed());
        }
        if is_fetched_ahead(&head.headers) {
            return Err(Cause::prefetch());
        }
        let now = self.clock.now();
        let request = AutoAuthRequest::from_query(head.uri.query().unwrap_or_default());
        let login = request.verify(&self.keys, &now, &self.policy)?.into_owned();
        Ok(LoginLink { login, now })
    }
}

impl fmt::Debug for LinkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkVerifier")
            .field("keys", &self.keys)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// Whether a browser fetches a page ahead of a visit, by the headers of its request. Then no page may act:
/// [`LoginLink`] refuses such a request.
///
/// `Sec-Purpose` is the standard. The others are what older browsers send.
#[must_use]
pub fn is_fetched_ahead(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-purpose", "x-moz"]
        .into_iter()
        .flat_map(|name| headers.get_all(name))
        .any(|value| ["prefetch", "preview"].iter().any(|purpose| starts_with(value, purpose)))
}

fn starts_with(value: &axum::http::HeaderValue, purpose: &str) -> bool {
    let start = value.as_bytes().get(..purpose.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(purpose.as_bytes()))
}

/// The login of a genuine link inside its window, out of the query of a GET.
///
/// It needs a [`LinkVerifier`] in the state. Take it apart in the handler's arguments:
///
/// 1. Look up the accounts with [`email`](AutoAuthLogin::email).
/// 2. Pass all of them to [`check_account`](AutoAuthLogin::check_account).
/// 3. Choose how often the link may be used, for example
///    [`use_once`](whmcs_auth::AccountLogin::use_once).
/// 4. Answer with [`redirect`](whmcs_auth::AcceptedLogin::redirect), and add the cookie of the session.
///
/// The refusals of these steps convert into a [`Rejection`].
///
/// # Security
///
/// Any method other than GET is refused with status 405, because a HEAD would use up a link that works
/// once. For the same reason a browser that fetches the page ahead of a visit is refused with status 503.
/// No cache keeps a refusal.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Extension;
/// use axum::response::Response;
/// use whmcs_auth_axum::whmcs_auth::replay::ReplayGuard;
/// use whmcs_auth_axum::{LoginLink, Rejection};
///
/// async fn dologin(
///     LoginLink { login, now }: LoginLink,
///     Extension(guard): Extension<Arc<ReplayGuard>>,
/// ) -> Result<Response, Rejection> {
///     let found = accounts(login.email()).await.map_err(LoginLink::unavailable)?;
///     let login = login.check_account(found, |email| email, |_| true)?.use_once(&guard, now)?;
///     // Here the session of `login.account()` begins.
///     Ok(login.redirect("clientarea.php"))
/// }
///
/// async fn accounts(email: &str) -> Result<Vec<String>, std::io::Error> {
///     // SELECT ... FROM tblclients WHERE email = ?
/// #   let _ = email;
///     Ok(Vec::new())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct LoginLink {
    /// The login. The account that it is for is not checked yet.
    pub login: AutoAuthLogin<'static>,
    /// The time of the clock that verified the link.
    pub now: OffsetDateTime,
}

impl LoginLink {
    /// The answer if a store of the service failed: `Service Unavailable`, status 503. The
    /// [`Report`](crate::Report) holds the error.
    pub fn unavailable(error: impl Into<BoxError>) -> Rejection {
        Rejection::of_link(Cause::store_failure(error))
    }
}

impl<T> FromRequestParts<T> for LoginLink
where
    LinkVerifier: FromRef<T>,
    T: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut Parts, state: &T) -> Result<Self, Rejection> {
        LinkVerifier::from_ref(state).verify(head).map_err(Rejection::of_link)
    }
}
