//! The machine on which a program measures.

use std::fmt;
use std::process::Command;
use std::{fs, thread};

pub struct Machine {
    pub cpu: String,
    pub threads: usize,
    /// Whether the CPU has instructions for SHA-1 and SHA-256, which make both several times faster.
    pub sha_instructions: bool,
    pub rustc: String,
}

impl Machine {
    /// This machine, as Linux describes it.
    pub fn here() -> Self {
        let cpu_info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu_info
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown CPU", |(_, model)| model);
        // On x86 and on ARM.
        let is_sha = |word| matches!(word, "sha_ni" | "sha2");
        let version = Command::new("rustc").arg("--version").output().ok();
        let version = version.and_then(|output| String::from_utf8(output.stdout).ok());
        Self {
            cpu: model.to_owned(),
            threads: thread::available_parallelism().map_or(0, usize::from),
            sha_instructions: cpu_info.split_whitespace().any(is_sha),
            rustc: version.map_or("unknown rustc".to_owned(), |version| version.trim().to_owned()),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = if self.sha_instructions { "with" } else { "without" };
        let Self { cpu, threads, rustc, .. } = self;
        write!(f, "{cpu}, {threads} threads, {with} SHA instructions, {rustc}")
    }
}
