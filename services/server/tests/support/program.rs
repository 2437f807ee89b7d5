//! Starts the program for one test.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running program. Dropping it ends the program.
pub struct Program {
    pub child: Child,
    /// The lines that it printed at its start.
    pub printed: Vec<String>,
    pub log_file: PathBuf,
}

impl Program {
    pub fn start(folder: &Path, options: &[&str], log: &str) -> Self {
        Self::start_in(folder, options, &[], log)
    }

    pub fn start_in(
        folder: &Path,
        options: &[&str],
        environment: &[(&str, &str)],
        log: &str,
    ) -> Self {
        // A file, because a pipe that is not read would fill up.
        let log_file = folder.join("log");
        let cost = match options.contains(&"--bcrypt-cost") {
            true => &[][..],
            false => &["--bcrypt-cost", "4"],
        };
        let mut child = command(folder)
            .args(cost)
            .args(options)
            .envs(environment.iter().copied())
            .env("RUST_LOG", log)
            .stdout(Stdio::piped())
            .stderr(File::create(&log_file).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut printed: Vec<_> = lines.by_ref().take(2).map(Result::unwrap).collect();
        // An empty line, two lines for each of the three modes, and two for the link.
        printed.extend(lines.take(9).map(Result::unwrap));
        Self { child, printed, log_file }
    }

    pub fn base(&self) -> &str {
        self.printed[0].strip_prefix("listening on ").unwrap()
    }

    pub fn operator(&self) -> &str {
        self.printed[1].strip_prefix("listening for the operator on ").unwrap()
    }

    /// Sends a signal, such as `-TERM`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(sent.unwrap().success());
    }

    /// The log so far.
    pub fn log(&self) -> Vec<serde_json::Value> {
        let log = fs::read_to_string(&self.log_file).unwrap();
        // The last line may not be whole yet.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Stops the program, and returns its log.
    pub fn stop(mut self) -> Vec<serde_json::Value> {
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
        self.log()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-server"));
    command.current_dir(folder).args([
        "--listen",
        "127.0.0.1:0",
        "--operator-listen",
        "127.0.0.1:0",
    ]);
    command
}
