//! What an operator does with a database, besides serving it: sign a link, and make a credential.

mod make_credential;
mod sign_link;

use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, install_default_drivers};
use sqlx::{AnyConnection, ConnectOptions};
use tokio::time::timeout;
use whmcs_auth::{AutoAuthRefusal, SignError};

use crate::database::is_url_of_a_file_alone;

pub use self::make_credential::{NewCredential, Owner};

/// One connection to a database that exists. It is never created or filled.
pub struct Administration {
    connection: AnyConnection,
    is_mariadb: bool,
}

/// Why an operator's command failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministrationError {
    /// The database cannot be reached, or a query failed.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The URL does not consist of `sqlite:` and the path of a file.
    #[error("the database: sqlite: takes the path of a file, without parameters")]
    NoFile,
    /// The database does not answer.
    #[error("the database did not answer in {} s", CONNECT_TIME.as_secs())]
    Silent,
    /// The link cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The service would refuse the link.
    #[error("the service would refuse this link: {0}")]
    Refused(#[from] AutoAuthRefusal),
    /// The setting `AllowAutoAuth` is not `on`.
    #[error("the service would refuse this link: the setting AllowAutoAuth is not `on`")]
    SwitchedOff,
    /// The switch "Allow Single Sign-On" of the client is off.
    #[error("the service would refuse this link: single sign-on is switched off for the client")]
    SsoNotAllowed,
    /// There is no AutoAuth key to sign with.
    #[error("there is no AutoAuth key: give --autoauth-key-file or --autoauth-key")]
    NoKey,
    /// There is no URL to begin the link with.
    #[error("the setting SystemURL is empty: give --base-url")]
    NoBaseUrl,
    /// No admin has this username or number.
    #[error("no admin has this username or number")]
    NoAdmin,
    /// One admin has this username, and another this number.
    #[error("several admins have this username or number")]
    SeveralAdmins,
    /// The admin is disabled, so the credential would be refused.
    #[error("the admin is disabled, so a credential would be refused")]
    AdminDisabled,
    /// The admin's role does not have the permission API Access, so the credential would be refused.
    #[error(
        "the admin's role does not have the permission API Access, so a credential would be refused"
    )]
    NoApiAccess,
    /// No API role has this name or number.
    #[error("no API role has the name or number {0:?}")]
    NoRole(String),
    /// Several API roles have this name or number.
    #[error("several API roles have the name or number {0:?}")]
    SeveralRoles(String),
    /// The secret could not be hashed.
    #[error("cannot hash the secret: {0}")]
    Hash(#[from] bcrypt::BcryptError),
    /// The operating system gave no random bytes.
    #[error("cannot draw a secret: {0}")]
    Random(#[from] getrandom::Error),
    /// The new credential could not be shown, so it was not made.
    #[error("cannot show the credential, so it was not made: {0}")]
    Show(#[from] std::io::Error),
}

const CONNECT_TIME: Duration = Duration::from_secs(10);

impl Administration {
    /// Connects to the database of a URL, `sqlite:FILE` or `mysql://USER:PASSWORD@HOST/NAME`.
    ///
    /// # Errors
    ///
    /// If the database cannot be reached, or the file does not exist.
    pub async fn connect(url: &str) -> Result<Self, AdministrationError> {
        if !is_url_of_a_file_alone(url) {
            return Err(AdministrationError::NoFile);
        }
        install_default_drivers();
        let options = AnyConnectOptions::from_str(url)?;
        let connection = timeout(CONNECT_TIME, options.connect()).await;
        let connection = connection.map_err(|_| AdministrationError::Silent)??;
        let is_mariadb = connection.backend_name() == "MySQL";
        Ok(Self { connection, is_mariadb })
    }

    /// The value of a setting in `tblconfiguration`, if it has a row.
    async fn setting(&mut self, name: &str) -> sqlx::Result<Option<String>> {
        let row: Option<Option<String>> =
            sqlx::query_scalar("SELECT value FROM tblconfiguration WHERE setting = ?")
                .bind(name)
                .fetch_optional(&mut self.connection)
                .await?;
        Ok(row.map(Option::unwrap_or_default))
    }
}
