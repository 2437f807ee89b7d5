//! What takes how many times as long as what.
//!
//! Everything that is compared is measured in turn, round after round. A machine that others share is
//! faster in one second than in the next, and not for all code alike: a neighbour on the same core slows
//! plain code down by half, and the instructions for SHA hardly. So what is measured one after another
//! cannot be compared, and two times are told: that of the quietest rounds, and the median.

use std::hint::black_box;
use std::iter::Sum;
use std::time::{Duration, Instant};

/// A batch is long enough that the grain of the clock does not show, and short enough that few are
/// interrupted.
const BATCH: Duration = Duration::from_micros(200);

/// Something that is called over and over.
pub struct Work<'w> {
    pub name: String,
    /// How many rounds lie between two of its samples.
    every: usize,
    /// The seconds of one call.
    sample: Box<dyn Fn() -> f64 + 'w>,
}

impl<'w> Work<'w> {
    pub fn new<T>(name: impl Into<String>, call: impl Fn() -> T + 'w) -> Self {
        Self::timed(name, move |calls| {
            let start = Instant::now();
            for _ in 0..calls {
                black_box(call());
            }
            start.elapsed()
        })
    }

    /// Work that takes the time of a number of calls itself.
    pub fn timed(name: impl Into<String>, batch: impl Fn(u32) -> Duration + 'w) -> Self {
        let mut calls = 1;
        while batch(calls) < BATCH {
            calls *= 2;
        }
        Self::sampled(name, 1, move || batch(calls).as_secs_f64() / f64::from(calls))
    }

    /// Work that is done elsewhere, in so few rounds, and tells the seconds of one call.
    pub fn sampled(name: impl Into<String>, every: usize, sample: impl Fn() -> f64 + 'w) -> Self {
        Self { name: name.into(), every, sample: Box::new(sample) }
    }
}

/// The seconds of one call.
#[derive(Clone, Copy)]
pub struct Time {
    /// In the quietest rounds: one in fifty is quieter.
    pub quiet: f64,
    pub median: f64,
}

impl Time {
    fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { quiet: samples[samples.len() / 50], median: samples[samples.len() / 2] }
    }
}

impl Sum for Time {
    fn sum<I: Iterator<Item = Self>>(times: I) -> Self {
        let nothing = Self { quiet: 0.0, median: 0.0 };
        times.fold(nothing, |a, b| Self { quiet: a.quiet + b.quiet, median: a.median + b.median })
    }
}

/// What each takes, in as many rounds as the time allows.
pub fn times(works: &[&Work<'_>], how_long: Duration) -> Vec<Time> {
    let mut samples = vec![Vec::new(); works.len()];
    let start = Instant::now();
    // Of the slowest, bcrypt, at least a dozen samples.
    for round in 0.. {
        if round >= 12 && start.elapsed() > how_long {
            break;
        }
        for (work, samples) in works.iter().zip(&mut samples) {
            if round % work.every == 0 {
                samples.push((work.sample)());
            }
        }
    }
    samples.into_iter().map(Time::of).collect()
}
