//! Measures verification. Each case stands beside its floor, which is work that it cannot avoid: the hash of the
//! same bytes, the look-up in the same kind of map, or the decoding of the same form.
//!
//! The column `ratio` compares the quietest rounds, and `of medians` the median rounds. An argument selects the
//! groups whose names contain it. `--record` measures all groups and writes them to `docs/figures.json`.

mod links;
mod ratios;
mod requests;
mod stores;

use ratios::Run;

fn main() {
    // `cargo test --all-targets` starts this program too, and must not measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mut run = Run::new(std::env::args().skip(1));
    links::measure(&mut run);
    requests::measure(&mut run);
    stores::measure(&mut run);
    run.finish();
}
