//! The times of all contestants, relative to the library's.

use std::time::Duration;

use serde_json::json;
use whmcs_auth_benches::measure::record::{Table, rounded};
use whmcs_auth_benches::measure::times;

use crate::contestant::Contestant;

pub struct Row {
    pub name: String,
    pub measured: String,
    /// The time in the quietest rounds, relative to the library's.
    pub ratio: f64,
    /// The same for the median rounds.
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

pub fn table(rows: &[Row]) -> Table {
    let rows = rows.iter().map(|row| {
        let at_least = row.at_least.map(|least| match row.ratio >= least {
            true => least.to_string(),
            false => format!("{least}, missed"),
        });
        json!({
            "contestant": row.name,
            "what is measured": row.measured,
            "ratio": rounded(row.ratio),
            "of medians": rounded(row.median),
            "at least": at_least,
        })
    });
    Table::new("peers", rows.collect())
}
