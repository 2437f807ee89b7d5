//! Cases and their floors, and the table of how many times as long each takes.

use std::time::Duration;

use whmcs_auth_benches::measure::{Time, Work, times};

/// What is measured in turn.
pub struct Group<'w> {
    name: String,
    works: Vec<Work<'w>>,
    rows: Vec<Row>,
}

struct Row {
    case: usize,
    floors: Vec<usize>,
    at_most: Option<f64>,
}

impl<'w> Group<'w> {
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), works: Vec::new(), rows: Vec::new() }
    }

    /// Adds work that others are compared with, and returns its place.
    pub fn floor(&mut self, work: Work<'w>) -> usize {
        self.works.push(work);
        self.works.len() - 1
    }

    /// Adds a case, whose time should be at most so many times that of its floors together, and
    /// returns its place: it can be the floor of another.
    pub fn case(&mut self, work: Work<'w>, floors: &[usize], at_most: Option<f64>) -> usize {
        let case = self.floor(work);
        self.rows.push(Row { case, floors: floors.to_vec(), at_most });
        case
    }

    /// Measures all, and prints the table: only if the group is asked for.
    pub fn run(self) {
        if !is_wanted(&self.name) {
            return;
        }
        let times = times(&self.works.iter().collect::<Vec<_>>(), Duration::from_secs(4));
        println!("| {} | to its floor | median | at most | floor |", self.name);
        println!("|---|---:|---:|---:|---|");
        for row in &self.rows {
            let time = times[row.case];
            let floor: Time = row.floors.iter().map(|floor| times[*floor]).sum();
            let ratio = time.quiet / floor.quiet;
            let at_most = row.at_most.map(|most| match ratio <= most {
                true => most.to_string(),
                false => format!("{most}, missed"),
            });
            let floors: Vec<_> = row.floors.iter().map(|floor| &*self.works[*floor].name).collect();
            println!(
                "| {} | {ratio:.2} | {:.2} | {} | {} |",
                self.works[row.case].name,
                time.median / floor.median,
                at_most.unwrap_or_default(),
                floors.join(" + "),
            );
        }
        println!();
    }
}

/// Whether a group of that name is asked for: by a part of it, or all are.
pub fn is_wanted(name: &str) -> bool {
    let wanted = std::env::args().skip(1).find(|word| !word.starts_with('-'));
    wanted.is_none_or(|word| name.contains(&word))
}
