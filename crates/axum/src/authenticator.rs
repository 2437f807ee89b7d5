//! What is needed to verify an API call: the store, the gate, and the limits.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::available_parallelism;
#[cfg(feature = "cache")]
use std::time::Instant;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::Method;
use axum::http::request::Parts;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
#[cfg(feature = "cache")]
use whmcs_auth::cache::{Recall, VerificationCache};
use whmcs_auth::gate::{ApiGate, AuthorizedCall, GateError, PendingCall, TrustedProxies};
use whmcs_auth::{ApiRequest, AsyncCredentialStore, Received};

use crate::body;
use crate::call::ApiCall;
use crate::rejection::{Cause, Rejection};

/// The state that [`ApiCall`] and [`authorize`](crate::authorize) need: a store, a gate and the limits.
///
/// Put it into the router's state, alone or as a part that [`FromRef`](axum::extract::FromRef) yields.
/// Clones share the store and the bound on decisions.
///
/// | setting | default |
/// |---|---|
/// | [`with_proxies`](Self::with_proxies) | no proxy is trusted |
/// | [`with_body_limit`](Self::with_body_limit) | 2 MiB |
/// | [`with_concurrent_decisions`](Self::with_concurrent_decisions) | the number of cores |
/// | `with_cache`, with feature `cache` | every call with bcrypt runs bcrypt |
///
/// # Security
///
/// Calls that wait for a decision are not limited. Limit the open connections, and how long a request may
/// take, in the server or the proxy before it.
#[must_use]
pub struct Authenticator<S> {
    store: Arc<S>,
    gate: Arc<ApiGate>,
    proxies: Arc<TrustedProxies>,
    body_limit: usize,
    concurrent_decisions: usize,
    permits: Arc<Semaphore>,
    #[cfg(feature = "cache")]
    cache: Option<Arc<VerificationCache>>,
}

impl<S> Authenticator<S> {
    /// An authenticator over that store, behind that gate.
    pub fn new(store: S, gate: ApiGate) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        Self {
            store: Arc::new(store),
            gate: Arc::new(gate),
            proxies: Arc::default(),
            body_limit: 2 * 1024 * 1024,
            concurrent_decisions: cores,
            permits: Arc::new(Semaphore::new(cores)),
            #[cfg(feature = "cache")]
            cache: None,
        }
    }

    /// Trusts these proxies to name the caller's address.
    pub fn with_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = Arc::new(proxies);
        self
    }

    /// Sets how many bytes the body of a call may have. axum's `DefaultBodyLimit` has no effect here.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how many decisions may run at once, each in a blocking thread. At least one may.
    ///
    /// Earlier clones keep the bound that they have.
    pub fn with_concurrent_decisions(mut self, count: usize) -> Self {
        self.concurrent_decisions = count.clamp(1, Semaphore::MAX_PERMITS);
        self.permits = Arc::new(Semaphore::new(self.concurrent_decisions));
        self
    }

    /// Asks this cache before each decision. A call that it accepts takes no blocking thread and does not count
    /// against the bound. Keep an `Arc` of it for your metrics. Needs feature `cache`.
    ///
    /// # Security
    ///
    /// [`whmcs_auth::cache`] says what a cache changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use whmcs_auth_axum::Authenticator;
    /// use whmcs_auth_axum::whmcs_auth::cache::VerificationCache;
    /// use whmcs_auth_axum::whmcs_auth::{MemoryStore, ReadyStore};
    ///
    /// fn with_cache(
    ///     auth: Authenticator<ReadyStore<MemoryStore<u64>>>,
    ///     key: [u8; 32], // from a cryptographic random number generator
    /// ) -> Authenticator<ReadyStore<MemoryStore<u64>>> {
    ///     auth.with_cache(Arc::new(VerificationCache::new(key)))
    /// }
    /// ```
    #[cfg(feature = "cache")]
    pub fn with_cache(mut self, cache: Arc<VerificationCache>) -> Self {
        self.cache = Some(cache);
        self
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// How many decisions run now, also for callers who hung up. A service shows it as a metric.
    #[must_use]
    pub fn running_decisions(&self) -> usize {
        self.concurrent_decisions.saturating_sub(self.permits.available_permits())
    }

    /// The caller's address. Without the address of the peer nobody is let in: the service is not set up.
    fn address(&self, head: &Parts) -> Result<IpAddr, Cause> {
        let real = head.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
        let mock = || head.extensions.get::<MockConnectInfo<SocketAddr>>().map(|info| info.0);
        let peer = real.or_else(mock).ok_or_else(Cause::no_connect_info)?;
        Ok(self.proxies.caller_of(peer.ip(), &head.headers)?)
    }
}

impl<S> Authenticator<S>
where
    S: AsyncCredentialStore<Error: Into<BoxError>>,
{
    /// Verifies one call. Returns it with its body.
    pub(crate) async fn call(
        &self,
        head: &Parts,
        body: Body,
    ) -> Result<(ApiCall<S>, Bytes), Rejection> {
        // Until the body is read, the query alone says which format the caller reads.
        let query = || Received::new().with_query(head.uri.query().unwrap_or_default());
        let address = self.address(head);
        let address = address.map_err(|cause| Rejection::of_call(cause, None, &query()))?;
        let read = async {
            if ![Method::GET, Method::POST].contains(&head.method) {
                return Err(Cause::neither_get_nor_post());
            }
            let body = body::read(body, self.body_limit).await?;
            let received = body::fields(query(), head, body.clone()).await?;
            Ok((received, body))
        };
        let (received, body) = read.await.map_err(|cause| {
            let query = query();
            // The address is checked first, whatever else is wrong.
            let refused = self.gate.admit(address, &query.api_request()).err();
            Rejection::of_call(refused.map_or(cause, Cause::from), Some(address), &query)
        })?;
        let verdict = self.verify(address, &received.api_request()).await;
        match verdict {
            Ok(call) => Ok((ApiCall::new(call, received, address), body)),
            Err(cause) => Err(Rejection::of_call(cause, Some(address), &received)),
        }
    }

    /// The look-ups are awaited. The decision runs in a blocking thread, unless a cache makes it needless.
    async fn verify(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
    ) -> Result<AuthorizedCall<S::Id>, Cause> {
        let admitted = self.gate.admit(address, request)?;
        let pending = match admitted.look_up(&*self.store).await {
            Ok(pending) => pending,
            Err(GateError::Refused(refusal)) => return Err(refusal.into()),
            Err(GateError::Store(error)) => return Err(Cause::store_failure(error)),
        };
        #[cfg(feature = "cache")]
        let pending = match &self.cache {
            Some(cache) => match pending.recall(cache, Instant::now())? {
                Recall::Accepted(call) => return Ok(call),
                Recall::Pending(pending) => pending,
            },
            None => pending,
        };
        self.decide(pending).await
    }

    async fn decide(&self, pending: PendingCall<S::Id>) -> Result<AuthorizedCall<S::Id>, Cause> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(Cause::stopped)?;
        let decision = spawn_blocking(move || {
            // It is held until the work ends. If the caller hangs up, the future ends, but not the thread.
            let _permit = permit;
            pending.decide()
        });
        Ok(decision.await.map_err(Cause::stopped)??)
    }
}

impl<S> Clone for Authenticator<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            gate: Arc::clone(&self.gate),
            proxies: Arc::clone(&self.proxies),
            body_limit: self.body_limit,
            concurrent_decisions: self.concurrent_decisions,
            permits: Arc::clone(&self.permits),
            #[cfg(feature = "cache")]
            cache: self.cache.clone(),
        }
    }
}

impl<S> fmt::Debug for Authenticator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("gate", &self.gate)
            .field("proxies", &self.proxies)
            .field("body_limit", &self.body_limit)
            .finish_non_exhaustive()
    }
}
