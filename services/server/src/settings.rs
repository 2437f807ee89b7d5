//! The settings of the service, and its limits.

use std::time::Duration;

use whmcs_auth::{BcryptCost, ExpectedSchemes, PasswordScheme, SecretScheme};
use whmcs_auth_services_base::ConnectionLimits;

use crate::path::BasePath;

/// The number of the permission API Access in `tbladminperms`. WHMCS does not document it. The demo
/// data uses this number.
pub const DEFAULT_API_ACCESS_PERMISSION: i64 = 81;

/// The format of `tbldeviceauth.role_ids`. WHMCS does not document it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RoleIds {
    /// `[1,2]` or `["1","2"]`.
    #[default]
    Json,
    /// `1,2`.
    Comma,
}

/// What the service accepts, apart from who may call.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether the API also accepts GET, which puts secrets into the URL.
    pub allow_get: bool,
    /// Whether an action's own errors have a status of their own, such as 404. Otherwise their status is 200.
    pub action_error_statuses: bool,
    /// Whether each login link is accepted only once.
    pub one_time_links: bool,
    /// The format of `tbldeviceauth.role_ids`.
    pub role_ids: RoleIds,
    /// The number of the permission API Access.
    pub api_access_permission: i64,
    /// The highest bcrypt cost in the database.
    pub bcrypt_cost: BcryptCost,
    /// The folder of the installation.
    pub base_path: BasePath,
    /// The URL of the installation, such as `http://127.0.0.1:8080/whmcs`. The setting `SystemURL` of the database
    /// overrides it.
    pub base_url: String,
    /// The limits.
    pub limits: Limits,
}

impl Settings {
    /// The settings without an option: each link may be used again, and only POST is accepted.
    pub fn new(base_url: impl Into<String>, bcrypt_cost: BcryptCost) -> Self {
        Self {
            allow_get: false,
            action_error_statuses: false,
            one_time_links: false,
            role_ids: RoleIds::default(),
            api_access_permission: DEFAULT_API_ACCESS_PERMISSION,
            bcrypt_cost,
            base_path: BasePath::default(),
            base_url: base_url.into(),
            limits: Limits::default(),
        }
    }

    /// The schemes in which WHMCS stores secrets and passwords.
    pub(crate) fn expected_schemes(&self) -> ExpectedSchemes {
        let cost = self.bcrypt_cost;
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
    }
}

/// Limits on sizes, numbers and times.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most KiB of a body.
    pub body_kib: u32,
    /// The most MiB of all bodies over 16 KiB together.
    pub bodies_mib: u32,
    /// The most time for the body of a request to arrive.
    pub body_time: Duration,
    /// The most time until a request is answered.
    pub answer_time: Duration,
    /// The most connections of the API to the database. The pages have as many.
    pub database_connections: u32,
    /// The most time to wait until a connection to the database is free, and the most time to open one.
    pub database_connect_time: Duration,
    /// The most time of a query, in whole seconds.
    pub query_time: Duration,
    /// The connections of clients.
    pub connections: ConnectionLimits,
    /// The most calls from new networks that wait for a verification. The same number may wait from proven
    /// networks.
    pub waiting_calls: usize,
    /// The most calls of one network that wait for a verification.
    pub waiting_calls_by_network: usize,
    /// The most matches that are remembered in place of bcrypt. With 0 there are none.
    pub cache_entries: usize,
    /// How long a match is remembered, at most an hour. With 0, no match is remembered.
    pub cache_age: Duration,
    /// The number of failures after which an address is refused.
    pub failures: u32,
    /// How long failures are remembered, from the first one.
    pub failure_time: Duration,
    /// The most addresses whose failures are remembered. An IPv6 /64 is one address.
    pub remembered_networks: u64,
    /// How far ahead of the clock the timestamp of a login link may be.
    pub link_ahead_time: Duration,
    /// The most used login links that are remembered.
    pub remembered_links: usize,
    /// The most single sign-on tokens.
    pub sso_tokens: u64,
    /// The most sessions.
    pub sessions: u64,
    /// The most sessions of one client.
    pub sessions_by_client: usize,
    /// The time after which an unused session ends.
    pub session_idle_time: Duration,
    /// The longest life of a session.
    pub session_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_kib: 512,
            bodies_mib: 64,
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(20),
            database_connections: 10,
            database_connect_time: Duration::from_secs(2),
            query_time: Duration::from_secs(5),
            connections: ConnectionLimits::default(),
            waiting_calls: 512,
            waiting_calls_by_network: 128,
            cache_entries: 4096,
            cache_age: Duration::from_secs(300),
            failures: 20,
            failure_time: Duration::from_secs(60),
            remembered_networks: 100_000,
            link_ahead_time: Duration::from_secs(900),
            remembered_links: 100_000,
            sso_tokens: 100_000,
            sessions: 100_000,
            sessions_by_client: 8,
            session_idle_time: Duration::from_secs(30 * 60),
            session_time: Duration::from_secs(24 * 60 * 60),
        }
    }
}
