//! The way from a request to an authorized API call.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "cache")]
use std::time::Instant;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::{FromRef, FromRequest, Request};
use axum::http::request::Parts;
use tokio::task::spawn_blocking;
#[cfg(feature = "cache")]
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::http::check_call;
use whmcs_auth::{
    ActionName, ApiCaller, ApiError, ApiPolicy, ApiRefusal, ApiRequest, AsyncCredentialStore,
    Field, PendingDecision, Received, Refusal, ResponseType,
};

use crate::access::CurrentAccess;
use crate::body::{Limits, Room};
use crate::call::{ApiCall, name_of};
use crate::cause::Cause;
use crate::guess::Guess;
use crate::rejection::Rejection;
use crate::report::{Report, Sent};
use crate::turns::{Bound, Permit, Turns};
use crate::watch;

/// The state that [`ApiCall`] and [`authorize`](crate::authorize) need: a store, who may call, and the limits.
///
/// Put it into the router's state, alone or as a part that [`FromRef`] takes out. Clones share everything.
///
/// | setting | default |
/// |---|---|
/// | [`with_policy`](Self::with_policy) | [`ApiPolicy::new`](ApiPolicy): admin logins are accepted, and may do every action |
/// | `with_cache`, with feature `cache` | no cache: bcrypt runs on every call |
/// | [`with_turns`](Self::with_turns) | [`Bound::cores`]: as many decisions with bcrypt at once as there are cores |
/// | [`with_body_limit`](Self::with_body_limit) | 2 MiB |
/// | [`with_body_time`](Self::with_body_time) | 10 seconds |
/// | [`with_body_memory`](Self::with_body_memory) | 64 MiB for all bodies over 16 KiB, half of it for one network |
/// | [`with_max_fields`](Self::with_max_fields) | 1,000 |
/// | [`with_get`](Self::with_get) | calls by GET are refused |
///
/// # Security
///
/// The checks run in this order: the address, the method, the body, the address again if an access key in the body may
/// lift the restriction, the credentials, the action. An address that may not call is refused before its body is read.
///
/// Only a decision that needs bcrypt runs in a blocking thread, and waits for its turn. A waiting call holds its body
/// and its fields, up to twice the body limit.
#[must_use]
pub struct Authenticator<S> {
    store: Arc<S>,
    access: CurrentAccess,
    settings: Arc<Settings>,
}

#[derive(Clone)]
struct Settings {
    policy: ApiPolicy,
    #[cfg(feature = "cache")]
    cache: Option<Arc<VerificationCache>>,
    turns: Arc<dyn Turns>,
    body: Limits,
    max_fields: usize,
    allows_get: bool,
}

impl<S> Authenticator<S> {
    /// An authenticator. `store` holds the credentials. `access` says who may call: an [`Access`](crate::Access), or a
    /// [`CurrentAccess`] that is replaced while the service runs.
    pub fn new(store: S, access: impl Into<CurrentAccess>) -> Self {
        let settings = Settings {
            policy: ApiPolicy::new(),
            #[cfg(feature = "cache")]
            cache: None,
            turns: Arc::new(Bound::cores()),
            body: Limits {
                size: 2 * 1024 * 1024,
                time: Duration::from_secs(10),
                room: Room::new(64 * 1024 * 1024),
            },
            max_fields: 1000,
            allows_get: false,
        };
        Self { store: Arc::new(store), access: access.into(), settings: Arc::new(settings) }
    }

    fn settings(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    /// Sets which credentials are accepted, and whether admin logins may do every action or none.
    pub fn with_policy(mut self, policy: ApiPolicy) -> Self {
        self.settings().policy = policy;
        self
    }

    /// Asks this cache before bcrypt. A call that it accepts takes no blocking thread and waits for no turn. Keep an
    /// `Arc` of it for your metrics. Needs feature `cache`.
    ///
    /// # Security
    ///
    /// [`whmcs_auth::cache`] says what a cache changes.
    #[cfg(feature = "cache")]
    pub fn with_cache(mut self, cache: Arc<VerificationCache>) -> Self {
        self.settings().cache = Some(cache);
        self
    }

    /// Sets who may guess, and who verifies next. Keep a clone or an `Arc` of it for your metrics.
    pub fn with_turns(mut self, turns: impl Turns + 'static) -> Self {
        self.settings().turns = Arc::new(turns);
        self
    }

    /// Sets how many bytes the body of a call may have. axum's `DefaultBodyLimit` has no effect here.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.settings().body.size = bytes;
        self
    }

    /// Sets how long the body of a call may take.
    pub fn with_body_time(mut self, time: Duration) -> Self {
        self.settings().body.time = time;
        self
    }

    /// Sets how many bytes the bodies over 16 KiB may have together, from the first byte until the call is answered.
    /// Those of one [network](crate::client_network) may have half of it. Others over 16 KiB are refused with 503. There
    /// is always room for smaller ones, and for one body of any size.
    ///
    /// # Security
    ///
    /// The fields of a call are as large as its body, so calls take twice as much memory.
    pub fn with_body_memory(mut self, bytes: usize) -> Self {
        self.settings().body.room = Room::new(bytes);
        self
    }

    /// Sets how many fields a call may have: `max_input_vars` of the PHP that it is forwarded to.
    pub fn with_max_fields(mut self, count: usize) -> Self {
        self.settings().max_fields = count;
        self
    }

    /// Sets whether calls by GET are accepted.
    ///
    /// # Security
    ///
    /// The secret of a GET is part of its URL, so it appears in the logs of proxies and servers.
    pub fn with_get(mut self, accepted: bool) -> Self {
        self.settings().allows_get = accepted;
        self
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }
}

/// A call that may be carried out.
struct Verified<Id> {
    caller: ApiCaller<Id>,
    action: ActionName,
    address: IpAddr,
    /// Whether the answer comes as text. The caller may expect another format.
    is_text: bool,
    /// Whether the caller asks for a format that is none.
    is_format_unknown: bool,
}

/// What is known about a request that is being verified.
struct Progress {
    received: Received,
    /// `None` until it is read.
    body: Option<Bytes>,
    address: Option<IpAddr>,
    caller: Option<String>,
}

impl<S> Authenticator<S>
where
    S: AsyncCredentialStore<Id: fmt::Debug, Error: Into<BoxError>>,
{
    /// Verifies one call. Returns it with its body.
    pub(crate) async fn call(
        &self,
        head: &Parts,
        body: Body,
    ) -> Result<(ApiCall<S>, Bytes), Rejection> {
        let query = Received::new().with_max_fields(self.settings.max_fields);
        let mut progress = Progress {
            received: query.with_query(head.uri.query().unwrap_or_default()),
            body: None,
            address: None,
            caller: None,
        };
        let verdict = self.verify(head, body, &mut progress).await;
        let Progress { received, body, address, caller: name } = progress;
        let sent = Sent::call(head, body.clone());
        let verified = verdict.map_err(|cause| {
            let report = Report::of_call(cause).with_address(address).with_caller(name);
            Rejection::of_call(report.with_sent(sent.clone()), &received)
        })?;
        let Verified { caller, action, address, is_text, is_format_unknown } = verified;
        if is_text || sent.is_of_browser() {
            watch::leave(&head.extensions, || {
                let report = Report::of_call(not_followed(&sent, is_format_unknown)?);
                let report = report.of_accepted().with_address(Some(address));
                Some(report.with_caller(Some(name_of(&caller))).with_sent(sent.clone()))
            });
        }
        let received = Arc::new(received);
        Ok((ApiCall { caller, action, received, address, sent }, body.unwrap_or_default()))
    }

    async fn verify(
        &self,
        head: &Parts,
        body: Body,
        progress: &mut Progress,
    ) -> Result<Verified<S::Id>, Cause> {
        let settings = &*self.settings;
        let access = self.access.get();
        let address = access.address(head)?;
        progress.address = Some(address);
        let mut guess = Guess::begin(&settings.turns, address).await?;
        let addresses = &access.addresses;
        if is_restricted(addresses, address) {
            guess.count().await?;
            let before = addresses.check_before_body(address, &progress.received.api_request());
            guess = allowed(guess, before).await?;
            guess.take_back();
        }
        let body = match self.body(head, body, address).await {
            Ok(body) => body,
            Err(cause) => {
                // The body was not read, so an access key in it cannot lift the restriction.
                let checked = addresses.check(address, &progress.received.api_request());
                allowed(guess, checked).await?;
                return Err(cause);
            }
        };
        let received = Received::new().with_max_fields(settings.max_fields);
        progress.received = received.with_request(head, &body);
        progress.body = Some(body);

        let request = progress.received.api_request();
        // The access may have been replaced while the body came.
        let access = self.access.get();
        let now = access.address(head)?;
        if is_restricted(&access.addresses, now) {
            guess.count().await?;
            guess = allowed(guess, access.addresses.check(now, &request)).await?;
        }
        let caller = self.caller(&request, guess).await?;
        let action = caller.authorize(request.action());
        let is_text = request.response_type() == ResponseType::Nvp;
        let is_format_unknown = request.has_unknown_response_type();
        drop(request);
        let action = action.inspect_err(|_| progress.caller = Some(name_of(&caller)))?;
        Ok(Verified { caller, action, address, is_text, is_format_unknown })
    }

    async fn body(&self, head: &Parts, body: Body, address: IpAddr) -> Result<Bytes, Cause> {
        check_call(&head.method, self.settings.allows_get).map_err(Cause::of_head)?;
        self.settings.body.read(body, address).await
    }

    /// The look-ups are awaited. The decision runs in a blocking thread if it needs bcrypt.
    async fn caller(
        &self,
        request: &ApiRequest<'_>,
        mut guess: Guess,
    ) -> Result<ApiCaller<S::Id>, Cause> {
        let attempt = request.attempt(&self.settings.policy);
        #[cfg(feature = "cache")]
        let attempt = match &self.settings.cache {
            Some(cache) => attempt.with_cache(cache, Instant::now()),
            None => attempt,
        };
        let pending = match attempt.look_up_async(&*self.store).await {
            Ok(pending) => pending,
            Err(ApiError::Refused(refusal)) => return Err(refusal.into()),
            Err(ApiError::Store(error)) => return Err(Cause::store_failure(error)),
        };
        guess.count().await?;
        guess.compared();
        if let Some(verdict) = pending.decide_without_bcrypt() {
            guess.end(outcome(&verdict)).await;
            return Ok(verdict?);
        }
        let name = pending.attempt().identifier().unwrap_or_default();
        let (guess, permit) = guess.turn(name).await?;
        // In a task of its own, which continues if the caller hangs up.
        let decision = tokio::spawn(decide(guess, pending, permit));
        decision.await.map_err(|error| Cause::stopped(&error))?
    }
}

/// What of an accepted call was not followed.
fn not_followed(sent: &Sent, is_format_unknown: bool) -> Option<Cause> {
    let (code, sentence) = if sent.is_of_browser() {
        ("browser_call", "a browser sent the call, from a page of another site")
    } else if is_format_unknown || asks_format(sent) {
        ("format_unknown", "no `responsetype` is json, xml or nvp: the answer is text")
    } else {
        return None;
    };
    Some(Cause::new(code, sentence, 200, ""))
}

/// Whether the call asks for a format in a way that is not read.
fn asks_format(sent: &Sent) -> bool {
    sent.not_followed().iter().any(|finding| finding.field() == Some(Field::ResponseType))
}

/// Whether only an access key can let the address in.
fn is_restricted(addresses: &AddressGate, address: IpAddr) -> bool {
    addresses.check(address, &ApiRequest::default()).is_err()
}

/// Returns the guess, or ends it as failed if the address or the access key was refused.
async fn allowed<R: Refusal>(guess: Guess, checked: Result<(), R>) -> Result<Guess, Cause> {
    match checked {
        Ok(()) => Ok(guess),
        Err(refusal) => {
            guess.end(Err(refusal.code())).await;
            Err(refusal.into())
        }
    }
}

async fn decide<Id: Clone + Send + Sync + 'static>(
    guess: Guess,
    pending: PendingDecision<'static, Id>,
    permit: Permit,
) -> Result<ApiCaller<Id>, Cause> {
    // A call with the same secret may have been verified while this one waited: `decide` asks the cache first.
    let decided = spawn_blocking(move || (pending.decide(), permit)).await;
    let (verdict, _permit) = decided.map_err(|error| Cause::stopped(&error))?;
    guess.end(outcome(&verdict)).await;
    Ok(verdict?)
}

fn outcome<Id>(verdict: &Result<ApiCaller<Id>, ApiRefusal>) -> Result<(), &'static str> {
    verdict.as_ref().map(|_| ()).map_err(Refusal::code)
}

impl<S, T> FromRequest<T> for ApiCall<S>
where
    S: AsyncCredentialStore<Id: fmt::Debug, Error: Into<BoxError>> + Send + 'static,
    Authenticator<S>: FromRef<T>,
    T: Send + Sync,
{
    type Rejection = Rejection;

    async fn from_request(request: Request, state: &T) -> Result<Self, Rejection> {
        let (head, body) = request.into_parts();
        let (call, _) = Authenticator::from_ref(state).call(&head, body).await?;
        Ok(call)
    }
}

impl<S> Clone for Authenticator<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            access: self.access.clone(),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl<S> fmt::Debug for Authenticator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("access", &self.access)
            .field("policy", &self.settings.policy)
            .finish_non_exhaustive()
    }
}
