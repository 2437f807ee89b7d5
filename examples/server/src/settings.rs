//! What an operator decides.

use std::net::IpAddr;
use std::time::Duration;

use whmcs_auth::gate::AddressGate;
use whmcs_auth::{AutoAuthKeys, BcryptCost, ExpectedSchemes, PasswordScheme, SecretScheme};

use crate::database::RoleIds;

/// The number of the permission API Access in `tbladminperms`. WHMCS does not document it; this is
/// the demo's.
pub const DEFAULT_API_ACCESS_PERMISSION: i64 = 81;

/// What the service accepts, from whom, and how much of it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Who may call the API, and the access key that lifts the restriction.
    pub addresses: AddressGate,
    /// The keys of AutoAuth, none of which switches it off.
    pub autoauth_keys: AutoAuthKeys,
    /// Whether the API may be called by GET, its secrets in the URL.
    pub allow_get: bool,
    /// Whether each login link works once.
    pub one_time_links: bool,
    /// How `tbldeviceauth.role_ids` is written.
    pub role_ids: RoleIds,
    /// The number of the permission API Access.
    pub api_access_permission: i64,
    /// The bcrypt cost of most hashes in the tables.
    pub bcrypt_cost: BcryptCost,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpAddr>,
    /// Where clients find the service, unless the tables say so: `http://127.0.0.1:8080`.
    pub base_url: String,
    /// How much is taken, and for how long.
    pub limits: Limits,
}

impl Settings {
    /// The forms in which WHMCS stores secrets and passwords.
    pub(crate) fn stored_forms(&self) -> ExpectedSchemes {
        let cost = self.bcrypt_cost;
        ExpectedSchemes::new(SecretScheme::Bcrypt(cost), PasswordScheme::BcryptOfMd5(cost))
    }
}

/// How much is taken, and for how long.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The bytes of a body.
    pub body_bytes: usize,
    /// Until a request's head has arrived.
    pub head_time: Duration,
    /// Until a request's body has arrived.
    pub body_time: Duration,
    /// Until a request is answered.
    pub answer_time: Duration,
    /// From a request to stop until open connections are cut.
    pub shutdown_time: Duration,
    /// From the start of a connection until it is cut. It is good for one request.
    pub connection_time: Duration,
    /// Open connections.
    pub connections: usize,
    /// Open connections of one peer that is no trusted proxy.
    pub connections_by_peer: usize,
    /// Failures of one address after which it is turned away.
    pub failures: u32,
    /// For how long failures count.
    pub failure_time: Duration,
    /// Addresses whose failures are remembered, or networks of IPv6.
    pub remembered_networks: u64,
    /// Login links that are remembered as used.
    pub remembered_links: usize,
    /// Single sign-on tokens that were given out.
    pub sso_tokens: u64,
    /// Sessions.
    pub sessions: u64,
    /// From the last use of a session until it ends.
    pub session_idle_time: Duration,
    /// From the start of a session until it ends.
    pub session_time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 64 * 1024,
            head_time: Duration::from_secs(10),
            body_time: Duration::from_secs(10),
            answer_time: Duration::from_secs(20),
            shutdown_time: Duration::from_secs(10),
            connection_time: Duration::from_secs(60),
            connections: 512,
            connections_by_peer: 128,
            failures: 20,
            failure_time: Duration::from_secs(60),
            remembered_networks: 100_000,
            remembered_links: 100_000,
            sso_tokens: 100_000,
            sessions: 100_000,
            session_idle_time: Duration::from_secs(30 * 60),
            session_time: Duration::from_secs(24 * 60 * 60),
        }
    }
}
