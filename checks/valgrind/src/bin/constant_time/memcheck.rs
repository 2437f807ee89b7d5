//! Marks secrets for memcheck.
//!
//! Memcheck keeps one bit beside every bit of memory and of every register. It says whether the program
//! has given that bit a value. The bits move with the data: the sum of a defined and an undefined number is
//! undefined. Memcheck reports an error where a branch or an address depends on an undefined bit.
//!
//! Those are the two ways in which a secret shows in the time that code takes: by a branch, or by the place
//! in a table. So the check declares each secret to be undefined, although the memory holds its text, and
//! runs the library. Each error is then a place where the time depends on the secret.
//!
//! A program under valgrind asks for such a mark with a fixed sequence of instructions. On a processor it
//! does nothing. Valgrind knows the sequence and reads the request from the registers.

use std::arch::asm;
use std::sync::atomic::{AtomicUsize, Ordering};

const RUNNING_ON_VALGRIND: usize = 0x1001;
const COUNT_ERRORS: usize = 0x1201;
const MAKE_UNDEFINED: usize = 0x4d43_0001;
const MAKE_DEFINED: usize = 0x4d43_0002;

pub fn is_running() -> bool {
    ask(RUNNING_ON_VALGRIND, 0, 0) != 0
}

/// The number of errors so far. An error that occurs twice counts twice.
pub fn errors() -> usize {
    ask(COUNT_ERRORS, 0, 0)
}

/// The text, marked as secret.
pub fn marked(text: &str) -> String {
    marked_after("", text)
}

/// Two texts as one, of which the second is marked as secret.
pub fn marked_after(public: &str, text: &str) -> String {
    let whole = format!("{public}{text}");
    ask(MAKE_UNDEFINED, whole.as_ptr().addr() + public.len(), text.len());
    whole
}

static REVEALED_OUTCOMES: AtomicUsize = AtomicUsize::new(0);

/// How many outcomes the library has revealed so far.
pub fn revealed_outcomes() -> usize {
    REVEALED_OUTCOMES.load(Ordering::Relaxed)
}

/// Marks an outcome as revealed: from here on the library may branch on it.
pub fn declassify(bit: &mut u8) {
    REVEALED_OUTCOMES.fetch_add(1, Ordering::Relaxed);
    ask(MAKE_DEFINED, std::ptr::from_mut(bit).addr(), 1);
}

fn ask(request: usize, address: usize, length: usize) -> usize {
    let words = [request, address, length, 0, 0, 0];
    let mut answer = 0;
    // Safety: `rdi` is rotated by 128 bits in all, and `rbx` is exchanged with itself, so both keep their
    // values. Valgrind reads `words` and writes `answer`. The marks lie in memory of valgrind.
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
