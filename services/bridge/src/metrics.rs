//! Metrics: the logins that ask WHMCS now, how long links are refused, and the metrics that every service has.

use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// All metrics, written in the OpenMetrics text format.
pub(crate) struct Metrics {
    registry: Registry,
    logins: Gauge,
    links_wait: Gauge,
}

impl Metrics {
    pub(crate) fn new(mut registry: Registry) -> Self {
        let logins = Gauge::default();
        let help = "Logins that ask WHMCS now";
        registry.register("whmcs_auth_logins_in_flight", help, logins.clone());
        let links_wait = Gauge::default();
        registry.register_with_unit(
            "whmcs_auth_links_wait",
            "How long one-time links are still refused, because Redis may have forgotten used ones",
            Unit::Seconds,
            links_wait.clone(),
        );
        Self { registry, logins, links_wait }
    }

    /// Counts a login as in flight until the returned value is dropped.
    pub(crate) fn login_in_flight(&self) -> InFlight {
        self.logins.inc();
        InFlight(self.logins.clone())
    }

    /// All metrics. One-time links are still refused for `links_wait`.
    pub(crate) fn text(&self, links_wait: Duration) -> String {
        self.links_wait.set(i64::try_from(links_wait.as_secs()).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// A login that asks WHMCS.
pub(crate) struct InFlight(Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}
