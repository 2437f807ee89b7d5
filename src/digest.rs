//! Digests of what was presented, bcrypt among them, and their comparison in constant time.
//!
//! Presented hex is decoded, an expected digest is never encoded: encoders look tables up by the
//! digest's nibbles.

use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq};

#[cfg(test)]
use self::work::Work;

/// The digest of a login link.
pub(crate) fn autoauth(email: &str, timestamp: &str, key: &[u8]) -> [u8; 20] {
    #[cfg(test)]
    work::note(Work::Sha1);
    let mut signed = Sha1::new();
    signed.update(email);
    signed.update(timestamp);
    signed.update(key);
    // `finalize` would move the state, and wait until what was just written can be read.
    signed.finalize_reset().into()
}

/// The MD5 digest of `bytes`.
pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    #[cfg(test)]
    work::note(Work::Md5);
    Md5::digest(bytes).into()
}

/// The SHA-256 digest of `bytes`.
#[cfg(feature = "sha2")]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    #[cfg(test)]
    work::note(Work::Sha256);
    sha2::Sha256::digest(bytes).into()
}

/// Exactly `2 * N` hexadecimal digits of either case. Without a branch on any one of them, as some are
/// of a stored digest; with one, as `hex::decode_to_slice` has it, it also takes longer.
pub(crate) fn decode_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let (pairs, rest) = text.as_bytes().as_chunks();
    let pairs: &[_; N] = pairs.try_into().ok().filter(|_| rest.is_empty())?;
    let high = pairs.map(|[digit, _]| hex_value(digit));
    let low = pairs.map(|[_, digit]| hex_value(digit));
    let mut bytes = [0; N];
    let mut all = 0;
    for (byte, (high, low)) in bytes.iter_mut().zip(high.into_iter().zip(low)) {
        *byte = (high << 4).wrapping_add(low);
        all |= high | low;
    }
    (all != NO_DIGIT).then_some(bytes)
}

/// Every bit, which no digits have together.
const NO_DIGIT: u8 = 255;

/// What a hexadecimal digit is worth.
fn hex_value(digit: u8) -> u8 {
    let decimal = digit.wrapping_sub(b'0');
    let letter = (digit | 0x20).wrapping_sub(b'a');
    if decimal < 10 {
        decimal
    } else if letter < 6 {
        letter.wrapping_add(10)
    } else {
        NO_DIGIT
    }
}

/// Whether two byte strings are equal. The time depends on their lengths alone.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> Choice {
    #[cfg(test)]
    work::note(Work::Comparison(a.len()));
    if a.len() != b.len() {
        return Choice::from(0);
    }
    // Folded by words: a loop over bytes takes three times as long for 32 of them.
    let (a_words, a_rest) = a.as_chunks();
    let (b_words, b_rest) = b.as_chunks();
    let mut difference = 0;
    for (a, b) in a_words.iter().zip(b_words) {
        difference |= u32::from_ne_bytes(*a) ^ u32::from_ne_bytes(*b);
    }
    for (a, b) in a_rest.iter().zip(b_rest) {
        difference |= u32::from(a ^ b);
    }
    difference.ct_eq(&0)
}

/// The one place where the outcome of a comparison becomes something to branch on.
#[inline(never)]
pub(crate) fn declassify(outcome: Choice) -> bool {
    #[cfg(test)]
    work::note(Work::PublicOutcome);
    #[cfg(ctgrind)]
    let outcome = {
        let mut bit = outcome.unwrap_u8();
        if let Some(declassify) = DECLASSIFY.get() {
            declassify(&mut bit);
        }
        Choice::from(bit)
    };
    outcome.into()
}

/// How the check for constant time, which builds with `--cfg ctgrind`, learns of each outcome that
/// is public from here on.
#[cfg(ctgrind)]
pub static DECLASSIFY: std::sync::OnceLock<fn(&mut u8)> = std::sync::OnceLock::new();

/// What unit tests count: every piece of work on a secret, in the order in which it was done.
#[cfg(test)]
pub(crate) mod work {
    use std::cell::RefCell;
    use std::vec::Vec;

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) enum Work {
        Sha1,
        Md5,
        #[cfg(feature = "sha2")]
        Sha256,
        #[cfg(feature = "bcrypt")]
        Bcrypt {
            cost: u32,
        },
        /// Of two byte strings, the first of that length.
        Comparison(usize),
        /// From here on the program may branch on the outcome.
        PublicOutcome,
    }

    std::thread_local! {
        static DONE: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn note(work: Work) {
        DONE.with_borrow_mut(|done| done.push(work));
    }

    /// What a call does.
    pub(crate) fn of<T>(call: impl FnOnce() -> T) -> (T, Vec<Work>) {
        DONE.take();
        let result = call();
        (result, DONE.take())
    }
}
