//! Metrics: the logins that ask WHMCS now, and the metrics that every service has.

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// All metrics, written in the OpenMetrics text format.
pub(crate) struct Metrics {
    registry: Registry,
    logins: Gauge,
}

impl Metrics {
    pub(crate) fn new(mut registry: Registry) -> Self {
        let logins = Gauge::default();
        let help = "Logins that ask WHMCS now";
        registry.register("whmcs_auth_logins_in_flight", help, logins.clone());
        Self { registry, logins }
    }

    /// Counts a login as in flight until the returned value is dropped.
    pub(crate) fn login_in_flight(&self) -> InFlight {
        self.logins.inc();
        InFlight(self.logins.clone())
    }

    pub(crate) fn text(&self) -> String {
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
