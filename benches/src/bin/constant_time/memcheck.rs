//! Requests to valgrind, as a program under it makes them: a sequence of instructions that does
//! nothing, and that valgrind knows.

use std::arch::asm;
use std::sync::atomic::{AtomicUsize, Ordering};

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MAKE_UNDEFINED: usize = 0x4d43_0001;
const MAKE_DEFINED: usize = 0x4d43_0002;

pub fn is_running() -> bool {
    ask(RUNNING_ON_VALGRIND, 0, 0) != 0
}

/// How many errors were seen so far, each as often as it occurred.
pub fn errors() -> usize {
    ask(COUNT_ERRORS, 0, 0)
}

/// The text, as a secret: whatever branches on it, or looks something up by it, is an error.
pub fn marked(text: &str) -> String {
    let text = text.to_owned();
    ask(MAKE_UNDEFINED, text.as_ptr().addr(), text.len());
    text
}

static PUBLIC_OUTCOMES: AtomicUsize = AtomicUsize::new(0);

/// How many outcomes were public so far.
pub fn public_outcomes() -> usize {
    PUBLIC_OUTCOMES.load(Ordering::Relaxed)
}

/// What memcheck is told of an outcome that is public.
pub fn declassify(bit: &mut u8) {
    PUBLIC_OUTCOMES.fetch_add(1, Ordering::Relaxed);
    ask(MAKE_DEFINED, std::ptr::from_mut(bit).addr(), 1);
}

fn ask(request: usize, address: usize, length: usize) -> usize {
    let words = [request, address, length, 0, 0, 0];
    let mut answer = 0;
    // Safety: `rdi` is rotated by 128 bits in all, and `rbx` is exchanged with itself. Valgrind reads
    // the words and writes the answer; what it marks is memory of its own.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") words.as_ptr(),
            inout("rdx") answer,
        );
    }
    answer
}
