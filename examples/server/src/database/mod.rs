//! The tables of a WHMCS database, in an SQLite file or on a MariaDB server. Both use the same queries.

mod clients;
mod configuration;
mod credentials;
pub mod demo;
mod php_serialized;
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
pub(crate) use credentials::{CallerId, Credentials};
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
    /// The database cannot be reached, or the file is not a database.
    #[error("cannot open the database: {0}")]
    Database(#[from] sqlx::Error),
    /// The URL does not consist of `sqlite:` and the path of a file.
    #[error("cannot open the database: sqlite: takes the path of a file, without parameters")]
    NoFile,
    /// The file cannot be opened.
    #[error("cannot open the database: {0}")]
    File(#[from] std::io::Error),
    /// A secret of the demo data could not be hashed.
    #[error("cannot create the demo data: {0}")]
    Hash(#[from] bcrypt::BcryptError),
    /// The operating system gave no random bytes.
    #[error("cannot create the demo data: {0}")]
    Random(#[from] getrandom::Error),
}

impl Database {
    /// Opens the database of a URL, `sqlite:FILE` or `mysql://USER:PASSWORD@HOST/NAME`. A missing file
    /// is created, and an empty file is filled with demo data. The bcrypt hashes in the demo data have
    /// the cost `demo_cost`.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
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
        // A process can still read an open file after it was removed or replaced. So each use opens
        // the file again. Otherwise a credential that was removed with the file would still work.
        let pool = pool
            .after_release(|_, _| Box::pin(async { Ok(false) }))
            .connect(&format!("{url}?mode=rw"))
            .await?;
        Ok(Self { pool, is_embedded: true })
    }

    /// Closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// A collation may find several rows. Returns the one with the requested name. If there is none, returns
/// the first row, and the library refuses it with the code `record_name_mismatch`.
fn exact_or_first<R>(mut rows: Vec<R>, is_exact: impl Fn(&R) -> bool) -> Option<R> {
    let index = rows.iter().position(is_exact).unwrap_or(0);
    (index < rows.len()).then(|| rows.swap_remove(index))
}

/// MariaDB's error for a text that the column's character set cannot hold, among other cases.
const ILLEGAL_MIX_OF_COLLATIONS: u16 = 1267;

/// Finds nothing if the column's character set cannot hold the caller's text, because then no row can
/// have it. Without this, any caller could cause a database error, and the operator's alarm. Every
/// column can hold ASCII, so for ASCII the error has another cause.
fn none_if_unencodable<T: Default>(found: sqlx::Result<T>, text: &str) -> sqlx::Result<T> {
    let number = |error: &sqlx::Error| {
        let error = error.as_database_error()?;
        Some(error.try_downcast_ref::<MySqlDatabaseError>()?.number())
    };
    match found {
        Err(error) if !text.is_ascii() && number(&error) == Some(ILLEGAL_MIX_OF_COLLATIONS) => {
            tracing::warn!(%error, "the column cannot hold the text, so no row has it");
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
        // Only the owner may read the file, because it will hold the demo's AutoAuth key.
        fs::set_permissions(options.get_filename(), Permissions::from_mode(0o600))?;
        sqlx::raw_sql(include_str!("schema.sql")).execute(&mut *transaction).await?;
        demo::fill(&mut transaction, cost).await?;
    }
    transaction.commit().await?;
    Ok(connection.close().await?)
}
