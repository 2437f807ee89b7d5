//! One way to verify a message.

use std::hint::black_box;

use whmcs_auth_benches::measure::Work;

pub struct Contestant {
    pub work: Work<'static>,
    pub measured: String,
    /// The ratio to the library's time that is expected. If it is below, the table says so.
    pub at_least: Option<f64>,
}

impl Contestant {
    pub fn new(work: Work<'static>, measured: impl Into<String>) -> Self {
        Self { work, measured: measured.into(), at_least: None }
    }

    /// A contestant that must accept the genuine message and refuse the tampered one before it is timed.
    pub fn verifier<M: 'static, V>(
        name: &str,
        measured: &'static str,
        [genuine, tampered]: [M; 2],
        verify: impl Fn(&M) -> V + 'static,
        is_accepted: fn(V) -> bool,
    ) -> Self {
        assert!(is_accepted(verify(&genuine)), "{name} refuses");
        assert!(!is_accepted(verify(&tampered)), "{name} accepts");
        Self::new(Work::new(name, move || verify(black_box(&genuine))), measured)
    }

    pub fn at_least(mut self, ratio: f64) -> Self {
        self.at_least = Some(ratio);
        self
    }
}
