//! Keeps AutoAuth login links working after WHMCS 8.1 removed them.
//!
//! The bridge stands where `dologin.php` stood. It verifies the old link with the old key, asks WHMCS for a
//! single sign-on token of the client, and sends the visitor there. The README lists options, answers and
//! metrics.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod dologin;
mod links_in_flight;
mod metrics;
mod operator;
mod refusal;
mod serve;
mod settings;
mod whmcs;

use std::sync::Arc;

use axum::extract::FromRef;
use prometheus_client::registry::Registry;
use tokio::sync::Semaphore;
use whmcs_auth_axum::{CurrentAccess, LinkVerifier};
use whmcs_auth_services_base::{LogMonitor, Reports};
use whmcs_auth_state::Store;

pub use crate::serve::serve;
pub use crate::settings::{Settings, SettingsError, folder};

use crate::links_in_flight::LinksInFlight;
use crate::metrics::Metrics;
use crate::whmcs::Whmcs;

/// The state that all requests share. Clones also share it.
#[derive(Clone)]
pub struct Bridge(Arc<Parts>);

struct Parts {
    access: CurrentAccess,
    links: LinkVerifier,
    whmcs: Whmcs,
    /// Remembers used links. Without it, a link can be used again until its window closes.
    used_links: Option<Arc<dyn Store>>,
    /// So whoever repeats one link takes one of the logins, and not all.
    links_in_flight: Arc<LinksInFlight>,
    /// Limits how many logins ask WHMCS at the same time.
    logins: Arc<Semaphore>,
    metrics: Metrics,
    reports: Reports,
}

impl Bridge {
    /// Creates a bridge. If each link may be used only once, `used_links` remembers the used links. `log` watches
    /// the log.
    ///
    /// # Errors
    ///
    /// If a URL is not usable, or TLS cannot be set up.
    pub fn new(
        settings: Settings,
        used_links: Option<Arc<dyn Store>>,
        log: LogMonitor,
    ) -> Result<Self, SettingsError> {
        let whmcs = Whmcs::new(&settings)?;
        let mut registry = Registry::default();
        Ok(Self(Arc::new(Parts {
            links: LinkVerifier::new(settings.access.clone()).with_policy(settings.policy),
            access: settings.access,
            whmcs,
            used_links,
            links_in_flight: Arc::default(),
            logins: Arc::new(Semaphore::new(settings.max_calls_in_flight)),
            reports: Reports::new(&mut registry, log),
            metrics: Metrics::new(registry),
        })))
    }
}

/// The extractor of links takes this part of the state.
impl FromRef<Bridge> for LinkVerifier {
    fn from_ref(bridge: &Bridge) -> Self {
        bridge.0.links.clone()
    }
}
