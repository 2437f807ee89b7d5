//! Figures of the process from `/proc`, under the usual names for such metrics.

use std::fmt;

use procfs::process::Process;
use procfs::{ProcResult, WithCurrentSystemInfo, boot_time_secs, ticks_per_second};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;

/// Reads the figures each time.
#[derive(Debug)]
pub(crate) struct ProcessFigures;

struct Figures {
    memory: u64,
    open_files: u64,
    cpu_seconds: f64,
    start: f64,
}

impl Figures {
    fn read() -> ProcResult<Self> {
        let process = Process::myself()?;
        let stat = process.stat()?;
        let seconds = |ticks: u64| ticks as f64 / ticks_per_second() as f64;
        Ok(Self {
            memory: stat.rss_bytes().get(),
            open_files: u64::try_from(process.fd_count()?).unwrap_or(u64::MAX),
            cpu_seconds: seconds(stat.utime.saturating_add(stat.stime)),
            start: boot_time_secs()? as f64 + seconds(stat.starttime),
        })
    }
}

impl Collector for ProcessFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Some systems hide `/proc`. There is nothing to tell then.
        let Ok(Figures { memory, open_files, cpu_seconds, start }) = Figures::read() else {
            return Ok(());
        };
        let mut write = |name, help, unit: Option<&Unit>, figure: &dyn EncodeMetric| {
            figure.encode(encoder.encode_descriptor(name, help, unit, figure.metric_type())?)
        };
        let memory = ConstGauge::new(memory);
        write("process_resident_memory", "Memory that is resident", Some(&Unit::Bytes), &memory)?;
        let open_files = ConstGauge::new(open_files);
        write("process_open_fds", "File descriptors that are open", None, &open_files)?;
        let cpu = ConstCounter::new(cpu_seconds);
        write("process_cpu", "CPU time that was used", Some(&Unit::Seconds), &cpu)?;
        let start = ConstGauge::new(start);
        write("process_start_time", "Unix time of the start", Some(&Unit::Seconds), &start)
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn this_process_started_in_this_minute() {
        let Figures { memory, open_files, start, .. } = Figures::read().unwrap();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        assert!((now - start).abs() < 60.0, "{start} {now}");
        assert!(memory > 100_000 && open_files > 2, "{memory} {open_files}");
    }
}
