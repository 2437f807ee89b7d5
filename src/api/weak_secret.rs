//! Secrets that are stored in a weak scheme, so that a service can store them in a stronger one.

use super::attempt::Pair;
use super::pending::PendingDecision;
use super::store::{Admin, ApiCredential};
use crate::digest::declassify;
use crate::stored::password::PresentedMd5;
use crate::stored::scheme::{PasswordScheme, SecretScheme};

impl<Id: Clone> PendingDecision<'_, Id> {
    /// The presented secret, if it is right and its record stores it as plain text or as md5. It is the raw secret of
    /// a credential, or the md5 of an admin's password as 32 hexadecimal digits of either case.
    ///
    /// A stored md5 does not contain the secret. The service sees the secret only when its owner calls, so it
    /// replaces a weak text then. Call this after [`decide`](Self::decide) has accepted the caller. It is `None` for
    /// any other record, and for a secret that is wrong or was presented as its md5.
    ///
    /// | record | store it as | read by |
    /// |---|---|---|
    /// | credential with a random secret | `sha256:` and the SHA-256 in hex | [`StoredSecret::detect`](crate::StoredSecret::detect) |
    /// | credential with a secret that a person chose | bcrypt of the secret | the same |
    /// | admin | bcrypt of the md5 in lower-case hex | [`StoredPassword::detect`](crate::StoredPassword::detect) |
    ///
    /// Source: this crate's decision. WHMCS stores bcrypt.
    ///
    /// # Security
    ///
    /// - The secret is checked once more, in constant time.
    /// - Replace the stored text only if it is still the text that was read. Otherwise the upgrade would undo a change
    ///   of the secret that happened meanwhile.
    /// - Name the stronger scheme in [`ExpectedSchemes`](crate::ExpectedSchemes) before the first record is upgraded.
    ///   A refusal then costs the stronger check for every name, known or not.
    /// - After an upgrade, `md5(secret)` is refused even if the policy accepts it (API-3), unless the record has a
    ///   [compat scheme](crate::ApiCredential::with_compat).
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(all(feature = "std", feature = "sha2"))] {
    /// use sha2::{Digest, Sha256};
    /// use whmcs_auth::{
    ///     AdminState, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, SecretScheme, StoredSecret,
    /// };
    ///
    /// let stored = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
    /// let credential = ApiCredential::new(7, "id", stored, AdminState::WithApiAccess);
    /// let store = MemoryStore::new([credential], [])?;
    /// let request = ApiRequest::from_pairs([
    ///     ("identifier", "id"),
    ///     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
    /// ]);
    /// let pending = request.attempt(&ApiPolicy::new()).look_up(&store)?;
    /// let caller = pending.decide()?;
    /// if let Some(secret) = pending.weakly_stored_secret() {
    ///     let stronger = format!("sha256:{}", hex::encode(Sha256::digest(secret)));
    ///     // UPDATE ... SET secret = 'sha256:17be0931...' WHERE id = 7 AND secret = 'what was read'
    ///     assert_eq!(StoredSecret::detect(&stronger)?.scheme(), SecretScheme::Sha256);
    /// }
    /// # let _ = caller;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn weakly_stored_secret(&self) -> Option<&str> {
        let presented = self.attempt.presented.as_ref().ok()?;
        let (name, text) = (presented.name.as_str(), presented.secret.as_str());
        let has_identifier = |record: &&ApiCredential<Id>| record.identifier() == name;
        let has_username = |record: &&Admin<Id>| record.username().eq_ignore_ascii_case(name);
        let is_weak = match self.credential.as_deref().filter(has_identifier) {
            Some(record) => {
                matches!(record.secret.scheme(), SecretScheme::Plain | SecretScheme::Md5)
                    && declassify(record.secret.matches(text))
            }
            None => {
                let admin = self.admin.as_deref().filter(has_username)?;
                let scheme = admin.password.scheme();
                presented.pair == Pair::Login
                    && matches!(scheme, PasswordScheme::Plain | PasswordScheme::Md5)
                    && declassify(admin.password.matches(&PresentedMd5::read(text)))
            }
        };
        is_weak.then_some(text)
    }
}
