//! Settings that an installation keeps in its own table.

use super::Database;

/// The rows of `tblconfiguration` that matter to a request.
pub(crate) struct Configuration {
    /// `SystemURL`: where clients find the installation.
    pub(crate) system_url: Option<String>,
    /// `AllowAutoAuth`, the switch of WHMCS 7.10 and 8.0: off unless it is `on`. An installation
    /// that has no such row has no such switch.
    pub(crate) allow_autoauth: bool,
}

impl Configuration {
    /// Whether clients come by TLS.
    pub(crate) fn is_tls(&self) -> bool {
        let url = self.system_url.as_deref().unwrap_or_default();
        let scheme = url.get(..8).unwrap_or_default();
        scheme.eq_ignore_ascii_case("https://")
    }
}

impl Database {
    pub(crate) async fn configuration(&self) -> sqlx::Result<Configuration> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT setting, value FROM tblconfiguration
             WHERE setting IN ('SystemURL', 'AllowAutoAuth')",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut configuration = Configuration { system_url: None, allow_autoauth: true };
        for (setting, value) in rows {
            let value = value.unwrap_or_default();
            // As a collation finds it. Of several switches all must be on.
            if setting.eq_ignore_ascii_case("SystemURL") {
                configuration.system_url = Some(value).filter(|url| !url.is_empty());
            } else {
                configuration.allow_autoauth &= value == "on";
            }
        }
        Ok(configuration)
    }

    /// The AutoAuth key of the demo data, which WHMCS keeps in a file. Only an embedded database has
    /// one.
    ///
    /// # Errors
    ///
    /// Whatever keeps the database from answering.
    pub async fn demo_autoauth_key(&self) -> sqlx::Result<Option<String>> {
        if !self.is_embedded {
            return Ok(None);
        }
        let key: Option<Option<String>> =
            sqlx::query_scalar("SELECT value FROM tblconfiguration WHERE setting = 'AutoAuthKey'")
                .fetch_optional(&self.pool)
                .await?;
        Ok(key.flatten().filter(|key| !key.is_empty()))
    }
}
