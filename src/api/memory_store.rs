//! A store in memory.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::borrow::Borrow;
use core::convert::Infallible;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::collections::{HashMap, HashSet};

use super::store::{Admin, ApiCredential, CredentialStore, Lookup};
use crate::field::Field;
use crate::stored::scheme::{ExpectedSchemes, PasswordScheme, SecretScheme};

/// A store that holds all records in memory. Needs feature `std`.
///
/// It is for tests, for a few credentials, and for a service that loads every record at its start. The
/// records cannot be changed. To reload them, build a new store and swap an `Arc`. A look-up allocates
/// nothing.
///
/// [`expected_schemes`](CredentialStore::expected_schemes) returns the costliest schemes of its records.
/// [`with_expected_schemes`](Self::with_expected_schemes) overrides them. A store without credentials names
/// plain, and a store without admins names md5.
///
/// # Security
///
/// A refusal costs at least what the costliest scheme of the records costs (API-8).
///
/// # Examples
///
/// ```
/// use whmcs_auth::{
///     Admin, AdminState, ApiMode, ApiPolicy, ApiRequest, MemoryStore, StoredPassword,
///     verify_api_request,
/// };
///
/// let admin = Admin::new(
///     1,
///     "admin",
///     StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99")?,
///     AdminState::WithApiAccess,
/// );
/// let store = MemoryStore::new([], [admin])?;
///
/// let request = ApiRequest::from_pairs([
///     ("username", "Admin"),
///     ("password", "5F4DCC3B5AA765D61D8327DEB882CF99"),
/// ]);
/// let caller = verify_api_request(&request, &store, &ApiPolicy::new())?;
/// assert_eq!((caller.id, caller.mode), (1, ApiMode::AdminLogin));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub struct MemoryStore<Id> {
    credentials: HashSet<ByIdentifier<Id>>,
    /// The keys are usernames in lower case.
    admins: HashMap<Box<[u8]>, Admin<Id>>,
    expected: ExpectedSchemes,
}

impl<Id> MemoryStore<Id> {
    /// A store with these records.
    ///
    /// # Errors
    ///
    /// - [`DuplicateRecord::Credential`] if two credentials have the same identifier.
    /// - [`DuplicateRecord::Admin`] if two admins have usernames that are equal without ASCII case.
    pub fn new(
        credentials: impl IntoIterator<Item = ApiCredential<Id>>,
        admins: impl IntoIterator<Item = Admin<Id>>,
    ) -> Result<Self, DuplicateRecord> {
        let credentials = by_identifier(credentials)?;
        let admins = by_username(admins)?;
        let records = || credentials.iter().map(|ByIdentifier(record)| record);
        let secrets = records().map(|record| record.secret.scheme());
        let passwords = admins.values().map(|record| record.password.scheme());
        let costs = records().filter_map(|record| match record.compat.as_ref()?.scheme() {
            PasswordScheme::BcryptOfMd5(cost) => Some(cost),
            PasswordScheme::Plain | PasswordScheme::Md5 => None,
        });
        let mut expected = ExpectedSchemes::new(
            secrets.max_by_key(|scheme| scheme.cost_order()).unwrap_or(SecretScheme::Plain),
            passwords.max_by_key(|scheme| scheme.cost_order()).unwrap_or(PasswordScheme::Md5),
        );
        if let Some(cost) = costs.max() {
            expected = expected.with_compat(cost);
        }
        Ok(Self { credentials, admins, expected })
    }

    /// Sets the expected schemes, in place of the costliest schemes of the records. Name stronger schemes
    /// before records are upgraded to them.
    ///
    /// # Security
    ///
    /// Do not name a cheaper scheme than the records have. A wrong secret for a costlier record would then
    /// take longer than an unknown name, and so show that the name exists.
    pub fn with_expected_schemes(mut self, expected: ExpectedSchemes) -> Self {
        self.expected = expected;
        self
    }
}

/// A credential that hashes and compares as its identifier. A map would store each identifier twice, and a
/// look-up among many records would touch more memory.
struct ByIdentifier<Id>(ApiCredential<Id>);

impl<Id> Borrow<str> for ByIdentifier<Id> {
    fn borrow(&self) -> &str {
        &self.0.identifier
    }
}

impl<Id> Hash for ByIdentifier<Id> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.identifier.hash(state);
    }
}

impl<Id> PartialEq for ByIdentifier<Id> {
    fn eq(&self, other: &Self) -> bool {
        self.0.identifier == other.0.identifier
    }
}

impl<Id> Eq for ByIdentifier<Id> {}

fn by_identifier<Id>(
    records: impl IntoIterator<Item = ApiCredential<Id>>,
) -> Result<HashSet<ByIdentifier<Id>>, DuplicateRecord> {
    let mut set = HashSet::new();
    for (index, record) in records.into_iter().enumerate() {
        if !set.insert(ByIdentifier(record)) {
            return Err(DuplicateRecord::Credential { index });
        }
    }
    Ok(set)
}

fn by_username<Id>(
    records: impl IntoIterator<Item = Admin<Id>>,
) -> Result<HashMap<Box<[u8]>, Admin<Id>>, DuplicateRecord> {
    let mut map = HashMap::new();
    for (index, record) in records.into_iter().enumerate() {
        let lower = record.username.to_ascii_lowercase().into_bytes();
        if map.insert(lower.into(), record).is_some() {
            return Err(DuplicateRecord::Admin { index });
        }
    }
    Ok(map)
}

impl<Id: Clone> CredentialStore for MemoryStore<Id> {
    type Id = Id;
    type Error = Infallible;

    fn find_credential(&self, identifier: &str) -> Lookup<'_, ApiCredential<Id>, Infallible> {
        let found = self.credentials.get(identifier);
        Ok(found.map(|ByIdentifier(record)| Cow::Borrowed(record)))
    }

    fn find_admin(&self, username: &str) -> Lookup<'_, Admin<Id>, Infallible> {
        // On the stack. A longer username was refused (FIELD-4).
        let mut lower = [0; Field::Username.cap()];
        let Some(lower) = lower.get_mut(..username.len()) else {
            return Ok(None);
        };
        lower.copy_from_slice(username.as_bytes());
        lower.make_ascii_lowercase();
        Ok(self.admins.get(&*lower).map(Cow::Borrowed))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        self.expected
    }
}

/// Shows the numbers of records and the expected schemes, but no record.
impl<Id> fmt::Debug for MemoryStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("credentials", &self.credentials.len())
            .field("admins", &self.admins.len())
            .field("expected", &self.expected)
            .finish()
    }
}

/// Two records of a [`MemoryStore`] have the same name.
///
/// Display gives the index of the record and never the name.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Admin, AdminState, DuplicateRecord, MemoryStore, SchemeError, StoredPassword};
///
/// let password = StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99")?;
/// let admins = ["admin", "Admin"]
///     .map(|name| Admin::new(1, name, password.clone(), AdminState::WithApiAccess));
/// let error = MemoryStore::new([], admins).unwrap_err();
/// assert_eq!(error, DuplicateRecord::Admin { index: 1 });
/// # Ok::<(), SchemeError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DuplicateRecord {
    /// Two credentials have the same identifier.
    #[error("the API credential at index {index} has the same identifier as an earlier one")]
    Credential {
        /// The index of the second of the two, counted from 0.
        index: usize,
    },
    /// Two admins have usernames that are equal without ASCII case.
    #[error("the admin at index {index} has the same username as an earlier one")]
    Admin {
        /// The index of the second of the two, counted from 0.
        index: usize,
    },
}
