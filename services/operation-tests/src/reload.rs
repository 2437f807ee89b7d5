//! SIGHUP reads keys and addresses anew.

use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;

use whmcs_auth::{AutoAuthKey, SystemClock, sign_autoauth};

use crate::program::{Program, Subject, eventually};

/// Sends SIGHUP, and returns what came of it.
fn hang_up(program: &Program) -> String {
    let outcomes = || {
        let log = program.log();
        let messages = log.iter().filter_map(|entry| entry["fields"]["message"].as_str());
        let is_outcome = |message: &&str| {
            *message == "read addresses and keys anew" || message.contains("stay as they were")
        };
        messages.filter(is_outcome).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = outcomes().len();
    program.signal("-HUP");
    eventually("the hangup has an outcome", || outcomes().len() > before);
    outcomes().swap_remove(before)
}

/// The status of a link that was signed with the key.
fn visit(program: &Program, key: &str) -> u16 {
    let key = AutoAuthKey::new(key).unwrap();
    let link = sign_autoauth("demo@whmcs.com", None, &key, &SystemClock).unwrap();
    program.visit(&format!("/dologin.php?{}", link.query())).0
}

pub fn a_hangup_without_files_ends_nothing(subject: &Subject) {
    let program = subject.start(&[]);
    assert_eq!(hang_up(&program), "read addresses and keys anew");
    assert_eq!(program.visit(&program.link).0, 302);
}

pub fn a_hangup_reads_files_anew_or_changes_nothing(subject: &Subject) {
    let folder = tempfile::tempdir().unwrap();
    let (keys, proxies) = (folder.path().join("keys"), folder.path().join("proxies"));
    write(&keys, "first-key\n").unwrap();
    write(&proxies, "# none\n").unwrap();
    set_permissions(&keys, Permissions::from_mode(0o644)).unwrap();
    set_permissions(&proxies, Permissions::from_mode(0o666)).unwrap();
    let options = ["--autoauth-key-file", "keys", "--trust-proxy-file", "proxies"];
    let command = subject.command(folder.path(), &options);
    let mut program = Program::start_in(folder, command);
    assert_eq!((visit(&program, "first-key"), visit(&program, "second-key")), (302, 403));

    write(&keys, "first-key\nsecond-key\n").unwrap();
    assert_eq!(hang_up(&program), "read addresses and keys anew");
    assert_eq!((visit(&program, "first-key"), visit(&program, "second-key")), (302, 302));

    for (file, text, cause) in [
        (&keys, "", "keys holds no secret, only empty lines"),
        (&keys, "18abc\nabc\n", "two AutoAuth keys of a set are equal"),
        (&proxies, "\nhost.example\n", "line 2 of proxies: the entry \"host.example\" is a host"),
    ] {
        // This file is good, but it must not take effect without the other one.
        write(&keys, "third-key\n").unwrap();
        write(file, text).unwrap();
        let outcome = hang_up(&program);
        assert!(outcome.contains(&format!("stay as they were: {cause}")), "{outcome}");
        assert_eq!((visit(&program, "first-key"), visit(&program, "third-key")), (302, 403));
    }
    write(&proxies, "192.0.2.1\n").unwrap();
    assert_eq!(hang_up(&program), "read addresses and keys anew");
    assert_eq!((visit(&program, "first-key"), visit(&program, "third-key")), (403, 302));

    assert!(program.stop().success());
    let log: String = program.log().iter().map(ToString::to_string).collect();
    for warning in
        ["every user of this machine can read the file", "every user of this machine can change"]
    {
        assert!(log.contains(warning), "{warning}");
    }
    for secret in ["first-key", "second-key", "third-key", "18abc"] {
        assert!(!log.contains(secret), "{secret}");
    }
}
