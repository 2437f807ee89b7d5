//! What the metrics of the programs share.

use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

/// One more in a gauge, until it is dropped.
#[must_use]
pub struct Counted(Gauge);

impl Counted {
    /// Adds one.
    pub fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// How long one-time links are still refused.
pub struct LinksWait(Gauge);

impl LinksWait {
    /// Adds the metric.
    pub fn new(registry: &mut Registry) -> Self {
        let gauge = Gauge::default();
        registry.register_with_unit(
            "whmcs_auth_links_wait",
            "How long one-time links are still refused, because Redis may have forgotten used ones",
            Unit::Seconds,
            gauge.clone(),
        );
        Self(gauge)
    }

    /// Notes how long it is from now.
    pub fn set(&self, wait: Duration) {
        self.0.set(i64::try_from(wait.as_secs()).unwrap_or(i64::MAX));
    }
}

/// All metrics, in the OpenMetrics text format.
#[must_use]
pub fn metrics_text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = text::encode(&mut text, registry);
    text
}
