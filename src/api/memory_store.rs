//! A store in memory.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use core::borrow::Borrow;
use core::convert::Infallible;
use core::fmt;
use core::hash::{Hash, Hasher};
use std::collections::{HashMap, HashSet};

use super::store::{Admin, ApiCredential, CredentialStore, Lookup};
use crate::stored::scheme::{ExpectedSchemes, PasswordScheme, SecretScheme};

/// Records in memory, read-only once built: for tests, for a handful of credentials, and for a
/// service that loads all of them. To reload, build another and swap an `Arc`.
///
/// Needs feature `std`.
///
/// It names the costliest forms that any of its records has, or those that it is
/// [given](Self::with_expected_schemes). So a refusal costs what the costliest record costs, whether the name
/// is known or not. Looking a record up allocates nothing.
///
/// # Examples
///
/// ```
/// use whmcs_auth::*;
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
    /// By username in lower case.
    admins: HashMap<Box<[u8]>, Admin<Id>>,
    expected: ExpectedSchemes,
}

impl<Id> MemoryStore<Id> {
    /// A store of these records.
    ///
    /// # Errors
    ///
    /// [`DuplicateRecord`] if two credentials have one identifier, or two admins usernames that
    /// are equal without ASCII case.
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

    /// The same store, which names other forms than the costliest of its records: stronger ones,
    /// before records are upgraded.
    ///
    /// # Security
    ///
    /// Cheaper forms make refusals faster and tell names apart: a wrong secret for a record of a
    /// costlier form then takes longer than an unknown name.
    pub fn with_expected_schemes(mut self, expected: ExpectedSchemes) -> Self {
        self.expected = expected;
        self
    }
}

/// A credential that is found by its identifier, which is not stored a second time: a look-up among
/// many costs what it touches.
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
        // On the stack, as long as any username that can be presented.
        let mut lower = [0; 255];
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

/// Shows how much the store holds, and none of it.
impl<Id> fmt::Debug for MemoryStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("credentials", &self.credentials.len())
            .field("admins", &self.admins.len())
            .field("expected", &self.expected)
            .finish()
    }
}

/// Two records of one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DuplicateRecord {
    /// An identifier occurs twice.
    #[error("the API credential at index {index} has the identifier of an earlier one")]
    Credential {
        /// Where the second of the two stands, counted from 0.
        index: usize,
    },
    /// A username occurs twice.
    #[error("the admin at index {index} has the username of an earlier one")]
    Admin {
        /// Where the second of the two stands, counted from 0.
        index: usize,
    },
}
