//! Looks the tables over, and tells what the service could not use. It shows numbers of rows, never a secret,
//! a hash, a name or an e-mail.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use whmcs_auth::gate::{AddressGate, UnreadableKind};
use whmcs_auth::{
    AdminState, BcryptCost, PasswordScheme, SecretScheme, StoredScheme, StoredSecret,
};

use super::Administration;
use crate::database::{admin_state, read_allowed_ips, read_permissions, stored_password};
use crate::settings::RoleIds;

/// How the service reads the database.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// The bcrypt cost that refused callers cost.
    pub bcrypt_cost: BcryptCost,
    /// The format of `tbldeviceauth.role_ids`.
    pub role_ids: RoleIds,
    /// The number of the permission API Access.
    pub api_access_permission: i64,
}

/// What was found. Its [`Display`] is the page for the operator.
#[derive(Debug, Default)]
pub struct Report {
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    title: &'static str,
    lines: Vec<Line>,
}

#[derive(Debug)]
enum Line {
    /// How things are.
    Fact(String),
    /// The service refuses somebody because of this, or its promises do not hold.
    Problem(String),
}

impl Report {
    /// How many problems there are.
    #[must_use]
    pub fn problems(&self) -> usize {
        let lines = self.sections.iter().flat_map(|section| &section.lines);
        lines.filter(|line| matches!(line, Line::Problem(_))).count()
    }

    fn section(&mut self, title: &'static str) {
        self.sections.push(Section { title, lines: Vec::new() });
    }

    fn push(&mut self, line: Line) {
        if let Some(section) = self.sections.last_mut() {
            section.lines.push(line);
        }
    }

    fn fact(&mut self, text: impl Display) {
        self.push(Line::Fact(text.to_string()));
    }

    fn problem(&mut self, text: impl Display) {
        self.push(Line::Problem(text.to_string()));
    }

    fn fact_of_rows(&mut self, rows: &[i64], what: impl Display) {
        if !rows.is_empty() {
            self.fact(format_args!("{what}: {}", Rows(rows)));
        }
    }

    /// Reports rows, if there are any.
    fn rows(&mut self, rows: &[i64], what: impl Display) {
        if !rows.is_empty() {
            self.problem(format_args!("{what}: {}", Rows(rows)));
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for section in &self.sections {
            writeln!(f, "{}", section.title)?;
            for line in &section.lines {
                match line {
                    Line::Fact(text) => writeln!(f, "  {text}")?,
                    Line::Problem(text) => writeln!(f, "  PROBLEM: {text}")?,
                }
            }
        }
        match self.problems() {
            0 => writeln!(f, "no problems"),
            1 => writeln!(f, "1 problem"),
            problems => writeln!(f, "{problems} problems"),
        }
    }
}

/// The most numbers of rows in one line.
const SHOWN_ROWS: usize = 10;

struct Rows<'r>(&'r [i64]);

impl Display for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(rows) = self;
        let shown: Vec<_> = rows.iter().take(SHOWN_ROWS).map(i64::to_string).collect();
        f.write_str(&shown.join(", "))?;
        match rows.len().saturating_sub(SHOWN_ROWS) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The columns that the service needs. WHMCS before 8.0 has no `tblusers_clients`.
const COLUMNS: [(&str, &[&str]); 8] = [
    ("tblconfiguration", &["setting", "value"]),
    ("tbladminroles", &["id"]),
    ("tbladminperms", &["roleid", "permid"]),
    ("tbladmins", &["id", "roleid", "username", "password", "passwordhash", "disabled"]),
    ("tblapi_roles", &["id", "permissions"]),
    (
        "tbldeviceauth",
        &["id", "identifier", "secret", "user_id", "role_ids", "last_access", "deleted_at"],
    ),
    (
        "tblclients",
        &[
            "id",
            "firstname",
            "lastname",
            "companyname",
            "email",
            "datecreated",
            "groupid",
            "status",
        ],
    ),
    ("tblproducts", &["id", "gid", "type", "name", "description", "servertype", "paytype"]),
];

/// The columns in which the service looks for a caller's text, and those that it joins.
const SEARCHED: [(&str, &str); 6] = [
    ("tbldeviceauth", "identifier"),
    ("tbladmins", "username"),
    ("tblclients", "email"),
    ("tblclients", "firstname"),
    ("tblclients", "lastname"),
    ("tblclients", "companyname"),
];

impl Administration {
    /// Looks the tables over.
    ///
    /// # Errors
    ///
    /// If a query fails, for example because a permission is missing.
    pub async fn check_database(&mut self, options: CheckOptions) -> sqlx::Result<Report> {
        let mut check = Check {
            connection: &mut self.connection,
            is_mariadb: self.is_mariadb,
            options,
            report: Report::default(),
            collations: BTreeMap::new(),
            incomplete: BTreeSet::new(),
            roles: BTreeSet::new(),
        };
        check.columns().await?;
        check.configuration().await?;
        check.roles().await?;
        check.credentials().await?;
        check.admins().await?;
        check.clients().await?;
        check.collations();
        Ok(check.report)
    }
}

struct Check<'c> {
    connection: &'c mut AnyConnection,
    is_mariadb: bool,
    options: CheckOptions,
    report: Report,
    /// By table and column. Only MariaDB's columns have one.
    collations: BTreeMap<(&'static str, String), String>,
    /// Tables that are missing, or miss a column.
    incomplete: BTreeSet<&'static str>,
    /// The numbers of the API roles.
    roles: BTreeSet<i64>,
}

impl Check<'_> {
    async fn columns(&mut self) -> sqlx::Result<()> {
        self.report.section("tables and columns");
        let catalogue = match self.is_mariadb {
            true => {
                "SELECT CAST(column_name AS CHAR) AS name, CAST(collation_name AS CHAR) AS collation
                 FROM information_schema.columns
                 WHERE table_schema = DATABASE() AND table_name = ?"
            }
            false => "SELECT name, NULL AS collation FROM pragma_table_info(?)",
        };
        for (table, columns) in COLUMNS {
            let found: Vec<(String, Option<String>)> =
                sqlx::query_as(catalogue).bind(table).fetch_all(&mut *self.connection).await?;
            let has =
                |name: &str| found.iter().any(|(column, _)| column.eq_ignore_ascii_case(name));
            let missing: Vec<_> = columns.iter().copied().filter(|name| !has(name)).collect();
            if found.is_empty() {
                self.report.problem(format_args!(
                    "{table} does not exist, or this user may read none of its columns"
                ));
            } else if !missing.is_empty() {
                let missing = missing.join(", ");
                self.report.problem(format_args!(
                    "{table} has no column {missing}, or this user may not read it"
                ));
            }
            if !missing.is_empty() {
                self.incomplete.insert(table);
            }
            for (column, collation) in found {
                if let Some(collation) = collation {
                    self.collations.insert((table, column.to_ascii_lowercase()), collation);
                }
            }
        }
        if self.incomplete.is_empty() {
            self.report.fact(format_args!("all {} tables have all columns", COLUMNS.len()));
        }
        Ok(())
    }

    /// Begins a section. Returns whether its tables have all columns.
    fn begins(&mut self, title: &'static str, tables: &[&str]) -> bool {
        self.report.section(title);
        let is_complete = tables.iter().all(|table| !self.incomplete.contains(table));
        if !is_complete {
            self.report.fact("not read, because a table or a column is missing");
        }
        is_complete
    }

    async fn rows(&mut self, query: &'static str) -> sqlx::Result<Vec<AnyRow>> {
        sqlx::query(query).fetch_all(&mut *self.connection).await
    }

    async fn count(&mut self, query: &'static str) -> sqlx::Result<i64> {
        sqlx::query_scalar(query).fetch_one(&mut *self.connection).await
    }

    /// Reports names that several rows have. The query gives the number of the first row of each.
    async fn doubles(&mut self, query: &'static str, what: &str) -> sqlx::Result<()> {
        let first: Vec<i64> = sqlx::query_scalar(query).fetch_all(&mut *self.connection).await?;
        self.report.rows(&first, what);
        Ok(())
    }

    async fn configuration(&mut self) -> sqlx::Result<()> {
        if !self.begins("settings", &["tblconfiguration"]) {
            return Ok(());
        }
        let rows = self
            .rows(
                "SELECT setting, value FROM tblconfiguration
                 WHERE setting IN ('SystemURL', 'AllowAutoAuth', 'APIAllowedIPs')",
            )
            .await?;
        let mut values = BTreeMap::new();
        for row in rows {
            let setting: String = row.try_get("setting")?;
            let value: Option<String> = row.try_get("value")?;
            values.insert(setting, value.unwrap_or_default());
        }
        match values.get("SystemURL").filter(|url| !url.is_empty()) {
            Some(_) => self.report.fact("SystemURL is set"),
            None => self.report.fact("SystemURL is empty, so the service uses its own address"),
        }
        match values.get("AllowAutoAuth").map(String::as_str) {
            None => self.report.fact("AllowAutoAuth has no row, so login links are allowed"),
            Some("on") => self.report.fact("AllowAutoAuth is on"),
            Some(_) => self.report.fact("AllowAutoAuth is off, so login links are refused"),
        }
        match read_allowed_ips(values.get("APIAllowedIPs").map_or("", String::as_str)) {
            None => self
                .report
                .problem("APIAllowedIPs is no PHP array of `ip` and `note`, so it admits nobody"),
            Some(entries) => {
                let gate = AddressGate::new().with_entries(&entries);
                let addresses = entries.len().saturating_sub(gate.unreadable_entries().len());
                self.report.fact(format_args!(
                    "addresses in APIAllowedIPs: {addresses}; they count with --allowed-ips-from-database"
                ));
                for entry in gate.unreadable_entries() {
                    match entry.kind() {
                        // A new database has one.
                        UnreadableKind::Empty => {}
                        _ => self.report.problem(format_args!("APIAllowedIPs: {entry}")),
                    }
                }
            }
        }
        Ok(())
    }

    async fn roles(&mut self) -> sqlx::Result<()> {
        if !self.begins("API roles", &["tblapi_roles"]) {
            return Ok(());
        }
        let rows =
            self.rows("SELECT CAST(id AS SIGNED) AS id, permissions FROM tblapi_roles ORDER BY id");
        let rows = rows.await?;
        let (mut unreadable, mut empty) = (Vec::new(), Vec::new());
        for row in &rows {
            let id: i64 = row.try_get("id")?;
            self.roles.insert(id);
            let text =
                row.try_get::<Option<String>, _>("permissions").map(Option::unwrap_or_default);
            match text.ok().and_then(|text| read_permissions(&text)) {
                None => unreadable.push(id),
                Some(actions) if actions.is_empty() => empty.push(id),
                Some(_) => {}
            }
        }
        self.report.fact(format_args!("roles: {}", rows.len()));
        self.report.rows(&unreadable, "permissions cannot be read, so these roles allow nothing");
        self.report.fact_of_rows(&empty, "these roles allow nothing");
        Ok(())
    }

    async fn credentials(&mut self) -> sqlx::Result<()> {
        let tables = ["tbldeviceauth", "tbladmins", "tbladminroles", "tbladminperms"];
        if !self.begins("API credentials", &tables) {
            return Ok(());
        }
        let rows = sqlx::query(
            "SELECT CAST(d.id AS SIGNED) AS id, d.identifier, d.secret, d.role_ids,
                    CASE WHEN a.id IS NULL THEN 1 ELSE 0 END AS is_orphan,
                    CASE WHEN a.disabled = 0 THEN 1 ELSE 0 END AS enabled,
                    EXISTS (SELECT 1 FROM tbladminroles r JOIN tbladminperms p ON p.roleid = r.id
                            WHERE r.id = a.roleid AND p.permid = ?) AS api_access
             FROM tbldeviceauth d LEFT JOIN tbladmins a ON a.id = d.user_id
             WHERE d.deleted_at IS NULL
             ORDER BY d.id",
        )
        .bind(self.options.api_access_permission)
        .fetch_all(&mut *self.connection)
        .await?;
        let deleted =
            self.count("SELECT COUNT(*) FROM tbldeviceauth WHERE deleted_at IS NOT NULL").await?;
        self.report.fact(format_args!("credentials: {}; deleted ones: {deleted}", rows.len()));

        let mut schemes = Schemes::default();
        let (mut orphans, mut disabled, mut without_access) = (Vec::new(), Vec::new(), Vec::new());
        let (mut unreadable_ids, mut unknown_roles, mut without_roles) =
            (Vec::new(), Vec::new(), Vec::new());
        for row in &rows {
            let id: i64 = row.try_get("id")?;
            let secret = row.try_get::<String, _>("secret").map_err(|error| error.to_string());
            let secret = secret
                .and_then(|text| StoredSecret::bcrypt(&text).map_err(|error| error.to_string()));
            match (row.try_get::<String, _>("identifier"), secret) {
                (Err(error), _) => schemes.unreadable(id, error),
                (Ok(_), Err(error)) => schemes.unreadable(id, error),
                (Ok(_), Ok(secret)) => match secret.scheme() {
                    SecretScheme::Bcrypt(cost) => schemes.bcrypt(id, StoredScheme::Bcrypt, cost),
                    scheme => schemes.other(id, scheme),
                },
            }
            let is_orphan = row.try_get::<i64, _>("is_orphan")? != 0;
            match admin_state(row.try_get("enabled")?, row.try_get("api_access")?) {
                _ if is_orphan => orphans.push(id),
                AdminState::Disabled => disabled.push(id),
                AdminState::WithoutApiAccess => without_access.push(id),
                AdminState::WithApiAccess => {}
            }
            let role_ids = row.try_get::<Option<String>, _>("role_ids").ok().flatten();
            let role_ids = role_ids.unwrap_or_default();
            match self.options.role_ids.read(&role_ids) {
                None if !role_ids.is_empty() => unreadable_ids.push(id),
                None => without_roles.push(id),
                Some(roles) if roles.is_empty() => without_roles.push(id),
                Some(roles) if !roles.iter().all(|role| self.roles.contains(role)) => {
                    unknown_roles.push(id);
                }
                Some(_) => {}
            }
        }
        schemes.report(&mut self.report, self.options.bcrypt_cost);
        let report = &mut self.report;
        report.rows(&orphans, "the admin does not exist, so these credentials are refused");
        report.rows(&disabled, "the admin is disabled, so these credentials are refused");
        report
            .rows(&without_access, "the admin has no API Access, so these credentials are refused");
        report.rows(&unreadable_ids, "role_ids cannot be read, so these credentials have no roles");
        report.fact_of_rows(&unknown_roles, "role_ids names a role that does not exist");
        report.fact_of_rows(&without_roles, "without a role these credentials may do nothing");
        self.doubles(
            "SELECT CAST(MIN(id) AS SIGNED) AS id FROM tbldeviceauth WHERE deleted_at IS NULL
             GROUP BY identifier HAVING COUNT(*) > 1 ORDER BY 1",
            "several credentials have the identifier of these",
        )
        .await
    }

    async fn admins(&mut self) -> sqlx::Result<()> {
        if !self.begins("admins", &["tbladmins"]) {
            return Ok(());
        }
        let rows = self
            .rows(
                "SELECT CAST(id AS SIGNED) AS id, username, password, passwordhash
                 FROM tbladmins WHERE disabled = 0 ORDER BY id",
            )
            .await?;
        let disabled = self.count("SELECT COUNT(*) FROM tbladmins WHERE disabled <> 0").await?;
        self.report.fact(format_args!("admins: {}; disabled ones: {disabled}", rows.len()));
        let mut schemes = Schemes::default();
        for row in &rows {
            let id: i64 = row.try_get("id")?;
            let columns = row.try_get::<String, _>("username").and_then(|_| {
                Ok((row.try_get::<String, _>("password")?, row.try_get("passwordhash")?))
            });
            let (password, hash): (String, Option<String>) = match columns {
                Ok(columns) => columns,
                Err(error) => {
                    schemes.unreadable(id, error);
                    continue;
                }
            };
            match stored_password(&password, hash.as_deref()) {
                Err(error) => schemes.unreadable(id, error),
                Ok(password) => match password.scheme() {
                    PasswordScheme::BcryptOfMd5(cost) => {
                        schemes.bcrypt(id, StoredScheme::BcryptOfMd5, cost)
                    }
                    scheme => schemes.other(id, scheme),
                },
            }
        }
        schemes.report(&mut self.report, self.options.bcrypt_cost);
        self.doubles(
            "SELECT CAST(MIN(id) AS SIGNED) AS id FROM tbladmins
             GROUP BY username HAVING COUNT(*) > 1 ORDER BY 1",
            "several admins have the username of these",
        )
        .await
    }

    async fn clients(&mut self) -> sqlx::Result<()> {
        if !self.begins("clients", &["tblclients"]) {
            return Ok(());
        }
        let open = self.count("SELECT COUNT(*) FROM tblclients WHERE status <> 'Closed'").await?;
        let closed = self.count("SELECT COUNT(*) FROM tblclients WHERE status = 'Closed'").await?;
        self.report.fact(format_args!("clients: {open}; closed accounts: {closed}"));
        self.doubles(
            "SELECT CAST(MIN(id) AS SIGNED) AS id FROM tblclients WHERE status <> 'Closed'
             GROUP BY email HAVING COUNT(*) > 1 ORDER BY 1",
            "several clients have the e-mail of these, so a login link may be refused as ambiguous",
        )
        .await?;
        self.doubles(
            "SELECT CAST(id AS SIGNED) AS id FROM tblclients
             WHERE status <> 'Closed' AND email LIKE '% %' ORDER BY id",
            "the e-mail holds a space, which a login link reads as `+`",
        )
        .await
    }

    fn collations(&mut self) {
        if self.collations.is_empty() {
            return;
        }
        self.report.section("collations");
        let mut of_names = BTreeSet::new();
        for (table, column) in SEARCHED {
            let Some(collation) = self.collations.get(&(table, column.to_owned())) else {
                continue;
            };
            self.report.fact(format_args!("{table}.{column}: {collation}"));
            let is_searched_by_name = ["identifier", "username", "email"].contains(&column);
            if is_searched_by_name && (collation.ends_with("_bin") || collation.ends_with("_cs")) {
                self.report.problem(format_args!(
                    "{table}.{column} is compared with regard to case, and WHMCS's is not"
                ));
            }
            if ["firstname", "lastname"].contains(&column) {
                of_names.insert(collation.clone());
            }
        }
        if of_names.len() > 1 {
            self.report.problem(
                "firstname and lastname of tblclients have two collations, so GetClients fails",
            );
        }
    }
}

/// How secrets are stored.
#[derive(Default)]
struct Schemes {
    counts: BTreeMap<String, usize>,
    unreadable: BTreeMap<String, Vec<i64>>,
    costs: Vec<(i64, BcryptCost)>,
    others: Vec<i64>,
}

impl Schemes {
    fn add(&mut self, scheme: String) {
        let count = self.counts.entry(scheme).or_default();
        *count = count.saturating_add(1);
    }

    fn bcrypt(&mut self, id: i64, scheme: StoredScheme, cost: BcryptCost) {
        self.add(format!("{scheme}, cost {}", u32::from(cost)));
        self.costs.push((id, cost));
    }

    fn other(&mut self, id: i64, scheme: impl Into<StoredScheme>) {
        self.add(scheme.into().to_string());
        self.others.push(id);
    }

    fn unreadable(&mut self, id: i64, error: impl Display) {
        self.unreadable.entry(error.to_string()).or_default().push(id);
    }

    fn report(self, report: &mut Report, expected: BcryptCost) {
        for (scheme, count) in self.counts {
            report.fact(format_args!("stored as {scheme}: {count}"));
        }
        for (error, rows) in self.unreadable {
            report.rows(&rows, format_args!("cannot be read, so they count as absent ({error})"));
        }
        let expected = u32::from(expected);
        let with_cost = |is_one: &dyn Fn(u32) -> bool| -> Vec<i64> {
            let costs = self.costs.iter().filter(|(_, cost)| is_one(u32::from(*cost)));
            costs.map(|(id, _)| *id).collect()
        };
        report.rows(
            &with_cost(&|cost| cost > expected),
            format_args!(
                "the cost is over --bcrypt-cost {expected}, so the time of a refusal shows that the name is known"
            ),
        );
        report.fact_of_rows(
            &with_cost(&|cost| cost < expected),
            format_args!("the cost is under --bcrypt-cost {expected}"),
        );
        report.rows(&self.others, "stored in a weak scheme, as after a manual reset");
    }
}
