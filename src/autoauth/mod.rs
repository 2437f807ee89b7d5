//! Login links.
//!
//! The docs of [`verify_autoauth`] list the rules LINK-1 to LINK-8. This is where each one is
//! applied:
//!
//! | rule | place |
//! |---|---|
//! | LINK-1 | here, and `key.rs` for keys and sets of keys |
//! | LINK-2, LINK-4 | here |
//! | LINK-3, LINK-5 | here, with the settings of `policy.rs` |
//! | LINK-6 | `goto.rs` |
//! | LINK-7 | `login.rs`; `replay.rs` remembers used links |
//! | LINK-8 | `login.rs` |

pub(crate) mod account;
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

/// Verifies a login link: returns the login of a genuine link inside its window, or the refusal.
///
/// The rules, in the order in which they are applied:
///
/// - **LINK-1**: Without a key, AutoAuth is disabled and every link is refused. A key holds at
///   least one visible character. No key of a set equals another key or ends with another key,
///   because two such keys could share a hash; [`AutoAuthKeys`](crate::AutoAuthKeys) refuses such a
///   set.
/// - **LINK-2**: `email`, `timestamp` and `hash` are present. The timestamp is exactly ten ASCII
///   digits, and the first digit is not 0. So e-mail ++ timestamp ++ key can be read in one way
///   only: a digit cannot move from one of them to the next.
/// - **LINK-3**: If the e-mail holds a space, every space is read as `+`. Many programs make links
///   without percent-encoding the e-mail, and a decoder turns its `+` into a space. Only the text
///   with `+` is hashed and returned, and [`is_repaired`](AutoAuthLogin::is_repaired) reports the
///   change. [`with_space_as_plus(false)`](AutoAuthPolicy::with_space_as_plus) refuses such links.
/// - **LINK-4**: The hash is SHA-1 of e-mail ++ timestamp ++ key. The text is hashed as it was
///   received and decoded, with the change of LINK-3 and no other. The field `hash` holds 40
///   hexadecimal digits, in either case. These digits are decoded; an expected digest is never
///   encoded. All keys are tried, and [`key_index`](AutoAuthLogin::key_index) reports the one that
///   matched.
/// - **LINK-5**: The clock is read only after the hash was found genuine. Its time in whole seconds
///   and the timestamp are at most 900 s apart, in either direction; exactly 900 s is accepted.
///   [`AutoAuthPolicy`] sets separate limits for the past and for the future. So only a genuine
///   link is reported as expired or as coming from the future.
/// - **LINK-6**: The hash does not cover `goto`. A `goto` is offered only if it matches the grammar
///   of [`Goto`](crate::Goto). The text of a refused `goto` cannot be read, and an offered `goto`
///   cannot be changed. A refused `goto` does not refuse the link.
/// - **LINK-7**: The login carries a [replay key](AutoAuthLogin::replay_key), the 20 bytes of the
///   digest, and [until when](AutoAuthLogin::remember_until) to remember it.
/// - **LINK-8**: After the look-up, [`check_account`](AutoAuthLogin::check_account) takes all
///   accounts that were found. It returns the one whose stored e-mail equals the signed e-mail,
///   without ASCII case and without Unicode folding.
///
/// The rules FIELD-1 to FIELD-7 of [`Field`](crate::Field) are applied between LINK-1 and LINK-2.
/// They limit the e-mail to 254 bytes, the hash to 40 and `goto` to 2048. A `goto` that is too long
/// or not UTF-8 is malformed like any other field, and the link is refused.
///
/// Source: WHMCS documents the formula of the hash and the 15 minutes; it removed AutoAuth in
/// version 8.1. Its own sample leaves the e-mail unencoded, and so do public generators of links.
/// The shape of the timestamp, the accepted boundary and the grammar of `goto` are decisions of
/// this crate.
///
/// # Errors
///
/// If a link breaks several rules, the first row of this table that applies is returned.
///
/// | refusal | when |
/// |---|---|
/// | [`Disabled`](AutoAuthRefusal::Disabled) | `keys` is empty (LINK-1) |
/// | [`Malformed`](AutoAuthRefusal::Malformed) | a rule of [`Field`](crate::Field), LINK-2 or LINK-3 is broken, or the hash is not 40 hexadecimal digits |
/// | [`HashMismatch`](AutoAuthRefusal::HashMismatch) | no key gives the hash (LINK-4) |
/// | [`ClockBefore1970`](AutoAuthRefusal::ClockBefore1970) | the link is genuine, and the clock is before 1970 |
/// | [`Expired`](AutoAuthRefusal::Expired) | the link is genuine, and older than the limit (LINK-5) |
/// | [`FromFuture`](AutoAuthRefusal::FromFuture) | the link is genuine, and further ahead of the clock than the limit (LINK-5) |
///
/// # Security
///
/// The time depends on the shape of the request, on the length of the e-mail and whether it holds a
/// space, on the number of keys and their lengths, and on whether the link is accepted. It does not
/// depend on the digests, on which key matched, or on where two digests differ.
///
/// A link can be used again until its window closes. To accept each link once, remember its [replay
/// key](AutoAuthLogin::replay_key). After the look-up of the account, always call
/// [`check_account`](AutoAuthLogin::check_account).
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
///
/// // All accounts that the database found for the e-mail.
/// let found = ["demo@whmcs.com"];
/// let login = login.check_account(found, |email| email)?.repeatable();
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

impl AutoAuthRequest<'_> {
    /// Verifies the link, as [`verify_autoauth`] does.
    ///
    /// # Errors
    ///
    /// Those of [`verify_autoauth`].
    pub fn verify<C: Clock + ?Sized>(
        &self,
        keys: &AutoAuthKeys,
        clock: &C,
        policy: &AutoAuthPolicy,
    ) -> Result<AutoAuthLogin<'_>, AutoAuthRefusal> {
        verify_autoauth(self, keys, clock, policy)
    }
}

/// LINK-3.
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

/// LINK-2: exactly ten digits. A digit that moved in from the e-mail or the key would make it nine
/// or eleven.
fn read_timestamp(text: &str) -> Result<i64, Malformed> {
    match *text.as_bytes() {
        // `parse` accepts a sign in the first place only, and the first place holds a digit.
        [b'1'..=b'9', ref rest @ ..] if rest.len() == 9 => {
            text.parse().map_err(|_| Malformed::TimestampFormat)
        }
        _ => Err(Malformed::TimestampFormat),
    }
}

/// LINK-4: tries every key, and branches only on whether any key matched.
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

/// LINK-5.
fn check_window(
    timestamp: i64,
    now: OffsetDateTime,
    policy: &AutoAuthPolicy,
) -> Result<(), AutoAuthRefusal> {
    let now = now.unix_timestamp();
    let apart = timestamp.abs_diff(now);
    let excess = |limit: Duration| match apart.saturating_sub(limit.as_secs()) {
        0 => None,
        seconds => Some(Duration::from_secs(seconds)),
    };
    if now < 0 {
        Err(AutoAuthRefusal::ClockBefore1970)
    } else if timestamp <= now {
        excess(policy.past_limit).map_or(Ok(()), |by| Err(AutoAuthRefusal::Expired { by }))
    } else {
        excess(policy.future_limit).map_or(Ok(()), |by| Err(AutoAuthRefusal::FromFuture { by }))
    }
}

/// LINK-7: the first second after the window.
fn forget_at(timestamp: i64, policy: &AutoAuthPolicy) -> i64 {
    timestamp.saturating_add_unsigned(policy.past_limit.as_secs()).saturating_add(1)
}
