//! Metrics: the logins that ask WHMCS now, how long links are refused, and the metrics that every service has.

use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use whmcs_auth_services_base::{Counted, LinksWait, metrics_text};

/// All metrics.
pub(crate) struct Metrics {
    registry: Registry,
    logins: Gauge,
    links_wait: LinksWait,
}

impl Metrics {
    pub(crate) fn new(mut registry: Registry) -> Self {
        let logins = Gauge::default();
        let help = "Logins that ask WHMCS now";
        registry.register("whmcs_auth_logins_in_flight", help, logins.clone());
        let links_wait = LinksWait::new(&mut registry);
        Self { registry, logins, links_wait }
    }

    /// Counts a login as in flight until the returned value is dropped.
    pub(crate) fn login_in_flight(&self) -> Counted {
        Counted::new(&self.logins)
    }

    /// All metrics. One-time links are still refused for `links_wait`.
    pub(crate) fn text(&self, links_wait: Duration) -> String {
        self.links_wait.set(links_wait);
        metrics_text(&self.registry)
    }
}
