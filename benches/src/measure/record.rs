//! The tables of a run: printed, and with `--record` written to `docs/figures.json`.

use std::io::ErrorKind;
use std::{env, fs};

use serde_json::{Map, Value, json};

use super::machine::Machine;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/figures.json");

pub struct Table {
    name: String,
    /// Objects with the same keys, which are the headings of the columns.
    rows: Vec<Value>,
}

impl Table {
    pub fn new(name: impl Into<String>, rows: Vec<Value>) -> Self {
        Self { name: name.into(), rows }
    }

    pub fn print(&self) {
        println!("{}\n", self.name);
        for (number, row) in self.rows.iter().enumerate() {
            let row = row.as_object().expect("a row is an object");
            if number == 0 {
                let headings: Vec<_> = row.keys().map(String::as_str).collect();
                println!("| {} |\n|{}", headings.join(" | "), "---|".repeat(row.len()));
            }
            let cells: Vec<_> = row.values().map(cell).collect();
            println!("| {} |", cells.join(" | "));
        }
        println!();
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => {
            format!("{:.2}", number.as_f64().expect("a float"))
        }
        other => other.to_string(),
    }
}

/// Two decimals: the third differs from run to run.
pub fn rounded(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}

pub fn print_machine() {
    println!("{}. Only the ratios carry over to another machine.", Machine::here());
}

/// Whether the program was called with `--record`, which is the only argument that it may have.
pub fn is_asked() -> bool {
    let arguments: Vec<_> = env::args().skip(1).collect();
    match &*arguments {
        [] => false,
        [word] if word == "--record" => true,
        _ => panic!("the only argument is --record"),
    }
}

/// Replaces the section of one command in the data file. The other sections stay as they are.
pub fn record(command: &str, profile: &str, tables: &[Table]) {
    if cfg!(debug_assertions) || cfg!(not(target_os = "linux")) {
        panic!("only an optimized build is recorded, and only on Linux, where /proc names the CPU");
    }
    let mut sections: Map<String, Value> = match fs::read(PATH) {
        Ok(text) => serde_json::from_slice(&text).expect("the data file is JSON"),
        Err(error) if error.kind() == ErrorKind::NotFound => Map::new(),
        Err(error) => panic!("{PATH}: {error}"),
    };
    let machine = Machine::here();
    let machine = json!({
        "CPU": machine.cpu,
        "threads": machine.threads,
        "SHA instructions": machine.sha_instructions,
        "rustc": machine.rustc,
        "profile": profile,
    });
    let tables: Map<_, _> =
        tables.iter().map(|table| (table.name.clone(), json!(table.rows))).collect();
    sections.insert(command.to_owned(), json!({ "machine": machine, "tables": tables }));
    sections.sort_keys();
    fs::write(PATH, lines(&sections.into(), 0) + "\n").expect("the data file can be written");
}

/// JSON with one line for each row of a table: a difference between two runs is read row by row.
fn lines(value: &Value, depth: usize) -> String {
    let (brackets, items): (_, Vec<_>) = match value {
        Value::Object(map) => {
            let item = |(key, value)| format!("{}: {}", json!(key), lines(value, depth + 1));
            (["{", "}"], map.iter().map(item).collect())
        }
        Value::Array(rows) => (["[", "]"], rows.iter().map(Value::to_string).collect()),
        other => return other.to_string(),
    };
    let [open, close] = brackets;
    let indent = "  ".repeat(depth);
    format!("{open}\n{indent}  {}\n{indent}{close}", items.join(&format!(",\n{indent}  ")))
}
