//! Whether a login link is genuine, and still in its window.

use alloc::borrow::Cow;
use core::time::Duration;

use subtle::{Choice, ConditionallySelectable};
use time::OffsetDateTime;

use crate::clock::Clock;
use crate::digest::{autoauth, decode_hex, equal, reveal};
use crate::fields::Field;
use crate::keys::AutoAuthKeys;
use crate::link::{AutoAuthLogin, AutoAuthRequest, ReplayKey};
use crate::refusal::{AutoAuthRefusal, Malformed};

/// How long a link lives, and how an e-mail with a space is read.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use whmcs_auth::AutoAuthPolicy;
///
/// // Five minutes, a minute for clocks that are apart, and no repaired e-mails.
/// let policy = AutoAuthPolicy::new()
///     .past_limit(Duration::from_secs(300))
///     .future_limit(Duration::from_secs(60))
///     .space_as_plus(false);
/// # let _ = policy;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use]
pub struct AutoAuthPolicy {
    past_limit: Duration,
    future_limit: Duration,
    space_as_plus: bool,
}

impl AutoAuthPolicy {
    /// WHMCS's 15 minutes, into the past and into the future, and spaces read as `+`.
    pub const fn new() -> Self {
        Self {
            past_limit: Duration::from_secs(900),
            future_limit: Duration::from_secs(900),
            space_as_plus: true,
        }
    }

    /// The greatest age of a link, itself accepted. Fractions of a second do not count.
    pub const fn past_limit(mut self, limit: Duration) -> Self {
        self.past_limit = limit;
        self
    }

    /// How far ahead of the clock a timestamp may be, itself accepted. Fractions of a second do
    /// not count.
    pub const fn future_limit(mut self, limit: Duration) -> Self {
        self.future_limit = limit;
        self
    }

    /// Whether spaces in the e-mail are read as `+`. Otherwise such a link is malformed.
    pub const fn space_as_plus(mut self, accepted: bool) -> Self {
        self.space_as_plus = accepted;
        self
    }
}

impl Default for AutoAuthPolicy {
    fn default() -> Self {
        Self::new()
    }
}

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
/// 6. `goto` is judged by [`Goto`](crate::Goto), and what it refuses does not refuse the link. Like
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
/// use whmcs_auth::{AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth};
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
/// assert_eq!(login.goto().or("clientarea.php"), "clientarea.php?action=products");
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

impl AutoAuthLogin<'_> {
    /// Returns the account that the link [is for](Self::is_for), out of all accounts that were found
    /// for [`email`](Self::email).
    ///
    /// An account whose stored e-mail equals the signed one byte for byte comes before one that
    /// differs in ASCII case.
    ///
    /// # Errors
    ///
    /// - [`AutoAuthRefusal::UnknownEmail`] if no account was found.
    /// - [`AutoAuthRefusal::AccountEmailMismatch`] if each account found has another e-mail.
    /// - [`AutoAuthRefusal::AmbiguousAccount`] if several accounts have the signed e-mail.
    ///
    /// The public answer is that of a link that is not genuine.
    ///
    /// # Security
    ///
    /// A database whose collation folds letters finds accounts whose e-mail only looks like the
    /// signed one, and a genuine link says nothing about those. Pass all that were found: with a
    /// limit of one the database may choose the wrong account, and the right client is turned away.
    ///
    /// # Examples
    ///
    /// ```
    /// # use time::OffsetDateTime;
    /// # use whmcs_auth::*;
    /// # let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    /// # let now = OffsetDateTime::from_unix_timestamp(1290100706)?;
    /// # let request = AutoAuthRequest::from_pairs([
    /// #     ("email", "demo@whmcs.com"),
    /// #     ("timestamp", "1290100706"),
    /// #     ("hash", "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
    /// # ]);
    /// # let login = verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new())?;
    /// struct Client {
    ///     id: u64,
    ///     email: String,
    /// }
    ///
    /// // As a collation finds them that ignores accents and case.
    /// let found = ["dem\u{f3}@whmcs.com", "Demo@WHMCS.com"];
    /// let found = found.into_iter().zip(1..).map(|(email, id)| Client { id, email: email.into() });
    /// let client = login.check_account(found, |client| &client.email)?;
    /// assert_eq!(client.id, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn check_account<A>(
        &self,
        found: impl IntoIterator<Item = A>,
        stored_email: impl Fn(&A) -> &str,
    ) -> Result<A, AutoAuthRefusal> {
        let mut is_any_found = false;
        let mut best = None;
        let mut is_exact = false;
        let mut is_ambiguous = false;
        for account in found {
            is_any_found = true;
            let stored = stored_email(&account);
            let is_this_exact = stored == self.email();
            let is_worse = best.is_some() && is_exact && !is_this_exact;
            if is_worse || !self.is_for(stored) {
                continue;
            }
            is_ambiguous = best.is_some() && is_this_exact == is_exact;
            is_exact = is_this_exact;
            best = Some(account);
        }
        match best {
            Some(_) if is_ambiguous => Err(AutoAuthRefusal::AmbiguousAccount),
            Some(account) => Ok(account),
            None if is_any_found => Err(AutoAuthRefusal::AccountEmailMismatch),
            None => Err(AutoAuthRefusal::UnknownEmail),
        }
    }
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
    reveal(genuine).then(|| usize::try_from(matched).unwrap_or(usize::MAX))
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
    timestamp
        .saturating_add_unsigned(policy.past_limit.as_secs())
        .saturating_add(1)
}
