//! The decision with a cache in place of bcrypt, and what the cache remembers of a decision.

use core::cell::Cell;
use std::time::Instant;

use subtle::Choice;

use super::attempt::ApiAttempt;
use super::caller::ApiCaller;
use super::equal_work::Method;
use super::policy::ApiPolicy;
use super::refusal::ApiRefusal;
use super::store::{Admin, ApiCredential};
use crate::cache::{Fingerprint, Match, VerificationCache};
use crate::digest::declassify;
use crate::stored::password::{PresentedMd5, StoredPassword};
use crate::stored::scheme::{ExpectedSchemes, StoredScheme};
use crate::stored::secret::StoredSecret;

/// A cache answers whether a secret matches a bcrypt text. Other schemes are checked.
struct Recalled<'a> {
    cache: &'a VerificationCache,
    now: Instant,
    /// As it was presented.
    presented: &'a str,
}

impl Recalled<'_> {
    fn remembers(&self, match_: &Match<'_>) -> Choice {
        self.cache.remembers(&self.cache.fingerprint(match_), self.now)
    }
}

impl Method for Recalled<'_> {
    fn secret(&self, stored: &StoredSecret, presented: &str) -> Choice {
        match secret_match(stored, presented) {
            Some(match_) => self.remembers(&match_),
            None => stored.matches(presented),
        }
    }

    fn password(&self, stored: &StoredPassword, presented: &PresentedMd5) -> Choice {
        match password_match(stored, presented) {
            Some(match_) => self.remembers(&match_) & presented.is_md5(),
            None => stored.matches(presented),
        }
    }

    fn compat(
        &self,
        secret: Option<&StoredSecret>,
        stored: &StoredPassword,
        presented: &PresentedMd5,
    ) -> Choice {
        match compat_match(secret, stored, self.presented) {
            Some(match_) => self.remembers(&match_),
            None => stored.matches(presented),
        }
    }
}

/// Every check is made. The last one by bcrypt is noted, with its outcome.
struct Noted<'a> {
    cache: &'a VerificationCache,
    /// As it was presented.
    presented: &'a str,
    last: Cell<Option<(Fingerprint, Choice)>>,
}

impl Noted<'_> {
    fn note(&self, match_: Option<Match<'_>>, outcome: Choice) -> Choice {
        self.last.set(match_.map(|match_| (self.cache.fingerprint(&match_), outcome)));
        outcome
    }
}

impl Method for Noted<'_> {
    fn secret(&self, stored: &StoredSecret, presented: &str) -> Choice {
        self.note(secret_match(stored, presented), stored.matches(presented))
    }

    fn password(&self, stored: &StoredPassword, presented: &PresentedMd5) -> Choice {
        self.note(password_match(stored, presented), stored.matches(presented))
    }

    fn compat(
        &self,
        secret: Option<&StoredSecret>,
        stored: &StoredPassword,
        presented: &PresentedMd5,
    ) -> Choice {
        self.note(compat_match(secret, stored, self.presented), stored.matches(presented))
    }
}

fn secret_match<'a>(stored: &'a StoredSecret, presented: &'a str) -> Option<Match<'a>> {
    Some(Match::of_secret(stored.bcrypt_text()?, presented))
}

fn password_match<'a>(stored: &'a StoredPassword, md5: &'a PresentedMd5) -> Option<Match<'a>> {
    Some(Match::of_password(stored.bcrypt_text()?, md5.digits()))
}

/// The compat scheme is checked only if the secret itself does not match. So the text of the secret belongs to
/// the match, and so does the case of the digits.
fn compat_match<'a>(
    secret: Option<&'a StoredSecret>,
    stored: &'a StoredPassword,
    presented: &'a str,
) -> Option<Match<'a>> {
    // As long as a bcrypt text, so that a decoy costs the same.
    let secret = secret.and_then(StoredSecret::bcrypt_text).unwrap_or(&[0; 60]);
    Some(Match::of_compat(secret, stored.bcrypt_text()?, presented))
}

impl ApiAttempt<'_> {
    /// The caller, if the attempt is accepted without bcrypt. `None` says nothing: the attempt must be decided.
    pub(super) fn recall<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
        policy: &ApiPolicy,
        cache: &VerificationCache,
        now: Instant,
    ) -> Option<ApiCaller<Id>> {
        let presented = self.0.as_ref().ok()?.secret.as_str();
        let recalled = Recalled { cache, now, presented };
        match self.decide_by(&recalled, credential, admin, expected, policy) {
            Ok(caller) => {
                if matches!(caller.scheme, StoredScheme::Bcrypt | StoredScheme::BcryptOfMd5) {
                    cache.count_hit();
                }
                Some(caller)
            }
            Err(_) => {
                cache.count_miss();
                None
            }
        }
    }

    /// Decides as [`decide`](Self::decide) does. If the attempt is accepted because bcrypt found a match, the
    /// cache remembers it.
    pub(super) fn decide_and_remember<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
        policy: &ApiPolicy,
        cache: &VerificationCache,
        now: Instant,
    ) -> Result<ApiCaller<Id>, ApiRefusal> {
        let presented = self.0.as_ref().map_err(|refusal| *refusal)?.secret.as_str();
        let noted = Noted { cache, presented, last: Cell::new(None) };
        let caller = self.decide_by(&noted, credential, admin, expected, policy)?;
        if let Some((fingerprint, outcome)) = noted.last.take()
            && declassify(outcome)
        {
            cache.remember(fingerprint, now);
        }
        Ok(caller)
    }
}
