//! The table, and the machine it was made on.

use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use whmcs_auth_benches::measure::times;

use crate::contestant::Contestant;
use crate::scripts::output;

pub struct Row {
    pub name: String,
    pub measured: &'static str,
    /// The time, relative to the library's, in the quietest rounds.
    pub ratio: f64,
    /// The same of the medians.
    pub median: f64,
    pub at_least: Option<f64>,
}

/// From the fastest to the slowest. The first contestant is the library.
pub fn rows(contestants: Vec<Contestant>) -> Vec<Row> {
    let works: Vec<_> = contestants.iter().map(|contestant| &contestant.work).collect();
    let times = times(&works, Duration::from_secs(30));
    let mut rows: Vec<_> = contestants
        .into_iter()
        .zip(&times)
        .map(|(contestant, time)| Row {
            name: contestant.work.name,
            measured: contestant.measured,
            ratio: time.quiet / times[0].quiet,
            median: time.median / times[0].median,
            at_least: contestant.at_least,
        })
        .collect();
    rows.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
    rows
}

pub fn print_table(rows: &[Row]) {
    println!(
        "| contestant | what is measured | time, relative to whmcs-auth | median | at least |"
    );
    println!("|---|---|---:|---:|---:|");
    for row in rows {
        let at_least = row.at_least.map(|least| match row.ratio >= least {
            true => least.to_string(),
            false => format!("{least}, missed"),
        });
        println!(
            "| {} | {} | {:.2} | {:.2} | {} |",
            row.name,
            row.measured,
            row.ratio,
            row.median,
            at_least.unwrap_or_default(),
        );
    }
}

pub fn machine(versions: &[String]) -> String {
    let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu_info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown CPU", |(_, model)| model);
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let rustc = output(Command::new("rustc").arg("--version"));
    let rustc = rustc.unwrap_or_else(|| "unknown rustc".to_owned());
    let mut parts = vec![model.to_owned(), format!("{cores} cores"), rustc];
    parts.extend_from_slice(versions);
    parts.join(", ")
}
