//! API credentials, admins and API roles, as the library's records.

use sqlx::any::AnyRow;
use sqlx::{FromRow, Row};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};
use tokio::time::timeout;
use whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCaller, ApiCredential, ApiMode, AsyncCredentialStore,
    ExpectedSchemes, SchemeError, StoredPassword, StoredSecret,
};
use whmcs_auth_axum::Cause;

use super::rows::RowLines;
use super::{Database, exact_or_first, none_if_unencodable};
use crate::deadline::in_time;
use crate::refusal::Refusal;
use crate::settings::{RoleIds, Settings};

/// A row of `tblapi_roles`.
#[derive(Debug)]
pub(crate) struct Role {
    id: i64,
    /// `None` if the column cannot be read.
    permissions: Option<String>,
}

/// The format of a `TIMESTAMP` in MariaDB.
const TIMESTAMP: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// One row for each API role whose number occurs in `role_ids`, and at least one row. The roles come with the
/// credential, so that a call has one query, and an unknown identifier has as many as a known one.
const CREDENTIAL: &str = "\
    SELECT CAST(d.id AS SIGNED) AS id, d.identifier AS name, d.secret, d.role_ids,
           CAST(r.id AS SIGNED) AS role, r.permissions,
           CASE WHEN a.disabled = 0 THEN 1 ELSE 0 END AS enabled,
           EXISTS (SELECT 1 FROM tbladminroles r JOIN tbladminperms p ON p.roleid = r.id
                   WHERE r.id = a.roleid AND p.permid = ?) AS api_access
    FROM tbldeviceauth d LEFT JOIN tbladmins a ON a.id = d.user_id
         LEFT JOIN tblapi_roles r ON d.role_ids LIKE CONCAT('%', r.id, '%')
    WHERE d.identifier = ? AND d.deleted_at IS NULL
    ORDER BY d.id";

const ADMIN: &str = "\
    SELECT CAST(a.id AS SIGNED) AS id, a.username AS name, a.password, a.passwordhash,
           CASE WHEN a.disabled = 0 THEN 1 ELSE 0 END AS enabled,
           EXISTS (SELECT 1 FROM tbladminroles r JOIN tbladminperms p ON p.roleid = r.id
                   WHERE r.id = a.roleid AND p.permid = ?) AS api_access
    FROM tbladmins a
    WHERE a.username = ?";

#[derive(FromRow)]
struct CredentialRow {
    id: i64,
    name: String,
    secret: String,
    role_ids: Option<String>,
    enabled: i64,
    api_access: i64,
}

#[derive(FromRow)]
struct AdminRow {
    id: i64,
    name: String,
    password: String,
    passwordhash: Option<String>,
    enabled: i64,
    api_access: i64,
}

/// The credentials and admins of a database, read as the settings say.
pub(crate) struct Credentials {
    database: Database,
    api_access_permission: i64,
    role_ids: RoleIds,
    expected: ExpectedSchemes,
}

/// A row that the library cannot read is logged and counts as absent.
impl AsyncCredentialStore for Credentials {
    /// The number of the row. The mode of the caller says of which table.
    type Id = i64;
    type Error = Cause;

    async fn find_credential(&self, identifier: &str) -> Result<Option<ApiCredential<i64>>, Cause> {
        let rows = self.rows("tbldeviceauth", CREDENTIAL, identifier).await?;
        let number = |row: &AnyRow| row.try_get::<i64, _>("id").ok();
        let of_credentials = rows.chunk_by(|row, next| number(row) == number(next));
        let records = of_credentials.filter_map(|rows| {
            let row = rows.first()?;
            let record = CredentialRow::from_row(row).map_err(Unreadable::from);
            let record = record.and_then(|row| {
                let roles: Vec<_> = rows.iter().filter_map(Role::read).collect();
                let actions = self.actions(&row, &roles);
                Ok(row.record()?.with_actions(actions))
            });
            self.database.read("tbldeviceauth", row, record)
        });
        Ok(exact_or_first(records.collect(), |found: &ApiCredential<_>| {
            found.identifier() == identifier
        }))
    }

    async fn find_admin(&self, username: &str) -> Result<Option<Admin<i64>>, Cause> {
        let rows = self.rows("tbladmins", ADMIN, username).await?;
        let records = rows.iter().filter_map(|row| {
            let record = AdminRow::from_row(row).map_err(Unreadable::from);
            self.database.read("tbladmins", row, record.and_then(AdminRow::record))
        });
        Ok(exact_or_first(records.collect(), |found: &Admin<_>| {
            found.username().eq_ignore_ascii_case(username)
        }))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        self.expected
    }
}

impl Credentials {
    pub(crate) fn new(database: &Database, settings: &Settings) -> Self {
        Self {
            database: database.clone(),
            api_access_permission: settings.api_access_permission,
            role_ids: settings.role_ids,
            expected: settings.expected_schemes(),
        }
    }

    async fn rows(
        &self,
        table: &'static str,
        query: &'static str,
        name: &str,
    ) -> Result<Vec<AnyRow>, Cause> {
        let query = sqlx::query(query).bind(self.api_access_permission).bind(name);
        let rows = in_time(async { Ok(self.database.rows(table, query).await) }).await?;
        Ok(none_if_unencodable(rows, name).map_err(Refusal::from)?)
    }
}

impl Credentials {
    /// The actions that the API roles of a credential allow.
    fn actions(&self, row: &CredentialRow, roles: &[Role]) -> AllowedActions {
        let lines = &self.database.row_lines;
        let Some(ids) = self.role_ids.read(row.role_ids.as_deref().unwrap_or_default()) else {
            let (table, id) = ("tbldeviceauth", row.id);
            if lines.are_due(table, Some(id)) {
                tracing::error!(table, id, "cannot read role_ids, so the credential has no roles");
            }
            return AllowedActions::default();
        };
        let granted = roles.iter().filter(|role| ids.contains(&role.id));
        AllowedActions::new(granted.flat_map(|role| role.actions(lines)))
    }
}

impl Role {
    /// The role in a row of [`CREDENTIAL`], if it has one.
    fn read(row: &AnyRow) -> Option<Self> {
        let id = row.try_get::<Option<i64>, _>("role").ok()??;
        let permissions: Option<Option<String>> = row.try_get("permissions").ok();
        Some(Self { id, permissions: permissions.map(Option::unwrap_or_default) })
    }

    /// The actions that the role allows: those with a 1 in `{"getclients":1,...}`.
    fn actions(&self, lines: &RowLines) -> Vec<String> {
        self.permissions.as_deref().and_then(read_permissions).unwrap_or_else(|| {
            let table = "tblapi_roles";
            if lines.are_due(table, Some(self.id)) {
                tracing::error!(
                    table,
                    self.id,
                    "cannot read permissions, so the role allows nothing"
                );
            }
            Vec::new()
        })
    }
}

/// The actions with a 1 in `{"getclients":1,...}`.
fn read_permissions(text: &str) -> Option<Vec<String>> {
    if is_empty_list(text) {
        return Some(Vec::new());
    }
    let actions: serde_json::Map<_, _> = serde_json::from_str(text).ok()?;
    let allowed =
        actions.into_iter().filter(|(_, switch)| *switch == 1 || *switch == true || *switch == "1");
    Some(allowed.map(|(action, _)| action).collect())
}

/// Whether a column holds no entry. PHP writes `[]` for an empty list, and for an empty object as well.
fn is_empty_list(text: &str) -> bool {
    matches!(text.trim_ascii(), "" | "[]")
}

impl Database {
    /// Writes the time of the call to `last_access`, at most once a minute. The call goes on if this is
    /// slow or fails, and the next calls do not try again for a minute.
    pub(crate) async fn touch(&self, caller: &ApiCaller<i64>, now: OffsetDateTime) {
        if caller.mode == ApiMode::AdminLogin {
            return;
        }
        let id = &caller.id;
        let due = |last: OffsetDateTime| last.saturating_add(Duration::MINUTE) <= now;
        if !self.last_access.get(id).is_none_or(due) {
            return;
        }
        self.last_access.insert(*id, now);
        // Formatting cannot fail for these times.
        let text = |time: OffsetDateTime| time.format(TIMESTAMP).unwrap_or_default();
        let written = sqlx::query(
            "UPDATE tbldeviceauth SET last_access = ?
             WHERE id = ? AND (last_access IS NULL OR last_access < ?)",
        )
        .bind(text(now))
        .bind(*id)
        .bind(text(now.saturating_sub(Duration::MINUTE)))
        .execute(&self.pool);
        let cause = match timeout(std::time::Duration::from_millis(500), written).await {
            Ok(Ok(_)) => return,
            Ok(Err(error)) => error.to_string(),
            Err(late) => late.to_string(),
        };
        tracing::error!(table = "tbldeviceauth", id, cause, "cannot write last_access");
    }
}

/// Why the library cannot read a row.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error(transparent)]
    Column(#[from] sqlx::Error),
    #[error(transparent)]
    Scheme(#[from] SchemeError),
    #[error(
        "the password is an MD5, and passwordhash is not empty: empty it, or set the password in WHMCS"
    )]
    HalfReset,
}

impl CredentialRow {
    fn record(self) -> Result<ApiCredential<i64>, Unreadable> {
        let secret = StoredSecret::bcrypt(&self.secret)?;
        let admin = AdminState::from_flags(self.enabled == 0, self.api_access != 0);
        Ok(ApiCredential::new(self.id, self.name, secret, admin))
    }
}

/// The password of an admin, from the columns `password` and `passwordhash`.
fn stored_password(
    password: &str,
    passwordhash: Option<&str>,
) -> Result<StoredPassword, Unreadable> {
    // A manual reset writes an MD5 into `password` and empties `passwordhash`.
    let was_reset = passwordhash.is_none_or(str::is_empty);
    Ok(match was_reset {
        true => StoredPassword::detect(password)?,
        false if StoredPassword::md5(password).is_ok() => return Err(Unreadable::HalfReset),
        false => StoredPassword::bcrypt_of_md5(password)?,
    })
}

impl AdminRow {
    fn record(self) -> Result<Admin<i64>, Unreadable> {
        let password = stored_password(&self.password, self.passwordhash.as_deref())?;
        let state = AdminState::from_flags(self.enabled == 0, self.api_access != 0);
        Ok(Admin::new(self.id, self.name, password, state))
    }
}

impl RoleIds {
    pub(crate) fn write(self, ids: &[i64]) -> String {
        let ids: Vec<_> = ids.iter().map(i64::to_string).collect();
        let list = ids.join(",");
        match self {
            Self::Json => format!("[{list}]"),
            Self::Comma => list,
        }
    }

    pub(crate) fn read(self, text: &str) -> Option<Vec<i64>> {
        match self {
            _ if is_empty_list(text) => Some(Vec::new()),
            Self::Json => {
                let ids: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
                ids.iter().map(|id| id.as_i64().or_else(|| id.as_str()?.parse().ok())).collect()
            }
            Self::Comma => text
                .split(',')
                .filter(|id| !id.is_empty())
                .map(|id| id.trim().parse().ok())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_list_is_one_thing_in_every_format() {
        for text in ["", "[]", " ", "[] "] {
            for format in [RoleIds::Json, RoleIds::Comma] {
                assert_eq!(format.read(text), Some(Vec::new()), "{format:?} {text:?}");
            }
            assert_eq!(read_permissions(text), Some(Vec::new()), "{text:?}");
        }
        for text in ["[1", "x", "1,x", "null"] {
            assert_eq!(RoleIds::Json.read(text), None, "{text:?}");
            assert_eq!(read_permissions(text), None, "{text:?}");
        }
        assert_eq!(RoleIds::Comma.read("1,x"), None);
    }

    #[test]
    fn an_md5_needs_an_empty_passwordhash() {
        let md5 = "5f4dcc3b5aa765d61d8327deb882cf99";
        for empty in [None, Some("")] {
            assert!(stored_password(md5, empty).is_ok());
        }
        for rest in ["x", "$2y$10$"] {
            let refused = stored_password(md5, Some(rest));
            assert!(matches!(refused, Err(Unreadable::HalfReset)), "{refused:?}");
        }
    }
}
