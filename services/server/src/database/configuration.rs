//! Settings in `tblconfiguration`.

use std::collections::BTreeMap;

use serde::Deserialize;

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

/// The row `APIAllowedIPs` is not what WHMCS writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AllowedIpsUnreadable;

/// An entry of the row `APIAllowedIPs`. No other field is read, because the reader calls itself for each array in an
/// array.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AllowedIp {
    ip: String,
    #[serde(default, rename = "note")]
    _note: Option<String>,
}

fn read_allowed_ips(text: &str) -> Option<Vec<String>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    let list: BTreeMap<i64, AllowedIp> = php_serde::from_bytes(text.as_bytes()).ok()?;
    Some(list.into_values().map(|entry| entry.ip).collect())
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

    /// The addresses in the row `APIAllowedIPs`, as WHMCS writes them: a PHP array of `ip` and `note`.
    /// Without the row, or if it is empty, there are none.
    pub(crate) async fn allowed_ips(
        &self,
    ) -> sqlx::Result<Result<Vec<String>, AllowedIpsUnreadable>> {
        let row: Option<Option<String>> = sqlx::query_scalar(
            "SELECT value FROM tblconfiguration WHERE setting = 'APIAllowedIPs'",
        )
        .fetch_optional(&self.pool)
        .await?;
        let text = row.flatten().unwrap_or_default();
        Ok(read_allowed_ips(&text).ok_or(AllowedIpsUnreadable))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_a_row_are_read() {
        let entry =
            |ip: &str| format!(r#"a:2:{{s:2:"ip";s:{}:"{ip}";s:4:"note";s:1:"x";}}"#, ip.len());
        let two = format!("a:2:{{i:0;{}i:3;{}}}", entry("203.0.113.7"), entry("2001:db8::1"));
        for (text, expected) in [
            ("", Some(vec![])),
            ("a:0:{}", Some(vec![])),
            (&format!("a:1:{{i:0;{}}}", entry("")), Some(vec![""])),
            (&two, Some(vec!["203.0.113.7", "2001:db8::1"])),
            (r#"a:1:{i:0;a:1:{s:2:"ip";s:1:"x";}}"#, Some(vec!["x"])),
            (r#"a:1:{i:0;a:2:{s:2:"ip";s:1:"x";s:4:"note";s:5:"Büro";}}"#, Some(vec!["x"])),
            (r#"a:1:{i:0;a:2:{s:2:"ip";s:1:"x";s:4:"note";a:0:{}}}"#, None),
            (r#"a:1:{i:0;a:1:{s:4:"note";s:1:"x";}}"#, None),
            (&"a:1:{i:0;".repeat(10_000), None),
            (r#"a:1:{i:0;a:1:{s:2:"ip";i:1;}}"#, None),
            (r#"a:1:{i:0;s:11:"203.0.113.7";}"#, None),
            (r#"s:11:"203.0.113.7";"#, None),
            ("203.0.113.7", None),
            (r#"[{"ip":"203.0.113.7"}]"#, None),
            (&two[..two.len() - 1], None),
        ] {
            let expected = expected.map(|ips| ips.into_iter().map(str::to_owned).collect());
            assert_eq!(read_allowed_ips(text), expected, "{text}");
        }
    }
}
