//! What verifying one genuine message costs, beside other ways to verify one: in one run, in turn,
//! each accepting the genuine message and refusing a tampered one. Of the two ratios the first is that of
//! the quietest rounds, the second that of the medians.
//!
//! With the argument `chart` it also writes `docs/peers.svg`.

mod chart;
mod contestant;
mod message;
mod report;
mod rust_peers;
mod scripts;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let with_chart = match arguments.as_slice() {
        [] => false,
        [word] if word == "chart" => true,
        _ => panic!("the only argument is `chart`"),
    };

    let scripts = scripts::installed();
    let mut contestants = rust_peers::all();
    contestants.extend(scripts.contestants);
    let rows = report::rows(contestants);

    report::print_table(&rows);
    println!();
    println!("{}. Only the ratios mean anything.", report::machine(&scripts.versions));
    for language in scripts.missing {
        println!("{language} is not installed, and left out.");
    }
    if with_chart {
        chart::write(&rows);
    }
}
