//! What a store holds, and how it is asked.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use super::action::AllowedActions;
use crate::stored::password::StoredPassword;
use crate::stored::scheme::{ExpectedSchemes, SchemeError};
use crate::stored::secret::StoredSecret;

/// What the admin behind a record may do, as far as the API is concerned.
///
/// Source: WHMCS documents that disabling an admin kills the admin's credentials, and that the
/// admin's role group must hold the permission API Access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminState {
    /// The account is disabled, whatever its permissions.
    Disabled,
    /// The account is enabled; its role group lacks API Access.
    WithoutApiAccess,
    /// The account is enabled and holds API Access.
    WithApiAccess,
}

/// The record of an API credential. One that is marked deleted is no record.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{AdminState, ApiCredential, StoredSecret};
///
/// let credential = ApiCredential::new(
///     7,
///     "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv",
///     StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?,
///     AdminState::WithApiAccess,
/// );
/// assert_eq!(credential.identifier(), "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv");
/// # Ok::<(), whmcs_auth::SchemeError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct ApiCredential<Id> {
    pub(crate) id: Id,
    pub(crate) identifier: String,
    pub(crate) secret: StoredSecret,
    /// In a box, as few records have one and it would make up a third of each.
    pub(crate) compat: Option<Box<StoredPassword>>,
    pub(crate) admin: AdminState,
    pub(crate) actions: AllowedActions,
}

impl<Id> ApiCredential<Id> {
    /// A credential with the store's own key, and the state of the admin who owns it.
    pub fn new(
        id: Id,
        identifier: impl Into<String>,
        secret: StoredSecret,
        admin: AdminState,
    ) -> Self {
        Self {
            id,
            identifier: identifier.into(),
            secret,
            compat: None,
            admin,
            actions: AllowedActions::default(),
        }
    }

    /// Adds the compat form, the bcrypt of the secret's MD5 in lower-case hex: what `md5(secret)`
    /// is checked against under [`ApiPolicy::with_md5_of_secret`](crate::ApiPolicy::with_md5_of_secret) and
    /// [`ExpectedSchemes::with_compat`], where the secret is stored as sha256 or bcrypt. A plain or md5
    /// secret needs none, and uses none.
    ///
    /// # Errors
    ///
    /// Those of [`StoredPassword::bcrypt_of_md5`].
    pub fn with_compat(mut self, bcrypt_of_md5: &str) -> Result<Self, SchemeError> {
        self.compat = Some(Box::new(StoredPassword::bcrypt_of_md5(bcrypt_of_md5)?));
        Ok(self)
    }

    /// The store's own key.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The identifier, compared byte for byte.
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The state of the admin who owns the credential.
    pub fn admin_state(&self) -> AdminState {
        self.admin
    }
}

impl<Id> ApiCredential<Id> {
    /// Sets the actions that the credential's API roles allow, of all roles together. Without them
    /// [`ApiCaller::authorize`](crate::ApiCaller::authorize) refuses every action. Who calls is decided without them.
    pub fn with_actions(mut self, actions: AllowedActions) -> Self {
        self.actions = actions;
        self
    }
}

/// The record of an admin.
#[derive(Clone, Debug)]
#[must_use]
pub struct Admin<Id> {
    pub(crate) id: Id,
    pub(crate) username: String,
    pub(crate) password: StoredPassword,
    pub(crate) state: AdminState,
}

impl<Id> Admin<Id> {
    /// An admin with the store's own key.
    pub fn new(
        id: Id,
        username: impl Into<String>,
        password: StoredPassword,
        state: AdminState,
    ) -> Self {
        Self { id, username: username.into(), password, state }
    }

    /// The store's own key.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The username, compared without ASCII case.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The state of the account.
    pub fn admin_state(&self) -> AdminState {
        self.state
    }
}

/// What a look-up answers: a record, borrowed from the store or owned, or `Ok(None)` where there is
/// no such record, or `Err` where the store could not tell. The second is refused, the third never
/// is.
pub type Lookup<'a, Record, Error> = Result<Option<Cow<'a, Record>>, Error>;

/// Finds records by name.
///
/// References, `Box` and `Arc` of a store are stores.
///
/// A service that fetches its records asynchronously needs no store: it takes the two steps of
/// [`ApiAttempt`](crate::ApiAttempt).
///
/// # Examples
///
/// ```
/// use std::borrow::Cow;
/// use std::convert::Infallible;
/// use whmcs_auth::*;
///
/// struct OneCredential(ApiCredential<u64>);
///
/// impl CredentialStore for OneCredential {
///     type Id = u64;
///     type Error = Infallible;
///
///     fn find_credential(
///         &self,
///         identifier: &str,
///     ) -> Lookup<'_, ApiCredential<u64>, Infallible> {
///         let found = self.0.identifier() == identifier;
///         Ok(found.then_some(Cow::Borrowed(&self.0)))
///     }
///
///     fn find_admin(&self, _: &str) -> Lookup<'_, Admin<u64>, Infallible> {
///         Ok(None)
///     }
///
///     fn expected_schemes(&self) -> ExpectedSchemes {
///         ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
///     }
/// }
/// ```
pub trait CredentialStore {
    /// The store's own key of a record, handed back untouched. Credentials and admins share the
    /// type: where their keys could be mistaken for each other, make it an enum.
    type Id: Clone;
    /// Why the store could not answer. It needs no bounds.
    type Error;

    /// Finds the API credential of that identifier.
    ///
    /// Must return a record with that very identifier, byte for byte; one with another counts as
    /// absent. Must not return a deleted credential, and must return one whose admin is disabled or
    /// gone, as [`AdminState::Disabled`]. Should take as long for a name that is unknown as for one
    /// that is known, and should report a row whose stored text no constructor takes to its
    /// operator and find nothing: an error would tell that the name is known.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    fn find_credential(&self, identifier: &str)
    -> Lookup<'_, ApiCredential<Self::Id>, Self::Error>;

    /// Finds the admin of that username.
    ///
    /// Must return a record whose username is equal without ASCII case; any other counts as
    /// absent. Must return disabled admins too. Should take as long for a name that is unknown as
    /// for one that is known, and treat a row that cannot be read as
    /// [`find_credential`](Self::find_credential) does.
    ///
    /// # Errors
    ///
    /// Whatever kept the store from answering.
    fn find_admin(&self, username: &str) -> Lookup<'_, Admin<Self::Id>, Self::Error>;

    /// The forms in which the store mostly holds secrets and passwords. Must not depend on any
    /// request.
    fn expected_schemes(&self) -> ExpectedSchemes;
}

macro_rules! store_behind {
    ($($pointer:ty),+) => {$(
        impl<S: CredentialStore + ?Sized> CredentialStore for $pointer {
            type Id = S::Id;
            type Error = S::Error;

            fn find_credential(
                &self,
                identifier: &str,
            ) -> Lookup<'_, ApiCredential<Self::Id>, Self::Error> {
                (**self).find_credential(identifier)
            }

            fn find_admin(
                &self,
                username: &str,
            ) -> Lookup<'_, Admin<Self::Id>, Self::Error> {
                (**self).find_admin(username)
            }

            fn expected_schemes(&self) -> ExpectedSchemes {
                (**self).expected_schemes()
            }
        }
    )+};
}

store_behind!(&S, Box<S>, Arc<S>);
