//! Settings in `tblconfiguration`.

use super::Database;

/// The settings that requests need.
pub(crate) struct Configuration {
    /// `SystemURL`: the URL of the installation.
    pub(crate) system_url: Option<String>,
    /// `AllowAutoAuth`, the switch of WHMCS 7.10 and 8.0. Only the value `on` allows AutoAuth. Without
    /// the row AutoAuth is allowed, because older versions have no such switch.
    pub(crate) allow_autoauth: bool,
}

impl Configuration {
    /// Whether clients use TLS.
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
            // MariaDB's collation also finds names in another case. If there are several rows for
            // the switch, all of them must be `on`.
            if setting.eq_ignore_ascii_case("SystemURL") {
                configuration.system_url = Some(value).filter(|url| !url.is_empty());
            } else {
                configuration.allow_autoauth &= value == "on";
            }
        }
        Ok(configuration)
    }

    /// The URL of the installation, as the setting `SystemURL` says.
    ///
    /// # Errors
    ///
    /// The error of the database.
    pub async fn system_url(&self) -> sqlx::Result<Option<String>> {
        Ok(self.configuration().await?.system_url)
    }

    /// The AutoAuth key of the demo data. Only an embedded database has one: WHMCS keeps its key in a
    /// file.
    ///
    /// # Errors
    ///
    /// The error of the database.
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
