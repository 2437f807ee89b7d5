//! The options of the command line.

use std::error::Error;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use reqwest::Url;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth::gate::ipnet::IpNet;
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, AutoAuthPolicy};
use whmcs_auth_bridge::Settings;
use whmcs_auth_state::{Capacity, Memory, Redis, Store};

/// Keeps AutoAuth login links working: verifies a link, and sends the visitor to WHMCS with a single sign-on
/// token.
#[derive(Parser)]
#[command(name = "whmcs-auth-bridge")]
pub struct Options {
    /// Start a WHMCS of the examples on this machine, ask it, and print a link that works. Needs no other
    /// option.
    #[cfg(feature = "demo")]
    #[arg(long)]
    pub demo: bool,

    /// Address and port to listen on. Port 0 picks a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,

    /// Address and port of the metrics and of /readyz. Visitors must not reach them.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    pub operator_listen: SocketAddr,

    /// URL of WHMCS, such as https://billing.example.com/whmcs/.
    #[arg(long, value_name = "URL", env = "WHMCS_URL", required_unless_present_any = DEMO)]
    whmcs_url: Option<Url>,

    /// URL of WHMCS as visitors know it, if it is another than --whmcs-url. They are sent nowhere else.
    #[arg(long, value_name = "URL", env = "WHMCS_PUBLIC_URL")]
    public_url: Option<Url>,

    /// Identifier of the API credential. Its role needs GetClientsDetails and CreateSsoToken.
    #[arg(long, env = "WHMCS_IDENTIFIER", required_unless_present_any = DEMO)]
    identifier: Option<String>,

    /// Secret of the API credential.
    #[arg(long, env = "WHMCS_SECRET", hide_env_values = true, conflicts_with = "secret_file")]
    secret: Option<String>,

    /// File with the secret of the API credential.
    #[arg(long, value_name = "FILE", env = "WHMCS_SECRET_FILE")]
    secret_file: Option<PathBuf>,

    /// AutoAuth key. Repeat the option to accept several keys.
    #[arg(long, value_name = "KEY", env = "WHMCS_AUTOAUTH_KEY", hide_env_values = true)]
    autoauth_key: Vec<String>,

    /// File with the AutoAuth keys, one on each line.
    #[arg(
        long,
        value_name = "FILE",
        env = "WHMCS_AUTOAUTH_KEY_FILE",
        conflicts_with = "autoauth_key"
    )]
    autoauth_key_file: Option<PathBuf>,

    /// Accept each link only once.
    #[arg(long)]
    one_time_links: bool,

    /// Redis that remembers the used links for several bridges, such as redis://:PASSWORD@HOST:6379/0.
    /// Without it, each bridge remembers for itself.
    #[arg(
        long,
        value_name = "URL",
        env = "WHMCS_REDIS",
        hide_env_values = true,
        requires = "one_time_links"
    )]
    redis: Option<String>,

    /// Seconds that the clock of whoever makes the links may be ahead. With --redis, links are refused for
    /// so long after Redis was started. [default: 900, as in WHMCS; 120 with --redis]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=900))]
    max_ahead: Option<u64>,

    /// The most used links that a bridge without --redis remembers. If there are more, new links are refused.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    max_links: usize,

    /// The most logins that ask WHMCS at the same time. Others wait.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    max_calls_in_flight: u16,

    /// Seconds until a call of WHMCS is given up.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    call_time: u64,

    /// IP address or network of proxies whose X-Forwarded-For is trusted, for the log. Repeat the option for
    /// several.
    #[arg(long, value_name = "ADDRESS", value_parser = network)]
    trust_proxy: Vec<IpNet>,
}

#[cfg(feature = "demo")]
const DEMO: [&str; 1] = ["demo"];
#[cfg(not(feature = "demo"))]
const DEMO: [&str; 0] = [];

impl Options {
    /// Sets what the demo's WHMCS needs.
    #[cfg(feature = "demo")]
    pub fn set_demo(&mut self, url: Url, credential: (&str, &str), autoauth_key: &str) {
        self.whmcs_url = Some(url);
        self.identifier = Some(credential.0.to_owned());
        self.secret = Some(credential.1.to_owned());
        self.autoauth_key = vec![autoauth_key.to_owned()];
    }

    /// The memory of used links, if each link may be used once.
    pub fn used_links(&self) -> Result<Option<Arc<dyn Store>>, Box<dyn Error>> {
        Ok(match &self.redis {
            _ if !self.one_time_links => None,
            Some(url) => Some(Arc::new(Redis::new(url)?)),
            None => {
                let nothing_else = Capacity { links: self.max_links, ..Capacity::default() };
                Some(Arc::new(Memory::new(nothing_else)))
            }
        })
    }

    /// The settings of the bridge.
    pub fn into_settings(self) -> Result<Settings, Box<dyn Error>> {
        let whmcs_url = self.whmcs_url.ok_or("no --whmcs-url")?;
        let is_local = whmcs_url.host_str().is_some_and(|host| {
            host == "localhost" || host.parse().is_ok_and(|host: IpAddr| host.is_loopback())
        });
        if whmcs_url.scheme() == "http" && !is_local {
            tracing::warn!("the API secret is sent to WHMCS without TLS");
        }
        let secret = match (self.secret_file, self.secret) {
            (Some(path), _) => match &lines(&path)?[..] {
                [secret] => SecretString::from(secret.as_str()),
                _ => return Err(format!("{} does not hold one secret", path.display()).into()),
            },
            (None, Some(secret)) => SecretString::from(secret),
            (None, None) => return Err("no secret: give --secret-file or WHMCS_SECRET".into()),
        };
        let keys: Vec<_> = match &self.autoauth_key_file {
            Some(path) => lines(path)?.iter().map(|key| AutoAuthKey::new(key.as_str())).collect(),
            None => self.autoauth_key.into_iter().map(AutoAuthKey::new).collect(),
        };
        if keys.is_empty() {
            return Err("no AutoAuth key: give --autoauth-key-file or WHMCS_AUTOAUTH_KEY".into());
        }
        let keys = keys.into_iter().collect::<Result<Vec<_>, _>>()?;
        for (number, key) in (1_usize..).zip(&keys) {
            if let Some(warning) = key.warning() {
                tracing::warn!("AutoAuth key {number}: {warning}");
            }
        }
        let default = if self.redis.is_some() { 120 } else { 900 };
        let ahead = Duration::from_secs(self.max_ahead.unwrap_or(default));
        Ok(Settings {
            public_url: self.public_url.unwrap_or_else(|| whmcs_url.clone()),
            whmcs_url,
            identifier: self.identifier.ok_or("no --identifier")?,
            secret,
            autoauth_keys: AutoAuthKeys::new(keys)?,
            policy: AutoAuthPolicy::new().with_future_limit(ahead),
            trusted_proxies: TrustedProxies::new().with_networks(self.trust_proxy),
            max_calls_in_flight: self.max_calls_in_flight.into(),
            call_time: Duration::from_secs(self.call_time),
        })
    }
}

/// The lines of a file that are not empty. White space in a line belongs to the secret.
fn lines(path: &Path) -> Result<Vec<Zeroizing<String>>, String> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let text = Zeroizing::new(text);
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(|line| Zeroizing::new(line.to_owned())).collect())
}

/// Reads a network, or an address as the network of that address alone.
fn network(text: &str) -> Result<IpNet, &'static str> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse().or_else(|_| address());
    network.map_err(|_| "it is neither an IP address nor a network such as 10.0.0.0/8")
}
