//! Rows that can be read. One that cannot is left out and logged, because it must not hide the others.

use std::fmt::Display;
use std::time::Duration;

use futures_util::StreamExt;
use moka::sync::Cache;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, FromRow, Row};

use super::Database;
use crate::unreadable;

impl Database {
    /// The rows of a query, without those that hold text that is not UTF-8.
    pub(super) async fn rows(
        &self,
        table: &'static str,
        query: Query<'_, Any, AnyArguments>,
    ) -> sqlx::Result<Vec<AnyRow>> {
        let mut fetched = query.fetch(&self.pool);
        let mut rows = Vec::new();
        while let Some(row) = fetched.next().await {
            match row {
                Ok(row) => rows.push(row),
                // sqlx reads all columns before it hands out a row, so its number is not known.
                Err(sqlx::Error::Decode(error)) => self.log_unreadable(table, None, error),
                Err(error) => return Err(error),
            }
        }
        Ok(rows)
    }

    /// The records of a query that can be read.
    pub(super) async fn readable<R: for<'r> FromRow<'r, AnyRow>>(
        &self,
        table: &'static str,
        query: Query<'_, Any, AnyArguments>,
    ) -> sqlx::Result<Vec<R>> {
        let rows = self.rows(table, query).await?;
        Ok(rows.iter().filter_map(|row| self.read(table, row, R::from_row(row))).collect())
    }

    /// The record that was read from a row, if it could be read.
    pub(super) fn read<R>(
        &self,
        table: &'static str,
        row: &AnyRow,
        record: Result<R, impl Display>,
    ) -> Option<R> {
        let log = |error| self.log_unreadable(table, row.try_get("id").ok(), error);
        record.map_err(log).ok()
    }

    fn log_unreadable(&self, table: &'static str, id: Option<i64>, error: impl Display) {
        unreadable::note(table);
        if self.row_lines.are_due(table, id) {
            tracing::error!(table, id, %error, "cannot read the row, so it counts as absent");
        }
    }
}

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
