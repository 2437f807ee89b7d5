//! What a database holds that will surprise the operator of the service.

use super::Database;

/// Numbers of rows, and a row that the service does not use.
pub struct Surprises {
    /// Enabled admins whose password is stored as MD5 or as plain text.
    pub weak_admins: i64,
    /// Enabled admins whose password cannot be read: it is not bcrypt, and `passwordhash` is not empty. The service
    /// refuses them.
    pub unreadable_admins: i64,
    /// Credentials whose secret is not stored as bcrypt. The service refuses them.
    pub weak_credentials: i64,
    /// Whether WHMCS has a list of addresses of its own, in the row `APIAllowedIPs`. The service does not use it.
    pub has_allowed_ips: bool,
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
        let unreadable_admins = count(
            "SELECT COUNT(*) FROM tbladmins
             WHERE disabled = 0 AND COALESCE(passwordhash, '') <> '' AND password NOT LIKE '$2%'",
        )
        .await?;
        let weak_credentials = count(
            "SELECT COUNT(*) FROM tbldeviceauth WHERE deleted_at IS NULL AND secret NOT LIKE '$2%'",
        )
        .await?;
        // PHP's text for a list holds each address in quotes.
        let lists = count(
            "SELECT COUNT(*) FROM tblconfiguration WHERE setting = 'APIAllowedIPs' AND value LIKE '%:\"%.%\"%'",
        )
        .await?;
        let has_allowed_ips = lists > 0;
        Ok(Surprises { weak_admins, unreadable_admins, weak_credentials, has_allowed_ips })
    }
}
