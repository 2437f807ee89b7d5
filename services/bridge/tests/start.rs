//! The program: what it prints, what it asks for, and the demo.

mod support;

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::redirect::Policy;
use reqwest::{Client, header};
use support::*;
use whmcs_auth_state::test_redis::TestRedis;
use whmcs_auth_state::{Store, choose_tls_provider};

/// A running program. Dropping it ends the program.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(folder: &Path, options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-bridge"));
    command.args(["--listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0"]);
    command.args(options).current_dir(folder).env_clear();
    command
}

/// A running demo, and its link.
fn started(mut command: Command) -> (Program, String) {
    let mut program = Program(command.stdout(Stdio::piped()).spawn().unwrap());
    let printed = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let link = printed.map(|line| line.trim().to_owned()).find(|line| line.contains("?email="));
    (program, link.unwrap())
}

/// The status, the location and the cookie.
async fn visit(url: &str) -> (u16, Option<String>, Option<String>) {
    choose_tls_provider();
    let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
    let page = http.get(url).send().await.unwrap();
    let head = |name| page.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    (page.status().as_u16(), head(header::LOCATION), head(header::SET_COOKIE))
}

/// The status of a program that does not start, and why not.
fn refused(folder: &Path, options: &[&str]) -> (Option<i32>, String) {
    let output = command(folder, options).output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn the_demo_prints_a_link_that_works() {
    let folder = tempfile::tempdir().unwrap();
    let (_program, link) = started(command(folder.path(), &["--demo", "--one-time-links"]));
    let (status, token_url, _) = visit(&link).await;
    let token_url = token_url.unwrap();
    assert_eq!(status, 302);
    assert!(token_url.contains("/oauth/singlesignon.php?access_token="), "{token_url}");
    let (status, page, session) = visit(&token_url).await;
    assert_eq!((status, page.as_deref()), (302, Some("../clientarea.php")));
    assert!(session.is_some());
    assert_eq!(visit(&link).await.0, 403);
}

/// A proxy that an environment names for other programs gets neither the API secret nor a token.
#[tokio::test]
async fn no_proxy_of_the_environment_is_used() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    proxy.set_nonblocking(true).unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), &["--demo"]);
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
    {
        command.env(name, &url);
    }
    let (_program, link) = started(command);
    assert_eq!(visit(&link).await.0, 302);
    assert_eq!(proxy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[tokio::test]
async fn a_hangup_reads_the_secret_anew() {
    let whmcs = Whmcs::start(Arc::new(works(PUBLIC))).await;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "first\n").unwrap();
    let options = [
        &["--whmcs-url", whmcs.url.as_str(), "--public-url", PUBLIC, "--identifier", IDENTIFIER][..],
        &["--secret-file", "secret", "--autoauth-key", KEY],
    ];
    let mut command = command(folder.path(), &options.concat());
    let mut program = Program(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut printed = BufReader::new(program.0.stdout.take().unwrap()).lines().map(Result::unwrap);
    let base = printed.find_map(|line| line.strip_prefix("listening on ").map(str::to_owned));
    let base = base.unwrap();
    let secret_of_visit = async || {
        assert_eq!(visit(&format!("{base}{}", link(None))).await.0, 302);
        whmcs.calls.lock().unwrap().last().unwrap().field("secret").to_owned()
    };
    assert_eq!(secret_of_visit().await, "first");

    std::fs::write(&secret, "second\n").unwrap();
    let hangup = Command::new("kill").args(["-HUP", &program.0.id().to_string()]).status();
    assert!(hangup.unwrap().success());
    let begun = Instant::now();
    while secret_of_visit().await != "second" {
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

/// Only this machine gets the API secret without a warning. The secret ends with a space.
#[test]
fn a_secret_that_is_sent_without_tls_is_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    for (url, is_warned) in [
        ("http://localhost.evil.example", true),
        ("http://127.0.0.1.evil.example", true),
        ("http://192.0.2.1", true),
        ("https://billing.example", false),
        ("http://localhost:8080/whmcs", false),
        ("http://127.1.2.3", false),
        ("http://[::1]:8080", false),
    ] {
        let options =
            ["--identifier", "x", "--secret", "y ", "--autoauth-key", KEY, "--whmcs-url", url];
        let mut command = command(folder.path(), &options);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut program = Program(child.unwrap());
        let mut printed = BufReader::new(program.0.stdout.take().unwrap()).lines();
        assert!(printed.next().unwrap().unwrap().starts_with("listening on "));
        let stopped = Command::new("kill").args(["-TERM", &program.0.id().to_string()]).status();
        assert!(stopped.unwrap().success());
        let log = std::io::read_to_string(program.0.stderr.take().unwrap()).unwrap();
        assert_eq!(log.contains("is sent to WHMCS without TLS"), is_warned, "{url}: {log}");
        assert!(log.contains("API secret: the text ends with white space"), "{log}");
    }
}

#[test]
fn a_url_that_is_not_the_folder_of_whmcs_is_refused_with_the_value_to_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let base =
        ["--identifier", "x", "--secret", "a-secret", "--autoauth-key", "abcXYZ123", "--whmcs-url"];
    let api = "https://a.example/whmcs/includes/api.php";
    let options = [&base[..], &[api]].concat();
    let (status, why) = refused(path, &options);
    let expected =
        "--whmcs-url is not the URL of the folder of WHMCS: write https://a.example/whmcs/\n";
    assert_eq!((status, &*why), (Some(2), expected));

    let public = "ftp://billing.example/?a";
    let options = [&base[..], &["https://a.example", "--public-url", public]].concat();
    let (status, why) = refused(path, &options);
    let expected =
        "--public-url is not the URL of the folder of WHMCS: write https://billing.example/\n";
    assert_eq!((status, &*why), (Some(2), expected));

    let (status, why) = refused(path, &[&base[..], &["a.example/whmcs"]].concat());
    assert_eq!(status, Some(2));
    assert!(why.contains("no scheme: write https://a.example/whmcs"), "{why}");
}

/// The site of the installation is where visitors know WHMCS.
#[tokio::test]
async fn options_of_redis_that_cannot_be_used_stop_the_start() {
    let redis = TestRedis::start(&[]);
    redis.store_of("billing", "https://other.example").check().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = redis.url();
    let base = [
        &["--identifier", "x", "--secret", "a-secret", "--autoauth-key", "abcXYZ123"][..],
        &["--whmcs-url", "https://a.example/whmcs", "--redis", &url],
    ]
    .concat();
    let once = [&base[..], &["--one-time-links", "--installation", "billing"]].concat();
    for (options, status, expected) in [
        (base.clone(), 2, "--installation <NAME>"),
        (
            [&base[..], &["--installation", "billing"]].concat(),
            1,
            "--redis needs --one-time-links: the bridge stores nothing else",
        ),
        (
            [&once[..], &["--max-ahead", "121"]].concat(),
            1,
            "with --one-time-links, --max-ahead is at most 120",
        ),
        (once.clone(), 1, "other.example, and this is billing at a.example/whmcs: "),
        (
            [&once[..], &["--public-url", "https://b.example"]].concat(),
            1,
            "other.example, and this is billing at b.example: ",
        ),
    ] {
        let (code, why) = refused(folder.path(), &options);
        assert_eq!(code, Some(status), "{why}");
        assert!(why.contains(expected), "{why}");
    }
}

/// A bare machine has no certificates. They are needed for a WHMCS with TLS alone.
#[test]
fn certificates_are_needed_for_tls_alone() {
    let folder = tempfile::tempdir().unwrap();
    let bare = |url| {
        let options =
            ["--identifier", "x", "--secret", "x", "--autoauth-key", KEY, "--whmcs-url", url];
        let mut command = command(folder.path(), &options);
        command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", folder.path());
        command
    };
    let output = bare("https://127.0.0.1:1").output().unwrap();
    let why = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{why}");
    let expected = "No CA certificates were loaded from the system \
                    (Debian's package ca-certificates has certificates)\n";
    assert!(why.ends_with(expected), "{why}");

    let mut program = Program(bare("http://127.0.0.1:1").stdout(Stdio::piped()).spawn().unwrap());
    let mut printed = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut printed).unwrap();
    assert!(printed.starts_with("listening on http://127.0.0.1:"), "{printed}");
}

#[test]
fn a_missing_option_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    std::fs::write(path.join("empty"), "\n").unwrap();
    let base = ["--whmcs-url", "http://127.0.0.1:1", "--identifier", "x"];
    for (options, expected) in [
        (&[][..], "no secret: give --secret-file or WHMCS_SECRET"),
        (&["--secret-file", "empty"], "empty holds no secret, only empty lines"),
        (&["--secret-file", "none"], "cannot read none: "),
        (&["--secret", "x"], "no AutoAuth key: give --autoauth-key-file or WHMCS_AUTOAUTH_KEY"),
    ] {
        let (status, why) = refused(path, &[&base[..], options].concat());
        assert_eq!(status, Some(1), "{why}");
        assert!(why.contains(expected), "{why}");
    }
    let (status, why) = refused(path, &[]);
    assert_eq!(status, Some(2));
    assert!(why.contains("--whmcs-url") && why.contains("--identifier"), "{why}");
}
