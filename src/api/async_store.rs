//! The trait of an async store.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::Future;
#[cfg(feature = "std")]
use core::future::ready;

#[cfg(feature = "std")]
use super::memory_store::MemoryStore;
#[cfg(feature = "std")]
use super::store::CredentialStore;
use super::store::{Admin, ApiCredential};
use crate::stored::scheme::ExpectedSchemes;

/// Finds credentials and admins by name, for a service that awaits its look-ups. It works with every async
/// runtime.
///
/// [`ApiAttempt::look_up_async`](crate::ApiAttempt::look_up_async) calls it. The methods return the same as
/// the methods of [`CredentialStore`](crate::CredentialStore): the record with the requested name. Return
/// disabled admins, and leave deleted credentials out.
///
/// # Security
///
/// If the stored text of a row is not accepted by any constructor, log the error and return `Ok(None)`. An
/// error would become an answer with status 503, which shows the caller that the name exists. Return an
/// error only if the store could not answer for any name.
///
/// # Examples
///
/// The rows of a WHMCS database, in which secrets and passwords are bcrypt:
///
/// ```
/// use std::io;
/// use whmcs_auth::{
///     Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, BcryptCost,
///     ExpectedSchemes, PasswordScheme, SchemeError, SecretScheme, StoredPassword, StoredSecret,
/// };
///
/// struct Database;
///
/// struct Row {
///     id: u64,
///     name: String,
///     bcrypt: String,
///     is_disabled: bool,
///     has_api_access: bool,
///     actions: Vec<String>,
/// }
///
/// impl Row {
///     fn admin_state(&self) -> AdminState {
///         AdminState::from_flags(self.is_disabled, self.has_api_access)
///     }
///
///     /// The row counts as absent, and the operator learns why.
///     fn report(&self, error: &SchemeError) {
///         eprintln!("row {} cannot be read: {error}", self.id);
///     }
/// }
///
/// impl Database {
///     async fn row(&self, _sql: &str, _name: &str) -> io::Result<Option<Row>> {
///         Ok(None) // Ask your database here.
///     }
/// }
///
/// impl AsyncCredentialStore for Database {
///     /// The number of the row. The mode of the caller tells the table.
///     type Id = u64;
///     type Error = io::Error;
///
///     async fn find_credential(&self, identifier: &str) -> io::Result<Option<ApiCredential<u64>>> {
///         let sql = "SELECT ... FROM tbldeviceauth WHERE identifier = ? AND deleted_at IS NULL";
///         let Some(row) = self.row(sql, identifier).await? else { return Ok(None) };
///         let secret = StoredSecret::bcrypt(&row.bcrypt).inspect_err(|error| row.report(error)).ok();
///         let state = row.admin_state();
///         // What its API roles allow. Without this line, the credential may do nothing.
///         let actions = AllowedActions::new(row.actions);
///         Ok(secret.map(|secret| {
///             ApiCredential::new(row.id, row.name, secret, state).with_actions(actions)
///         }))
///     }
///
///     async fn find_admin(&self, username: &str) -> io::Result<Option<Admin<u64>>> {
///         let sql = "SELECT ... FROM tbladmins WHERE username = ?";
///         let Some(row) = self.row(sql, username).await? else { return Ok(None) };
///         let password =
///             StoredPassword::bcrypt_of_md5(&row.bcrypt).inspect_err(|error| row.report(error)).ok();
///         let state = row.admin_state();
///         Ok(password.map(|password| Admin::new(row.id, row.name, password, state)))
///     }
///
///     fn expected_schemes(&self) -> ExpectedSchemes {
///         let cost = BcryptCost::WHMCS;
///         ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
///     }
/// }
/// ```
pub trait AsyncCredentialStore: Sync {
    /// The record id. See [`CredentialStore::Id`](crate::CredentialStore::Id). The companion crate for axum also
    /// needs `Debug`, for the log.
    type Id: Clone + Send + Sync + 'static;
    /// Why a look-up failed. Implement [`Error`](core::error::Error), so that
    /// [`Answer`](crate::answer::Answer) takes the failure.
    type Error: Send;

    /// Finds the API credential with this identifier.
    ///
    /// # Errors
    ///
    /// The store's own error if the look-up failed.
    fn find_credential(
        &self,
        identifier: &str,
    ) -> impl Future<Output = Result<Option<ApiCredential<Self::Id>>, Self::Error>> + Send;

    /// Finds the admin with this username.
    ///
    /// # Errors
    ///
    /// The store's own error if the look-up failed.
    fn find_admin(
        &self,
        username: &str,
    ) -> impl Future<Output = Result<Option<Admin<Self::Id>>, Self::Error>> + Send;

    /// The schemes that a refusal must cost. See
    /// [`CredentialStore::expected_schemes`](crate::CredentialStore::expected_schemes).
    fn expected_schemes(&self) -> ExpectedSchemes;
}

macro_rules! async_store_behind {
    ($($pointer:ty),+) => {$(
        impl<S: AsyncCredentialStore + Send + ?Sized> AsyncCredentialStore for $pointer {
            type Id = S::Id;
            type Error = S::Error;

            fn find_credential(
                &self,
                identifier: &str,
            ) -> impl Future<Output = Result<Option<ApiCredential<Self::Id>>, Self::Error>> + Send {
                (**self).find_credential(identifier)
            }

            fn find_admin(
                &self,
                username: &str,
            ) -> impl Future<Output = Result<Option<Admin<Self::Id>>, Self::Error>> + Send {
                (**self).find_admin(username)
            }

            fn expected_schemes(&self) -> ExpectedSchemes {
                (**self).expected_schemes()
            }
        }
    )+};
}

async_store_behind!(&S, Box<S>, Arc<S>);

/// It clones the records that it finds.
#[cfg(feature = "std")]
impl<Id: Clone + Send + Sync + 'static> AsyncCredentialStore for MemoryStore<Id> {
    type Id = Id;
    type Error = core::convert::Infallible;

    fn find_credential(
        &self,
        identifier: &str,
    ) -> impl Future<Output = Result<Option<ApiCredential<Id>>, Self::Error>> + Send {
        let found = CredentialStore::find_credential(self, identifier);
        ready(found.map(|found| found.map(|record| record.into_owned())))
    }

    fn find_admin(
        &self,
        username: &str,
    ) -> impl Future<Output = Result<Option<Admin<Id>>, Self::Error>> + Send {
        let found = CredentialStore::find_admin(self, username);
        ready(found.map(|found| found.map(|record| record.into_owned())))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        CredentialStore::expected_schemes(self)
    }
}
