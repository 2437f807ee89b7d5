//! Equal work: a refusal costs the same checks whether or not the name is known.
//!
//! Every check is noted. Before a refusal, a decoy is checked in place of each record that was looked up
//! and not checked in the scheme that the store expects.

use core::hint::black_box;
use core::mem::ManuallyDrop;

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

/// The checks of one decision.
pub(super) struct Checks<'a> {
    presented: &'a str,
    looks_md5: bool,
    is_login: bool,
    accepts_md5_of_secret: bool,
    expected: ExpectedSchemes,
    /// The schemes that were checked so far.
    secret: Option<SecretScheme>,
    md5_of_secret: Option<PasswordScheme>,
    password: Option<PasswordScheme>,
}

impl<'a> Checks<'a> {
    pub(super) fn new(
        presented: &'a Presented<'_>,
        expected: ExpectedSchemes,
        policy: &ApiPolicy,
    ) -> Self {
        let secret = presented.secret.as_str();
        let looks_md5 = PresentedMd5::is_shape_of(secret);
        let is_login = presented.pair == Pair::Login;
        Self {
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

    /// Whether what was presented has the shape of an md5.
    pub(super) fn looks_md5(&self) -> bool {
        self.looks_md5
    }

    /// Whether it was checked as the md5 of a credential's secret.
    pub(super) fn were_of_md5(&self) -> bool {
        self.md5_of_secret.is_some()
    }

    pub(super) fn secret_matches(&mut self, stored: &StoredSecret) -> bool {
        self.secret = Some(stored.scheme());
        declassify(stored.matches(self.presented))
    }

    /// The scheme that matched the md5 of the secret, where the policy and the record allow one.
    pub(super) fn md5_of_secret_matches<Id>(
        &mut self,
        record: &ApiCredential<Id>,
    ) -> Option<StoredScheme> {
        if !self.accepts_md5_of_secret {
            return None;
        }
        let (scheme, outcome) = match (record.secret.matches_md5(&self.md5()), &record.compat) {
            (Some(checked), _) => checked,
            (None, Some(compat)) if self.expected.compat.is_some() => {
                (compat.scheme(), compat.matches(&self.md5()))
            }
            (None, _) => return None,
        };
        self.md5_of_secret = Some(scheme);
        declassify(outcome).then_some(scheme.into())
    }

    pub(super) fn password_matches(&mut self, stored: &StoredPassword) -> bool {
        self.password = Some(stored.scheme());
        declassify(stored.matches(&self.md5()))
    }

    /// Makes up for the checks that were not made. What matches a decoy is refused all the same.
    pub(super) fn check_decoys(&self) {
        let expected = self.expected;
        if self.secret != Some(expected.secret)
            // A decoy is not dropped: wiping it would cost more than the check of a record.
            && let Some(decoy) = StoredSecret::decoy(expected.secret).map(ManuallyDrop::new)
        {
            black_box(declassify(decoy.matches(self.presented)));
        }
        if self.accepts_md5_of_secret && self.md5_of_secret != expected.md5_of_secret() {
            self.check_password_decoy(expected.md5_of_secret());
        }
        if self.is_login && self.password != Some(expected.password) {
            self.check_password_decoy(Some(expected.password));
        }
    }

    fn check_password_decoy(&self, scheme: Option<PasswordScheme>) {
        if let Some(decoy) = scheme.and_then(StoredPassword::decoy).map(ManuallyDrop::new) {
            black_box(declassify(decoy.matches(&self.md5())));
        }
    }

    fn md5(&self) -> PresentedMd5 {
        PresentedMd5::read(self.presented)
    }
}
