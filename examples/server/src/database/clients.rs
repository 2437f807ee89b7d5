//! The clients of the installation.

use sqlx::{Any, FromRow, QueryBuilder};

use super::{Database, best};

/// A row of `tblclients`.
#[derive(Clone, Debug, FromRow)]
pub struct Client {
    pub id: i64,
    pub firstname: String,
    pub lastname: String,
    pub companyname: String,
    pub email: String,
    pub datecreated: String,
    pub groupid: i64,
    pub status: String,
}

/// Some of the clients that match.
#[derive(Clone, Debug)]
pub struct ClientPage {
    /// How many match in all.
    pub total: i64,
    /// Those asked for.
    pub clients: Vec<Client>,
}

const COLUMNS: &str = "\
    SELECT CAST(id AS SIGNED) AS id, firstname, lastname, companyname, email,
           CAST(datecreated AS CHAR) AS datecreated, CAST(groupid AS SIGNED) AS groupid, status
    FROM tblclients";

/// What the vendor documents `search` to look at.
const SEARCHED: [&str; 5] = [
    "email",
    "firstname",
    "lastname",
    "CONCAT(firstname, ' ', lastname)",
    "companyname",
];

impl Database {
    /// The client with that e-mail, unless the account is closed.
    pub async fn client_by_email(&self, email: &str) -> sqlx::Result<Option<Client>> {
        let rows = QueryBuilder::<Any>::new(COLUMNS)
            .push(" WHERE status <> 'Closed' AND email = ")
            .push_bind(email)
            .push(" ORDER BY id")
            .build_query_as()
            .fetch_all(&self.pool)
            .await?;
        Ok(best(rows, |client: &Client| {
            client.email.eq_ignore_ascii_case(email)
        }))
    }

    /// The client with that number, unless the account is closed.
    pub async fn client(&self, id: i64) -> sqlx::Result<Option<Client>> {
        QueryBuilder::<Any>::new(COLUMNS)
            .push(" WHERE status <> 'Closed' AND id = ")
            .push_bind(id)
            .build_query_as()
            .fetch_optional(&self.pool)
            .await
    }

    /// The clients of whom something begins with the text.
    pub async fn clients(&self, search: &str, start: u32, count: u32) -> sqlx::Result<ClientPage> {
        let total = matching("SELECT COUNT(*) FROM tblclients", search)
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await?;
        let clients = matching(COLUMNS, search)
            .push(" ORDER BY id LIMIT ")
            .push_bind(i64::from(count))
            .push(" OFFSET ")
            .push_bind(i64::from(start))
            .build_query_as()
            .fetch_all(&self.pool)
            .await?;
        Ok(ClientPage { total, clients })
    }
}

fn matching(select: &str, search: &str) -> QueryBuilder<Any> {
    let pattern = begins_with(search);
    let mut query = QueryBuilder::new(select);
    query.push(" WHERE ");
    let mut any_of = query.separated(" OR ");
    for column in SEARCHED {
        any_of
            .push(column)
            .push_unseparated(" LIKE ")
            .push_bind_unseparated(pattern.clone())
            .push_unseparated(" ESCAPE '!'");
    }
    query
}

/// A pattern in which the text stands for itself.
fn begins_with(text: &str) -> String {
    let escaped = text
        .replace('!', "!!")
        .replace('%', "!%")
        .replace('_', "!_");
    escaped + "%"
}
