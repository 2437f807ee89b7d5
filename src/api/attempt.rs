//! API-1: which pair of fields counts, and what to look up for it.

#[cfg(feature = "cache")]
use alloc::sync::Arc;
#[cfg(feature = "cache")]
use std::time::Instant;

use super::policy::ApiPolicy;
use super::refusal::ApiRefusal;
use super::request::ApiRequest;
#[cfg(feature = "cache")]
use crate::cache::VerificationCache;
use crate::field::{Field, Malformed};
use crate::secret_text::SecretText;

/// One attempt to authenticate: the pair of fields that counts (API-1) and the policy, before any look-up.
///
/// It splits [`verify_api_request`](crate::verify_api_request) into steps without I/O:
///
/// 1. [`look_up`](Self::look_up) asks a store, or [`look_up_async`](Self::look_up_async) awaits one. Both return a
///    [`PendingDecision`](crate::PendingDecision), which decides.
/// 2. A service that makes the look-ups itself, for example to combine them, asks [`identifier`](Self::identifier)
///    and [`username`](Self::username) what to look up. Then [`decide`](Self::decide) takes the records that were
///    found.
///
/// A malformed request, or one without credentials, asks for no look-up, and the decision refuses it.
///
/// The policy is given here, and not again later.
///
/// # Security
///
/// Make every look-up that the attempt asks for, even if the first one found a record. Otherwise the number
/// of look-ups shows whether a name is known. Debug shows no name and no secret.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{ApiPolicy, ApiRequest, ExpectedSchemes, PasswordScheme, SecretScheme};
///
/// let request = ApiRequest::from_pairs([("username", "admin"), ("password", "secret")]);
/// let attempt = request.attempt(&ApiPolicy::new()).into_owned();
/// assert_eq!(attempt.identifier(), Some("admin"));
/// assert_eq!(attempt.username(), Some("admin"));
///
/// // Nothing was found.
/// let expected = ExpectedSchemes::new(SecretScheme::Sha256, PasswordScheme::Md5);
/// let refusal = attempt.decide::<u64>(None, None, expected).unwrap_err();
/// assert_eq!(refusal.to_string(), "no API credential and no admin has this name");
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiAttempt<'a> {
    pub(crate) presented: Result<Presented<'a>, ApiRefusal>,
    pub(super) policy: ApiPolicy,
    /// The cache to ask, and the time of the call.
    #[cfg(feature = "cache")]
    pub(super) cache: Option<(Arc<VerificationCache>, Instant)>,
}

/// The pair of fields that counts.
#[derive(Clone, Debug)]
pub(crate) struct Presented<'a> {
    pub(crate) pair: Pair,
    pub(crate) name: SecretText<'a>,
    pub(crate) secret: SecretText<'a>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pair {
    /// `identifier` and `secret`.
    Credential,
    /// `username` and `password`.
    Login,
}

impl Pair {
    /// API-1: the pair that counts, by the fields that are present. One field of a pair is enough to choose it.
    pub(crate) fn that_counts(is_present: impl Fn(Field) -> bool) -> Option<Self> {
        [Self::Credential, Self::Login]
            .into_iter()
            .find(|pair| pair.fields().into_iter().any(&is_present))
    }

    /// The field of the name and the field of the secret.
    pub(crate) const fn fields(self) -> [Field; 2] {
        match self {
            Self::Credential => [Field::Identifier, Field::Secret],
            Self::Login => [Field::Username, Field::Password],
        }
    }
}

impl ApiRequest<'_> {
    /// Checks the shape of the request (API-1): the first step of [`ApiAttempt`].
    ///
    /// It never fails. If the shape is refused, [`ApiAttempt::refusal`] and the decision return the refusal.
    #[inline]
    pub fn attempt(&self, policy: &ApiPolicy) -> ApiAttempt<'_> {
        ApiAttempt {
            presented: self.presented(),
            policy: *policy,
            #[cfg(feature = "cache")]
            cache: None,
        }
    }

    #[inline]
    pub(crate) fn presented(&self) -> Result<Presented<'_>, ApiRefusal> {
        if let Some(fault) = self.malformed() {
            return Err(fault.into());
        }
        let text = |field| self.fields.text(field);
        let pair = Pair::that_counts(|field| text(field).is_some());
        let pair = pair.ok_or(ApiRefusal::MissingCredentials)?;
        let [name, secret] = pair.fields();
        Ok(Presented {
            pair,
            name: SecretText::new(text(name).ok_or(Malformed::Missing(name))?),
            secret: SecretText::new(text(secret).ok_or(Malformed::Missing(secret))?),
        })
    }
}

impl ApiAttempt<'_> {
    /// The identifier of the API credential to look up. `None` if the shape is refused.
    #[must_use]
    pub fn identifier(&self) -> Option<&str> {
        let presented = self.presented.as_ref().ok()?;
        Some(presented.name.as_str())
    }

    /// The username of the admin to look up. `None` if the shape is refused, or if `identifier` and `secret`
    /// count.
    ///
    /// Look the admin up even if a credential was found, so that the number of look-ups does not show
    /// whether the identifier is known.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        let presented = self.presented.as_ref().ok()?;
        (presented.pair == Pair::Login).then_some(presented.name.as_str())
    }

    /// Why the shape of the request is refused: [`ApiRefusal::Malformed`] or
    /// [`ApiRefusal::MissingCredentials`]. The decision returns the same refusal.
    #[must_use]
    pub fn refusal(&self) -> Option<ApiRefusal> {
        self.presented.as_ref().err().copied()
    }

    /// The same attempt with owned strings, to move into a blocking thread.
    pub fn into_owned(self) -> ApiAttempt<'static> {
        ApiAttempt {
            presented: self.presented.map(|presented| Presented {
                pair: presented.pair,
                name: presented.name.into_owned(),
                secret: presented.secret.into_owned(),
            }),
            policy: self.policy,
            #[cfg(feature = "cache")]
            cache: self.cache,
        }
    }

    /// Asks this cache before bcrypt, and lets it remember a match that bcrypt finds. `now` is the time of the
    /// call. Needs feature `cache`.
    ///
    /// [The module](crate::cache) has an example.
    #[cfg(feature = "cache")]
    pub fn with_cache(mut self, cache: &Arc<VerificationCache>, now: Instant) -> Self {
        self.cache = Some((Arc::clone(cache), now));
        self
    }
}
