//! What the operator learns about requests: counts of codes and findings, and lines of the log that strangers
//! cannot fill.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use tokio::time::sleep;
use tracing::field;
use whmcs_auth::diagnose::Findings;
use whmcs_auth_axum::{Cause, Report};

use crate::log::{FindingsText, Kind, LogMonitor, RefusalLines, Summary, codes};
use crate::process::ProcessFigures;

/// The most lines in a second for refusals of different addresses.
const LINES_BY_SECOND: u32 = 50;

/// How long refusals of one kind are counted until one line sums them up.
const SUMMARY_TIME: Duration = Duration::from_secs(10);

/// Counts and logs what became of requests.
pub struct Reports {
    answers: Family<Labels, Counter>,
    findings: Family<Labels, Counter>,
    summed_up: Counter,
    lines: RefusalLines,
    log: LogMonitor,
    reported_lost: Mutex<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    endpoint: &'static str,
    code: &'static str,
}

/// A refusal, for the operator.
struct Refused<'r> {
    /// A stable name.
    code: &'static str,
    /// What the operator should know.
    cause: &'r str,
    /// What the caller got.
    status: u16,
    /// Whose call it was, if somebody was verified.
    caller: Option<&'r str>,
    /// What the sender probably did wrong.
    findings: &'r Findings,
}

impl Reports {
    /// Registers the metrics that every program has.
    pub fn new(registry: &mut Registry, log: LogMonitor) -> Self {
        let answers = Family::default();
        let help = "Answers, by endpoint and code";
        registry.register("whmcs_auth_answers", help, Family::clone(&answers));
        let findings = Family::default();
        let help = "Findings in requests, by endpoint and code";
        registry.register("whmcs_auth_findings", help, Family::clone(&findings));
        let summed_up = Counter::default();
        let help =
            "Refusals without a line of their own in the log, because a similar refusal has one";
        registry.register("whmcs_auth_refusals_summed_up", help, summed_up.clone());
        registry.register_collector(Box::new(LogFigures(log.clone())));
        registry.register_collector(Box::new(ProcessFigures));
        let lines = RefusalLines::new(LINES_BY_SECOND);
        Self { answers, findings, summed_up, lines, log, reported_lost: Mutex::default() }
    }

    /// Counts an answer.
    pub fn count(&self, endpoint: &'static str, code: &'static str) {
        self.answers.get_or_create(&Labels { endpoint, code }).inc();
    }

    /// Counts and logs an accepted request.
    pub fn accepted(&self, endpoint: &'static str) {
        const CODE: &str = "accepted";
        self.count(endpoint, CODE);
        tracing::info!(endpoint, code = CODE);
    }

    /// Counts and logs what the companion reports. `cause` is that of the report, or what the service knows better.
    pub fn report(&self, endpoint: &'static str, report: &Report, cause: &Cause) {
        let (address, code) = (report.address(), cause.code());
        let (cause, findings) = (cause.sentence(), &report.findings());
        if report.is_accepted() {
            return self.not_followed(endpoint, code, cause, findings);
        }
        let (status, caller) = (report.http_status().as_u16(), report.caller());
        self.refuse(endpoint, address, Refused { code, cause, status, caller, findings });
    }

    /// Counts and logs a refusal that the companion does not report.
    pub fn refused(&self, endpoint: &'static str, address: Option<IpAddr>, cause: &Cause) {
        let (code, status) = (cause.code(), cause.http_status().as_u16());
        let (cause, findings) = (cause.sentence(), &Findings::default());
        self.refuse(endpoint, address, Refused { code, cause, status, caller: None, findings });
    }

    /// Counts and logs a refusal. If it has no line of its own, a later line sums it up.
    fn refuse(&self, endpoint: &'static str, address: Option<IpAddr>, refused: Refused<'_>) {
        let Refused { code, cause, status, caller, findings } = refused;
        self.count(endpoint, code);
        self.count_findings(endpoint, findings);
        let FindingsText { codes, hints } = FindingsText::of(findings);
        // The level of a line is fixed where it is written.
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    endpoint,
                    code,
                    status,
                    by = caller,
                    findings = codes,
                    hints,
                    "{cause}"
                )
            };
        }
        let kind = kind(endpoint, code, address, findings);
        // Only a code of the service itself has several causes.
        let kind = if status >= 500 { kind.with_cause(cause) } else { kind };
        match status {
            _ if !self.gets_line(kind) => line!(debug),
            500.. => line!(error),
            _ => line!(warn),
        }
    }

    /// Logs that a request was accepted, but not all of it was followed. The companion reports this once a minute for
    /// each sender, and strangers cannot cause it.
    fn not_followed(
        &self,
        endpoint: &'static str,
        code: &'static str,
        cause: &str,
        findings: &Findings,
    ) {
        self.count_findings(endpoint, findings);
        let FindingsText { codes, hints } = FindingsText::of(findings);
        tracing::warn!(endpoint, code, findings = codes, hints, "{cause}");
    }

    fn count_findings(&self, endpoint: &'static str, findings: &Findings) {
        for code in codes(findings) {
            self.findings.get_or_create(&Labels { endpoint, code }).inc();
        }
    }

    fn gets_line(&self, kind: Kind) -> bool {
        let gets_line = self.lines.gets_line(kind, Instant::now());
        if !gets_line {
            self.summed_up.inc();
        }
        gets_line
    }

    /// Calls [`sum_up`](Self::sum_up) from time to time.
    pub async fn keep_summing_up(&self) {
        loop {
            sleep(SUMMARY_TIME).await;
            self.sum_up();
        }
    }

    /// Writes lines that sum up the refusals without a line, and one about lines that were lost since the
    /// last time.
    pub fn sum_up(&self) {
        let lost = self.log.lost();
        let mut reported = self.reported_lost.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *reported, lost) != lost {
            tracing::warn!(total = lost, "the log lost lines");
        }
        for Summary { kind, is_of_many, count } in self.lines.end_interval() {
            let Kind { endpoint, code, finding, network, .. } = kind;
            let network = network.map(field::display);
            match is_of_many {
                false => tracing::warn!(endpoint, code, finding, network, count, "refused again"),
                true => tracing::warn!(endpoint, code, count, "refused, from many addresses"),
            }
        }
    }
}

fn kind(
    endpoint: &'static str,
    code: &'static str,
    address: Option<IpAddr>,
    findings: &Findings,
) -> Kind {
    let finding = findings.iter().next().map(|finding| finding.code());
    Kind::new(endpoint, code, address).with_finding(finding)
}

/// Whether the log is written, and how many lines it lost.
#[derive(Debug)]
struct LogFigures(LogMonitor);

impl Collector for LogFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(log) = self;
        let is_written = ConstGauge::new(i64::from(log.is_writing()));
        let name = "whmcs_auth_log_is_written";
        let help = "1, or 0 if lines were lost and none was written for a second";
        is_written.encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
        let (name, help) = ("whmcs_auth_log_lines_lost", "Lines that the log lost");
        let mut lost = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (reason, count) in
            [("queue_full", log.queue_full()), ("write_failed", log.write_failed())]
        {
            let labels = [("reason", reason)];
            ConstCounter::new(count).encode(lost.encode_family(&labels)?)?;
        }
        Ok(())
    }
}
