//! The same check in the languages that most services use for AutoAuth links. Each script takes the fields as
//! arguments, measures itself, and prints the 10th percentile of its times.

use std::process::{Command, Stdio};

use whmcs_auth_benches::measure::Work;

use crate::contestant::Contestant;
use crate::message;

/// A script runs only in every 50th round, because its program is slow to start.
const EVERY: usize = 50;

struct Script {
    name: &'static str,
    language: &'static str,
    program: &'static str,
    options: &'static [&'static str],
    path: &'static str,
    print_version: [&'static str; 2],
    measured: &'static str,
}

const SCRIPTS: [Script; 4] = [
    Script {
        name: "PHP",
        language: "PHP",
        program: "php",
        options: &["-dopcache.enable_cli=1"],
        path: concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/autoauth.php"),
        print_version: ["-r", "echo PHP_VERSION;"],
        measured: "`sha1`, `hash_equals`, the window; with opcache, as on a web server",
    },
    Script {
        name: "PHP with JIT",
        language: "PHP",
        program: "php",
        options: &[
            "-dopcache.enable_cli=1",
            "-dopcache.jit_buffer_size=16M",
            "-dopcache.jit=tracing",
        ],
        path: concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/autoauth.php"),
        print_version: ["-r", "echo PHP_VERSION;"],
        measured: "the same check with the JIT, which is off by default",
    },
    Script {
        name: "Node",
        language: "Node",
        program: "node",
        options: &[],
        path: concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/autoauth.mjs"),
        print_version: ["-p", "process.versions.node"],
        measured: "`crypto.hash` if there is one, `timingSafeEqual`, the window",
    },
    Script {
        name: "Python",
        language: "Python",
        program: "python3",
        options: &[],
        path: concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/autoauth.py"),
        print_version: ["-c", "import platform; print(platform.python_version())"],
        measured: "`hashlib.sha1`, `compare_digest`, the window",
    },
];

#[derive(Default)]
pub struct Scripts {
    pub contestants: Vec<Contestant>,
    pub missing: Vec<&'static str>,
}

pub fn installed() -> Scripts {
    let mut scripts = Scripts::default();
    for script in SCRIPTS {
        match output(Command::new(script.program).args(script.print_version)) {
            Some(version) => scripts.contestants.push(script.contestant(&version)),
            None => scripts.missing.push(script.language),
        }
    }
    scripts
}

impl Script {
    fn contestant(self, version: &str) -> Contestant {
        let now = message::NOW.to_string();
        let sample = move || {
            let mut command = Command::new(self.program);
            command.args(self.options).arg(self.path);
            command.args([message::EMAIL, message::TIMESTAMP, message::HASH, message::KEY, &now]);
            let printed = output(command.stderr(Stdio::inherit()));
            let nanoseconds: Option<f64> = printed.and_then(|printed| printed.parse().ok());
            nanoseconds.unwrap_or_else(|| panic!("{} failed", self.path)) * 1e-9
        };
        let measured = format!("{} {version}: {}", self.language, self.measured);
        Contestant::new(Work::sampled(self.name, EVERY, sample), measured).at_least(1.0)
    }
}

/// What the program prints, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    let printed = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| printed.trim().to_owned())
}
