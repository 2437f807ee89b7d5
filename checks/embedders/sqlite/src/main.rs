//! The API over the tables of a WHMCS database, with axum and SQLite.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::response::Response;
use axum::{Router, middleware::from_fn_with_state, routing};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use whmcs_auth_axum::whmcs_auth::cache::VerificationCache;
use whmcs_auth_axum::whmcs_auth::gate::{AddressGate, TrustedProxies};
use whmcs_auth_axum::whmcs_auth::{
    Admin, AdminState, AllowedActions, ApiCredential, AsyncCredentialStore, BcryptCost,
    ExpectedSchemes, PasswordScheme, SecretScheme, StoredPassword, StoredSecret,
};
use whmcs_auth_axum::{Access, ApiCall, Authenticator, Report, Watch, watch};

struct Database(SqlitePool);

type CredentialRow = (i64, String, String, bool, bool, String);
type AdminRow = (i64, String, String, bool, bool);

impl AsyncCredentialStore for Database {
    type Id = i64;
    type Error = sqlx::Error;

    async fn find_credential(&self, name: &str) -> sqlx::Result<Option<ApiCredential<i64>>> {
        let row = sqlx::query_as(include_str!("credential.sql"))
            .bind(name)
            .fetch_optional(&self.0)
            .await?;
        Ok(row.and_then(|(id, name, secret, is_disabled, has_access, actions): CredentialRow| {
            let secret = readable(id, StoredSecret::bcrypt(&secret))?;
            let state = AdminState::from_flags(is_disabled, has_access);
            let actions = AllowedActions::new(actions.split(','));
            Some(ApiCredential::new(id, name, secret, state).with_actions(actions))
        }))
    }

    async fn find_admin(&self, name: &str) -> sqlx::Result<Option<Admin<i64>>> {
        let row =
            sqlx::query_as(include_str!("admin.sql")).bind(name).fetch_optional(&self.0).await?;
        Ok(row.and_then(|(id, name, password, is_disabled, has_access): AdminRow| {
            let password = readable(id, StoredPassword::bcrypt_of_md5(&password))?;
            Some(Admin::new(id, name, password, AdminState::from_flags(is_disabled, has_access)))
        }))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        let cost = BcryptCost::WHMCS;
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
    }
}

/// A row that cannot be read is for the operator. For the caller it is absent.
fn readable<T>(id: i64, read: Result<T, impl Error>) -> Option<T> {
    read.inspect_err(|error| eprintln!("row {id}: {error}")).ok()
}

async fn api(call: ApiCall<Database>) -> Response {
    let (caller, search) = (call.caller(), call.parameter("search").unwrap_or_default());
    match call.action().as_str() {
        "getclients" => call.success(&[
            ("caller", caller.id.into()),
            ("mode", caller.mode.to_string().into()),
            ("search", search.into()),
        ]),
        _ => call.error(404, "Command Not Found"),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // A database in memory lives as long as its connection.
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
    sqlx::raw_sql(include_str!("demo.sql")).execute(&pool).await?;

    let mut key = [0; 32];
    getrandom::fill(&mut key)?;
    let addresses = AddressGate::new().with_entries(["203.0.113.7"]).with_access_key("key#1+2")?;
    let proxies = TrustedProxies::new().with_addresses(["127.0.0.1".parse()?]);
    let access = Access::new().with_addresses(addresses).with_proxies(proxies);
    let cache = Arc::new(VerificationCache::new(key));
    let router = Router::new()
        .route("/includes/api.php", routing::any(api))
        .route("/ping", routing::get("pong"))
        .layer(from_fn_with_state(Watch::new(|report: &Report| eprintln!("{report}")), watch))
        .with_state(Authenticator::new(Database(pool), access).with_cache(cache));

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>()).await?)
}
