//! The state that all requests share.

use std::net::IpAddr;
use std::sync::Arc;
use std::thread::available_parallelism;

use time::OffsetDateTime;
use tokio::sync::Semaphore;
use whmcs_auth::Clock;
use whmcs_auth::replay::ReplayGuard;

use crate::access::CurrentAccess;
use crate::client_address::ClientAddress;
use crate::database::{Credentials, Database};
use crate::metrics::Metrics;
use crate::refusal::Refusal;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::sso_tokens::SsoTokens;
use crate::throttle::{Guess, Throttle};

/// The service, as every handler receives it.
pub(crate) type Shared = Arc<Service>;

/// The settings, the database, and what is kept in memory between requests.
pub struct Service {
    pub(crate) settings: Settings,
    pub(crate) access: CurrentAccess,
    pub(crate) database: Database,
    /// The database, for the pages.
    pub(crate) page_database: Database,
    pub(crate) sessions: Sessions,
    pub(crate) sso_tokens: SsoTokens,
    pub(crate) replay_guard: Option<ReplayGuard>,
    pub(crate) throttle: Throttle,
    /// Limits how many secrets are verified at the same time.
    pub(crate) verifications: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    clock: Box<dyn Clock + Send + Sync>,
}

impl Service {
    /// Creates a service over `database` that takes the time from `clock`.
    pub fn new(
        settings: Settings,
        access: impl Into<CurrentAccess>,
        database: Database,
        clock: impl Clock + Send + Sync + 'static,
    ) -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let links = settings.limits.remembered_links;
        Self {
            sessions: Sessions::new(&settings.limits),
            sso_tokens: SsoTokens::new(&settings.limits),
            replay_guard: settings.one_time_links.then(|| ReplayGuard::new(links)),
            throttle: Throttle::new(&settings.limits),
            verifications: Arc::new(Semaphore::new(cores)),
            metrics: Metrics::new(),
            clock: Box::new(clock),
            settings,
            access: access.into(),
            page_database: database.for_pages(),
            database,
        }
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
    pub(crate) fn admit(&self, address: ClientAddress, guess: Guess) -> Result<IpAddr, Refusal> {
        let address = address.known()?;
        self.throttle.check(guess, address)?;
        Ok(address)
    }

    /// Counts and logs an accepted request.
    pub(crate) fn accepted(&self, endpoint: &'static str) {
        const CODE: &str = "accepted";
        self.metrics.count(endpoint, CODE);
        tracing::info!(endpoint, code = CODE);
    }

    /// Counts and logs a refusal.
    pub(crate) fn refused(
        &self,
        endpoint: &'static str,
        address: ClientAddress,
        refusal: &Refusal,
    ) {
        let Refusal { code, cause, .. } = refusal;
        self.metrics.count(endpoint, code);
        if let ClientAddress(Ok(address)) = address
            && let Some(guess) = refusal.guess
        {
            self.throttle.count(guess, address);
        }
        let status = refusal.status.as_u16();
        match status {
            500.. => tracing::error!(endpoint, code, status, "{cause}"),
            _ => tracing::warn!(endpoint, code, status, "{cause}"),
        }
    }
}
