//! The log of the program: it never delays an answer, and strangers cannot fill it.

mod support;

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use support::{FORM, PAIR};
use tokio::time::sleep;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running program. Dropping it ends the program.
struct Program {
    child: Child,
    base: String,
    http: reqwest::Client,
}

impl Program {
    /// Starts the program with this standard error.
    fn start(folder: &Path, level: &str, errors: impl Into<Stdio>) -> Self {
        let mut child =
            command(folder, level).stdout(Stdio::piped()).stderr(errors).spawn().unwrap();
        let printed = BufReader::new(child.stdout.take().unwrap()).lines();
        Self::printing(child, printed.map(Result::unwrap))
    }

    fn printing(child: Child, mut printed: impl Iterator<Item = String>) -> Self {
        let base = printed.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
        Self { child, base: base.unwrap(), http: support::http() }
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let visit = self.http.get(format!("{}{path}", self.base)).timeout(PATIENCE);
        support::answer(visit.send().await.unwrap()).await
    }

    async fn post(&self, form: &str) -> u16 {
        let call = self.http.post(format!("{}/includes/api.php", self.base));
        let call = call.header("content-type", FORM).body(form.to_owned()).timeout(PATIENCE);
        call.send().await.unwrap().status().as_u16()
    }

    async fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.get("/metrics").await;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    }

    /// Sends SIGTERM. Returns how the program ended, and how long that took.
    fn stop(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        let kill = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
        while asked.elapsed() < Duration::from_secs(20) {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, asked.elapsed());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("SIGTERM does not end the program");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path, level: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whmcs-auth-server"));
    command.current_dir(folder).args(["--listen", "127.0.0.1:0", "--bcrypt-cost", "4"]);
    command.args(["--max-failures", "1000000"]).env("RUST_LOG", level);
    command
}

fn closed_pipe() -> Stdio {
    let (_, writer) = pipe().unwrap();
    writer.into()
}

#[tokio::test]
async fn a_log_that_cannot_be_written_delays_no_answer() {
    for output in ["full", "closed"] {
        let errors: Stdio = match output {
            "full" => File::options().write(true).open("/dev/full").unwrap().into(),
            _ => closed_pipe(),
        };
        let folder = tempfile::tempdir().unwrap();
        let program = Program::start(folder.path(), "info", errors);
        let started = Instant::now();
        assert_eq!(program.get("/readyz").await.0, 200, "{output}: a moment is tolerated");
        for _ in 0..3 {
            assert_eq!(program.post(&format!("action=GetClients&{PAIR}")).await, 200, "{output}");
            assert_eq!(program.post("").await, 403, "{output}");
        }
        // Three accepted calls, and the first refusal.
        let lost = r#"whmcs_auth_log_lines_lost_total{reason="write_failed"}"#;
        while program.metric(lost).await < 4 {
            assert!(started.elapsed() < Duration::from_secs(10), "{output}");
        }
        sleep(Duration::from_millis(2100).saturating_sub(started.elapsed())).await;
        let not_ready = r#"{"database":"ready","log":"not ready","state":"ready"}"#.to_owned();
        assert_eq!(program.get("/readyz").await, (503, not_ready), "{output}");
        assert_eq!(program.get("/healthz").await, (200, "alive\n".to_owned()), "{output}");
        let (status, time) = program.stop();
        assert_eq!((status.code(), status.success()), (Some(0), true), "{output}");
        assert!(time < Duration::from_secs(4), "{output}: {time:?}");
    }
}

/// Standard output and standard error are the same pipe, as after `2>&1 |`.
#[tokio::test]
async fn a_log_that_nobody_reads_delays_no_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    let mut command = command(folder.path(), "trace");
    let child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    drop(command);
    let mut unread: BufReader<PipeReader> = BufReader::new(reader);
    let program = Program::printing(child, unread.by_ref().lines().map(Result::unwrap));

    let queue_full = r#"whmcs_auth_log_lines_lost_total{reason="queue_full"}"#;
    let mut calls = 0;
    while program.metric(queue_full).await < 1000 {
        assert!(calls < 20_000, "the queue is never full");
        for _ in 0..100 {
            let begun = Instant::now();
            assert_eq!(program.post("identifier=x&secret").await, 403);
            assert!(begun.elapsed() < Duration::from_secs(5));
        }
        calls += 100;
    }
    assert_eq!(program.post(&format!("action=GetClients&{PAIR}")).await, 200);
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(program.get("/readyz").await.0, 503);

    // Somebody reads again, and the log is whole again.
    let lines = std::thread::spawn(move || unread.lines().map(Result::unwrap).collect::<Vec<_>>());
    let begun = Instant::now();
    while program.get("/readyz").await.0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        sleep(Duration::from_millis(300)).await;
    }
    assert!(program.stop().0.success());
    let lines = lines.join().unwrap();
    let entries = lines.iter().filter(|line| line.starts_with('{'));
    let entries: Vec<serde_json::Value> =
        entries.map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(entries.iter().any(|entry| entry["fields"]["message"] == "the log lost lines"));
}

/// Leaves no byte of room in a pipe.
fn fill(pipe: &PipeReader) {
    const O_NONBLOCK: i32 = 0o4000;
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let mut pipe = File::options().write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
    while pipe.write(b"x").is_ok() {}
}

/// Nobody reads until the end, and there is no room for a last word on standard output, either.
#[tokio::test]
async fn a_log_that_nobody_reads_does_not_outlive_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = pipe().unwrap();
    let mut command = command(folder.path(), "trace");
    let child = command.stdout(writer.try_clone().unwrap()).stderr(writer).spawn().unwrap();
    drop(command);
    let mut unread = BufReader::new(reader);
    let program = Program::printing(child, unread.by_ref().lines().map(Result::unwrap));
    let queue_full = r#"whmcs_auth_log_lines_lost_total{reason="queue_full"}"#;
    while program.metric(queue_full).await == 0 {
        for _ in 0..100 {
            program.post("identifier=x&secret").await;
        }
    }
    fill(unread.get_ref());
    let (status, time) = program.stop();
    assert!(status.success(), "{status}");
    assert!(time < Duration::from_secs(5), "{time:?}");
    drop(unread);
}

#[tokio::test]
async fn repeated_refusals_are_summed_up() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let program = Program::start(folder.path(), "info", File::create(&log).unwrap());
    for _ in 0..200 {
        assert_eq!(program.post("").await, 403);
        assert_eq!(program.post("identifier=x&secret=marker-secret").await, 403);
    }
    assert_eq!(program.get("/dologin.php?email=x").await.0, 403);
    assert_eq!(program.metric("whmcs_auth_refusals_summed_up_total").await, 398);
    let counted = r#"whmcs_auth_answers_total{endpoint="api",code="missing_credentials"}"#;
    assert_eq!(program.metric(counted).await, 200);
    assert!(program.stop().0.success());
    let log = fs::read_to_string(log).unwrap();
    assert!(!log.contains("marker-secret"));
    let entries: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |code: &str| -> Vec<(&str, Option<u64>)> {
        let entries = entries.iter().map(|entry| &entry["fields"]).filter(|it| it["code"] == code);
        entries.map(|it| (it["message"].as_str().unwrap(), it["count"].as_u64())).collect()
    };
    for code in ["missing_credentials", "unknown_identifier"] {
        let lines = of(code);
        let sums: Vec<u64> = lines.iter().filter_map(|(_, count)| *count).collect();
        let whole = lines.len() - sums.len();
        assert_eq!(whole as u64 + sums.iter().sum::<u64>(), 200, "{code}: {lines:?}");
        // Each interval of ten seconds has one of each.
        assert!((1..5).contains(&whole) && (1..5).contains(&sums.len()), "{lines:?}");
    }
    assert_eq!(of("missing_field").len(), 1);
    let again = entries.iter().find(|entry| entry["fields"]["message"] == "refused again").unwrap();
    assert_eq!(again["fields"]["network"], "127.0.0.1");
    assert_eq!(again["fields"]["endpoint"], "api");
}
