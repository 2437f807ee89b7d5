//! The state that all requests share.

use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;

use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use whmcs_auth::Clock;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::diagnose::Findings;
use whmcs_auth_services_base::{Current, LogMonitor, Refused, Reports};
use whmcs_auth_state::{Capacity, Kind as StateKind, Memory, Store};
use zeroize::Zeroizing;

use crate::access::Access;
use crate::client_address::ClientAddress;
use crate::database::{Credentials, Database, PoolUsage};
use crate::fair_queue::{FairQueue, PROVEN_TIME};
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::sessions::Sessions;
use crate::settings::{Limits, Settings};
use crate::sso_tokens::SsoTokens;
use crate::throttle::{Guess, Throttle};

/// The service, as every handler receives it.
pub(crate) type Shared = Arc<Service>;

/// The settings, the database, and what is kept between requests.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) access: Current<Access>,
    pub(crate) database: Database,
    /// The database, for the pages.
    pub(crate) page_database: Database,
    /// Used links, sessions, tokens and failures.
    pub(crate) state: Arc<dyn Store>,
    pub(crate) sessions: Sessions,
    pub(crate) sso_tokens: SsoTokens,
    pub(crate) throttle: Throttle,
    /// Limits how many secrets are verified at the same time.
    pub(crate) verifications: FairQueue,
    /// The matches that need no bcrypt.
    pub(crate) cache: Option<Arc<VerificationCache>>,
    pub(crate) metrics: Metrics,
    pub(crate) reports: Reports,
    clock: Box<dyn Clock + Send + Sync>,
}

impl Service {
    /// Creates a service over `database` that takes the time from `clock`. `log` watches the log.
    pub fn new(
        settings: Settings,
        access: impl Into<Current<Access>>,
        database: Database,
        clock: impl Clock + Send + Sync + 'static,
        log: LogMonitor,
    ) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let state = Arc::new(Memory::new(Capacity {
            links: settings.limits.remembered_links,
            sessions: settings.limits.sessions,
            sso_tokens: settings.limits.sso_tokens,
            failures: settings.limits.remembered_networks,
        }));
        let cache = verification_cache(&settings.limits);
        let mut registry = Registry::default();
        Self {
            sessions: Sessions::new(state.clone(), &settings.limits, &settings.base_path),
            sso_tokens: SsoTokens::new(state.clone()),
            throttle: Throttle::new(state.clone(), &settings.limits),
            state,
            verifications: FairQueue::new(cores, &settings.limits),
            reports: Reports::new(&mut registry, log),
            metrics: Metrics::new(registry, cache.clone()),
            cache,
            clock: Box::new(clock),
            settings,
            access: access.into(),
            page_database: database.for_pages(),
            database,
        }
    }

    /// Keeps used links, sessions, tokens and failures in this store, which several machines may share. Without
    /// it they are kept in memory.
    #[must_use]
    pub fn with_state(mut self, state: Arc<dyn Store>) -> Self {
        let Settings { limits, base_path, .. } = &self.settings;
        self.sessions = Sessions::new(Arc::clone(&state), limits, base_path);
        self.sso_tokens = SsoTokens::new(Arc::clone(&state));
        self.throttle = Throttle::new(Arc::clone(&state), limits);
        self.state = state;
        self
    }

    /// The API credentials and admins of the database.
    pub(crate) fn credentials(&self) -> Credentials<'_> {
        Credentials { database: &self.database, settings: &self.settings }
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }

    /// Runs `work`, and refuses the request if it takes longer than the answer time.
    pub(crate) async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let limit = self.settings.limits.answer_time;
        tokio::time::timeout(limit, work)
            .await
            .unwrap_or_else(|late| Err(Refusal::unavailable("too_slow", late)))
    }

    /// Returns the client's address. Refuses a hidden address, and one with too many failed guesses.
    pub(crate) async fn admit(
        &self,
        address: ClientAddress,
        guess: Guess,
    ) -> Result<IpAddr, Refusal> {
        let address = address.known()?;
        self.throttle.check(guess, address).await?;
        Ok(address)
    }

    /// All metrics, as text.
    pub(crate) fn metrics_text(&self) -> String {
        for (pool, database) in [("api", &self.database), ("pages", &self.page_database)] {
            let PoolUsage { open, idle, waiting } = database.usage();
            for (state, count) in [("open", open), ("idle", idle), ("waiting", waiting)] {
                self.metrics.connections(pool, state, count);
            }
        }
        let kinds = [
            ("session", StateKind::Session),
            ("sso_token", StateKind::SsoToken),
            ("failures", StateKind::Failures),
        ];
        for (name, kind) in kinds {
            if let Some(count) = self.state.entries(kind) {
                self.metrics.kept(name, count);
            }
        }
        self.metrics.text()
    }

    /// Counts and logs an accepted request.
    pub(crate) fn accepted(&self, endpoint: &'static str) {
        self.reports.accepted(endpoint);
    }

    /// Counts and logs a refusal.
    pub(crate) async fn refused(
        &self,
        endpoint: &'static str,
        ClientAddress(address): ClientAddress,
        refusal: &Refusal,
    ) {
        let Refusal { code, cause, status, findings, guess, .. } = refusal;
        if let (Ok(address), Some(guess)) = (address, *guess) {
            self.throttle.count(guess, address).await;
        }
        let refused = Refused { code, cause, status: status.as_u16(), findings };
        self.reports.refused(endpoint, address.ok(), refused);
    }

    /// Logs that a request was accepted, but not all of it was followed.
    pub(crate) fn changed(
        &self,
        endpoint: &'static str,
        ClientAddress(address): ClientAddress,
        code: &'static str,
        cause: &'static str,
        findings: &Findings,
    ) {
        self.reports.changed(endpoint, address.ok(), code, cause, findings);
    }
}

/// `None` if it is switched off. Without random bytes for its key there is none either, and every call needs
/// bcrypt.
fn verification_cache(limits: &Limits) -> Option<Arc<VerificationCache>> {
    if limits.cache_entries == 0 || limits.cache_age.is_zero() {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    if let Err(error) = getrandom::fill(&mut *key) {
        tracing::error!(%error, "no cache of matches: the operating system gave no random bytes");
        return None;
    }
    let cache = VerificationCache::new(*key).with_capacity(limits.cache_entries);
    Some(Arc::new(cache.with_max_age(limits.cache_age.min(PROVEN_TIME))))
}
