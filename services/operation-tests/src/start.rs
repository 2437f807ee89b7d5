//! The start, and the restart.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use crate::program::{FORGED, Program, Subject, eventually, get, with_socket};

pub fn an_address_in_use_is_named_with_its_option(subject: &Subject) {
    let used = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = used.local_addr().unwrap().to_string();
    for option in ["--listen", "--operator-listen"] {
        let folder = tempfile::tempdir().unwrap();
        let output = subject.command(folder.path(), &[option, &address]).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{errors}");
        let expected = format!("cannot listen on {address} ({option}): Address already in use");
        assert!(errors.contains(&expected), "{errors}");
    }
}

pub fn the_version_is_printed(subject: &Subject) {
    let folder = tempfile::tempdir().unwrap();
    let output = subject.command(folder.path(), &["--version"]).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), subject.name_and_version);
}

pub fn a_one_time_link_does_not_work_again_after_a_restart(subject: &Subject) {
    let start = || subject.start(&["--one-time-links", "--autoauth-key", "abcXYZ123"]);
    let mut first = start();
    assert_eq!(first.visit(&first.link).0, 302);
    assert!(first.stop().success());
    // The link is one second ahead.
    sleep(Duration::from_millis(1100));
    let second = start();
    assert_eq!(second.visit(&first.link).0, 403);
    let name = r#"whmcs_auth_answers_total{endpoint="dologin",code="link_may_be_forgotten"}"#;
    assert_eq!(second.metric(name), 1);
    assert_eq!(second.visit(&second.link).0, 302);
}

/// Each request has a connection of its own, as with the sample nginx configuration. systemd keeps the
/// socket.
pub fn a_restart_loses_no_request(subject: &Subject) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    let start = || {
        let folder = tempfile::tempdir().unwrap();
        let command = with_socket(subject, folder.path(), &socket, &[]);
        Program::start_in(folder, command)
    };
    let (has_ended, answered) = (AtomicBool::new(false), AtomicU32::new(0));
    let _last = scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !has_ended.load(Ordering::Relaxed) {
                    assert_eq!(get(address, FORGED, Duration::from_secs(60)).0, 403);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for _ in 0..5 {
            let mut program = start();
            let before = answered.load(Ordering::Relaxed);
            eventually("visitors are answered", || answered.load(Ordering::Relaxed) > before + 20);
            assert!(program.stop().success());
        }
        let last = start();
        has_ended.store(true, Ordering::Relaxed);
        last
    });
}
