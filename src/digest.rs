//! SHA-1, MD5 and SHA-256, hexadecimal digits, and comparison in constant time.
//!
//! To compare a digest with presented hex, the presented hex is decoded. The expected digest is never
//! encoded, because an encoder looks up a table by the digest's bits.

use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::{Choice, ConstantTimeEq};

#[cfg(test)]
use self::work::Work;

/// The SHA-1 that signs a login link: e-mail, timestamp and key, without separators.
pub(crate) fn autoauth(email: &str, timestamp: &str, key: &[u8]) -> [u8; 20] {
    #[cfg(test)]
    work::note(Work::Sha1);
    let mut signed = Sha1::new();
    signed.update(email);
    signed.update(timestamp);
    signed.update(key);
    // Faster than `finalize`, which moves the hash state that was just written.
    signed.finalize_reset().into()
}

pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    #[cfg(test)]
    work::note(Work::Md5);
    Md5::digest(bytes).into()
}

#[cfg(feature = "sha2")]
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    #[cfg(test)]
    work::note(Work::Sha256);
    sha2::Sha256::digest(bytes).into()
}

/// Decodes exactly `2 * N` hexadecimal digits of either case. `None` for any other text.
///
/// Stored digests pass through here, so no branch and no look-up depends on a single digit: the
/// compiler turns the `if`s of [`hex_value`] into selections. Memcheck reports one branch for a whole
/// text, on whether all of it is hexadecimal. `hex::decode_to_slice` branches on each digit and is
/// slower. The crate base16ct was also slower: `docs/architecture.md` says by how much.
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

/// It has all bits set. The value of a digit sets only the low four bits, so an OR of digit values never
/// equals it.
const NO_DIGIT: u8 = 255;

/// The value of a hexadecimal digit, or [`NO_DIGIT`].
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

/// Whether two byte strings are equal. The time depends only on their lengths.
pub(crate) fn equal(a: &[u8], b: &[u8]) -> Choice {
    #[cfg(test)]
    work::note(Work::Comparison(a.len()));
    if a.len() != b.len() {
        return Choice::from(0);
    }
    // Word by word, because a loop over bytes is slower: see `docs/architecture.md`.
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

/// Reveals the outcome of a comparison as a `bool`. Nothing else in this crate does, so every branch
/// on an outcome starts here.
#[inline(never)]
pub(crate) fn declassify(outcome: Choice) -> bool {
    #[cfg(test)]
    work::note(Work::RevealedOutcome);
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

/// Reveals the number that chooses a place in the cache. It depends on a stored bcrypt text and on the key of
/// the cache, and on nothing that was presented.
#[cfg(feature = "cache")]
#[inline(never)]
pub(crate) fn declassify_place(place: u64) -> u64 {
    #[cfg(ctgrind)]
    let place = {
        let mut bytes = place.to_ne_bytes();
        if let Some(declassify) = DECLASSIFY.get() {
            bytes.iter_mut().for_each(declassify);
        }
        u64::from_ne_bytes(bytes)
    };
    place
}

/// The hook that the constant-time check sets. [`declassify`] calls it with each outcome, and the check
/// then tells memcheck that the outcome is revealed. Exists only with `--cfg ctgrind`.
#[cfg(ctgrind)]
pub static DECLASSIFY: std::sync::OnceLock<fn(&mut u8)> = std::sync::OnceLock::new();

/// Records the work that is done on secrets, in order, so that unit tests can compare it.
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
        /// A cache was asked for a match.
        #[cfg(feature = "cache")]
        Recall,
        /// The length of the first of the two byte strings.
        Comparison(usize),
        /// [`declassify`](super::declassify) was called.
        RevealedOutcome,
    }

    std::thread_local! {
        static DONE: RefCell<Vec<Work>> = const { RefCell::new(Vec::new()) };
    }

    pub(crate) fn note(work: Work) {
        DONE.with_borrow_mut(|done| done.push(work));
    }

    /// The result of a call, and the work that it did.
    pub(crate) fn of<T>(call: impl FnOnce() -> T) -> (T, Vec<Work>) {
        DONE.take();
        let result = call();
        (result, DONE.take())
    }
}
