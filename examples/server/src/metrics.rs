//! Metrics: answers by endpoint and code, verifications in progress, and lines that the log does not have.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use whmcs_auth::cache::VerificationCache;

use crate::log::LogMonitor;

/// All metrics, written in the OpenMetrics text format.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<AnswerLabels, Counter>,
    findings: Family<AnswerLabels, Counter>,
    verifications: Gauge,
    refusals_summed_up: Counter,
    waiting: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AnswerLabels {
    endpoint: &'static str,
    code: &'static str,
}

impl Metrics {
    pub(crate) const CONTENT_TYPE: &str =
        "application/openmetrics-text; version=1.0.0; charset=utf-8";

    pub(crate) fn new(cache: Option<Arc<VerificationCache>>) -> Self {
        let mut registry = Registry::default();
        let answers = Family::default();
        registry.register(
            "whmcs_auth_answers",
            "Answers, by endpoint and code",
            Family::clone(&answers),
        );
        let findings = Family::default();
        registry.register(
            "whmcs_auth_findings",
            "Findings in requests that were refused, by endpoint and code",
            Family::clone(&findings),
        );
        let verifications = Gauge::default();
        registry.register(
            "whmcs_auth_verifications",
            "Secrets that are being verified, also for callers who hung up",
            verifications.clone(),
        );
        let waiting = Gauge::default();
        registry.register(
            "whmcs_auth_verifications_waiting",
            "Calls that wait until their secret is verified",
            waiting.clone(),
        );
        if let Some(cache) = cache {
            registry.register_collector(Box::new(CacheCounts(cache)));
        }
        let refusals_summed_up = Counter::default();
        registry.register(
            "whmcs_auth_refusals_summed_up",
            "Refusals that have no line of their own in the log, because a like one has",
            refusals_summed_up.clone(),
        );
        Self { registry, answers, findings, verifications, waiting, refusals_summed_up }
    }

    /// Adds the counts of lines that the log lost.
    pub(crate) fn add_log(&mut self, log: LogMonitor) {
        self.registry.register_collector(Box::new(LostLines(log)));
    }

    pub(crate) fn refusal_summed_up(&self) {
        self.refusals_summed_up.inc();
    }

    pub(crate) fn count(&self, endpoint: &'static str, code: &'static str) {
        self.answers.get_or_create(&AnswerLabels { endpoint, code }).inc();
    }

    pub(crate) fn count_finding(&self, endpoint: &'static str, code: &'static str) {
        self.findings.get_or_create(&AnswerLabels { endpoint, code }).inc();
    }

    /// Counts a verification as running until the returned value is dropped.
    pub(crate) fn verification(&self) -> Counted {
        Counted::new(&self.verifications)
    }

    /// Counts a call as waiting until the returned value is dropped.
    pub(crate) fn waiting(&self) -> Counted {
        Counted::new(&self.waiting)
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}

/// One more in a gauge, until it is dropped.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn new(gauge: &Gauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[derive(Debug)]
struct LostLines(LogMonitor);

impl Collector for LostLines {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(log) = self;
        let mut lost = encoder.encode_descriptor(
            "whmcs_auth_log_lines_lost",
            "Lines that the log lost",
            None,
            MetricType::Counter,
        )?;
        for (reason, count) in
            [("queue_full", log.queue_full()), ("write_failed", log.write_failed())]
        {
            let labels = [("reason", reason)];
            ConstCounter::new(count).encode(lost.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// How often the cache was asked.
#[derive(Debug)]
struct CacheCounts(Arc<VerificationCache>);

impl Collector for CacheCounts {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(cache) = self;
        let mut asked = encoder.encode_descriptor(
            "whmcs_auth_cache",
            "Questions to the cache of matches, by result",
            None,
            MetricType::Counter,
        )?;
        for (result, count) in [("hit", cache.hits()), ("miss", cache.misses())] {
            let labels = [("result", result)];
            ConstCounter::new(count).encode(asked.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
