//! A running service, and requests to it.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A deadline that a busy machine does not miss.
const PATIENCE: Duration = Duration::from_secs(60);

/// A link that nobody signed.
pub(crate) const FORGED: &str = "/dologin.php?email=a%40b.example&timestamp=1700000000&hash=\
                                 0000000000000000000000000000000000000000";

/// A service, with the options that let it print a link that works.
pub struct Subject {
    /// The file of the program.
    pub program: &'static str,
    /// What `--version` prints.
    pub name_and_version: &'static str,
    /// Its options, apart from those where it listens.
    pub options: &'static [&'static str],
    /// What it adds to the query if it passes on what is not an old link. In the tests the web server sends it back.
    pub passed_on: Option<&'static str>,
}

impl Subject {
    pub(crate) fn command(&self, folder: &Path, options: &[&str]) -> Command {
        self.through(Command::new(self.program), folder, options)
    }

    /// The program, started by a script. The script gets the program as `$0` and its options as
    /// `$@`.
    pub(crate) fn in_shell(&self, script: &str, folder: &Path, options: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script, self.program]);
        self.through(command, folder, options)
    }

    fn through(&self, mut command: Command, folder: &Path, options: &[&str]) -> Command {
        command.current_dir(folder).env_clear().args(self.options).args(options);
        if !options.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        if !options.contains(&"--operator-listen") {
            command.args(["--operator-listen", "127.0.0.1:0"]);
        }
        command
    }

    /// Starts the program with its log in a file.
    pub(crate) fn start(&self, options: &[&str]) -> Program {
        let folder = tempfile::tempdir().unwrap();
        let command = self.command(folder.path(), options);
        Program::start_in(folder, command)
    }
}

/// A running program. Dropping it ends the program.
pub(crate) struct Program {
    child: Child,
    pub(crate) folder: TempDir,
    pub(crate) visitors: SocketAddr,
    operator: SocketAddr,
    /// The path and the query of a link that works.
    pub(crate) link: String,
}

impl Program {
    pub(crate) fn start_in(folder: TempDir, mut command: Command) -> Self {
        let log = File::create(folder.path().join("log")).unwrap();
        let child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        Self::printing(folder, child)
    }

    /// A program that prints to a pipe of its own.
    pub(crate) fn printing(folder: TempDir, mut child: Child) -> Self {
        let mut printed = BufReader::new(child.stdout.take().unwrap()).lines();
        Self::printing_to(folder, child, &mut printed)
    }

    /// A program that prints to this pipe.
    pub(crate) fn printing_to(
        folder: TempDir,
        child: Child,
        lines: &mut impl Iterator<Item = std::io::Result<String>>,
    ) -> Self {
        let mut after = |start: &str| {
            let rest = lines.find_map(|line| Some(line.ok()?.strip_prefix(start)?.to_owned()));
            rest.unwrap_or_else(|| panic!("the program did not print {start:?}"))
        };
        let visitors = after("listening on http://").parse().unwrap();
        let operator = after("listening for the operator on http://").parse().unwrap();
        let link = after("  http://").split_once('/').unwrap().1.to_owned();
        Self { child, folder, visitors, operator, link: format!("/{link}") }
    }

    /// A visitor's request: the status, and the whole answer.
    pub(crate) fn visit(&self, path: &str) -> (u16, String) {
        get(self.visitors, path, PATIENCE)
    }

    /// The same with another method and with headers.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (u16, String) {
        let answer = try_request(self.visitors, method, path, headers, PATIENCE).unwrap();
        (status(&answer), answer)
    }

    /// A request of the operator: the status, and the body.
    pub(crate) fn ask(&self, path: &str) -> (u16, String) {
        self.ask_within(PATIENCE, path)
    }

    pub(crate) fn ask_within(&self, patience: Duration, path: &str) -> (u16, String) {
        let (status, answer) = get(self.operator, path, patience);
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    pub(crate) fn metric(&self, name: &str) -> u64 {
        let (_, text) = self.ask("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let kill = Command::new("kill").args([signal, &self.child.id().to_string()]).status();
        assert!(kill.unwrap().success());
    }

    /// Sends SIGTERM, and waits for the end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.signal("-TERM");
        let mut status = None;
        eventually("the program ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// The entries of the log so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        // The last line may not be whole yet.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The status and the whole answer.
pub(crate) fn get(address: SocketAddr, path: &str, patience: Duration) -> (u16, String) {
    let answer = try_get(address, path, patience).unwrap();
    (status(&answer), answer)
}

fn status(answer: &str) -> u16 {
    let status = answer.get(9..12).and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no answer, but {answer:?}"))
}

pub(crate) fn try_get(
    address: SocketAddr,
    path: &str,
    patience: Duration,
) -> std::io::Result<String> {
    try_request(address, "GET", path, &[], patience)
}

fn try_request(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    patience: Duration,
) -> std::io::Result<String> {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(patience))?;
    let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n");
    stream.write_all(format!("{head}{headers}\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Waits until it is true.
pub(crate) fn eventually(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < PATIENCE, "it is not true in time that {what}");
        sleep(Duration::from_millis(50));
    }
}

/// A command whose program gets this socket, as systemd would pass it on.
pub(crate) fn with_socket(
    subject: &Subject,
    folder: &Path,
    socket: &TcpListener,
    options: &[&str],
) -> Command {
    let script = r#"exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@""#;
    let mut command = subject.in_shell(script, folder, options);
    command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
    command
}

/// Leaves no byte of room in a pipe.
pub(crate) fn fill(pipe: &PipeReader) {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::OpenOptionsExt;
    const O_NONBLOCK: i32 = 0o4000;
    let path = format!("/proc/self/fd/{}", pipe.as_raw_fd());
    let mut pipe = File::options().write(true).custom_flags(O_NONBLOCK).open(path).unwrap();
    while pipe.write(b"x").is_ok() {}
}
