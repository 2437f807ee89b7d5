//! Counts instructions, as callgrind does: to the one, whatever else the machine is doing. It does not
//! know the instructions for SHA, so it counts what a processor without them would do.

use std::hint::black_box;
use std::ops::Range;
use std::path::PathBuf;
use std::process::{Command, exit};
use std::{env, fs};

use crate::Work;

/// Says to the program that it runs under callgrind, and what it is to run: the first and the end.
const RANGE: &str = "COUNTED_RANGE";

/// What callgrind counts, and after each call of which it writes down the count.
#[inline(never)]
#[unsafe(no_mangle)]
fn measured(work: &dyn Fn() -> &'static str) -> &'static str {
    black_box(work())
}

/// The instructions of each piece of work, which must end with its code.
///
/// The program runs itself under valgrind: there this function does not return.
pub fn counts(works: &[(&'static str, &Work)]) -> Vec<u64> {
    if let Ok(range) = env::var(RANGE) {
        let (first, end) = range.split_once(' ').expect("two indices");
        let index = |text: &str| text.parse().expect("an index");
        for (code, work) in &works[index(first)..index(end)] {
            // Whatever is done once, such as asking the processor what it can, is done before.
            assert_eq!(work(), *code);
            assert_eq!(measured(work), *code);
        }
        exit(0);
    }
    // Two at a time: what else the machine does is not counted.
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

/// A new one, which is gone when this is dropped.
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
        // What is left behind does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
