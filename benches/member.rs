//! Runs `cargo bench` in the workspace member `benches`, with the arguments it was given.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let (bench, arguments): (Vec<_>, Vec<_>) =
        std::env::args_os().skip(1).partition(|argument| argument == "--bench");
    // So `cargo test --all-targets` does not measure.
    if bench.is_empty() {
        return ExitCode::SUCCESS;
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["bench", "-p", "whmcs-auth-benches", "--bench", "verification", "--"])
        .args(arguments)
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cargo did not start: {error}");
            ExitCode::FAILURE
        }
    }
}
