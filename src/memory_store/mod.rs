//! A store in memory.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use core::convert::Infallible;
use core::fmt;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::forms::{PasswordForm, SecretForm, StoredForms};
use crate::store::{Admin, ApiCredential, CredentialStore, Lookup};

/// Records in memory, read-only once built: for tests, for a handful of credentials, and for a
/// service that loads all of them. To reload, build another and swap an `Arc`.
///
/// Needs feature `std`.
///
/// The forms it names are those of most of its records, of two that are as common the costlier, or
/// those that it is [given](Self::with_forms). Looking a record up allocates nothing.
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
    credentials: HashMap<String, ApiCredential<Id>>,
    /// By username in lower case.
    admins: HashMap<Box<[u8]>, Admin<Id>>,
    forms: StoredForms,
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
        let credentials = by_name(credentials, |record| record.identifier.clone())
            .map_err(|index| DuplicateRecord::Credential { index })?;
        let admins = by_name(admins, |record| {
            record.username.to_ascii_lowercase().into_bytes().into()
        })
        .map_err(|index| DuplicateRecord::Admin { index })?;
        let secrets = credentials.values().map(|record| record.secret.form());
        let passwords = admins.values().map(|record| record.password.form());
        let costs =
            credentials
                .values()
                .filter_map(|record| match record.compat.as_ref()?.form() {
                    PasswordForm::BcryptOfMd5(cost) => Some(cost),
                    PasswordForm::Plain | PasswordForm::Md5 => None,
                });
        let mut forms = StoredForms::new(
            most_common(secrets).unwrap_or(SecretForm::Plain),
            most_common(passwords).unwrap_or(PasswordForm::Md5),
        );
        if let Some(cost) = most_common(costs) {
            forms = forms.compat(cost);
        }
        Ok(Self {
            credentials,
            admins,
            forms,
        })
    }

    /// The same store, which names other forms than those of most of its records: the stronger ones,
    /// while records are being upgraded.
    pub fn with_forms(mut self, forms: StoredForms) -> Self {
        self.forms = forms;
        self
    }
}

/// The records by name, or the index of the first whose name another has.
fn by_name<Name, Record>(
    records: impl IntoIterator<Item = Record>,
    name: impl Fn(&Record) -> Name,
) -> Result<HashMap<Name, Record>, usize>
where
    Name: Eq + core::hash::Hash,
{
    let mut named = HashMap::new();
    for (index, record) in records.into_iter().enumerate() {
        match named.entry(name(&record)) {
            Entry::Vacant(place) => place.insert(record),
            Entry::Occupied(_) => return Err(index),
        };
    }
    Ok(named)
}

fn most_common<Form: Ord + Copy>(forms: impl Iterator<Item = Form>) -> Option<Form> {
    let mut counts = BTreeMap::<Form, usize>::new();
    for form in forms {
        let count = counts.entry(form).or_default();
        *count = count.saturating_add(1);
    }
    counts
        .into_iter()
        .max_by_key(|(form, count)| (*count, *form))
        .map(|(form, _)| form)
}

impl<Id: Clone> CredentialStore for MemoryStore<Id> {
    type Id = Id;
    type Error = Infallible;

    fn find_credential(&self, identifier: &str) -> Lookup<'_, ApiCredential<Id>, Infallible> {
        Ok(self.credentials.get(identifier).map(Cow::Borrowed))
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

    fn forms(&self) -> StoredForms {
        self.forms
    }
}

/// Shows how much the store holds, and none of it.
impl<Id> fmt::Debug for MemoryStore<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore")
            .field("credentials", &self.credentials.len())
            .field("admins", &self.admins.len())
            .field("forms", &self.forms)
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
