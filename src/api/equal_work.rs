//! API-8: a refusal costs the same checks whether the name is known or not.
//!
//! [`Checks`] remembers the scheme of each check. Before a refusal it checks a decoy for every expected
//! scheme that no record was checked with.
//!
//! [`Method`] makes the checks. So the same rules hold if bcrypt is left out, or if a cache answers in its place.

use core::hint::black_box;
use core::mem::ManuallyDrop;

use subtle::Choice;

use super::attempt::{Pair, Presented};
use super::policy::ApiPolicy;
use super::store::ApiCredential;
use crate::digest::declassify;
use crate::stored::password::{PresentedMd5, StoredPassword};
use crate::stored::scheme::{ExpectedSchemes, PasswordScheme, SecretScheme, StoredScheme};
use crate::stored::secret::StoredSecret;

#[cfg(test)]
#[path = "equal_work_tests.rs"]
mod tests;

/// How a check is made.
pub(super) trait Method {
    /// The raw secret of a credential.
    fn secret(&self, stored: &StoredSecret, presented: &str) -> Choice;
    /// The md5 of an admin's password.
    fn password(&self, stored: &StoredPassword, presented: &PresentedMd5) -> Choice;
    /// The md5 of a credential's secret, against the compat scheme of the record. `secret` is the record's
    /// secret, or `None` for a decoy.
    fn compat(
        &self,
        secret: Option<&StoredSecret>,
        stored: &StoredPassword,
        presented: &PresentedMd5,
    ) -> Choice;
}

/// Every check is made as its scheme says.
pub(super) struct Computed;

impl Method for Computed {
    fn secret(&self, stored: &StoredSecret, presented: &str) -> Choice {
        stored.matches(presented)
    }

    fn password(&self, stored: &StoredPassword, presented: &PresentedMd5) -> Choice {
        stored.matches(presented)
    }

    fn compat(
        &self,
        _: Option<&StoredSecret>,
        stored: &StoredPassword,
        presented: &PresentedMd5,
    ) -> Choice {
        stored.matches(presented)
    }
}

/// The method is chosen at run time. With a type parameter, each method would have its own compiled copy of
/// [`Checks`]. The numbers of instructions of two refusals would then differ more.
#[cfg(feature = "bcrypt")]
pub(super) type AnyMethod<'a> = &'a dyn Method;
/// The only method. With its type, the compiler can prove that no check panics.
#[cfg(not(feature = "bcrypt"))]
pub(super) type AnyMethod<'a> = &'a Computed;

/// The checks of one decision, and the schemes that they used.
pub(super) struct Checks<'a> {
    method: AnyMethod<'a>,
    presented: &'a str,
    looks_md5: bool,
    is_login: bool,
    accepts_md5_of_secret: bool,
    expected: ExpectedSchemes,
    /// This field and the next two hold the scheme of each check that was done.
    secret: Option<SecretScheme>,
    md5_of_secret: Option<PasswordScheme>,
    password: Option<PasswordScheme>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(
        method: AnyMethod<'a>,
        presented: &'a Presented<'_>,
        expected: ExpectedSchemes,
        policy: &ApiPolicy,
    ) -> Self {
        let secret = presented.secret.as_str();
        let looks_md5 = PresentedMd5::is_shape_of(secret);
        let is_login = presented.pair == Pair::Login;
        Self {
            method,
            presented: secret,
            looks_md5,
            is_login,
            accepts_md5_of_secret: policy.md5_of_secret && is_login && looks_md5,
            expected,
            secret: None,
            md5_of_secret: None,
            password: None,
        }
    }

    /// Whether the presented text is 32 hexadecimal digits.
    pub(super) fn looks_md5(&self) -> bool {
        self.looks_md5
    }

    /// Whether the presented text was checked as the md5 of a credential's secret.
    pub(super) fn checked_md5_of_secret(&self) -> bool {
        self.md5_of_secret.is_some()
    }

    /// API-2: checks the presented text as a raw secret.
    pub(super) fn secret_matches(&mut self, stored: &StoredSecret) -> bool {
        self.secret = Some(stored.scheme());
        declassify(self.method.secret(stored, self.presented))
    }

    /// API-3: the scheme that matched the presented text as the md5 of the secret. `None` if it did not
    /// match, or if the policy or the record allows no such check.
    ///
    /// A compat scheme is checked only if the store names its cost. Otherwise refusals for unknown names
    /// could not cost the same.
    pub(super) fn md5_of_secret_matches<Id>(
        &mut self,
        record: &ApiCredential<Id>,
    ) -> Option<StoredScheme> {
        if !self.accepts_md5_of_secret {
            return None;
        }
        let md5 = self.md5();
        let (scheme, outcome) = match (record.secret.matches_md5(&md5), &record.compat) {
            (Some(checked), _) => checked,
            (None, Some(compat)) if self.expected.compat.is_some() => {
                (compat.scheme(), self.method.compat(Some(&record.secret), compat, &md5))
            }
            (None, _) => return None,
        };
        self.md5_of_secret = Some(scheme);
        declassify(outcome).then_some(scheme.into())
    }

    /// API-2: checks the presented text as the md5 of an admin's password.
    pub(super) fn password_matches(&mut self, stored: &StoredPassword) -> bool {
        self.password = Some(stored.scheme());
        declassify(self.method.password(stored, &self.md5()))
    }

    /// Checks a decoy for each expected scheme that was not checked. The outcome is ignored, so a match
    /// on a decoy never verifies anybody.
    pub(super) fn check_decoys(&self) {
        let expected = self.expected;
        if self.secret != Some(expected.secret)
            // Not dropped: a real check wipes nothing, so wiping the decoy would cost more.
            && let Some(decoy) = StoredSecret::decoy(expected.secret).map(ManuallyDrop::new)
        {
            black_box(declassify(self.method.secret(&decoy, self.presented)));
        }
        if self.accepts_md5_of_secret && self.md5_of_secret != expected.md5_of_secret() {
            self.check_password_decoy(expected.md5_of_secret(), |decoy, md5| {
                self.method.compat(None, decoy, md5)
            });
        }
        if self.is_login && self.password != Some(expected.password) {
            self.check_password_decoy(Some(expected.password), |decoy, md5| {
                self.method.password(decoy, md5)
            });
        }
    }

    fn check_password_decoy(
        &self,
        scheme: Option<PasswordScheme>,
        check: impl FnOnce(&StoredPassword, &PresentedMd5) -> Choice,
    ) {
        if let Some(decoy) = scheme.and_then(StoredPassword::decoy).map(ManuallyDrop::new) {
            black_box(declassify(check(&decoy, &self.md5())));
        }
    }

    fn md5(&self) -> PresentedMd5 {
        PresentedMd5::read(self.presented)
    }
}
