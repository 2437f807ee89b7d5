//! Secrets and addresses in files, and SIGHUP, which reads them anew.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use support::program::Program;
use support::{FORM, PAIR};
use tokio::time::sleep;
use whmcs_auth::{AutoAuthKey, SystemClock, sign_autoauth};

const READ_ANEW: &str = "read addresses and keys anew";
const STAYED: &str = "the addresses and keys stay as they were: ";

/// All four files, in the folder of the program. These tests also make requests that fail.
const FILES: [&str; 10] = [
    "--max-failures",
    "1000",
    "--autoauth-key-file",
    "keys",
    "--access-key-file",
    "access",
    "--allow-ip-file",
    "allowed",
    "--trust-proxy-file",
    "proxies",
];

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o600)).unwrap();
}

/// Writes the four files: one key, one access key, one address, and this machine as a proxy.
fn write_files(folder: &Path) {
    write(folder, "keys", "first-key\n");
    write(folder, "access", "first-access\n");
    write(folder, "allowed", "# office\n203.0.113.7\n");
    write(folder, "proxies", "127.0.0.1\n");
}

async fn link(base: &str, key: &str) -> u16 {
    let key = AutoAuthKey::new(key).unwrap();
    let link = sign_autoauth("demo@whmcs.com", None, &key, &SystemClock).unwrap();
    let http = support::http();
    let visit = http.get(link.url(base).unwrap()).header("x-forwarded-for", "203.0.113.7");
    visit.send().await.unwrap().status().as_u16()
}

async fn call(base: &str, address: &str, fields: &str) -> u16 {
    let call = support::http().post(format!("{base}/includes/api.php"));
    let call = call.header("content-type", FORM).header("x-forwarded-for", address);
    let call = call.body(format!("action=GetClients&limitnum=0&{PAIR}{fields}"));
    call.send().await.unwrap().status().as_u16()
}

/// Sends SIGHUP, and waits for the next line of the log that says what came of it.
async fn hang_up(program: &Program) -> serde_json::Value {
    let outcomes = || {
        let is_outcome = |line: &serde_json::Value| {
            let message = line["fields"]["message"].as_str().unwrap_or_default();
            message == READ_ANEW || message.starts_with(STAYED)
        };
        program.log().into_iter().filter(is_outcome).collect::<Vec<_>>()
    };
    let before = outcomes().len();
    program.signal("-HUP");
    for _ in 0..500 {
        if let Some(outcome) = outcomes().get(before) {
            return outcome["fields"].clone();
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("no outcome in the log");
}

#[tokio::test]
async fn a_hangup_reads_keys_and_addresses_anew() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_files(folder);
    let program = Program::start(folder, &FILES, "info");
    let base = program.base();
    assert_eq!(link(base, "first-key").await, 302);
    assert_eq!(link(base, "second-key").await, 403);
    assert_eq!(call(base, "203.0.113.7", "").await, 200);
    assert_eq!(call(base, "10.0.0.1", "").await, 403);
    assert_eq!(call(base, "10.0.0.1", "&accesskey=first-access").await, 200);

    // Without a signal the files do not count.
    write(folder, "keys", "first-key\n\nsecond-key\n");
    assert_eq!(link(base, "second-key").await, 403);
    let read = hang_up(&program).await;
    assert_eq!(read["autoauth_keys"], 2);
    assert_eq!(link(base, "first-key").await, 302);
    assert_eq!(link(base, "second-key").await, 302);

    write(folder, "keys", "second-key\n");
    write(folder, "access", "second-access\n");
    write(folder, "allowed", "10.0.0.0/8\n192.0.2.1\n");
    let read = hang_up(&program).await;
    let expected = serde_json::json!({
        "message": READ_ANEW,
        "autoauth_keys": 1,
        "access_key": true,
        "allowed_networks": 2,
        "trusted_networks": 1,
    });
    assert_eq!(read, expected);
    assert_eq!(link(base, "first-key").await, 403);
    assert_eq!(link(base, "second-key").await, 302);
    assert_eq!(call(base, "203.0.113.7", "").await, 403);
    assert_eq!(call(base, "10.0.0.1", "").await, 200);
    assert_eq!(call(base, "203.0.113.7", "&accesskey=first-access").await, 403);
    assert_eq!(call(base, "203.0.113.7", "&accesskey=second-access").await, 200);

    // This machine is no longer a proxy that may name an address.
    write(folder, "proxies", "# none\n");
    assert_eq!(hang_up(&program).await["trusted_networks"], 0);
    assert_eq!(call(base, "10.0.0.1", "").await, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_during_fifty_hangups() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_files(folder);
    write(folder, "keys", "stable-key\nkey-of-turn-0\n");
    let program = Program::start(folder, &FILES, "info");
    let base = program.base().to_owned();
    let answered = Arc::new(AtomicU32::new(0));
    let has_ended = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (base, answered, has_ended) =
                (base.clone(), Arc::clone(&answered), Arc::clone(&has_ended));
            tokio::spawn(async move {
                while !has_ended.load(Ordering::Relaxed) {
                    assert_eq!(link(&base, "stable-key").await, 302);
                    assert_eq!(call(&base, "203.0.113.7", "").await, 200);
                    assert_eq!(call(&base, "10.0.0.1", "&accesskey=first-access").await, 200);
                    answered.fetch_add(3, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for turn in 1..=50 {
        write(folder, "keys", &format!("stable-key\nkey-of-turn-{turn}\n"));
        write(folder, "allowed", &format!("203.0.113.7\n192.0.2.{turn}\n"));
        let outcome = hang_up(&program).await;
        assert_eq!(outcome["message"], READ_ANEW);
        let before = turn - 1;
        assert_eq!(link(&base, &format!("key-of-turn-{turn}")).await, 302);
        assert_eq!(link(&base, &format!("key-of-turn-{before}")).await, 403);
        assert_eq!(call(&base, &format!("192.0.2.{turn}"), "").await, 200);
    }
    has_ended.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered >= 150, "only {answered} requests");
}

#[tokio::test]
async fn the_log_warns_of_open_files_and_of_white_space() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "url", &format!("sqlite:{}/named.db\n", folder.display()));
    write_files(folder);
    write(folder, "keys", "first-key\n key-of-links\u{a0}\n");
    write(folder, "access", "first-access \n");
    let of = |name, mode| fs::set_permissions(folder.join(name), Permissions::from_mode(mode));
    of("url", 0o640).unwrap();
    of("access", 0o604).unwrap();
    of("allowed", 0o646).unwrap();
    let options = [&FILES[..], &["--database-url-file", "url"]].concat();
    let program = Program::start(folder, &options, "warn");
    assert!(folder.join("named.db").exists());
    // The white space belongs to the key.
    assert_eq!(link(program.base(), " key-of-links\u{a0}").await, 302);
    let log = program.stop();
    let warnings: Vec<_> = log
        .iter()
        .map(|line| (line["fields"]["file"].as_str(), line["fields"]["message"].as_str().unwrap()))
        .collect();
    let expected = [
        (
            None,
            "AutoAuth key 2: the text starts with white space and ends with white space, which count: \
             remove them unless they belong to the secret",
        ),
        (Some("allowed"), "every user of this machine can change the file"),
        (Some("access"), "every user of this machine can read the file"),
        (
            None,
            "access key: the text ends with white space, which counts: remove it unless it belongs to the \
             secret",
        ),
    ];
    assert_eq!(warnings, expected);
    let log: String = log.iter().map(serde_json::Value::to_string).collect();
    assert!(!log.contains("key-of-links") && !log.contains("first-access"));
}
