//! A thread of its own writes the log. If the output is full, slow or closed, lines are lost and counted, and
//! requests are still answered.
//!
//! `tracing-appender` has the thread and the queue. This module adds what it lacks. Lines that the output refused
//! are counted. The program can ask whether the log is written now. The end of the program does not wait forever for
//! an output that nobody reads. After a full disk, the next line does not join half of the last one.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// The most lines that wait for the thread. More are lost.
const WAITING_LINES: usize = 10_000;

/// How long the end of the process waits for the lines that are not written yet.
const END_TIME: Duration = Duration::from_secs(2);

/// How long lines may be lost before the log counts as broken. A burst may fill the queue for a moment.
const TOLERATED: Duration = Duration::from_secs(1);

/// The thread that writes the log. Call [`end`](Self::end) before the process ends.
pub struct LogWriter {
    guard: WorkerGuard,
    monitor: LogMonitor,
}

impl LogWriter {
    /// Starts the thread. The [`NonBlocking`] is for the subscriber of `tracing`.
    pub fn start(output: impl Write + Send + 'static) -> (NonBlocking, Self) {
        let monitor = LogMonitor::new();
        let output = Lines { output, is_line_cut: false, monitor: monitor.clone() };
        let (lines, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING_LINES)
            .lossy(true)
            .thread_name("log")
            .finish(output);
        // Cannot fail: nobody else sets it.
        let _ = monitor.0.queue_full.set(lines.error_counter());
        (lines, Self { guard, monitor })
    }

    /// Tells whether lines were lost.
    pub fn monitor(&self) -> LogMonitor {
        self.monitor.clone()
    }

    /// Writes the lines that wait, but gives up after two seconds.
    pub fn end(self) {
        let (done, ended) = mpsc::channel();
        // In a thread, because dropping the guard may print to a standard output that nobody reads.
        let end = thread::Builder::new().spawn(move || {
            drop(self.guard);
            let _ = done.send(());
        });
        if end.is_ok() {
            let _ = ended.recv_timeout(END_TIME);
        }
    }
}

/// Counts the lines that were lost.
#[derive(Clone, Debug)]
pub struct LogMonitor(Arc<State>);

#[derive(Debug)]
struct State {
    /// Lines that did not fit into the queue.
    queue_full: OnceLock<ErrorCounter>,
    /// Lines that the output did not take.
    write_failed: AtomicU64,
    last_written: Mutex<LastWritten>,
}

/// The last line that was written whole.
#[derive(Debug)]
struct LastWritten {
    at: Instant,
    /// How many lines had been lost until then.
    lost: u64,
}

/// The monitor of a log that loses no lines.
impl Default for LogMonitor {
    fn default() -> Self {
        Self::new()
    }
}

impl LogMonitor {
    fn new() -> Self {
        Self(Arc::new(State {
            queue_full: OnceLock::new(),
            write_failed: AtomicU64::new(0),
            last_written: Mutex::new(LastWritten { at: Instant::now(), lost: 0 }),
        }))
    }

    /// Lines that were lost because too many others waited.
    pub(crate) fn queue_full(&self) -> u64 {
        let dropped = self.0.queue_full.get().map_or(0, ErrorCounter::dropped_lines);
        u64::try_from(dropped).unwrap_or(u64::MAX)
    }

    /// Lines that were lost because the output did not take them.
    pub(crate) fn write_failed(&self) -> u64 {
        self.0.write_failed.load(Ordering::Relaxed)
    }

    /// All lines that were lost.
    pub(crate) fn lost(&self) -> u64 {
        self.queue_full().saturating_add(self.write_failed())
    }

    /// Whether lines are written. It is false if lines were lost and none was written for a second.
    pub(crate) fn is_writing(&self) -> bool {
        let last = self.0.last_written.lock().unwrap_or_else(PoisonError::into_inner);
        last.lost == self.lost() || last.at.elapsed() < TOLERATED
    }

    fn written(&self) {
        let lost = self.lost();
        let mut last = self.0.last_written.lock().unwrap_or_else(PoisonError::into_inner);
        *last = LastWritten { at: Instant::now(), lost };
    }
}

/// Writes whole lines, and never reports an error.
struct Lines<W> {
    output: W,
    /// Whether the last line was written in part.
    is_line_cut: bool,
    monitor: LogMonitor,
}

impl<W: Write> Lines<W> {
    fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        if self.is_line_cut {
            self.output.write_all(b"\n")?;
            self.is_line_cut = false;
        }
        let mut rest = line;
        while !rest.is_empty() {
            let count = match self.output.write(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.is_line_cut = true;
            rest = rest.get(count..).unwrap_or_default();
        }
        self.is_line_cut = false;
        self.output.flush()
    }
}

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.write_line(line) {
            Ok(()) => self.monitor.written(),
            Err(_) => drop(self.monitor.0.write_failed.fetch_add(1, Ordering::Relaxed)),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Is interrupted, takes a number of bytes, and then fails.
    #[derive(Default)]
    struct Disk {
        interruptions: usize,
        free: usize,
        text: Vec<u8>,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.interruptions > 0 {
                self.interruptions -= 1;
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = bytes.len().min(self.free);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.free -= count;
            self.text.extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn after_a_full_disk_the_next_line_starts_anew() {
        let monitor = LogMonitor::new();
        let output = Disk { free: 9, ..Disk::default() };
        let mut lines = Lines { output, is_line_cut: false, monitor: monitor.clone() };
        for line in ["first\n", "second\n", "third\n"] {
            lines.write_all(line.as_bytes()).unwrap();
        }
        assert_eq!(lines.output.text, b"first\nsec");
        assert_eq!((monitor.write_failed(), monitor.queue_full(), monitor.lost()), (2, 0, 2));
        lines.output.free = 100;
        lines.write_all(b"fourth\n").unwrap();
        assert_eq!(lines.output.text, b"first\nsec\nfourth\n");
        assert_eq!(monitor.lost(), 2);
    }

    #[test]
    fn a_write_that_is_interrupted_is_tried_again() {
        let monitor = LogMonitor::new();
        let output = Disk { interruptions: 2, free: 100, text: Vec::new() };
        let mut lines = Lines { output, is_line_cut: false, monitor: monitor.clone() };
        lines.write_all(b"line\n").unwrap();
        assert_eq!((&lines.output.text[..], monitor.lost()), (&b"line\n"[..], 0));
    }

    #[test]
    fn a_log_that_writes_nothing_for_a_second_is_broken() {
        let monitor = LogMonitor::new();
        let output = Disk::default();
        let mut lines = Lines { output, is_line_cut: false, monitor: monitor.clone() };
        lines.write_all(b"lost\n").unwrap();
        assert!(monitor.is_writing(), "a moment is tolerated");
        thread::sleep(TOLERATED + Duration::from_millis(100));
        assert!(!monitor.is_writing());
        lines.output.free = 100;
        lines.write_all(b"written\n").unwrap();
        assert!(monitor.is_writing());
        thread::sleep(TOLERATED + Duration::from_millis(100));
        assert!(monitor.is_writing(), "no further line was lost");
    }
}
