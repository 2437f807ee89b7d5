//! Settings that an installation keeps in its own table.

use super::Database;

/// The rows of `tblconfiguration` that matter here.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// `SystemURL`: where clients find the installation.
    pub system_url: Option<String>,
    /// `AllowAutoAuth`, the switch of WHMCS 7.10 and 8.0: off unless it is `on`. An installation
    /// that has no such row has no such switch.
    pub allow_autoauth: bool,
    /// `AutoAuthKey`, of the demo data alone. WHMCS keeps it in a file.
    pub autoauth_key: Option<String>,
    /// `Demo`: the database holds the demo data.
    pub is_demo: bool,
}

impl Configuration {
    /// Whether clients come by TLS.
    pub fn is_tls(&self) -> bool {
        let url = self.system_url.as_deref().unwrap_or_default();
        url.get(..8)
            .is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
    }
}

impl Database {
    /// Reads them.
    pub async fn configuration(&self) -> sqlx::Result<Configuration> {
        let rows: Vec<(String, Option<String>)> = sqlx::query_as(
            "SELECT setting, value FROM tblconfiguration
             WHERE setting IN ('SystemURL', 'AllowAutoAuth', 'AutoAuthKey', 'Demo')",
        )
        .fetch_all(&self.pool)
        .await?;
        let mut configuration = Configuration {
            allow_autoauth: true,
            ..Configuration::default()
        };
        for (setting, value) in rows {
            let value = value.unwrap_or_default();
            match setting.as_str() {
                "SystemURL" => configuration.system_url = some_text(value),
                "AllowAutoAuth" => configuration.allow_autoauth = value == "on",
                "AutoAuthKey" => configuration.autoauth_key = some_text(value),
                "Demo" => configuration.is_demo = value == "on",
                _ => {}
            }
        }
        Ok(configuration)
    }
}

fn some_text(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}
