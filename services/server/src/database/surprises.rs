//! What a database holds that will surprise the operator of the service.

use super::Database;

/// Numbers of rows, and a row that may not be obeyed.
pub struct Surprises {
    /// Enabled admins whose password is stored as an MD5 or as it is.
    pub weak_admins: i64,
    /// Credentials whose secret is not stored as bcrypt. The service refuses them.
    pub weak_credentials: i64,
    /// The entries of the row `APIAllowedIPs` that are not empty.
    pub allowed_ips: Vec<String>,
}

impl Database {
    /// Looks for surprises.
    ///
    /// # Errors
    ///
    /// The error of the database.
    pub async fn surprises(&self) -> sqlx::Result<Surprises> {
        let count = async |query| sqlx::query_scalar(query).fetch_one(&self.pool).await;
        let weak_admins = count(
            "SELECT COUNT(*) FROM tbladmins WHERE disabled = 0
             AND COALESCE(passwordhash, '') = '' AND password NOT LIKE '$2%'",
        )
        .await?;
        let weak_credentials = count(
            "SELECT COUNT(*) FROM tbldeviceauth WHERE deleted_at IS NULL AND secret NOT LIKE '$2%'",
        )
        .await?;
        let mut allowed_ips = self.allowed_ips().await?.unwrap_or_default();
        allowed_ips.retain(|entry| !entry.is_empty());
        Ok(Surprises { weak_admins, weak_credentials, allowed_ips })
    }
}
