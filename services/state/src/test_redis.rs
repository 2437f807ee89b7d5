//! A Redis server for one test, on a free port of this machine. Needs feature `test-util`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test without its server must fail")]

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ::redis::{Client, FromRedisValue, cmd};
use tempfile::TempDir;

use crate::{Installation, Redis, Store};

/// A running server. It ends when this is dropped.
pub struct TestRedis {
    port: u16,
    folder: TempDir,
    process: Child,
}

impl TestRedis {
    /// Starts `redis-server`, or the program that the environment variable `REDIS_SERVER` names, such as
    /// `valkey-server`. The options are those of its command line.
    ///
    /// # Panics
    ///
    /// If the program is not installed, or does not start.
    pub fn start(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        loop {
            let free =
                TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
            let port = free.expect("a free port").port();
            // Another test may take the port first.
            if let Some(process) = run(port, &folder, options) {
                return Self { port, folder, process };
            }
        }
    }

    /// Starts it with a clock that a test can set. Needs a C compiler.
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start), and if `cc` fails.
    pub fn start_with_clock() -> Self {
        let mut server = Self::start(&[]);
        server.set_clock(0);
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/test_redis_clock.c");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", source, "-o"]);
        let compiled = compiler.arg(server.folder.path().join("clock.so")).status();
        assert!(compiled.expect("cc is not installed").success());
        server.restart(&[]);
        server
    }

    /// Sets the clock: how many seconds it is ahead.
    ///
    /// # Panics
    ///
    /// If its file cannot be written.
    pub fn set_clock(&self, ahead: i64) {
        let folder = self.folder.path();
        // The server must not read half of it.
        fs::write(folder.join("next"), ahead.to_string()).expect("a clock");
        fs::rename(folder.join("next"), folder.join("clock")).expect("a clock");
    }

    /// The URL of the server.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// A store in the server, for an installation of tests.
    ///
    /// # Panics
    ///
    /// Never.
    #[must_use]
    pub fn store(&self) -> Redis {
        self.store_of("test", "https://test.example")
    }

    /// A store in the server, for the installation of this name and URL.
    ///
    /// # Panics
    ///
    /// If the name or the URL cannot be used.
    #[must_use]
    pub fn store_of(&self, name: &str, url: &str) -> Redis {
        let installation = Installation::new(name, url).expect("an installation");
        Redis::new(&self.url(), installation).expect("a URL")
    }

    /// Kills the server. Its data is lost, as far as it was not saved.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Starts the server again after [`kill`](Self::kill), on the same port and with the data that was saved.
    ///
    /// # Panics
    ///
    /// If it does not start.
    pub fn restart(&mut self, options: &[&str]) {
        self.kill();
        // Another test may have the port for a moment.
        self.process = loop {
            if let Some(process) = run(self.port, &self.folder, options) {
                break process;
            }
        };
    }

    /// Runs a command of Redis, and returns its answer.
    ///
    /// # Panics
    ///
    /// If the server does not answer, or answers with another type.
    pub async fn run<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let client = Client::open(self.url()).expect("a URL");
        let connection = client.get_multiplexed_async_connection().await;
        let (name, arguments) = command.split_first().expect("a command");
        let mut command = cmd(name);
        for argument in arguments {
            command.arg(argument);
        }
        command.query_async(&mut connection.expect("a connection")).await.expect("an answer")
    }

    /// A store whose server remembers for long enough to know about every link.
    ///
    /// # Panics
    ///
    /// If the server does not work.
    pub async fn old_store(&self) -> Redis {
        let store = self.store();
        store.check().await.expect("the server works");
        self.remembers_for_long().await;
        store
    }

    /// Makes the server one that remembers for long enough to know about every link. A store must have
    /// checked it before.
    pub async fn remembers_for_long(&self) {
        self.remembers_since(1000).await;
    }

    /// Makes the server one that remembers since this Unix time, for each installation. A store must have checked it
    /// before.
    ///
    /// # Panics
    ///
    /// If none has.
    pub async fn remembers_since(&self, seconds: i64) {
        let keys: Vec<String> = self.run(&["KEYS", "whmcs-auth:*:since:*"]).await;
        assert!(!keys.is_empty(), "no store has checked the server");
        for key in keys {
            self.run::<()>(&["SET", &key, &seconds.to_string()]).await;
        }
    }
}

/// Starts the program, and waits until it listens. `None` if another program listens on the port.
fn run(port: u16, folder: &TempDir, options: &[&str]) -> Option<Child> {
    let program = env::var("REDIS_SERVER").unwrap_or("redis-server".to_owned());
    let (log, clock) = (folder.path().join("log"), folder.path().join("clock.so"));
    let mut command = Command::new(&program);
    if clock.exists() {
        command.env("LD_PRELOAD", clock).env("CLOCK_AHEAD", folder.path().join("clock"));
    }
    let process = command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
        .arg(folder.path())
        .args(options)
        .stdout(File::create(&log).expect("a log"))
        .spawn();
    let mut process = process.unwrap_or_else(|error| panic!("{program} does not start: {error}"));
    let start = Instant::now();
    loop {
        let log = fs::read_to_string(&log).expect("a log");
        if log.contains("Ready to accept connections") {
            return Some(process);
        }
        if process.try_wait().expect("a process").is_some() {
            assert!(log.contains("Address already in use"), "{program} ended: {log}");
            return None;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{program} does not listen: {log}");
        sleep(Duration::from_millis(10));
    }
}

impl Drop for TestRedis {
    fn drop(&mut self) {
        self.kill();
    }
}
