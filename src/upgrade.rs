//! Stronger schemes for stored records, made from the secret that a caller presents.
//!
//! A stored md5 does not give the secret back. So a service upgrades a record when its owner calls: only
//! then does it see the secret.
//!
//! | record | stored as | function | new scheme | feature |
//! |---|---|---|---|---|
//! | credential | plain, md5 | `sha256` | sha256 | `sha2` |
//! | credential | plain, md5 | `bcrypt` | bcrypt | `bcrypt` |
//! | admin | plain, md5 | `bcrypt_of_md5` | bcrypt of md5 | `bcrypt` |
//!
//! Call a function after the caller was verified. It checks the secret against the record once more, and
//! returns `None` if they do not match. So the secret of one record never ends up in another.
//!
//! Replace the stored text only if it is still the text that was read. Otherwise the upgrade would undo a
//! change of the secret that happened meanwhile.
//!
//! Source: this crate's decision. WHMCS stores bcrypt.
//!
//! # Security
//!
//! Name the stronger scheme in [`ExpectedSchemes`](crate::ExpectedSchemes) before the first record is
//! upgraded. A refusal then costs the stronger check for every name, known or not. A record that was not
//! upgraded yet costs its weak check in addition.
//!
//! After an upgrade, `md5(secret)` is refused even if the policy accepts it (API-3), unless the record has
//! a [compat scheme](crate::ApiCredential::with_compat).
//!
//! # Examples
//!
//! ```
//! # #[cfg(all(feature = "std", feature = "sha2"))] {
//! use whmcs_auth::upgrade;
//! use whmcs_auth::{
//!     AdminState, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, SecretScheme, StoredScheme,
//!     StoredSecret, verify_api_request,
//! };
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
//! let stronger = upgrade::sha256(&request.attempt(), &credential).ok_or("nothing to upgrade")?;
//! // UPDATE ... SET secret = 'sha256:17be0931...' WHERE id = 7 AND secret = 'what was read'
//! assert!(stronger.as_str().starts_with("sha256:17be0931"));
//! assert_eq!(StoredSecret::detect(stronger.as_str())?.scheme(), SecretScheme::Sha256);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use core::fmt;

use crate::api::attempt::ApiAttempt;
use crate::api::store::ApiCredential;
use crate::digest::declassify;
use crate::secret_text::SecretText;
use crate::stored::scheme::SecretScheme;
#[cfg(feature = "bcrypt")]
use crate::{
    api::store::Admin,
    stored::bcrypt,
    stored::password::PresentedMd5,
    stored::scheme::{BcryptCost, PasswordScheme},
};

/// The SHA-256 of a credential's secret, as `sha256:` and 64 lower-case hexadecimal digits. Choose it for
/// random 32-character secrets. Needs feature `sha2`.
///
/// Returns `None` if
///
/// - the secret is stored as sha256 or bcrypt already;
/// - the attempt holds no well-formed pair of credentials, or another identifier;
/// - the attempt does not hold the secret itself. Its md5 is not enough.
///
/// # Security
///
/// The secret is checked as in [`verify_api_request`](crate::verify_api_request): the time does not
/// depend on where a wrong secret differs. A `None` costs less than a result, so call this function only
/// for a caller who was verified.
///
/// # Examples
///
/// The [module](self) has one.
#[cfg(feature = "sha2")]
#[must_use]
pub fn sha256<Id>(attempt: &ApiAttempt<'_>, record: &ApiCredential<Id>) -> Option<UpgradedText> {
    let secret = proven_secret(attempt, record)?;
    // Encoding looks up tables by the digest. That is accepted here: this digest is written down.
    let digits = SecretText::new(hex::encode(crate::digest::sha256(secret.as_bytes())));
    Some(UpgradedText::new(alloc::format!("sha256:{}", digits.as_str())))
}

/// The bcrypt of a credential's secret, as a bcrypt string of version 2y. Choose it for secrets that
/// people chose. Needs feature `bcrypt`.
///
/// `salt` is 16 bytes from a cryptographic random number generator, new for each call. The call takes as
/// long as a bcrypt check of the same cost, so keep it off an async executor.
///
/// Returns `None` if
///
/// - the secret is stored as sha256 or bcrypt already;
/// - the attempt holds no well-formed pair of credentials, or another identifier;
/// - the attempt does not hold the secret itself. Its md5 is not enough;
/// - the secret is over 71 bytes or holds a NUL, so it could never match (API-5).
///
/// # Security
///
/// A `None` costs less than a result, so call this function only for a caller who was verified.
///
/// # Examples
///
/// ```
/// use whmcs_auth::upgrade;
/// use whmcs_auth::{
///     AdminState, ApiCredential, ApiRequest, BcryptCost, SecretScheme, StoredSecret,
/// };
///
/// let secret = StoredSecret::plain("chosen by a person")?;
/// let credential = ApiCredential::new(7, "id", secret, AdminState::WithApiAccess);
/// let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", "chosen by a person")]);
///
/// // The lowest cost, to keep this example fast. WHMCS uses 10.
/// let cost = BcryptCost::new(4)?;
/// // Use a random number generator for the salt.
/// let salt = *b"16 random bytes.";
/// let stronger = upgrade::bcrypt(&request.attempt(), &credential, cost, salt)
///     .ok_or("nothing to upgrade")?;
/// let stored = StoredSecret::detect(stronger.as_str())?;
/// assert_eq!(stored.scheme(), SecretScheme::Bcrypt(cost));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

/// The bcrypt of the md5 of an admin's password, as a bcrypt string of version 2y. The md5 is hashed as
/// 32 lower-case hexadecimal digits. Needs feature `bcrypt`.
///
/// `salt` is 16 bytes from a cryptographic random number generator, new for each call. The call takes as
/// long as a bcrypt check of the same cost, so keep it off an async executor.
///
/// Returns `None` if
///
/// - the password is stored as bcrypt of md5 already;
/// - the attempt does not hold `username` and `password`, or holds another username. ASCII case does not
///   count;
/// - the attempt does not hold the md5 of the password.
///
/// # Security
///
/// A `None` costs less than a result, so call this function only for a caller who was verified.
///
/// # Examples
///
/// ```
/// use whmcs_auth::upgrade;
/// use whmcs_auth::{Admin, AdminState, ApiRequest, BcryptCost, PasswordScheme, StoredPassword};
///
/// let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
/// let admin = Admin::new(1, "admin", StoredPassword::md5(md5)?, AdminState::WithApiAccess);
/// let attempt = ApiRequest::from_pairs([("username", "admin"), ("password", md5)])
///     .attempt()
///     .into_owned();
///
/// // The lowest cost, to keep this example fast. WHMCS uses 10.
/// let cost = BcryptCost::new(4)?;
/// // Use a random number generator for the salt.
/// let salt = *b"16 random bytes.";
/// let stronger =
///     upgrade::bcrypt_of_md5(&attempt, &admin, cost, salt).ok_or("nothing to upgrade")?;
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

/// The presented secret, if the record stores it in a weak scheme and has the presented identifier.
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

/// The text to store in place of the old one.
///
/// [`StoredSecret::detect`](crate::StoredSecret::detect) reads the text of a credential, and
/// [`StoredPassword::detect`](crate::StoredPassword::detect) the text of an admin.
///
/// Debug does not show the text. With feature `zeroize` it is wiped on drop.
#[derive(Clone)]
#[must_use]
pub struct UpgradedText(SecretText<'static>);

impl UpgradedText {
    fn new(text: alloc::string::String) -> Self {
        Self(SecretText::new(text))
    }

    /// The text to store.
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
