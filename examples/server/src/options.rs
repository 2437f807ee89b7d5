//! The command line.

use std::net::{IpAddr, SocketAddr};

use clap::Parser;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, BcryptCost, KeyError};
use whmcs_auth_server::database::RoleIds;
use whmcs_auth_server::{DEFAULT_API_ACCESS_PERMISSION, Limits, Settings};

/// The WHMCS API and AutoAuth, over the tables of a WHMCS database.
#[derive(Parser)]
#[command(name = "whmcs-auth-server")]
pub struct Options {
    /// Where to listen. Port 0 picks a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// sqlite:FILE, made with demo data where it is missing, or mysql://USER:PASSWORD@HOST/NAME.
    #[arg(long, value_name = "URL", env = "WHMCS_DATABASE", hide_env_values = true)]
    #[arg(default_value = "sqlite:whmcs-demo.db")]
    pub database: String,

    /// A key of AutoAuth. Give it several times while keys are rotated. Without it that of the demo
    /// data, if any.
    #[arg(long, value_name = "KEY", env = "WHMCS_AUTOAUTH_KEY", hide_env_values = true)]
    autoauth_key: Vec<String>,

    /// An address that may call the API. Give it several times for several.
    #[arg(long, value_name = "ADDRESS", default_values = ["127.0.0.1", "::1"])]
    allow_ip: Vec<String>,

    /// The access key that lifts the restriction to those addresses.
    #[arg(long, value_name = "KEY", env = "WHMCS_ACCESS_KEY", hide_env_values = true)]
    access_key: Option<String>,

    /// Take API calls by GET, too. Their secrets stand in the URL, which proxies log.
    #[arg(long)]
    allow_get: bool,

    /// Let each login link work once.
    #[arg(long)]
    one_time_links: bool,

    /// How often an address may fail in a minute until it is turned away.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().failures, value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: u32,

    /// A proxy whose X-Forwarded-For counts. Give it several times for several.
    #[arg(long, value_name = "ADDRESS")]
    trust_proxy: Vec<IpAddr>,

    /// How tbldeviceauth.role_ids is written, which WHMCS does not document.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    role_ids: RoleIds,

    /// The number of the permission API Access in tbladminperms, which WHMCS does not document.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_API_ACCESS_PERMISSION)]
    api_access_permission: i64,

    /// The bcrypt cost of most hashes in the tables. Refusals are made to cost as much.
    #[arg(long, value_name = "COST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=31))]
    pub bcrypt_cost: u32,
}

impl Options {
    /// The keys given, or else that of the demo data.
    pub fn autoauth_keys(&self, demo_key: Option<&String>) -> Result<Vec<AutoAuthKey>, KeyError> {
        let keys: Vec<&String> = match self.autoauth_key.as_slice() {
            [] => demo_key.into_iter().collect(),
            given => given.iter().collect(),
        };
        keys.into_iter().map(AutoAuthKey::new).collect()
    }

    /// What the rest decides, for a service at that URL.
    pub fn into_settings(
        self,
        base_url: String,
        autoauth_keys: Vec<AutoAuthKey>,
        bcrypt_cost: BcryptCost,
    ) -> Result<Settings, KeyError> {
        let addresses = AddressGate::new().with_entries(self.allow_ip);
        Ok(Settings {
            addresses: match self.access_key {
                Some(key) => addresses.with_access_key(key)?,
                None => addresses,
            },
            autoauth_keys: AutoAuthKeys::new(autoauth_keys)?,
            allow_get: self.allow_get,
            one_time_links: self.one_time_links,
            role_ids: self.role_ids,
            api_access_permission: self.api_access_permission,
            bcrypt_cost,
            trusted_proxies: self.trust_proxy.iter().map(IpAddr::to_canonical).collect(),
            base_url,
            limits: Limits { failures: self.max_failures, ..Limits::default() },
        })
    }
}
