//! The options of the command line.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Parser;
use whmcs_auth::gate::ipnet::IpNet;
use whmcs_auth::gate::{AddressGate, TrustedProxies};
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, BcryptCost, KeyError};
use whmcs_auth_server::{DEFAULT_API_ACCESS_PERMISSION, Limits, RoleIds, Settings};

use crate::network::network;

/// The addresses that may call by default.
const THIS_MACHINE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// The WHMCS API and AutoAuth, over the tables of a WHMCS database.
#[derive(Parser)]
#[command(name = "whmcs-auth-server")]
pub struct Options {
    /// Address and port to listen on. Port 0 picks a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Database: sqlite:FILE or mysql://USER:PASSWORD@HOST/NAME. A missing file is created with demo
    /// data.
    #[arg(long, value_name = "URL", env = "WHMCS_DATABASE", hide_env_values = true)]
    #[arg(default_value = "sqlite:whmcs-demo.db")]
    pub database: String,

    /// AutoAuth key. Repeat the option to accept several keys during a rotation. The default is the key
    /// of the demo data; without any key AutoAuth is disabled.
    #[arg(long, value_name = "KEY", env = "WHMCS_AUTOAUTH_KEY", hide_env_values = true)]
    autoauth_key: Vec<String>,

    /// IP address or network, such as 10.0.0.0/8, that may call the API. Repeat the option for several.
    /// The default is this machine, or nobody with --allowed-ips-from-database.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    allow_ip: Vec<IpNet>,

    /// Also let the addresses call that WHMCS's own list names, the row APIAllowedIPs of
    /// tblconfiguration. It holds exact addresses, no networks, and is read for each call.
    #[arg(long)]
    allowed_ips_from_database: bool,

    /// Access key. A caller who sends it may call from any address.
    #[arg(long, value_name = "KEY", env = "WHMCS_ACCESS_KEY", hide_env_values = true)]
    access_key: Option<String>,

    /// Also accept API calls by GET. Their secrets are then in the URL, which proxies log.
    #[arg(long)]
    allow_get: bool,

    /// Accept each login link only once.
    #[arg(long)]
    one_time_links: bool,

    /// Failures in a minute after which an address is refused.
    #[arg(long, value_name = "NUMBER", default_value_t = Limits::default().failures, value_parser = clap::value_parser!(u32).range(1..))]
    max_failures: u32,

    /// The most KiB of a request body. Attachments arrive as base64 in a form field.
    #[arg(long, value_name = "KIB", default_value_t = Limits::default().body_kib, value_parser = clap::value_parser!(u32).range(1..=1024 * 1024))]
    max_body: u32,

    /// IP address or network of proxies whose X-Forwarded-For is trusted. Repeat the option for several.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    trust_proxy: Vec<IpNet>,

    /// Format of the column tbldeviceauth.role_ids. WHMCS does not document it.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    role_ids: RoleIds,

    /// Number of the permission API Access in tbladminperms. WHMCS does not document it.
    #[arg(long, value_name = "NUMBER", default_value_t = DEFAULT_API_ACCESS_PERMISSION)]
    api_access_permission: i64,

    /// The highest bcrypt cost in the database. Refused callers cost as much time as such a hash.
    #[arg(long, value_name = "COST", default_value_t = 10, value_parser = clap::value_parser!(u32).range(4..=31))]
    pub bcrypt_cost: u32,
}

impl Options {
    /// The keys of the option, or else the key of the demo data.
    pub fn autoauth_keys(&self, demo_key: Option<&String>) -> Result<Vec<AutoAuthKey>, KeyError> {
        let keys: Vec<&String> = match self.autoauth_key.as_slice() {
            [] => demo_key.into_iter().collect(),
            given => given.iter().collect(),
        };
        keys.into_iter().map(AutoAuthKey::new).collect()
    }

    /// The settings of a service at `base_url`.
    pub fn into_settings(
        self,
        base_url: String,
        autoauth_keys: Vec<AutoAuthKey>,
        bcrypt_cost: BcryptCost,
    ) -> Result<Settings, KeyError> {
        let addresses = match self.allow_ip.as_slice() {
            [] if !self.allowed_ips_from_database => {
                AddressGate::new().with_addresses(THIS_MACHINE)
            }
            _ => AddressGate::new().with_networks(self.allow_ip),
        };
        Ok(Settings {
            addresses: match self.access_key {
                Some(key) => addresses.with_access_key(key)?,
                None => addresses,
            },
            allowed_ips_from_database: self.allowed_ips_from_database,
            autoauth_keys: AutoAuthKeys::new(autoauth_keys)?,
            allow_get: self.allow_get,
            one_time_links: self.one_time_links,
            role_ids: self.role_ids,
            api_access_permission: self.api_access_permission,
            bcrypt_cost,
            trusted_proxies: TrustedProxies::new().with_networks(self.trust_proxy),
            base_url,
            limits: Limits {
                body_kib: self.max_body,
                failures: self.max_failures,
                ..Limits::default()
            },
        })
    }
}
