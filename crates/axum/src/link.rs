//! A genuine login link, as an extractor.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use whmcs_auth::http::check_visit;
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{AutoAuthLogin, AutoAuthPolicy, AutoAuthRequest, Clock, Refusal, SystemClock};

use crate::access::CurrentAccess;
use crate::cause::Cause;
use crate::guess::Guess;
use crate::rejection::Rejection;
use crate::report::{Report, Sent};
use crate::turns::Turns;
use crate::watch;

/// The state that [`LoginLink`] needs: the keys, the policy and the clock. Clones share everything.
///
/// Put it into the router's state, alone or as a part that [`FromRef`] takes out.
///
/// | setting | default |
/// |---|---|
/// | [`with_policy`](Self::with_policy) | [`AutoAuthPolicy::new`](AutoAuthPolicy): 15 minutes |
/// | [`with_clock`](Self::with_clock) | [`SystemClock`] |
/// | [`with_turns`](Self::with_turns) | everybody may try |
#[derive(Clone)]
#[must_use]
pub struct LinkVerifier {
    access: CurrentAccess,
    policy: AutoAuthPolicy,
    clock: Arc<dyn Clock + Send + Sync>,
    turns: Option<Arc<dyn Turns>>,
}

impl LinkVerifier {
    /// Accepts links that were signed with a key of the access: an [`Access`](crate::Access), or a [`CurrentAccess`]
    /// that is replaced while the service runs. Without a key, every link is refused.
    pub fn new(access: impl Into<CurrentAccess>) -> Self {
        Self {
            access: access.into(),
            policy: AutoAuthPolicy::new(),
            clock: Arc::new(SystemClock),
            turns: None,
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

    /// Sets who may guess. All methods but [`turn`](Turns::turn) are called. With this setting, a visitor is refused if a
    /// proxy hides the address.
    pub fn with_turns(mut self, turns: impl Turns + 'static) -> Self {
        self.turns = Some(Arc::new(turns));
        self
    }

    async fn verify(&self, head: &Parts) -> Result<LoginLink, Report> {
        let access = self.access.get();
        let address = access.address(head);
        let known = address.as_ref().ok().copied();
        watch::leave_address(&head.extensions, known);
        let refuse = |cause: Cause| Report::of_link(cause).with_address(known);
        check_visit(&head.method, &head.headers)
            .map_err(|refusal| refuse(Cause::of_head(refusal)))?;
        let guess = match &self.turns {
            Some(turns) => {
                let address = address.map_err(refuse)?;
                let mut guess = Guess::begin(turns, address).await.map_err(refuse)?;
                guess.count().await.map_err(refuse)?;
                Some(guess)
            }
            None => None,
        };
        let now = self.clock.now();
        let request = AutoAuthRequest::from_query(head.uri.query().unwrap_or_default());
        let verdict = request.verify(&access.keys, &now, &self.policy);
        if let Some(guess) = guess {
            guess.end(verdict.as_ref().map(|_| ()).map_err(Refusal::code)).await;
        }
        let login = verdict.map_err(|refusal| refuse(refusal.into()))?.into_owned();
        watch::leave(&head.extensions, || {
            let sent = Sent::link(head.uri.clone());
            let cause = not_followed(&login, &sent)?;
            Some(Report::of_link(cause).of_accepted().with_address(known).with_sent(sent))
        });
        Ok(LoginLink { login, now, address: known })
    }
}

/// What of a genuine link is not followed.
fn not_followed(login: &AutoAuthLogin<'_>, sent: &Sent) -> Option<Cause> {
    let (code, sentence) = if login.is_goto_refused() {
        ("goto_refused", "the goto may lead to another site, so it is not followed")
    } else if login.goto_acts() {
        ("goto_acts", "the goto is a page that acts as soon as it is opened, so it is not followed")
    } else if !sent.not_followed().is_empty() {
        ("goto_misread", "the goto was probably cut, or sent under another name")
    } else {
        return None;
    };
    Some(Cause::new(code, sentence, 200, ""))
}

impl fmt::Debug for LinkVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkVerifier")
            .field("access", &self.access)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// The login of a genuine link inside its window, from the query of a GET.
///
/// It needs a [`LinkVerifier`] in the state. Destructure it in the handler's arguments:
///
/// 1. Look up the accounts with [`email`](AutoAuthLogin).
/// 2. Pass all of them to [`check_account`](AutoAuthLogin).
/// 3. Choose how often the link may be used, for example
///    [`use_once`](whmcs_auth::AccountLogin).
/// 4. Answer with [`redirect`](whmcs_auth::AcceptedLogin), and add the cookie of the session with
///    `SameSite=Lax`. A browser does not send a `Strict` cookie after the redirect from a mail, so the visitor would
///    not be logged in, and the link would be used up.
///
/// The refusals of these steps convert into a [`Rejection`], and so does a [`Cause`].
///
/// # Security
///
/// These requests would use up a link that works once, so they are refused: a method other than GET with
/// status 405, a browser that fetches the page ahead of a visit with 503, and a page that loads the link,
/// for example as an image, with 403. No cache keeps a refusal.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use axum::Extension;
/// use axum::response::Response;
/// use whmcs_auth_axum::whmcs_auth::replay::ReplayGuard;
/// use whmcs_auth_axum::{Cause, LoginLink, Rejection};
///
/// async fn dologin(
///     LoginLink { login, now, .. }: LoginLink,
///     Extension(guard): Extension<Arc<ReplayGuard>>,
/// ) -> Result<Response, Rejection> {
///     let found = accounts(login.email()).await.map_err(Cause::store_failure)?;
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
#[non_exhaustive]
#[must_use]
pub struct LoginLink {
    /// The login. The account that it is for is not checked yet.
    pub login: AutoAuthLogin<'static>,
    /// The time of the clock that verified the link.
    pub now: OffsetDateTime,
    /// The visitor's address, unless a proxy hides it.
    pub address: Option<IpAddr>,
}

#[cfg(feature = "test-util")]
impl LoginLink {
    /// Makes a link without verification, for tests of handlers. Needs feature `test-util`.
    ///
    /// The login comes from [`AutoAuthLogin::for_test`](AutoAuthLogin), and the time is its timestamp.
    ///
    /// # Security
    ///
    /// Nobody signed the e-mail. Enable the feature under `[dev-dependencies]` only, never in a release build.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth_axum::LoginLink;
    ///
    /// let link = LoginLink::for_test("demo@whmcs.com", 1290100706);
    /// assert_eq!(link.login.email(), "demo@whmcs.com");
    /// ```
    pub fn for_test(email: impl Into<String>, timestamp: i64) -> Self {
        let login = AutoAuthLogin::for_test(email, timestamp);
        let now = OffsetDateTime::from_unix_timestamp(timestamp);
        Self { login, now: now.unwrap_or(OffsetDateTime::UNIX_EPOCH), address: None }
    }
}

impl<T> FromRequestParts<T> for LoginLink
where
    LinkVerifier: FromRef<T>,
    T: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request_parts(head: &mut Parts, state: &T) -> Result<Self, Rejection> {
        LinkVerifier::from_ref(state).verify(head).await.map_err(Rejection::of_page)
    }
}
