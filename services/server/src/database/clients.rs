//! Queries over `tblclients`.

use sqlx::{Any, Executor, FromRow, QueryBuilder};
use whmcs_auth_services_base::is_open;

use super::open_error::is_missing_column;
use super::{Database, none_if_unencodable};

/// A row of `tblclients`.
#[derive(FromRow)]
pub(crate) struct Client {
    pub(crate) id: i64,
    pub(crate) firstname: String,
    pub(crate) lastname: String,
    pub(crate) companyname: String,
    pub(crate) email: String,
    pub(crate) datecreated: String,
    pub(crate) groupid: i64,
    pub(crate) status: String,
    allow_sso: i64,
}

impl Client {
    /// Whether the account may log in.
    pub(crate) fn is_open(&self) -> bool {
        is_open(&self.status)
    }

    /// Whether the switch "Allow Single Sign-On" of the client is on.
    pub(crate) fn may_sign_on(&self) -> bool {
        self.allow_sso != 0
    }

    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.firstname, self.lastname)
    }

    /// The client's name, and the e-mail in parentheses.
    pub(crate) fn name_and_email(&self) -> String {
        format!("{} ({})", self.name(), self.email)
    }
}

/// The filter, order and page of a search for clients.
pub(crate) struct ClientQuery<'q> {
    /// The text with which one of the [`SEARCHED`] columns starts.
    pub(crate) search: &'q str,
    pub(crate) status: Option<&'q str>,
    /// One of [`CLIENT_ORDERS`].
    pub(crate) order_by: &'static str,
    pub(crate) is_descending: bool,
    pub(crate) start: u32,
    pub(crate) count: u32,
}

/// The columns that WHMCS documents for `orderby`.
pub(crate) const CLIENT_ORDERS: [&str; 8] =
    ["id", "firstname", "lastname", "companyname", "email", "groupid", "datecreated", "status"];

/// One page of the clients that match.
pub(crate) struct ClientPage {
    /// How many clients match in total.
    pub(crate) total: i64,
    pub(crate) clients: Vec<Client>,
}

const TABLE: &str = "tblclients";

/// The switch "Allow Single Sign-On" of a client. Old versions of WHMCS do not have it.
#[derive(Clone, Copy)]
pub(crate) enum SsoSwitch {
    Column,
    Missing,
}

impl SsoSwitch {
    /// Looks whether the table has the column.
    pub(crate) async fn find(executor: impl Executor<'_, Database = Any>) -> sqlx::Result<Self> {
        // Not the column itself: sqlx reads no TINYINT here.
        let rows = sqlx::query("SELECT COUNT(allow_sso) FROM tblclients WHERE id = 0");
        match rows.fetch_optional(executor).await {
            Ok(_) => Ok(Self::Column),
            Err(error) if is_missing_column(&error) => Ok(Self::Missing),
            Err(error) => Err(error),
        }
    }

    /// A query for whole rows of `tblclients`.
    fn select(self) -> QueryBuilder<Any> {
        let allow_sso = match self {
            Self::Column => "CASE WHEN allow_sso <> 0 THEN 1 ELSE 0 END",
            Self::Missing => "1",
        };
        let mut query = QueryBuilder::new(
            "SELECT CAST(id AS SIGNED) AS id, firstname, lastname, companyname, email,
                    CAST(datecreated AS CHAR) AS datecreated, CAST(groupid AS SIGNED) AS groupid, status, ",
        );
        query.push(allow_sso).push(" AS allow_sso FROM tblclients");
        query
    }

    /// All clients that the database finds for the e-mail, closed accounts too. A collation may fold letters
    /// and find several.
    pub(crate) async fn clients_by_email(
        self,
        email: &str,
        executor: impl Executor<'_, Database = Any>,
    ) -> sqlx::Result<Vec<Client>> {
        let mut query = self.select();
        query.push(" WHERE email = ").push_bind(email).push(" ORDER BY id");
        none_if_unencodable(query.build_query_as().fetch_all(executor).await, email)
    }
}

/// The columns that WHMCS documents for `search`.
const SEARCHED: [&str; 5] =
    ["email", "firstname", "lastname", "CONCAT(firstname, ' ', lastname)", "companyname"];

impl Database {
    /// See [`SsoSwitch::clients_by_email`].
    pub(crate) async fn clients_by_email(&self, email: &str) -> sqlx::Result<Vec<Client>> {
        self.sso_switch.clients_by_email(email, &self.pool).await
    }

    /// The client with this number, unless the account is closed.
    pub(crate) async fn client(&self, id: i64) -> sqlx::Result<Option<Client>> {
        Ok(self.open_or_closed_client(id).await?.filter(Client::is_open))
    }

    /// The client with this number. The account may be closed.
    pub(crate) async fn open_or_closed_client(&self, id: i64) -> sqlx::Result<Option<Client>> {
        self.sso_switch
            .select()
            .push(" WHERE id = ")
            .push_bind(id)
            .build_query_as()
            .fetch_optional(&self.pool)
            .await
    }

    /// The client, if the user belongs to it. Without a client: the first client that the user owns. Only
    /// WHMCS 8.0 and later have users.
    pub(crate) async fn client_of_user(
        &self,
        user: i64,
        client: Option<i64>,
    ) -> sqlx::Result<Option<i64>> {
        let mut query = QueryBuilder::<Any>::new(
            "SELECT CAST(client_id AS SIGNED) FROM tblusers_clients WHERE auth_user_id = ",
        );
        query.push_bind(user);
        match client {
            Some(client) => query.push(" AND client_id = ").push_bind(client),
            None => query.push(" AND owner = 1"),
        };
        query.push(" ORDER BY client_id LIMIT 1");
        query.build_query_scalar().fetch_optional(&self.pool).await
    }

    /// One page of the clients that match the query.
    pub(crate) async fn clients(&self, query: &ClientQuery<'_>) -> sqlx::Result<ClientPage> {
        let text = [query.search, query.status.unwrap_or_default()].concat();
        let total = query
            .matching(QueryBuilder::new("SELECT COUNT(*) FROM tblclients"))
            .build_query_scalar()
            .fetch_one(&self.pool)
            .await;
        let total = none_if_unencodable(total, &text)?;
        let mut page = query.matching(self.sso_switch.select());
        page.push(" ORDER BY ")
            .push(query.order_by)
            .push(if query.is_descending { " DESC" } else { "" })
            .push(", id LIMIT ")
            .push_bind(i64::from(query.count))
            .push(" OFFSET ")
            .push_bind(i64::from(query.start));
        let clients = self.readable(TABLE, page.build()).await;
        Ok(ClientPage { total, clients: none_if_unencodable(clients, &text)? })
    }
}

impl ClientQuery<'_> {
    fn matching(&self, mut query: QueryBuilder<Any>) -> QueryBuilder<Any> {
        let pattern = starts_with(self.search);
        query.push(" WHERE (");
        let mut any_of = query.separated(" OR ");
        for column in SEARCHED {
            any_of
                .push(column)
                .push_unseparated(" LIKE ")
                .push_bind_unseparated(pattern.clone())
                .push_unseparated(" ESCAPE '!'");
        }
        query.push(")");
        if let Some(status) = self.status {
            query.push(" AND status = ").push_bind(status.to_owned());
        }
        query
    }
}

/// A LIKE pattern for texts that start with `text`. Wildcards in `text` are escaped.
fn starts_with(text: &str) -> String {
    let escaped = text.replace('!', "!!").replace('%', "!%").replace('_', "!_");
    escaped + "%"
}

#[cfg(test)]
mod tests {
    use sqlx::{AnyConnection, Connection};

    use super::*;

    #[tokio::test]
    async fn only_a_missing_column_is_an_old_whmcs() {
        sqlx::any::install_default_drivers();
        let mut database = AnyConnection::connect("sqlite::memory:").await.unwrap();
        assert!(SsoSwitch::find(&mut database).await.is_err(), "no table");
        sqlx::raw_sql("CREATE TABLE tblclients (id)").execute(&mut database).await.unwrap();
        let found = SsoSwitch::find(&mut database).await;
        assert!(matches!(found, Ok(SsoSwitch::Missing)));
        let add = "ALTER TABLE tblclients ADD allow_sso";
        sqlx::raw_sql(add).execute(&mut database).await.unwrap();
        let found = SsoSwitch::find(&mut database).await;
        assert!(matches!(found, Ok(SsoSwitch::Column)));
    }
}
