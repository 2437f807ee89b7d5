//! Checks that the time of a verification does not depend on a stored secret. The program runs itself under
//! valgrind's memcheck with each secret marked; `memcheck.rs` says how that works.
//!
//! A verdict depends on the secret and must be revealed at some point. The library has one function for
//! that. Built with `RUSTFLAGS='--cfg ctgrind'`, it calls this program with each outcome that is revealed.
//!
//! Every case runs twice. The first run reveals no outcome, and memcheck must report an error: so
//! the secret was marked. In the second run it must report none.

#[cfg(ctgrind)]
mod cases;
#[cfg(ctgrind)]
mod memcheck;

use std::process::ExitCode;

#[cfg(not(ctgrind))]
fn main() -> ExitCode {
    eprintln!("build this with RUSTFLAGS='--cfg ctgrind'");
    ExitCode::FAILURE
}

#[cfg(ctgrind)]
fn main() -> ExitCode {
    if memcheck::is_running() {
        return check();
    }
    let program = std::env::current_exe().expect("this program's path");
    let output = std::process::Command::new("valgrind")
        .args(["-q", "--leak-check=no", "--error-limit=no"])
        .arg(&program)
        .output()
        .expect("valgrind runs");
    print!("{}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() {
        return ExitCode::SUCCESS;
    }
    // Memcheck's report is long: the errors that the controls and the first runs must cause are in it.
    eprintln!("to see where: valgrind --error-limit=no {}", program.display());
    ExitCode::FAILURE
}

#[cfg(ctgrind)]
fn check() -> ExitCode {
    let mut passed = true;
    let mut report = |name: &str, verdict: Result<&str, String>| {
        passed &= verdict.is_ok();
        match verdict {
            Ok(verdict) => println!("{name}: {verdict}"),
            Err(fault) => println!("{name}: FAILED, {fault}"),
        }
    };
    let cases = cases::cases();
    let seen: Vec<_> = cases.iter().map(|case| errors_of(&case.work).0).collect();
    whmcs_auth::DECLASSIFY.set(memcheck::declassify).expect("it is set once");
    for (case, seen) in cases.iter().zip(seen) {
        let revealed_before = memcheck::revealed_outcomes();
        let (errors, code) = errors_of(&case.work);
        let outcomes = memcheck::revealed_outcomes() - revealed_before;
        let verdict = match (errors, seen > 0) {
            _ if code != case.code => Err(format!("returned {code}, not {}", case.code)),
            _ if case.outcomes.is_some_and(|expected| expected != outcomes) => {
                Err(format!("revealed {outcomes} outcomes"))
            }
            (1.., _) => Err(format!("depends on the secret in {errors} places")),
            (0, seen) if seen != case.depends => Err("the secret was not marked".into()),
            (0, _) => Ok("constant"),
        };
        report(&case.name, verdict);
    }
    for (name, work) in cases::controls() {
        let verdict = match errors_of(&work).0 {
            0 => Err("memcheck reported nothing".into()),
            _ => Ok("reported, as it must be"),
        };
        report(name, verdict);
    }
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// The number of errors that memcheck reports in one piece of work, and the code that it returns.
#[cfg(ctgrind)]
fn errors_of(work: &whmcs_auth_valgrind::Work) -> (usize, &'static str) {
    let before = memcheck::errors();
    let code = work();
    (memcheck::errors() - before, code)
}
