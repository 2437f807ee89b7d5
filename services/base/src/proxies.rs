//! The options for trusted proxies.

use std::path::PathBuf;

use clap::Args;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth::gate::ipnet::IpNet;

use crate::files::{FileError, listed};
use crate::network::network;

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Args)]
pub struct ProxyOptions {
    /// IP address or network of proxies whose X-Forwarded-For is trusted. Repeat the option for several.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    trust_proxy: Vec<IpNet>,

    /// File with the addresses and networks of trusted proxies, one on each line. A comment starts with #.
    /// SIGHUP reads it again.
    #[arg(long, value_name = "FILE", conflicts_with = "trust_proxy")]
    trust_proxy_file: Option<PathBuf>,
}

impl ProxyOptions {
    /// Reads the file, if there is one. Returns the proxies, and how many networks they are.
    ///
    /// # Errors
    ///
    /// If the file cannot be used.
    pub fn read(&self) -> Result<(TrustedProxies, usize), FileError> {
        let networks = listed(&self.trust_proxy, self.trust_proxy_file.as_deref())?.into_owned();
        let count = networks.len();
        Ok((TrustedProxies::new().with_networks(networks), count))
    }
}
