//! What verification costs, each case beside its floor: the bare hash over the same bytes, the bare
//! look-up in the same kind of map, the bare decoding of the same form. Of the two
//! ratios the first is that of the quietest rounds, the second that of the medians. An argument names the
//! groups to measure, by a part of their names.

mod links;
mod ratios;
mod requests;
mod stores;

fn main() {
    // So `cargo test --all-targets` does not measure.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    links::measure();
    requests::measure();
    stores::measure();
}
