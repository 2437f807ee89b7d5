//! What every extractor needs: the store, the gate, and the limits.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::ConnectInfo;
use axum::extract::connect_info::MockConnectInfo;
use axum::http::{Extensions, HeaderMap};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use whmcs_auth::gate::{ApiGate, AuthorizedCall, GateRefusal, PendingCall, TrustedProxies};
use whmcs_auth::{
    ApiRequest, AsyncCredentialStore, AutoAuthKeys, AutoAuthPolicy, Clock, SystemClock,
};

use crate::rejection::Cause;

/// How requests are read and verified.
#[derive(Clone)]
#[must_use]
pub struct Settings {
    pub(crate) gate: ApiGate,
    pub(crate) proxies: TrustedProxies,
    pub(crate) keys: AutoAuthKeys,
    pub(crate) link_policy: AutoAuthPolicy,
    pub(crate) clock: Arc<dyn Clock + Send + Sync>,
    pub(crate) body_limit: usize,
    pub(crate) concurrent_decisions: usize,
}

impl Settings {
    /// A gate, and for the rest: no trusted proxy, no AutoAuth key, the default policy for links, the
    /// system's clock, bodies of at most 2 MiB, and as many decisions at once as there are cores.
    pub fn new(gate: ApiGate) -> Self {
        Self {
            gate,
            proxies: TrustedProxies::new(),
            keys: AutoAuthKeys::default(),
            link_policy: AutoAuthPolicy::new(),
            clock: Arc::new(SystemClock),
            body_limit: 2 * 1024 * 1024,
            concurrent_decisions: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Trusts these proxies to name the caller's address.
    pub fn with_proxies(mut self, proxies: TrustedProxies) -> Self {
        self.proxies = proxies;
        self
    }

    /// Accepts login links that were signed with one of these keys.
    pub fn with_keys(mut self, keys: AutoAuthKeys) -> Self {
        self.keys = keys;
        self
    }

    /// Sets how long links live.
    pub fn with_link_policy(mut self, policy: AutoAuthPolicy) -> Self {
        self.link_policy = policy;
        self
    }

    /// Sets the clock that links are verified by.
    pub fn with_clock(mut self, clock: impl Clock + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sets how many bytes the body of an API call may have.
    pub fn with_body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// Sets how many decisions run at once, each in a blocking thread. At least one does.
    pub fn with_concurrent_decisions(mut self, count: usize) -> Self {
        self.concurrent_decisions = count.max(1);
        self
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("gate", &self.gate)
            .field("proxies", &self.proxies)
            .field("link_policy", &self.link_policy)
            .field("body_limit", &self.body_limit)
            .field("concurrent_decisions", &self.concurrent_decisions)
            .finish_non_exhaustive()
    }
}

/// A store with the settings: the state that the extractors take. Cloning it is cheap.
///
/// Put it into the router's state, alone or as a part that [`FromRef`](axum::extract::FromRef) yields.
pub struct Authenticator<S> {
    shared: Arc<Shared<S>>,
}

struct Shared<S> {
    store: S,
    settings: Settings,
    permits: Arc<Semaphore>,
}

impl<S> Authenticator<S> {
    /// An authenticator over that store.
    pub fn new(store: S, settings: Settings) -> Self {
        let permits = Arc::new(Semaphore::new(settings.concurrent_decisions));
        Self { shared: Arc::new(Shared { store, settings, permits }) }
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// How many decisions run now, also for callers who hung up. A service shows it as a metric.
    #[must_use]
    pub fn running_decisions(&self) -> usize {
        let free = self.shared.permits.available_permits();
        self.settings().concurrent_decisions.saturating_sub(free)
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// The caller's address. A server without `ConnectInfo` is a mistake of the service, and lets nobody
    /// in. Tests may use `MockConnectInfo`, as they do for the extractor of axum.
    pub(crate) fn caller(
        &self,
        extensions: &Extensions,
        headers: &HeaderMap,
    ) -> Result<IpAddr, Cause> {
        let real = extensions.get().map(|ConnectInfo::<SocketAddr>(peer)| peer);
        let mock = || extensions.get().map(|MockConnectInfo::<SocketAddr>(peer)| peer);
        let peer = real.or_else(mock).ok_or(Cause::NoConnectInfo)?;
        Ok(self.settings().proxies.caller_of(peer.ip(), headers)?)
    }
}

impl<S> Authenticator<S>
where
    S: AsyncCredentialStore<Error: std::error::Error>,
{
    /// Verifies one call from that address: the look-ups on the executor, and the decision in a blocking
    /// thread.
    pub(crate) async fn verify(
        &self,
        address: IpAddr,
        request: &ApiRequest<'_>,
    ) -> Result<AuthorizedCall<S::Id>, Cause> {
        let admitted = self.settings().gate.admit(address, request).map_err(GateRefusal::from)?;
        let pending = admitted.look_up(self.store()).await.map_err(Cause::from_gate_error)?;
        self.decide(pending).await
    }

    async fn decide(&self, pending: PendingCall<S::Id>) -> Result<AuthorizedCall<S::Id>, Cause> {
        let permits = Arc::clone(&self.shared.permits);
        let permit = permits.acquire_owned().await.map_err(|_| Cause::Stopped)?;
        let decided = spawn_blocking(move || {
            // It ends with the work. A caller who hangs up ends the future, and not the thread.
            let _permit = permit;
            pending.decide()
        });
        Ok(decided.await.map_err(|_| Cause::Stopped)??)
    }
}

impl<S> Clone for Authenticator<S> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<S> fmt::Debug for Authenticator<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("settings", self.settings()).finish_non_exhaustive()
    }
}
