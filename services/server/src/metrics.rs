//! Metrics: how fast requests were answered, and what is in use now.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use whmcs_auth::cache::VerificationCache;
use whmcs_auth_services_base::{Counted, LinksWait, metrics_text};

/// The upper ends of the intervals of times, in seconds.
const TIMES: [f64; 13] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// All metrics.
pub(crate) struct Metrics {
    registry: Registry,
    times: Family<EndpointLabel, Histogram, fn() -> Histogram>,
    connections: Family<ConnectionLabels, Gauge>,
    kept: Family<KindLabel, Gauge>,
    links_wait: LinksWait,
    verifications: Gauge,
    waiting: Gauge,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndpointLabel {
    endpoint: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ConnectionLabels {
    pool: &'static str,
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct KindLabel {
    kind: &'static str,
}

impl Metrics {
    pub(crate) fn new(mut registry: Registry, cache: Option<Arc<VerificationCache>>) -> Self {
        let times = Family::new_with_constructor((|| Histogram::new(TIMES)) as fn() -> _);
        registry.register_with_unit(
            "whmcs_auth_answer",
            "Times from the head of a request to its answer, by endpoint",
            Unit::Seconds,
            Family::clone(&times),
        );
        let connections = Family::default();
        registry.register(
            "whmcs_auth_database_connections",
            "Connections to the database that are open or idle, and queries that wait for one",
            Family::clone(&connections),
        );
        let kept = Family::default();
        registry.register(
            "whmcs_auth_kept",
            "Sessions, single sign-on tokens and networks with failures in memory",
            Family::clone(&kept),
        );
        let links_wait = LinksWait::new(&mut registry);
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
        Self { registry, times, connections, kept, links_wait, verifications, waiting }
    }

    pub(crate) fn answered_in(&self, endpoint: &'static str, time: Duration) {
        self.times.get_or_create(&EndpointLabel { endpoint }).observe(time.as_secs_f64());
    }

    /// Notes how many connections of a pool are in a state.
    pub(crate) fn connections(&self, pool: &'static str, state: &'static str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.connections.get_or_create(&ConnectionLabels { pool, state }).set(count);
    }

    /// Notes how many entries of a kind are in memory.
    pub(crate) fn kept(&self, kind: &'static str, count: u64) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.kept.get_or_create(&KindLabel { kind }).set(count);
    }

    /// Notes how long one-time links are still refused.
    pub(crate) fn links_wait(&self, wait: Duration) {
        self.links_wait.set(wait);
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
        metrics_text(&self.registry)
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
            "Look-ups in the cache of matches, by result",
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
