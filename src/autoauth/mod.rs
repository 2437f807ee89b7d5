//! Whether a login link is genuine, and still in its window.

pub(crate) mod goto;
pub(crate) mod key;
pub(crate) mod login;
pub(crate) mod policy;
pub(crate) mod refusal;
#[cfg(feature = "std")]
pub mod replay;
pub(crate) mod request;
#[cfg(feature = "form")]
pub(crate) mod sign;

use alloc::borrow::Cow;
use core::time::Duration;

use subtle::{Choice, ConditionallySelectable};
use time::OffsetDateTime;

use self::key::AutoAuthKeys;
use self::login::{AutoAuthLogin, ReplayKey};
use self::policy::AutoAuthPolicy;
use self::refusal::AutoAuthRefusal;
use self::request::AutoAuthRequest;
use crate::clock::Clock;
use crate::digest::{autoauth, declassify, decode_hex, equal};
use crate::field::{Field, Malformed};

/// Says for whom a login link is, or why it is refused.
///
/// 1. Without a key, AutoAuth is disabled.
/// 2. `email`, `timestamp` and `hash` must be present, the timestamp exactly ten ASCII digits, the
///    first not 0, and the hash 40 hexadecimal digits of either case.
/// 3. If the e-mail holds a space, every space is read as `+`, and only that text is hashed and
///    returned: links are often made without percent-encoding the e-mail.
/// 4. The hash must be sha1(e-mail ++ timestamp ++ key) over the text as received, for one of the
///    keys. All of them are tried.
/// 5. Only then the clock is asked: its whole seconds and the timestamp may be 900 s apart, in
///    either direction, both ends accepted.
/// 6. `goto` is checked by [`Goto`](crate::Goto), and what it refuses does not refuse the link. Like
///    any field it is malformed over its cap and where it is not UTF-8.
/// 7. The login carries what a one-time store needs: the 20 bytes of the digest as
///    [replay key](AutoAuthLogin::replay_key), and
///    [until when](AutoAuthLogin::remember_until) to remember it.
/// 8. [`check_account`](AutoAuthLogin::check_account) compares the stored e-mail of the account that
///    was found with the signed one.
///
/// Source: the formula and the 15 minutes are documented by WHMCS, which removed AutoAuth in 8.1;
/// the shape of the timestamp, the boundary and the treatment of `goto` are this crate's.
///
/// # Errors
///
/// [`AutoAuthRefusal`], in the order of the rules.
///
/// # Security
///
/// The time depends on the length of the e-mail, on the number of keys and their lengths, and on
/// whether the e-mail holds a space. It does not depend on the digests, on which key matched, nor
/// on where two digests differ.
///
/// A link can be used again until its window closes, and the hash does not cover `goto`. To accept
/// each link once, remember [`AutoAuthLogin::replay_key`]. After the look-up of the account, ask
/// [`AutoAuthLogin::check_account`].
///
/// # Examples
///
/// ```
/// use time::{Duration, OffsetDateTime};
/// use whmcs_auth::{
///     AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, Refusal, verify_autoauth,
/// };
///
/// let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
/// let policy = AutoAuthPolicy::new();
/// let signed = OffsetDateTime::from_unix_timestamp(1290100706)?;
/// let request = AutoAuthRequest::from_pairs([
///     ("email", "demo@whmcs.com"),
///     ("timestamp", "1290100706"),
///     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
///     ("goto", "clientarea.php?action=products"),
/// ]);
///
/// let login = verify_autoauth(&request, &keys, &(signed + Duration::minutes(15)), &policy)?;
/// assert_eq!(login.email(), "demo@whmcs.com");
/// assert_eq!(login.goto().target_or("clientarea.php"), "clientarea.php?action=products");
///
/// let late = signed + Duration::seconds(901);
/// let refusal = verify_autoauth(&request, &keys, &late, &policy).unwrap_err();
/// assert_eq!(refusal.to_string(), "the link is genuine and expired 1 s ago");
/// assert_eq!(refusal.public_message(), "This login link has expired.");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn verify_autoauth<'r, C: Clock + ?Sized>(
    request: &'r AutoAuthRequest<'_>,
    keys: &AutoAuthKeys,
    clock: &C,
    policy: &AutoAuthPolicy,
) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    if keys.is_empty() {
        return Err(AutoAuthRefusal::Disabled);
    }
    if let Some(fault) = request.malformed() {
        return Err(fault.into());
    }
    let email = read_email(request.fields.required(Field::Email)?, policy)?;
    let timestamp_text = request.fields.required(Field::Timestamp)?;
    let timestamp = read_timestamp(timestamp_text)?;
    let Some(presented) = decode_hex(request.fields.required(Field::Hash)?) else {
        return Err(Malformed::HashFormat.into());
    };

    let key_index =
        find_key(&email, timestamp_text, keys, &presented).ok_or(AutoAuthRefusal::HashMismatch)?;
    check_window(timestamp, clock.now(), policy)?;

    Ok(AutoAuthLogin {
        is_repaired: matches!(email, Cow::Owned(_)),
        email,
        timestamp,
        key_index,
        goto: request.goto(),
        replay_key: ReplayKey(presented),
        forget_at: forget_at(timestamp, policy),
    })
}

fn read_email<'r>(
    received: &'r str,
    policy: &AutoAuthPolicy,
) -> Result<Cow<'r, str>, AutoAuthRefusal> {
    if !received.contains(' ') {
        Ok(Cow::Borrowed(received))
    } else if policy.space_as_plus {
        Ok(Cow::Owned(received.replace(' ', "+")))
    } else {
        Err(Malformed::SpaceInEmail.into())
    }
}

/// Exactly ten digits, the first not 0: a digit that wandered over from the e-mail or the key
/// would make it nine or eleven. Plain decimals would let it wander.
fn read_timestamp(text: &str) -> Result<i64, Malformed> {
    match *text.as_bytes() {
        // A sign could only come first, so the other nine are digits if they parse.
        [b'1'..=b'9', ref rest @ ..] if rest.len() == 9 => {
            text.parse().map_err(|_| Malformed::TimestampFormat)
        }
        _ => Err(Malformed::TimestampFormat),
    }
}

/// Tries every key, without a branch on the outcome of any one.
fn find_key(
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

fn check_window(
    timestamp: i64,
    now: OffsetDateTime,
    policy: &AutoAuthPolicy,
) -> Result<(), AutoAuthRefusal> {
    let now = now.unix_timestamp();
    let apart = timestamp.abs_diff(now);
    let over = |limit: Duration| match apart.saturating_sub(limit.as_secs()) {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    };
    if now < 0 {
        Err(AutoAuthRefusal::ClockBefore1970)
    } else if timestamp <= now {
        over(policy.past_limit).map_or(Ok(()), |by| Err(AutoAuthRefusal::Expired { by }))
    } else {
        over(policy.future_limit).map_or(Ok(()), |by| Err(AutoAuthRefusal::FromFuture { by }))
    }
}

/// The first second after the window.
fn forget_at(timestamp: i64, policy: &AutoAuthPolicy) -> i64 {
    timestamp.saturating_add_unsigned(policy.past_limit.as_secs()).saturating_add(1)
}
