//! The text that is hashed (LINK-3), and the keys that are tried (LINK-4).

use alloc::borrow::Cow;

use subtle::{Choice, ConditionallySelectable};

use super::key::AutoAuthKeys;
use super::policy::AutoAuthPolicy;
use crate::digest::{autoauth, declassify, equal};
use crate::field::Malformed;

/// LINK-3: the e-mail as it was signed.
pub(super) fn signed_email<'r>(
    received: &'r str,
    policy: &AutoAuthPolicy,
) -> Result<Cow<'r, str>, Malformed> {
    if !received.contains(' ') {
        Ok(Cow::Borrowed(received))
    } else if policy.space_as_plus {
        Ok(Cow::Owned(received.replace(' ', "+")))
    } else {
        Err(Malformed::SpaceInEmail)
    }
}

/// LINK-4: tries every key, and branches only on whether any key matched.
pub(super) fn find_key(
    email: &str,
    timestamp: &str,
    keys: &AutoAuthKeys,
    presented: &[u8; 20],
) -> Option<usize> {
    let mut genuine = Choice::from(0);
    let mut matched = 0;
    for (index, key) in (0_u64..).zip(keys.iter()) {
        let outcome = equal(&autoauth(email, timestamp, key.as_bytes()), presented);
        matched.conditional_assign(&index, outcome);
        genuine |= outcome;
    }
    declassify(genuine).then(|| usize::try_from(matched).unwrap_or(usize::MAX))
}
