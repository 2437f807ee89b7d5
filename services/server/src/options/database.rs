//! The options for the database, which all commands have.

use std::path::PathBuf;

use clap::Args;
use whmcs_auth_server::{DEFAULT_API_ACCESS_PERMISSION, RoleIds};
use whmcs_auth_services_base::{FileError, secret};
use zeroize::Zeroizing;

/// Which database.
#[derive(Args)]
pub struct DatabaseOptions {
    /// Database: sqlite:FILE or mysql://USER:PASSWORD@HOST/NAME. Only the service creates a missing file,
    /// with demo data.
    #[arg(long, value_name = "URL", env = "WHMCS_DATABASE", hide_env_values = true)]
    #[arg(default_value = "sqlite:whmcs-demo.db")]
    database: String,

    /// File with the URL of the database.
    #[arg(long, value_name = "FILE", env = "WHMCS_DATABASE_URL_FILE", conflicts_with = "database")]
    database_url_file: Option<PathBuf>,
}

impl DatabaseOptions {
    /// The URL of the database.
    pub fn url(&self) -> Result<Zeroizing<String>, FileError> {
        match &self.database_url_file {
            Some(path) => secret(path),
            None => Ok(Zeroizing::new(self.database.clone())),
        }
    }
}

/// What WHMCS does not document about its tables.
#[derive(Args)]
pub struct TableOptions {
    /// Format of the column tbldeviceauth.role_ids. WHMCS does not document it.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub role_ids: RoleIds,

    /// Number of the permission API Access in tbladminperms. WHMCS does not document it.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_API_ACCESS_PERMISSION)]
    pub api_access_permission: i64,
}
