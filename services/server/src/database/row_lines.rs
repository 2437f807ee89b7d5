//! Which unreadable rows have a line of the log.

use std::time::Duration;

use moka::sync::Cache;

/// The rows that had a line within the last minute. Each call that meets such a row would have a line otherwise.
#[derive(Clone)]
pub(super) struct RowLines(Cache<(&'static str, Option<i64>), ()>);

impl RowLines {
    pub(super) fn new() -> Self {
        let lines = Cache::builder().max_capacity(10_000);
        Self(lines.time_to_live(Duration::from_secs(60)).build())
    }

    /// Whether a row of a table has a line now. `None` is a row whose number is not known.
    pub(super) fn are_due(&self, table: &'static str, id: Option<i64>) -> bool {
        self.0.entry((table, id)).or_insert(()).is_fresh()
    }
}

#[test]
fn a_row_has_one_line_in_a_minute() {
    let lines = RowLines::new();
    for expected in [true, false, false] {
        for (table, id) in [("tbladmins", Some(1)), ("tbladmins", Some(2)), ("tbladmins", None)] {
            assert_eq!(lines.are_due(table, id), expected);
        }
        assert_eq!(lines.are_due("tbldeviceauth", Some(1)), expected);
    }
}
