//! How often each answer was given, by its code, and how many secrets are being verified.

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Counts in the text format of OpenMetrics.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<Answered, Counter>,
    verifications: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
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
            "Answers of each endpoint, by their code",
            Family::clone(&answers),
        );
        let verifications = Gauge::default();
        registry.register(
            "whmcs_auth_verifications",
            "Secrets being verified now, those of callers who hung up included",
            verifications.clone(),
        );
        Self { registry, answers, verifications }
    }

    pub(crate) fn count(&self, endpoint: &'static str, code: &'static str) {
        self.answers.get_or_create(&Answered { endpoint, code }).inc();
    }

    /// Counts a verification until what is returned is dropped.
    pub(crate) fn verification(&self) -> UnderWay {
        self.verifications.inc();
        UnderWay(self.verifications.clone())
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// A verification that has not ended.
pub(crate) struct UnderWay(Gauge);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.dec();
    }
}
