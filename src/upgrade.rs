//! Stronger forms to store, made from what a caller presented.
//!
//! A secret that is stored as md5 can be replaced only when its owner calls the next time, as only
//! then the service sees what to hash. Plain text, and an admin's md5, are replaced on the way.
//!
//! | record | is stored as | replaced by |
//! |---|---|---|
//! | credential | plain, md5 | `sha256`, or `bcrypt` |
//! | admin | plain, md5 | `bcrypt_of_md5` |
//!
//! The first needs feature `sha2`, the others feature `bcrypt`.
//!
//! Each checks once more that the attempt proves the very record, and makes nothing otherwise; so
//! nobody's secret can end up in another's record. Call it after a success, and write the text only
//! over the one that was read: a secret that was changed meanwhile must stay changed.
//!
//! # Security
//!
//! Name the stronger form in [`ExpectedSchemes`](crate::ExpectedSchemes) before the first replacement. A
//! refusal then costs what that form costs, whether a record was replaced, was not, or is none; one
//! that was not costs its weak check on top.
//!
//! After a replacement clients that send `md5(secret)`, where a policy accepts it, are refused unless
//! the record has a [compat form](crate::ApiCredential::with_compat).
//!
//! # Examples
//!
//! ```
//! # #[cfg(all(feature = "std", feature = "sha2"))] {
//! use whmcs_auth::{upgrade, *};
//!
//! let secret = StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?;
//! let credential = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess);
//! let store = MemoryStore::new([credential.clone()], [])?;
//! let request = ApiRequest::from_pairs([
//!     ("identifier", "id"),
//!     ("secret", "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo"),
//! ]);
//! let caller = verify_api_request(&request, &store, &ApiPolicy::new())?;
//! assert_eq!(caller.scheme, StoredScheme::Plain);
//!
//! let stronger = upgrade::sha256(&request.attempt(), &credential).ok_or("not a weak form")?;
//! // UPDATE ... SET secret = 'sha256:17be0931...' WHERE id = 7 AND secret = 'what was read'
//! assert!(stronger.as_str().starts_with("sha256:17be0931"));
//! assert_eq!(StoredSecret::detect(stronger.as_str())?.scheme(), SecretScheme::Sha256);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use crate::api::attempt::ApiAttempt;
use crate::api::store::ApiCredential;
use crate::digest::{self, declassify};
use crate::secret_text::SecretText;
use crate::stored::scheme::SecretScheme;
#[cfg(feature = "bcrypt")]
use crate::{
    api::store::Admin,
    stored::bcrypt,
    stored::password::PresentedMd5,
    stored::scheme::{BcryptCost, PasswordScheme},
};

/// The SHA-256 of a credential's secret: `sha256:` and 64 hexadecimal digits in lower case. Right for
/// random 32-character secrets. Needs feature `sha2`.
///
/// `None` if the secret is stored in a form that is no weaker, or was not presented: not with this
/// identifier, wrong, or as an md5.
#[cfg(feature = "sha2")]
#[must_use]
pub fn sha256<Id>(attempt: &ApiAttempt<'_>, record: &ApiCredential<Id>) -> Option<UpgradedText> {
    let secret = proven_secret(attempt, record)?;
    // Encoded, unlike an expected digest, as it is made to be written down.
    let digits = SecretText::new(hex::encode(digest::sha256(secret.as_bytes())));
    Some(UpgradedText::new(alloc::format!("sha256:{}", digits.as_str())))
}

/// The bcrypt of a credential's secret, of version 2y, with 16 random bytes of salt from the
/// caller's random number generator. Needs feature `bcrypt`, and takes as long as a check does: keep
/// it off an async executor.
///
/// `None` where `sha256` gives it, and for a secret over 71 bytes or with a NUL, which bcrypt
/// would not read whole.
#[cfg(feature = "bcrypt")]
#[must_use]
pub fn bcrypt<Id>(
    attempt: &ApiAttempt<'_>,
    record: &ApiCredential<Id>,
    cost: BcryptCost,
    salt: [u8; 16],
) -> Option<UpgradedText> {
    let secret = proven_secret(attempt, record)?;
    bcrypt::hash(secret, cost, salt).map(UpgradedText::new)
}

/// The bcrypt of the md5 of an admin's password, of version 2y, with 16 random bytes of salt from the
/// caller's random number generator. Needs feature `bcrypt`, and takes as long as a check does: keep
/// it off an async executor.
///
/// `None` if the password is stored as bcrypt already, or was not presented: not with this
/// username, or wrong.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{upgrade, *};
///
/// let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
/// let admin = Admin::new(1, "admin", StoredPassword::md5(md5)?, AdminState::WithApiAccess);
/// let attempt = ApiRequest::from_pairs([("username", "admin"), ("password", md5)])
///     .attempt()
///     .into_owned();
///
/// // WHMCS's cost is 10.
/// let cost = BcryptCost::new(4)?;
/// let salt = *b"16 random bytes.";
/// let stronger = upgrade::bcrypt_of_md5(&attempt, &admin, cost, salt).ok_or("not a weak form")?;
/// let stored = StoredPassword::detect(stronger.as_str())?;
/// assert_eq!(stored.scheme(), PasswordScheme::BcryptOfMd5(cost));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[cfg(feature = "bcrypt")]
#[must_use]
pub fn bcrypt_of_md5<Id>(
    attempt: &ApiAttempt<'_>,
    record: &Admin<Id>,
    cost: BcryptCost,
    salt: [u8; 16],
) -> Option<UpgradedText> {
    let presented = attempt.0.as_ref().ok()?;
    let md5 = PresentedMd5::read(presented.secret.as_str());
    let is_weak = matches!(record.password.scheme(), PasswordScheme::Plain | PasswordScheme::Md5);
    let is_asked_for = attempt.username()?.eq_ignore_ascii_case(record.username());
    let is_proven = is_weak && is_asked_for && declassify(record.password.matches(&md5));
    let digits = is_proven.then_some(md5.digits())?;
    bcrypt::hash(digits, cost, salt).map(UpgradedText::new)
}

/// The secret that was presented, if it is that of the record, which is stored in a weak form.
fn proven_secret<'a, Id>(
    attempt: &'a ApiAttempt<'_>,
    record: &ApiCredential<Id>,
) -> Option<&'a str> {
    let presented = attempt.0.as_ref().ok()?;
    let secret = presented.secret.as_str();
    let is_weak = matches!(record.secret.scheme(), SecretScheme::Plain | SecretScheme::Md5);
    let is_asked_for = presented.name.as_str() == record.identifier();
    let is_proven = is_weak && is_asked_for && declassify(record.secret.matches(secret));
    is_proven.then_some(secret)
}

/// A stored form as the text to store, which the constructor `detect` of
/// [`StoredSecret`](crate::StoredSecret) or [`StoredPassword`](crate::StoredPassword) reads.
///
/// Debug does not show it; with feature `zeroize` it is wiped when it is dropped.
#[derive(Clone)]
#[must_use]
pub struct UpgradedText(SecretText<'static>);

impl UpgradedText {
    fn new(text: alloc::string::String) -> Self {
        Self(SecretText::new(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Debug for UpgradedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpgradedText([redacted])")
    }
}
