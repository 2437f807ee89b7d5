//! The decision without bcrypt, and what a cache remembers of a decision with bcrypt.

use core::cell::Cell;

use subtle::Choice;

use super::attempt::ApiAttempt;
use super::caller::ApiCaller;
use super::equal_work::Method;
use super::refusal::ApiRefusal;
use super::store::{Admin, ApiCredential};
#[cfg(feature = "cache")]
use crate::cache::{Fingerprint, VerificationCache};
#[cfg(feature = "cache")]
use crate::digest::declassify;
use crate::stored::bcrypt_match::BcryptMatch;
use crate::stored::password::{PresentedMd5, StoredPassword};
use crate::stored::scheme::ExpectedSchemes;
use crate::stored::secret::StoredSecret;

/// Skips each bcrypt check, and notes that one was due. A cache may answer in its place. Other schemes are
/// checked.
struct WithoutBcrypt<'a> {
    attempt: &'a ApiAttempt<'a>,
    /// As it was presented.
    presented: &'a str,
    is_due: Cell<bool>,
}

impl WithoutBcrypt<'_> {
    fn is_remembered(&self, match_: &BcryptMatch<'_>) -> Choice {
        self.is_due.set(true);
        #[cfg(feature = "cache")]
        if let Some((cache, now)) = &self.attempt.cache {
            return cache.remembers(&cache.fingerprint(match_), *now);
        }
        let _ = (match_, self.attempt);
        Choice::from(0)
    }
}

impl Method for WithoutBcrypt<'_> {
    fn secret(&self, stored: &StoredSecret, presented: &str) -> Choice {
        match secret_match(stored, presented) {
            Some(match_) => self.is_remembered(&match_),
            None => stored.matches(presented),
        }
    }

    fn password(&self, stored: &StoredPassword, presented: &PresentedMd5) -> Choice {
        match password_match(stored, presented) {
            Some(match_) => self.is_remembered(&match_) & presented.is_md5(),
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
            Some(match_) => self.is_remembered(&match_),
            None => stored.matches(presented),
        }
    }
}

/// Makes every check, and notes the last bcrypt check with its outcome.
#[cfg(feature = "cache")]
struct Noted<'a> {
    cache: &'a VerificationCache,
    /// As it was presented.
    presented: &'a str,
    last: Cell<Option<(Fingerprint, Choice)>>,
}

#[cfg(feature = "cache")]
impl Noted<'_> {
    fn note(&self, match_: Option<BcryptMatch<'_>>, outcome: Choice) -> Choice {
        self.last.set(match_.map(|match_| (self.cache.fingerprint(&match_), outcome)));
        outcome
    }
}

#[cfg(feature = "cache")]
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

fn secret_match<'a>(stored: &'a StoredSecret, presented: &'a str) -> Option<BcryptMatch<'a>> {
    Some(BcryptMatch::of_secret(stored.bcrypt_text()?, presented))
}

fn password_match<'a>(
    stored: &'a StoredPassword,
    md5: &'a PresentedMd5,
) -> Option<BcryptMatch<'a>> {
    Some(BcryptMatch::of_password(stored.bcrypt_text()?, md5.digits()))
}

/// The compat scheme is checked only if the secret itself does not match. So the match also depends on the
/// stored text of the secret, and on the case of the presented digits.
fn compat_match<'a>(
    secret: Option<&'a StoredSecret>,
    stored: &'a StoredPassword,
    presented: &'a str,
) -> Option<BcryptMatch<'a>> {
    // As long as a bcrypt text, so that a decoy costs the same.
    let secret = secret.and_then(StoredSecret::bcrypt_text).unwrap_or(&[0; 60]);
    Some(BcryptMatch::of_compat(secret, stored.bcrypt_text()?, presented))
}

impl ApiAttempt<'_> {
    /// The verdict, unless it needs bcrypt. A refusal needs bcrypt if any of its checks or decoys does.
    pub(super) fn decide_without_bcrypt<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Option<Result<ApiCaller<Id>, ApiRefusal>> {
        let presented = match &self.presented {
            Ok(presented) => presented.secret.as_str(),
            Err(refusal) => return Some(Err(*refusal)),
        };
        let method = WithoutBcrypt { attempt: self, presented, is_due: Cell::new(false) };
        let verdict = self.decide_by(&method, credential, admin, expected);
        let is_by_memory = method.is_due.get();
        match verdict {
            Err(_) if is_by_memory => None,
            verdict => {
                #[cfg(feature = "cache")]
                if is_by_memory && let Some((cache, _)) = &self.cache {
                    cache.count_hit();
                }
                Some(verdict)
            }
        }
    }

    /// Asks the cache. If the cache has no match, bcrypt decides, and the cache remembers a match that bcrypt
    /// finds.
    #[cfg(feature = "cache")]
    pub(super) fn decide_with_cache<Id: Clone>(
        &self,
        credential: Option<&ApiCredential<Id>>,
        admin: Option<&Admin<Id>>,
        expected: ExpectedSchemes,
    ) -> Option<Result<ApiCaller<Id>, ApiRefusal>> {
        let (cache, now) = self.cache.as_ref()?;
        let presented = self.presented.as_ref().ok()?.secret.as_str();
        if let Some(verdict) = self.decide_without_bcrypt(credential, admin, expected) {
            return Some(verdict);
        }
        cache.count_miss();
        let noted = Noted { cache, presented, last: Cell::new(None) };
        let verdict = self.decide_by(&noted, credential, admin, expected);
        if verdict.is_ok()
            && let Some((fingerprint, outcome)) = noted.last.take()
            && declassify(outcome)
        {
            cache.remember(fingerprint, *now);
        }
        Some(verdict)
    }
}
