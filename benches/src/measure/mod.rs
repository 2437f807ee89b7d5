//! How many times as long one thing takes as another.
//!
//! All the work that is compared is measured in turn, in many short rounds. A shared machine changes its speed
//! from one second to the next, and not for all code alike: a neighbour on the same core slows ordinary code
//! down far more than the SHA instructions. So times that are measured one after another cannot be compared.
//! For the same reason there are two times: that of the quietest rounds, and the median.

mod machine;
pub mod record;

use std::hint::black_box;
use std::iter::Sum;
use std::time::{Duration, Instant};

/// Long enough for the resolution of the clock, and short enough that the system interrupts few batches.
const BATCH: Duration = Duration::from_micros(200);

/// A call that is repeated and timed.
pub struct Work<'w> {
    pub name: String,
    /// The work is measured in every round whose number is a multiple of this.
    every: usize,
    /// Returns the seconds of one call.
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

    /// Work that makes the given number of calls and returns the time that they took.
    pub fn timed(name: impl Into<String>, batch: impl Fn(u32) -> Duration + 'w) -> Self {
        let mut calls = 1;
        while batch(calls) < BATCH {
            calls *= 2;
        }
        Self::sampled(name, 1, move || batch(calls).as_secs_f64() / f64::from(calls))
    }

    /// Work that another program does. `sample` returns the seconds of one call, and runs only in every
    /// `every`th round.
    pub fn sampled(name: impl Into<String>, every: usize, sample: impl Fn() -> f64 + 'w) -> Self {
        Self { name: name.into(), every, sample: Box::new(sample) }
    }
}

/// The seconds of one call.
#[derive(Clone, Copy)]
pub struct Time {
    /// In the quietest rounds: 2 % of the rounds were faster.
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

/// Measures in as many rounds as the time allows.
pub fn times(works: &[&Work<'_>], how_long: Duration) -> Vec<Time> {
    let mut samples = vec![Vec::new(); works.len()];
    let start = Instant::now();
    // Bcrypt is slow: without a minimum there would be too few samples.
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
