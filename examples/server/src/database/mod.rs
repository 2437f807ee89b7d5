//! The tables of a WHMCS database: embedded in a file, or on a MariaDB server. The queries are the
//! same for both.

mod clients;
mod configuration;
mod credentials;
pub mod demo;
mod products;

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::str::FromStr;
use std::time::Duration;

use sqlx::any::{AnyPoolOptions, install_default_drivers};
use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AnyPool, ConnectOptions, Connection};
use whmcs_auth::BcryptCost;

pub(crate) use clients::{CLIENT_ORDERS, Client, ClientQuery};
pub(crate) use configuration::Configuration;
pub(crate) use credentials::CallerId;
pub use credentials::RoleIds;
pub(crate) use products::{Product, ProductQuery};

/// A pool of connections.
pub struct Database {
    pool: AnyPool,
    is_embedded: bool,
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It cannot be reached, or is none.
    #[error("the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The URL names no file, or more than that.
    #[error("the database: sqlite: is followed by the path of a file, without parameters")]
    NoFile,
    /// Its file cannot be opened.
    #[error("the database: {0}")]
    File(#[from] std::io::Error),
    /// A secret of the demo could not be hashed.
    #[error("the demo data: {0}")]
    Hash(#[from] bcrypt::BcryptError),
    /// The demo's key could not be drawn.
    #[error("the demo data: {0}")]
    Random(#[from] getrandom::Error),
}

impl Database {
    /// Opens the database of that URL, `sqlite:FILE` or `mysql://USER:PASSWORD@HOST/NAME`. A file
    /// that is missing or empty is made, and filled with demo data; bcrypt hashes in it have the
    /// cost given.
    pub async fn open(url: &str, demo_cost: BcryptCost) -> Result<Self, OpenError> {
        install_default_drivers();
        let pool = AnyPoolOptions::new().acquire_timeout(Duration::from_secs(2));
        if !url.starts_with("sqlite:") {
            let pool = pool.connect(url).await?;
            return Ok(Self { pool, is_embedded: false });
        }
        if url.contains(['?', '%']) || url.contains(":memory:") {
            return Err(OpenError::NoFile);
        }
        fill_if_empty(url, demo_cost).await?;
        // An open file that was removed or replaced can be read as before. So each use opens it
        // anew, lest a credential that is gone lets anybody in.
        let pool = pool
            .after_release(|_, _| Box::pin(async { Ok(false) }))
            .connect(&format!("{url}?mode=rw"))
            .await?;
        Ok(Self { pool, is_embedded: true })
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Of the rows that a collation found the one that was asked for, or else the first, which the library
/// will refuse by its name.
fn exact_or_first<R>(mut rows: Vec<R>, is_asked_for: impl Fn(&R) -> bool) -> Option<R> {
    let place = rows.iter().position(is_asked_for).unwrap_or(0);
    (place < rows.len()).then(|| rows.swap_remove(place))
}

/// Error 1267, which MariaDB gives, among other cases, for a text that the character set of a column
/// cannot hold.
const ILLEGAL_MIX_OF_COLLATIONS: u16 = 1267;

/// Nothing, where a caller's text stands in no row because it cannot. Otherwise whoever sends one is
/// told apart, and raises an alarm that somebody else answers. ASCII every column can hold.
fn none_if_unencodable<T: Default>(found: sqlx::Result<T>, text: &str) -> sqlx::Result<T> {
    let number = |error: &sqlx::Error| {
        let error = error.as_database_error()?;
        Some(error.try_downcast_ref::<MySqlDatabaseError>()?.number())
    };
    match found {
        Err(error) if !text.is_ascii() && number(&error) == Some(ILLEGAL_MIX_OF_COLLATIONS) => {
            tracing::warn!(%error, "found nothing");
            Ok(T::default())
        }
        found => found,
    }
}

async fn fill_if_empty(url: &str, cost: BcryptCost) -> Result<(), OpenError> {
    let options = SqliteConnectOptions::from_str(url)?;
    OpenOptions::new().append(true).create(true).mode(0o600).open(options.get_filename())?;
    let mut connection = options.connect().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master")
        .fetch_one(&mut *transaction)
        .await?;
    if tables == 0 {
        // For its owner alone: it will hold the demo's AutoAuth key.
        fs::set_permissions(options.get_filename(), Permissions::from_mode(0o600))?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *transaction).await?;
        demo::fill(&mut transaction, cost).await?;
    }
    transaction.commit().await?;
    Ok(connection.close().await?)
}
