//! The records of a store, and the trait that finds them.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use super::action::AllowedActions;
use crate::stored::password::StoredPassword;
use crate::stored::scheme::{ExpectedSchemes, SchemeError};
use crate::stored::secret::StoredSecret;

/// Whether an admin may use the API. A credential takes the state of the admin who owns it.
///
/// Source: WHMCS documents that the credentials of a disabled admin stop working, and that the admin's role
/// group must hold the permission API Access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AdminState {
    /// The account is disabled, or was deleted. Its permissions do not matter.
    Disabled,
    /// The account is enabled, but its role group lacks API Access.
    WithoutApiAccess,
    /// The account is enabled, and its role group has API Access.
    WithApiAccess,
}

impl AdminState {
    /// The state for two flags from a database: whether the account is disabled, and whether its role group
    /// has API Access.
    ///
    /// # Examples
    ///
    /// ```
    /// use whmcs_auth::AdminState;
    ///
    /// assert_eq!(AdminState::from_flags(false, true), AdminState::WithApiAccess);
    /// assert_eq!(AdminState::from_flags(true, true), AdminState::Disabled);
    /// ```
    #[must_use]
    pub const fn from_flags(is_disabled: bool, has_api_access: bool) -> Self {
        match (is_disabled, has_api_access) {
            (true, _) => Self::Disabled,
            (false, false) => Self::WithoutApiAccess,
            (false, true) => Self::WithApiAccess,
        }
    }
}

/// The record of an API credential. A credential that is marked deleted counts as absent.
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
    /// Boxed: few records have one, and unboxed it would be a third of each record's size.
    pub(crate) compat: Option<Box<StoredPassword>>,
    pub(crate) admin: AdminState,
    pub(crate) actions: AllowedActions,
}

impl<Id> ApiCredential<Id> {
    /// A credential without actions and without a compat scheme.
    ///
    /// `id` is the record id of the store. A verified [`ApiCaller`](crate::ApiCaller) holds it. `admin` is
    /// the state of the admin who owns the credential.
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

    /// Adds a compat scheme: the bcrypt of the secret's MD5 in lower-case hex. Needs feature `bcrypt`.
    ///
    /// `md5(secret)` is checked against it (API-3) if
    ///
    /// - the secret is stored as sha256 or bcrypt (if it is stored as plain or md5, the md5 is checked
    ///   against the secret itself),
    /// - the policy [accepts `md5(secret)`](crate::ApiPolicy::with_md5_of_secret), and
    /// - the store [names the cost](ExpectedSchemes::with_compat).
    ///
    /// Source: installations have a column `compat_secret` with bcrypt strings. What it hashes is not
    /// public. This crate guesses that it is the md5 of the secret.
    ///
    /// # Errors
    ///
    /// The errors of [`StoredPassword::bcrypt_of_md5`].
    pub fn with_compat(mut self, bcrypt_of_md5: &str) -> Result<Self, SchemeError> {
        self.compat = Some(Box::new(StoredPassword::bcrypt_of_md5(bcrypt_of_md5)?));
        Ok(self)
    }

    /// The record id.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The identifier, which is compared byte for byte (API-6).
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The state of the admin who owns the credential.
    #[must_use]
    pub fn admin_state(&self) -> AdminState {
        self.admin
    }
}

impl<Id> ApiCredential<Id> {
    /// Sets the actions that the credential's API roles allow: the actions of all roles together.
    ///
    /// Without them, [`ApiCaller::authorize`](crate::ApiCaller::authorize) refuses every action. Verification
    /// does not use them.
    pub fn with_actions(mut self, actions: AllowedActions) -> Self {
        self.actions = actions;
        self
    }
}

/// The record of an admin.
///
/// # Examples
///
/// ```
/// use whmcs_auth::{Admin, AdminState, SchemeError, StoredPassword};
///
/// let password = StoredPassword::md5("5f4dcc3b5aa765d61d8327deb882cf99")?;
/// let admin = Admin::new(1, "admin", password, AdminState::WithApiAccess);
/// assert_eq!(admin.username(), "admin");
/// # Ok::<(), SchemeError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Admin<Id> {
    pub(crate) id: Id,
    pub(crate) username: String,
    pub(crate) password: StoredPassword,
    pub(crate) state: AdminState,
}

impl<Id> Admin<Id> {
    /// An admin. `id` is the record id of the store. A verified [`ApiCaller`](crate::ApiCaller) holds it.
    pub fn new(
        id: Id,
        username: impl Into<String>,
        password: StoredPassword,
        state: AdminState,
    ) -> Self {
        Self { id, username: username.into(), password, state }
    }

    /// The record id.
    #[must_use]
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// The username, which is compared without ASCII case (API-6).
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The state of the account.
    #[must_use]
    pub fn admin_state(&self) -> AdminState {
        self.state
    }
}

/// The result of a look-up.
///
/// | result | meaning | what follows |
/// |---|---|---|
/// | `Ok(Some(record))` | a record, borrowed from the store or owned | it is checked |
/// | `Ok(None)` | no such record | it counts as absent (API-1) |
/// | `Err(error)` | the store failed | [`ApiError::Store`](crate::ApiError::Store): nothing is decided |
pub type Lookup<'a, Record, Error> = Result<Option<Cow<'a, Record>>, Error>;

/// Finds credentials and admins by name.
///
/// References, `Box` and `Arc` of a store are also stores. A service that awaits its look-ups implements
/// [`AsyncCredentialStore`](crate::AsyncCredentialStore) instead.
///
/// # Security
///
/// A look-up should take the same time for a known and for an unknown name. This crate cannot hide a
/// difference (API-8).
///
/// If the stored text of a row is not accepted by any constructor, log the error and return `Ok(None)`. An
/// `Err` would show the caller that the name is known.
///
/// # Examples
///
/// ```
/// use std::borrow::Cow;
/// use std::convert::Infallible;
/// use whmcs_auth::{
///     Admin, ApiCredential, CredentialStore, ExpectedSchemes, Lookup, PasswordScheme, SecretScheme,
/// };
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
    /// The record id. A verified caller gets a clone of it.
    ///
    /// Credentials and admins share this type. If a credential and an admin can have the same id, use an
    /// enum, or read the id together with [`ApiCaller::mode`](crate::ApiCaller::mode).
    type Id: Clone;
    /// Why a look-up failed. The type needs no bounds. Implement [`Error`](core::error::Error), so that
    /// [`Answer`](crate::answer::Answer) takes the failure.
    type Error;

    /// Finds the API credential with this identifier.
    ///
    /// - The identifier of the record must be equal byte for byte. Any other record counts as absent (API-6).
    /// - Do not return a deleted credential.
    /// - Return a credential whose admin is disabled or deleted, with [`AdminState::Disabled`].
    ///
    /// # Errors
    ///
    /// The store's own error if the look-up failed.
    fn find_credential(&self, identifier: &str)
    -> Lookup<'_, ApiCredential<Self::Id>, Self::Error>;

    /// Finds the admin with this username.
    ///
    /// - The username of the record must be equal without ASCII case. Any other record counts as absent
    ///   (API-6).
    /// - Also return disabled admins, with [`AdminState::Disabled`].
    ///
    /// # Errors
    ///
    /// The store's own error if the look-up failed.
    fn find_admin(&self, username: &str) -> Lookup<'_, Admin<Self::Id>, Self::Error>;

    /// The schemes that every refusal must cost (API-8). They must not depend on the request.
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
