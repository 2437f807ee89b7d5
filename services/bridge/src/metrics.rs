//! Metrics: answers by code, and logins that ask WHMCS now.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// All metrics, written in the OpenMetrics text format.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    logins: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    endpoint: &'static str,
    code: &'static str,
}

impl Metrics {
    pub(crate) const CONTENT_TYPE: &str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    pub(crate) fn new() -> Self {
        let mut registry = Registry::default();
        let answers = Family::default();
        let help = "Answers, by endpoint and code";
        registry.register("whmcs_auth_answers", help, Family::clone(&answers));
        let logins = Gauge::default();
        let help = "Logins that ask WHMCS now";
        registry.register("whmcs_auth_logins_in_flight", help, logins.clone());
        Self { registry, answers, logins }
    }

    pub(crate) fn count(&self, code: &'static str) {
        self.answers.get_or_create(&AnswerLabels { endpoint: "dologin", code }).inc();
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
