//! Counts the instructions of a piece of work with valgrind's callgrind. The count is exact and does not
//! depend on what else the machine does. Valgrind hides the SHA instructions of the processor, so the count
//! is that of a processor without them.

use std::hint::black_box;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, exit};
use std::{env, fs};

use crate::Work;

/// The variable that is set where the program runs under callgrind. It holds the range of the works to run.
const RANGE: &str = "COUNTED_RANGE";

/// Callgrind counts inside this function alone, and writes the count down after each call.
#[inline(never)]
#[unsafe(no_mangle)]
fn measured(work: &dyn Fn() -> &'static str) -> &'static str {
    black_box(work())
}

/// The instructions of each piece of work, which must return the code beside it.
///
/// The program runs itself under valgrind. In that run, this function does not return.
pub fn counts(works: &[(&'static str, &Work)]) -> Vec<u64> {
    if let Ok(range) = env::var(RANGE) {
        let (first, end) = range.split_once(' ').expect("two indices");
        let index = |text: &str| text.parse().expect("an index");
        for (code, work) in &works[index(first)..index(end)] {
            // The first call also pays for what a process does once, such as detecting CPU features.
            assert_eq!(work(), *code);
            assert_eq!(measured(work), *code);
        }
        exit(0);
    }
    // Two runs at a time: other load does not change a count.
    let (middle, end) = (works.len() / 2, works.len());
    std::thread::scope(|scope| {
        let second_half = scope.spawn(move || count(middle..end));
        let mut counts = count(0..middle);
        counts.extend(second_half.join().expect("every piece was counted"));
        counts
    })
}

fn count(range: Range<usize>) -> Vec<u64> {
    let program = env::current_exe().expect("this program's path");
    let directory = Directory::new(&format!("counts-{}-{}", std::process::id(), range.start));
    let written = directory.0.join("of");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--toggle-collect=measured", "--dump-after=measured"])
        .arg(format!("--callgrind-out-file={}", written.display()))
        .arg(program)
        .env(RANGE, format!("{} {}", range.start, range.end))
        .output()
        .expect("valgrind runs");
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let count = |call: usize| -> Option<u64> {
        let written = fs::read_to_string(written.with_extension(call.to_string())).ok()?;
        let count = written.lines().find_map(|line| line.strip_prefix("totals: "));
        count?.parse().ok()
    };
    let counts = (1..=range.len()).map(|call| count(call).expect("a count of each call"));
    counts.collect()
}

/// A new directory, which is removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("a new directory");
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A directory that is left behind does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
