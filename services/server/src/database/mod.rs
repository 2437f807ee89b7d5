//! The tables of a WHMCS database, in an SQLite file or on a MariaDB server. Both use the same queries.

mod clients;
mod configuration;
mod credentials;
pub mod demo;
mod open_error;
mod pool;
mod products;
mod rows;
mod surprises;

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::str::FromStr;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use sqlx::any::install_default_drivers;
use sqlx::mysql::MySqlDatabaseError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection};
use time::OffsetDateTime;
use whmcs_auth::BcryptCost;

use self::open_error::is_missing_table;
use self::pool::{ConnectionPool, Doubt};
use self::rows::RowLines;
use crate::settings::Limits;

pub use open_error::OpenError;
pub use surprises::Surprises;

pub(crate) use self::pool::PoolUsage;
pub(crate) use clients::{CLIENT_ORDERS, Client, ClientQuery, SsoSwitch};
pub(crate) use configuration::Configuration;
pub(crate) use credentials::Credentials;
pub(crate) use products::{Product, ProductQuery};

/// The tables, over a pool of connections. Clones share it.
#[derive(Clone)]
pub struct Database {
    pool: ConnectionPool,
    /// The connections of [`Self::for_pages`].
    page_pool: ConnectionPool,
    is_embedded: bool,
    /// When the `last_access` of a credential was written.
    last_access: Cache<i64, OffsetDateTime>,
    row_lines: RowLines,
    sso_switch: SsoSwitch,
}

/// The tables that requests need. WHMCS before 8.0 has no `tblusers_clients`.
const TABLES: [(&str, &str); 8] = [
    ("tblconfiguration", "SELECT 1 FROM tblconfiguration LIMIT 1"),
    ("tbldeviceauth", "SELECT 1 FROM tbldeviceauth LIMIT 1"),
    ("tbladmins", "SELECT 1 FROM tbladmins LIMIT 1"),
    ("tbladminroles", "SELECT 1 FROM tbladminroles LIMIT 1"),
    ("tbladminperms", "SELECT 1 FROM tbladminperms LIMIT 1"),
    ("tblapi_roles", "SELECT 1 FROM tblapi_roles LIMIT 1"),
    ("tblclients", "SELECT 1 FROM tblclients LIMIT 1"),
    ("tblproducts", "SELECT 1 FROM tblproducts LIMIT 1"),
];

impl Database {
    /// Opens the database of a URL, `sqlite:FILE` or `mysql://USER:PASSWORD@HOST/NAME`. A missing file
    /// is created, and an empty file is filled with demo data. The bcrypt hashes in the demo data have
    /// the cost `demo_cost`.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub async fn open(
        url: &str,
        demo_cost: BcryptCost,
        limits: &Limits,
    ) -> Result<Self, OpenError> {
        install_default_drivers();
        let (url, file) = match url.starts_with("sqlite:") {
            false => (url.to_owned(), None),
            true => (format!("{url}?mode=rw"), Some(fill_if_empty(url, demo_cost).await?)),
        };
        let is_embedded = file.is_some();
        let explain = |error| match is_embedded {
            true => OpenError::from(error),
            false => OpenError::of_server(&url, error),
        };
        let doubt = Doubt::default();
        let pool = ConnectionPool::new(&url, file.clone(), limits, &doubt).map_err(explain)?;
        let page_pool = ConnectionPool::new(&url, file, limits, &doubt).map_err(explain)?;
        // Fails now if the database cannot be reached.
        drop(pool.acquire().await.map_err(explain)?);
        check_tables(&pool).await?;
        let sso_switch = SsoSwitch::find(&pool).await?;
        let last_access =
            Cache::builder().max_capacity(100_000).eviction_policy(EvictionPolicy::lru()).build();
        let row_lines = RowLines::new();
        Ok(Self { pool, page_pool, is_embedded, last_access, row_lines, sso_switch })
    }

    /// The kind of the database, for the log.
    pub fn kind(&self) -> &'static str {
        if self.is_embedded { "sqlite" } else { "mysql" }
    }

    /// The same database over the connections of the pages. They are apart from those of the API, so that
    /// a locked table of the one does not stop the other.
    #[must_use]
    pub(crate) fn for_pages(&self) -> Self {
        Self { pool: self.page_pool.clone(), ..self.clone() }
    }

    /// How the connections are used.
    pub(crate) fn usage(&self) -> PoolUsage {
        self.pool.usage()
    }

    /// Reads a table that every request for a page needs.
    pub(crate) async fn ping(&self) -> sqlx::Result<()> {
        let rows = sqlx::query("SELECT COUNT(*) FROM tblconfiguration WHERE setting = 'SystemURL'");
        rows.execute(&self.pool).await.map(drop)
    }

    /// Closes all connections.
    pub fn close(&self) {
        self.pool.close();
        self.page_pool.close();
    }
}

async fn check_tables(pool: &ConnectionPool) -> Result<(), OpenError> {
    let mut missing = Vec::new();
    for (table, query) in TABLES {
        match sqlx::query(query).fetch_optional(pool).await {
            Ok(_) => {}
            Err(error) if is_missing_table(&error) => missing.push(table),
            Err(error) => return Err(error.into()),
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(OpenError::NoTables(missing.join(", "))),
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
            // The refusal has a line of its own.
            tracing::debug!(%error, "the column cannot hold the text, so no row has it");
            Ok(T::default())
        }
        found => found,
    }
}

/// Whether the URL of an embedded database is `sqlite:` and the path of a file. Parameters could create a
/// file, or share it in another way. The URL of a server has no such limit.
pub(crate) fn is_url_of_a_file_alone(url: &str) -> bool {
    !url.starts_with("sqlite:") || !(url.contains(['?', '%']) || url.contains(":memory:"))
}

/// Returns the file.
async fn fill_if_empty(url: &str, cost: BcryptCost) -> Result<PathBuf, OpenError> {
    if !is_url_of_a_file_alone(url) {
        return Err(OpenError::NoFile);
    }
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
    connection.close().await?;
    Ok(options.get_filename().to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn the_pages_have_connections_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("whmcs.db").display());
        let limits = Limits {
            database_connections: 1,
            database_connect_time: Duration::from_millis(100),
            ..Limits::default()
        };
        let database = Database::open(&url, BcryptCost::new(4).unwrap(), &limits).await.unwrap();
        let taken = database.pool.acquire().await.unwrap();
        assert!(database.client(1).await.is_err());
        let pages = database.for_pages();
        assert!(pages.client(1).await.unwrap().is_some());
        let _taken_too = pages.pool.acquire().await.unwrap();
        drop(taken);
        assert!(pages.client(1).await.is_err());
        assert!(database.client(1).await.unwrap().is_some());
    }
}
