//! The API over the tables of a WHMCS database, with axum and SQLite.

use std::error::Error;
use std::net::SocketAddr;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use sqlx::SqlitePool;
use sqlx::sqlite::SqlitePoolOptions;
use tokio::net::TcpListener;
use whmcs_auth_axum::whmcs_auth::answer::Value;
use whmcs_auth_axum::whmcs_auth::gate::{AddressGate, ApiGate, TrustedProxies};
use whmcs_auth_axum::whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, BcryptCost,
    ExpectedSchemes, PasswordScheme, SecretScheme, StoredPassword, StoredSecret,
};
use whmcs_auth_axum::{ApiCall, Authenticator, Report};

struct Database(SqlitePool);

/// One query, so that a known name takes no more queries than an unknown one.
const CREDENTIAL: &str = "
    SELECT c.id, c.identifier, c.secret, a.disabled, p.permid IS NOT NULL,
        (SELECT group_concat(e.key) FROM tblapi_roles r, json_each(r.permissions) e
         WHERE e.value AND r.id IN (SELECT value FROM json_each(c.role_ids)))
    FROM tbldeviceauth c
    JOIN tbladmins a ON a.id = c.user_id
    LEFT JOIN tbladminperms p ON p.roleid = a.roleid AND p.permid = 81
    WHERE c.identifier = ? AND c.deleted_at IS NULL";
const ADMIN: &str = "
    SELECT a.id, a.username, a.password, a.disabled, p.permid IS NOT NULL
    FROM tbladmins a
    LEFT JOIN tbladminperms p ON p.roleid = a.roleid AND p.permid = 81
    WHERE a.username = ?";

type CredentialRow = (i64, String, String, bool, bool, Option<String>);
type AdminRow = (i64, String, String, bool, bool);

impl AsyncCredentialStore for Database {
    type Id = i64;
    type Error = sqlx::Error;

    async fn find_credential(
        &self,
        identifier: &str,
    ) -> Result<Option<ApiCredential<i64>>, sqlx::Error> {
        let row: Option<CredentialRow> =
            sqlx::query_as(CREDENTIAL).bind(identifier).fetch_optional(&self.0).await?;
        Ok(row.and_then(|(id, identifier, secret, is_disabled, has_access, actions)| {
            let secret = readable(id, StoredSecret::bcrypt(&secret))?;
            let actions = actions.unwrap_or_default();
            let credential =
                ApiCredential::new(id, identifier, secret, state(is_disabled, has_access));
            Some(credential.with_actions(AllowedActions::new(actions.split(','))))
        }))
    }

    async fn find_admin(&self, username: &str) -> Result<Option<Admin<i64>>, sqlx::Error> {
        let row: Option<AdminRow> =
            sqlx::query_as(ADMIN).bind(username).fetch_optional(&self.0).await?;
        Ok(row.and_then(|(id, username, password, is_disabled, has_access)| {
            let password = readable(id, StoredPassword::bcrypt_of_md5(&password))?;
            Some(Admin::new(id, username, password, state(is_disabled, has_access)))
        }))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        let cost = BcryptCost::WHMCS;
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
    }
}

fn state(is_disabled: bool, has_access: bool) -> AdminState {
    match (is_disabled, has_access) {
        (true, _) => AdminState::Disabled,
        (false, false) => AdminState::WithoutApiAccess,
        (false, true) => AdminState::WithApiAccess,
    }
}

/// A row that cannot be read is for the operator. For the caller it is absent.
fn readable<T>(id: i64, read: Result<T, impl Error>) -> Option<T> {
    read.inspect_err(|error| eprintln!("row {id}: {error}")).ok()
}

async fn api(call: ApiCall<Database>) -> Response {
    match call.action().as_str() {
        "getclients" => call.success(&[
            ("caller", Value::from(call.caller().id)),
            ("mode", Value::from(call.caller().mode.to_string())),
            ("search", Value::from(call.parameter("search").unwrap_or_default())),
        ]),
        _ => call.error(404, "Command Not Found"),
    }
}

async fn log(response: Response) -> Response {
    if let Some(Report { code, cause, address, .. }) = response.extensions().get() {
        eprintln!("{address:?} {code}: {cause}");
    }
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A database in memory lives as long as its connection.
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    sqlx::raw_sql(include_str!("demo.sql")).execute(&pool).await?;

    let addresses = AddressGate::new().with_entries(["203.0.113.7"]).with_access_key("key#1+2")?;
    let proxies = TrustedProxies::new().with_addresses(["127.0.0.1".parse()?]);
    let auth = Authenticator::new(Database(pool), ApiGate::new(addresses)).with_proxies(proxies);
    let router = Router::new()
        .route("/includes/api.php", post(api))
        .route("/ping", get(async || "pong"))
        .layer(map_response(log))
        .with_state(auth);

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
