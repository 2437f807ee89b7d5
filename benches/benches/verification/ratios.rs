//! Cases beside their floors, and how many times as long a case takes as its floors together.

use std::time::Duration;

use serde_json::{Value, json};
use whmcs_auth_benches::measure::record::{Table, print_machine, record, rounded};
use whmcs_auth_benches::measure::{Time, Work, times};

/// Work that is measured in turn.
pub struct Group<'w> {
    name: String,
    works: Vec<Work<'w>>,
    rows: Vec<Row>,
}

struct Row {
    case: usize,
    floors: Vec<usize>,
    limit: Option<f64>,
}

impl<'w> Group<'w> {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), works: Vec::new(), rows: Vec::new() }
    }

    /// Adds a floor, and returns its index for [`Self::case`].
    pub fn floor(&mut self, work: Work<'w>) -> usize {
        self.works.push(work);
        self.works.len() - 1
    }

    /// Adds a case, and returns its index: it can be the floor of another case. If the ratio to its floors is
    /// above `limit`, the table says so.
    pub fn case(&mut self, work: Work<'w>, floors: &[usize], limit: Option<f64>) -> usize {
        let case = self.floor(work);
        self.rows.push(Row { case, floors: floors.to_vec(), limit });
        case
    }

    fn measure(self) -> Table {
        let times = times(&self.works.iter().collect::<Vec<_>>(), Duration::from_secs(4));
        let rows = self.rows.iter().map(|row| self.ratios(row, &times)).collect();
        Table::new(self.name, rows)
    }

    fn ratios(&self, row: &Row, times: &[Time]) -> Value {
        let time = times[row.case];
        let floor: Time = row.floors.iter().map(|floor| times[*floor]).sum();
        let ratio = time.quiet / floor.quiet;
        let limit = row.limit.map(|limit| match ratio <= limit {
            true => limit.to_string(),
            false => format!("{limit}, missed"),
        });
        let floors: Vec<_> = row.floors.iter().map(|floor| &*self.works[*floor].name).collect();
        json!({
            "case": self.works[row.case].name,
            "ratio": rounded(ratio),
            "of medians": rounded(time.median / floor.median),
            "limit": limit,
            "floor": floors.join(" + "),
        })
    }
}

/// One call of the program: the groups that it measures, and what it has measured.
pub struct Run {
    part_of_name: Option<String>,
    is_recorded: bool,
    tables: Vec<Table>,
}

impl Run {
    pub fn new(arguments: impl Iterator<Item = String>) -> Self {
        let mut run = Self { part_of_name: None, is_recorded: false, tables: Vec::new() };
        for argument in arguments {
            match &*argument {
                // From cargo.
                "--bench" => {}
                "--record" => run.is_recorded = true,
                option if option.starts_with('-') => panic!("the only option is --record"),
                _ => run.part_of_name = Some(argument),
            }
        }
        let is_part = run.part_of_name.is_some();
        assert!(!(run.is_recorded && is_part), "--record records all groups, so name none");
        run
    }

    pub fn wants(&self, group: &str) -> bool {
        self.part_of_name.as_ref().is_none_or(|part| group.contains(part))
    }

    /// Measures the group and prints its table, if the group is wanted.
    pub fn measure(&mut self, group: Group<'_>) {
        if self.wants(&group.name) {
            let table = group.measure();
            table.print();
            self.tables.push(table);
        }
    }

    pub fn finish(self) {
        print_machine();
        if self.is_recorded {
            record("bench", "bench: LTO, one codegen unit", &self.tables);
        }
    }
}
