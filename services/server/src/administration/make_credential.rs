//! Makes an API credential, as WHMCS's admin area does.

use std::io::Write;

use bcrypt::{HashParts, Version};
use sqlx::{AnyConnection, Connection, FromRow};
use whmcs_auth::BcryptCost;
use zeroize::Zeroizing;

use super::{Administration, AdministrationError};
use crate::random::random_alphanumeric;
use crate::settings::RoleIds;

/// WHMCS's identifiers and secrets have this many letters and digits.
const LENGTH: usize = 32;

/// A credential to make.
pub struct NewCredential<'a> {
    /// The admin who owns it.
    pub owner: Owner<'a>,
    /// Names or numbers of API roles.
    pub roles: &'a [String],
    /// The format of `tbldeviceauth.role_ids`.
    pub role_ids: RoleIds,
    /// The bcrypt cost of the stored secret.
    pub bcrypt_cost: BcryptCost,
}

/// The owner of a credential.
pub struct Owner<'a> {
    /// Username or number.
    pub admin: &'a str,
    /// The number of the permission API Access.
    pub api_access_permission: i64,
}

#[derive(FromRow)]
struct AdminRow {
    id: i64,
    username: String,
    disabled: i64,
    api_access: i64,
}

impl Administration {
    /// Makes a credential, and writes identifier and secret to `output`. The database keeps only a hash of the
    /// secret, so it is shown only once. If writing fails, no credential is made.
    ///
    /// # Errors
    ///
    /// If the service would refuse the credential: no such admin, a disabled admin, an admin without API
    /// Access, or no such role. Also if the database refuses the row.
    pub async fn make_credential(
        &mut self,
        new: &NewCredential<'_>,
        mut output: impl Write,
    ) -> Result<(), AdministrationError> {
        let mut transaction = self.connection.begin().await?;
        let admin = find_admin(&mut transaction, &new.owner).await?;
        let mut roles = Vec::new();
        for role in new.roles {
            let id = find_role(&mut transaction, role).await?;
            if !roles.contains(&id) {
                roles.push(id);
            }
        }
        let identifier = random_alphanumeric(LENGTH)?;
        let secret = random_alphanumeric(LENGTH)?;
        sqlx::query(
            "INSERT INTO tbldeviceauth (identifier, secret, user_id, role_ids) VALUES (?, ?, ?, ?)",
        )
        .bind(identifier.as_str())
        .bind(hash(&secret, new.bcrypt_cost)?)
        .bind(admin)
        .bind(new.role_ids.write(&roles))
        .execute(&mut *transaction)
        .await?;
        let text = Zeroizing::new(format!(
            "identifier: {}\nsecret: {}\n",
            identifier.as_str(),
            secret.as_str()
        ));
        output.write_all(text.as_bytes())?;
        output.flush()?;
        Ok(transaction.commit().await?)
    }
}

async fn find_admin(
    connection: &mut AnyConnection,
    owner: &Owner<'_>,
) -> Result<i64, AdministrationError> {
    let number: Option<i64> = owner.admin.parse().ok();
    let mut found: Vec<AdminRow> = sqlx::query_as(
        "SELECT CAST(a.id AS SIGNED) AS id, a.username,
                CASE WHEN a.disabled = 0 THEN 0 ELSE 1 END AS disabled,
                EXISTS (SELECT 1 FROM tbladminroles r JOIN tbladminperms p ON p.roleid = r.id
                        WHERE r.id = a.roleid AND p.permid = ?) AS api_access
         FROM tbladmins a
         WHERE a.username = ? OR a.id = ?",
    )
    .bind(owner.api_access_permission)
    .bind(owner.admin)
    .bind(number)
    .fetch_all(connection)
    .await?;
    // A collation may also find look-alikes.
    found.retain(|row| row.username.eq_ignore_ascii_case(owner.admin) || number == Some(row.id));
    match found.as_slice() {
        [] => Err(AdministrationError::NoAdmin),
        [admin] if admin.disabled != 0 => Err(AdministrationError::AdminDisabled),
        [admin] if admin.api_access == 0 => Err(AdministrationError::NoApiAccess),
        [admin] => Ok(admin.id),
        _ => Err(AdministrationError::SeveralAdmins),
    }
}

async fn find_role(connection: &mut AnyConnection, role: &str) -> Result<i64, AdministrationError> {
    let number: Option<i64> = role.parse().ok();
    let query = "SELECT CAST(id AS SIGNED) AS id, role FROM tblapi_roles WHERE role = ? OR id = ?";
    let mut found: Vec<(i64, String)> =
        sqlx::query_as(query).bind(role).bind(number).fetch_all(connection).await?;
    found.retain(|(id, name)| name.eq_ignore_ascii_case(role) || number == Some(*id));
    match found.as_slice() {
        [] => Err(AdministrationError::NoRole(role.to_owned())),
        [(id, _)] => Ok(*id),
        _ => Err(AdministrationError::SeveralRoles(role.to_owned())),
    }
}

/// A hash in the format of PHP's `password_hash`.
fn hash(secret: &str, cost: BcryptCost) -> Result<String, bcrypt::BcryptError> {
    let parts: HashParts = bcrypt::hash_with_result(secret, cost.into())?;
    Ok(parts.format_for_version(Version::TwoY))
}
