//! The demo data of an embedded database: one API credential, three admins, some clients and products.

use bcrypt::{HashParts, Version};
use sqlx::SqliteConnection;
use whmcs_auth::BcryptCost;

use super::OpenError;
use crate::random::random_hex;
use crate::settings::DEFAULT_API_ACCESS_PERMISSION;

/// The identifier of the API credential.
pub const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
/// Its secret.
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
/// The username of the admin with API Access.
pub const ADMIN: &str = "admin";
/// The md5 of the admin's password.
pub const PASSWORD_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";
/// The e-mail of the first client.
pub const EMAIL: &str = "demo@whmcs.com";

/// The admins: username, md5 of the password, role, disabled.
const ADMINS: [(&str, &str, i64, i64); 3] = [
    (ADMIN, PASSWORD_MD5, 1, 0),
    ("clerk", "2b396c730a20dcf9c13b650a659c8498", 2, 0),
    ("gone", "c9a92f084247cfb8d50e254f301eb4d0", 1, 1),
];

/// The rows without hashes. Admin role 1 has API Access, and role 2 does not.
const ROWS: &str = r#"
    INSERT INTO tblconfiguration VALUES ('SystemURL', ''), ('AllowAutoAuth', 'on');
    INSERT INTO tbladminroles VALUES (1, 'Full Administrator'), (2, 'Support Operator');
    INSERT INTO tblapi_roles VALUES
        (1, 'Reader', '{"getclients":1,"getclientsdetails":1,"getproducts":1,"getinvoices":0}'),
        (2, 'Single sign-on', '{"createssotoken":1}');
    INSERT INTO tblproducts VALUES
        (1, 1, 'hostingaccount', 'Starter', '5 GB & one site', 'cpanel', 'recurring'),
        (2, 1, 'hostingaccount', 'Business', '50 GB, <b>ten</b> sites', 'cpanel', 'recurring'),
        (3, 2, 'other', 'Site check', 'One hour; by hand', '', 'onetime');
    INSERT INTO tblclients (id, firstname, lastname, companyname, email, datecreated, groupid, status) VALUES
        (1, 'Demo', 'Client', 'Example Ltd', 'demo@whmcs.com', '2010-11-18', 0, 'Active'),
        (2, 'Ada', 'Plus', '', 'a+b@example.com', '2015-01-01', 1, 'Active'),
        (3, 'Jürgen', 'Groß', 'Groß & Söhne', 'juergen@example.com', '2016-02-29', 0, 'Inactive'),
        (4, 'Carla', 'Closed', '', 'closed@example.com', '2017-03-01', 0, 'Closed'),
        (5, 'Mallory', 'Accented', '', 'míke@example.com', '2018-01-01', 0, 'Active');
    WITH RECURSIVE more(id) AS (SELECT 6 UNION ALL SELECT id + 1 FROM more WHERE id < 30)
    INSERT INTO tblclients (id, firstname, lastname, email, datecreated)
        SELECT id, 'Client', 'No ' || id, 'client' || id || '@example.com', '2020-01-01' FROM more;
    -- User 101 owns clients 1 and 6, and may also log in to client 2.
    INSERT INTO tblusers_clients VALUES (101, 6, 1), (101, 1, 1), (101, 2, 0), (102, 2, 1), (104, 4, 1);
"#;

pub(super) async fn fill(
    connection: &mut SqliteConnection,
    cost: BcryptCost,
) -> Result<(), OpenError> {
    sqlx::raw_sql(ROWS).execute(&mut *connection).await?;
    sqlx::query("INSERT INTO tbladminperms VALUES (1, ?)")
        .bind(DEFAULT_API_ACCESS_PERMISSION)
        .execute(&mut *connection)
        .await?;
    sqlx::query("INSERT INTO tblconfiguration VALUES ('AutoAuthKey', ?)")
        .bind(random_hex()?)
        .execute(&mut *connection)
        .await?;
    for (id, (username, md5, role, disabled)) in (1_i64..).zip(ADMINS) {
        sqlx::query("INSERT INTO tbladmins VALUES (?, ?, ?, ?, ?, ?)")
            .bind(id)
            .bind(role)
            .bind(username)
            .bind(hash(md5, cost)?)
            .bind(hash(&random_hex()?, cost)?)
            .bind(disabled)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query(
        "INSERT INTO tbldeviceauth (id, identifier, secret, user_id, role_ids)
         VALUES (7, ?, ?, 1, '[1,2]')",
    )
    .bind(IDENTIFIER)
    .bind(hash(SECRET, cost)?)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// A hash in the format of PHP's `password_hash`.
fn hash(text: &str, cost: BcryptCost) -> Result<String, OpenError> {
    let parts: HashParts = bcrypt::hash_with_result(text, cost.into())?;
    Ok(parts.format_for_version(Version::TwoY))
}
