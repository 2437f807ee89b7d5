//! Measures the library beside other ways to verify one genuine message, all in one run. Every contestant except
//! the bare hash must accept the genuine message and refuse a tampered one before it is timed.
//!
//! `--record` writes the table to `docs/figures.json`.

mod contestant;
mod message;
mod report;
mod rust_peers;
mod scripts;

use whmcs_auth_benches::measure::record::{is_asked, print_machine, record};

fn main() {
    let is_recorded = is_asked();
    let scripts = scripts::installed();
    let all_languages = scripts.missing.is_empty();
    assert!(all_languages || !is_recorded, "{} missing for the record", scripts.missing.join(", "));
    let mut contestants = rust_peers::all();
    contestants.extend(scripts.contestants);
    let rows = report::rows(contestants);

    let table = report::table(&rows);
    table.print();
    for language in scripts.missing {
        println!("{language} is not installed, so it was not measured.");
    }
    print_machine();
    if is_recorded {
        record("peers", "release of benches/peers: LTO, one codegen unit", &[table]);
    }
}
