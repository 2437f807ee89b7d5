//! The options for addresses and keys, and their files.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use clap::Args;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::gate::ipnet::IpNet;
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, KeyError};
use whmcs_auth_axum::Access;
use whmcs_auth_services_base::{
    FileError, KeyOptions, KeysError, ProxyOptions, listed, network, secret,
};

/// The addresses that may call by default.
const THIS_MACHINE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Who may call, and by which keys.
#[derive(Args)]
pub struct AccessOptions {
    #[command(flatten)]
    keys: KeyOptions,

    /// Access key. A caller who sends it may call from any address. There is one for all callers.
    #[arg(long, value_name = "KEY", env = "WHMCS_ACCESS_KEY", hide_env_values = true)]
    access_key: Option<String>,

    /// File with the one access key. SIGHUP reads it again.
    #[arg(long, value_name = "FILE", env = "WHMCS_ACCESS_KEY_FILE")]
    #[arg(conflicts_with = "access_key")]
    access_key_file: Option<PathBuf>,

    /// IP address or network, such as 10.0.0.0/8, that may call the API. Repeat the option for several.
    /// The default is this machine.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    allow_ip: Vec<IpNet>,

    /// File with the addresses and networks that may call the API, one on each line. A comment starts
    /// with #. SIGHUP reads it again.
    #[arg(long, value_name = "FILE", conflicts_with = "allow_ip")]
    allow_ip_file: Option<PathBuf>,

    #[command(flatten)]
    proxies: ProxyOptions,
}

/// Why addresses and keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error(transparent)]
    Keys(#[from] KeysError),
    #[error(transparent)]
    File(#[from] FileError),
    #[error(transparent)]
    Key(#[from] KeyError),
}

/// What the options and files say now.
pub struct ReadAccess {
    pub access: Access,
    pub autoauth_keys: Vec<AutoAuthKey>,
    pub allowed_networks: usize,
    pub trusted_networks: usize,
    pub has_access_key: bool,
}

impl AccessOptions {
    /// Reads the files. `demo_key` is the AutoAuth key if no option gives one.
    pub fn read(&self, demo_key: Option<&str>) -> Result<ReadAccess, AccessError> {
        let autoauth_keys = self.keys.read(demo_key)?;
        let allowed = listed(&self.allow_ip, self.allow_ip_file.as_deref())?;
        let (trusted_proxies, trusted_networks) = self.proxies.read()?;
        let access_key = match &self.access_key_file {
            Some(path) => Some(secret(path)?.to_string()),
            None => self.access_key.clone(),
        };
        let is_default = self.allow_ip.is_empty() && self.allow_ip_file.is_none();
        let allowed = match is_default {
            true => THIS_MACHINE.map(IpNet::from).to_vec().into(),
            false => allowed,
        };
        let allowed_networks = allowed.len();
        let has_access_key = access_key.is_some();
        let addresses = AddressGate::new().with_networks(allowed.into_owned());
        let addresses = match access_key {
            Some(key) => addresses.with_access_key(key)?,
            None => addresses,
        };
        if let Some(warning) = addresses.access_key_warning() {
            tracing::warn!("access key: {warning}");
        }
        let access = Access::new()
            .with_addresses(addresses)
            .with_proxies(trusted_proxies)
            .with_keys(AutoAuthKeys::new(autoauth_keys.iter().cloned())?);
        Ok(ReadAccess { access, autoauth_keys, allowed_networks, trusted_networks, has_access_key })
    }
}
