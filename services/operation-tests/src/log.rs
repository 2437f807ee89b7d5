//! The log never delays an answer, and strangers cannot fill it.

use std::fs::File;
use std::io::{BufRead, BufReader, PipeReader, Read, pipe};
use std::process::Stdio;
use std::thread::spawn;

use serde_json::Value;

use crate::program::{FORGED, Program, Subject, eventually, fill};

const QUEUE_FULL: &str = r#"whmcs_auth_log_lines_lost_total{reason="queue_full"}"#;

fn says(program: &Program, log: &str) -> bool {
    let (status, parts) = program.ask("/readyz");
    assert_eq!(status, 200, "a log takes no server out: {parts}");
    parts.contains(&format!(r#""log":"{log}""#))
}

/// The output is a full disk, or a collector that died.
pub fn a_log_that_cannot_be_written_delays_no_answer(subject: &Subject) {
    let (_, dead_reader) = pipe().unwrap();
    let full = File::options().write(true).open("/dev/full").unwrap();
    for output in [Stdio::from(full), Stdio::from(dead_reader)] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = subject.command(folder.path(), &[]);
        let child = command.stdout(Stdio::piped()).stderr(output).spawn().unwrap();
        drop(command);
        let mut program = Program::printing(folder, child);
        for _ in 0..3 {
            assert_eq!(program.visit(&program.link).0, 302);
            assert_eq!(program.visit(FORGED).0, 403);
        }
        let lost = r#"whmcs_auth_log_lines_lost_total{reason="write_failed"}"#;
        eventually("lost lines are counted", || program.metric(lost) >= 4);
        eventually("the log is shown", || says(&program, "not ready"));
        assert_eq!(program.metric("whmcs_auth_log_is_written"), 0);
        assert_eq!(program.ask("/healthz"), (200, "alive\n".to_owned()));
        assert_eq!(program.visit(&program.link).0, 302);
        assert!(program.stop().success());
    }
}

/// Starts a program whose standard output and standard error are one pipe, as after `2>&1 |`. Nobody reads the
/// pipe, so the queue of the log fills up.
fn unread(subject: &Subject) -> (Program, BufReader<PipeReader>) {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    let mut command = subject.command(folder.path(), &[]);
    command.env("RUST_LOG", "trace").stdout(writer.try_clone().unwrap()).stderr(writer);
    let child = command.spawn().unwrap();
    drop(command);
    let mut unread = BufReader::new(reader);
    let program = Program::printing_to(folder, child, &mut unread.by_ref().lines());
    let mut visits = 0;
    while program.metric(QUEUE_FULL) < 100 {
        assert!(visits < 50_000, "the queue is never full");
        for _ in 0..100 {
            assert_eq!(program.visit(FORGED).0, 403);
        }
        visits += 100;
    }
    (program, unread)
}

pub fn a_log_that_nobody_reads_delays_no_answer(subject: &Subject) {
    let (mut program, unread) = unread(subject);
    assert_eq!(program.visit(&program.link).0, 302);
    eventually("the log is shown", || says(&program, "not ready"));

    // Somebody reads again, and the log is whole again.
    let lines = spawn(move || unread.lines().map(Result::unwrap).collect::<Vec<_>>());
    eventually("the log is written again", || says(&program, "ready"));
    assert!(program.stop().success());
    let lines = lines.join().unwrap();
    let entries = lines.iter().filter(|line| line.starts_with('{'));
    let mut entries = entries.map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert!(entries.any(|entry| entry["fields"]["message"] == "the log lost lines"));
}

/// Nobody reads the pipe until the end. It has no room, not even for a last line on standard output.
pub fn a_log_that_nobody_reads_does_not_outlive_the_program(subject: &Subject) {
    let (mut program, unread) = unread(subject);
    fill(unread.get_ref());
    assert!(program.stop().success());
}

pub fn repeated_refusals_are_summed_up(subject: &Subject) {
    let mut program = subject.start(&[]);
    for _ in 0..5000 {
        assert_eq!(program.visit(FORGED).0, 403);
    }
    let name = r#"whmcs_auth_answers_total{endpoint="dologin",code="hash_mismatch"}"#;
    assert_eq!(program.metric(name), 5000);
    let summed_up = program.metric("whmcs_auth_refusals_summed_up_total");
    assert!(program.stop().success());
    let log = program.log();
    let fields = log.iter().map(|entry| &entry["fields"]);
    let lines: Vec<_> = fields.filter(|fields| fields["code"] == "hash_mismatch").collect();
    let sums = lines.iter().filter_map(|fields| fields["count"].as_u64());
    assert_eq!(sums.clone().sum::<u64>(), summed_up);
    let whole = lines.len() - sums.count();
    assert_eq!(whole as u64 + summed_up, 5000);
    // Each interval of ten seconds has one line, and one sum.
    assert!(lines.len() < 50, "{} lines", lines.len());
}

pub fn mistakes_of_senders_are_in_the_log(subject: &Subject) {
    let mut program = subject.start(&[]);
    let escaped = FORGED.replace('&', "&amp;");
    assert_eq!(program.visit(&escaped).0, 403);
    let signed = program.link.split_once("&goto=").map_or(&*program.link, |(signed, _)| signed);
    for (goto, code) in [
        ("https://evil.example", "goto_refused"),
        ("logout.php", "goto_acts"),
        ("clientarea.php?action=productdetails&id=5", "goto_misread"),
    ] {
        // The second visit of a sender in a minute has no line.
        for _ in 0..2 {
            assert_eq!(program.visit(&format!("{signed}&goto={goto}")).0, 302, "{code}");
        }
    }
    assert!(program.stop().success());
    let log = program.log();
    let line = |code: &str| {
        let mut lines = log.iter().map(|entry| &entry["fields"]).filter(|it| it["code"] == code);
        lines.next().filter(|_| lines.next().is_none())
    };
    let refused = line("missing_field").unwrap();
    assert_eq!(refused["findings"], "html_escaped_name", "{refused}");
    assert!(refused["hints"].as_str().is_some_and(|hints| !hints.is_empty()), "{refused}");
    assert!(line("goto_acts").is_some());
    let cut = line("goto_misread").unwrap();
    assert_eq!(cut["findings"], "goto_cut_at_ampersand", "{cut}");
    let not_followed = line("goto_refused").unwrap();
    assert_eq!(not_followed["findings"], "goto_full_url", "{not_followed}");
}
