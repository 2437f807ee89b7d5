//! The state that all requests share.

use std::sync::Arc;
use std::thread::available_parallelism;

use prometheus_client::registry::Registry;
use time::OffsetDateTime;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::{AutoAuthPolicy, Clock};
use whmcs_auth_axum::{Authenticator, CurrentAccess, LinkVerifier, Report};
use whmcs_auth_services_base::{LogMonitor, Reports};
use whmcs_auth_state::{Capacity, Kind as StateKind, Memory, Store};

use crate::api;
use crate::client_address::ClientAddress;
use crate::database::{Credentials, Database, PoolUsage};
use crate::fair_queue::{FairQueue, PROVEN_TIME};
use crate::metrics::Metrics;
use crate::pages::DOLOGIN;
use crate::random::random_bytes;
use crate::refusal::Refusal;
use crate::sessions::Sessions;
use crate::settings::{Limits, Settings};
use crate::sso_tokens::SsoTokens;
use crate::throttle::Throttle;
use crate::turns::{CallTurns, LinkTurns};
use crate::unreadable;

/// The service, as every handler receives it.
pub(crate) type Shared = Arc<Service>;

/// The settings, the database, and what is kept between requests.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) access: CurrentAccess,
    pub(crate) database: Database,
    /// The database, for the pages.
    pub(crate) page_database: Database,
    /// Used links, sessions, tokens and failures.
    pub(crate) state: Arc<dyn Store>,
    pub(crate) sessions: Sessions,
    pub(crate) sso_tokens: SsoTokens,
    pub(crate) throttle: Throttle,
    /// The remembered matches, which need no bcrypt.
    cache: Option<Arc<VerificationCache>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) reports: Reports,
    clock: Arc<dyn Clock + Send + Sync>,
}

impl Service {
    /// Creates a service over `database` that takes the time from `clock`. `log` watches the log.
    pub fn new(
        settings: Settings,
        access: impl Into<CurrentAccess>,
        database: Database,
        clock: impl Clock + Send + Sync + 'static,
        log: LogMonitor,
    ) -> Self {
        let capacity = Capacity {
            links: settings.limits.remembered_links,
            sessions: settings.limits.sessions,
            sso_tokens: settings.limits.sso_tokens,
            failures: settings.limits.remembered_networks,
        };
        let state = Arc::new(Memory::new(capacity).since(clock.now()));
        let cache = verification_cache(&settings.limits);
        let mut registry = Registry::default();
        Self {
            sessions: Sessions::new(state.clone(), &settings.limits, &settings.base_path),
            sso_tokens: SsoTokens::new(state.clone()),
            throttle: Throttle::new(state.clone(), &settings.limits),
            state,
            reports: Reports::new(&mut registry, log),
            metrics: Arc::new(Metrics::new(registry, cache.clone())),
            cache,
            clock: Arc::new(clock),
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

    /// What verifies API calls.
    pub(crate) fn authenticator(&self) -> Authenticator<Credentials> {
        let limits = &self.settings.limits;
        let cores = available_parallelism().map_or(1, usize::from);
        let turns = CallTurns {
            throttle: self.throttle.clone(),
            queue: FairQueue::new(cores, limits),
            metrics: Arc::clone(&self.metrics),
        };
        let store = Credentials::new(&self.database, &self.settings);
        let authenticator = Authenticator::new(store, self.access.clone())
            .with_turns(turns)
            .with_body_limit(kib(limits.body_kib))
            .with_body_memory(mib(limits.bodies_mib))
            .with_body_time(limits.body_time)
            .with_get(self.settings.allow_get);
        match &self.cache {
            Some(cache) => authenticator.with_cache(Arc::clone(cache)),
            None => authenticator,
        }
    }

    /// What verifies login links.
    pub(crate) fn links(&self) -> LinkVerifier {
        let ahead = self.settings.limits.link_ahead_time;
        LinkVerifier::new(self.access.clone())
            .with_policy(AutoAuthPolicy::new().with_future_limit(ahead))
            .with_clock(Arc::clone(&self.clock))
            .with_turns(LinkTurns(self.throttle.clone()))
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.clock.now()
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
        self.metrics.links_wait(self.state.links_wait());
        self.metrics.text()
    }

    /// Counts and logs an accepted request.
    pub(crate) fn accepted(&self, endpoint: &'static str) {
        self.reports.accepted(endpoint);
    }

    /// Counts and logs a refusal of a page.
    pub(crate) fn refused(
        &self,
        endpoint: &'static str,
        ClientAddress(address): ClientAddress,
        refusal: &Refusal,
    ) {
        self.reports.refused(endpoint, address.ok(), &refusal.cause);
    }

    /// Counts and logs what the companion reports.
    pub(crate) fn reported(&self, report: &Report) {
        let endpoint = match report.is_call() {
            true => api::ENDPOINT,
            false => DOLOGIN,
        };
        let unreadable = unreadable::cause(report.code());
        self.reports.report(endpoint, report, unreadable.as_ref().unwrap_or(report.cause()));
    }
}

fn kib(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX).saturating_mul(1024)
}

fn mib(number: u32) -> usize {
    kib(number).saturating_mul(1024)
}

/// `None` if the cache is switched off, or if there are no random bytes for its key. Then every call needs
/// bcrypt.
fn verification_cache(limits: &Limits) -> Option<Arc<VerificationCache>> {
    if limits.cache_entries == 0 || limits.cache_age.is_zero() {
        return None;
    }
    let key = match random_bytes() {
        Ok(key) => key,
        Err(error) => {
            tracing::error!(%error, "no cache of matches: the operating system gave no random bytes");
            return None;
        }
    };
    let cache = VerificationCache::new(*key).with_capacity(limits.cache_entries);
    Some(Arc::new(cache.with_max_age(limits.cache_age.min(PROVEN_TIME))))
}
