//! Login links. The docs of [`verify_autoauth`] list the rules LINK-1 to LINK-8; `docs/architecture.md` says
//! which file holds which rule.

pub(crate) mod account;
pub(crate) mod goto;
mod hash;
pub(crate) mod key;
pub(crate) mod login;
pub(crate) mod policy;
pub(crate) mod refusal;
#[cfg(feature = "std")]
pub mod replay;
pub(crate) mod request;
#[cfg(feature = "form")]
pub(crate) mod sign;
mod window;

use alloc::borrow::Cow;

use self::hash::{find_key, signed_email};
use self::key::AutoAuthKeys;
use self::login::{AutoAuthLogin, ReplayKey};
use self::policy::AutoAuthPolicy;
use self::refusal::AutoAuthRefusal;
use self::request::AutoAuthRequest;
use self::window::{check_window, forget_at, opens_at, read_timestamp};
use crate::clock::Clock;
use crate::digest::decode_hex;
use crate::field::{Field, Malformed};

/// Verifies a login link: returns the login of a genuine link inside its window, or the refusal.
///
/// The rules:
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
///   cannot be changed. A `goto` that is malformed or outside the grammar is dropped, and the
///   link is still accepted. A redirect never follows a `goto` that [acts](crate::GotoTarget::acts) as soon as it is
///   opened, such as `logout.php`.
/// - **LINK-7**: The login carries a [replay key](AutoAuthLogin::replay_key), the 20 bytes of the
///   digest, [from when](AutoAuthLogin::valid_from) it can have been used, and
///   [until when](AutoAuthLogin::remember_until) to remember it.
/// - **LINK-8**: After the look-up, [`check_account`](AutoAuthLogin::check_account) takes all
///   accounts that were found. It chooses the one whose stored e-mail equals the signed e-mail,
///   without ASCII case and without Unicode folding. Then it refuses a closed account.
///
/// The rules FIELD-1 to FIELD-7 of [`Field`](crate::Field) are applied between LINK-1 and LINK-2.
/// They cap the e-mail at 254 bytes, the hash at 40 and `goto` at 2048.
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
/// use whmcs_auth::time::{Duration, OffsetDateTime};
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
/// let login = login.check_account(found, |email| email, |_| true)?.repeatable();
/// assert_eq!(login.goto().target_or("clientarea.php"), "clientarea.php?action=products");
///
/// let late = signed + Duration::seconds(901);
/// let refusal = verify_autoauth(&request, &keys, &late, &policy).unwrap_err();
/// assert_eq!(refusal.to_string(), "the link is genuine, but it expired 1 s ago");
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
    let email = signed_email(request.fields.required(Field::Email)?, policy)?;
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
        opens_at: opens_at(timestamp, policy),
        forget_at: forget_at(timestamp, policy),
    })
}

impl AutoAuthRequest<'_> {
    /// Verifies the link, as [`verify_autoauth`] does.
    ///
    /// # Errors
    ///
    /// The errors of [`verify_autoauth`].
    pub fn verify<C: Clock + ?Sized>(
        &self,
        keys: &AutoAuthKeys,
        clock: &C,
        policy: &AutoAuthPolicy,
    ) -> Result<AutoAuthLogin<'_>, AutoAuthRefusal> {
        verify_autoauth(self, keys, clock, policy)
    }
}
