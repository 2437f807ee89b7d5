//! Metrics: answers by endpoint and code, and verifications in progress.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// All metrics, written in the OpenMetrics text format.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    verifications: Gauge,
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
        registry.register(
            "whmcs_auth_answers",
            "Answers, by endpoint and code",
            Family::clone(&answers),
        );
        let verifications = Gauge::default();
        registry.register(
            "whmcs_auth_verifications",
            "Secrets that are being verified, also for callers who hung up",
            verifications.clone(),
        );
        Self { registry, answers, verifications }
    }

    pub(crate) fn count(&self, endpoint: &'static str, code: &'static str) {
        self.answers.get_or_create(&AnswerLabels { endpoint, code }).inc();
    }

    /// Counts a verification as running until the returned value is dropped.
    pub(crate) fn verification(&self) -> RunningVerification {
        self.verifications.inc();
        RunningVerification(self.verifications.clone())
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// A verification that has not ended.
pub(crate) struct RunningVerification(Gauge);

impl Drop for RunningVerification {
    fn drop(&mut self) {
        self.0.dec();
    }
}
