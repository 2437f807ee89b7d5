//! The options of the command line.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, Clock, StoredSecret, SystemClock};
use whmcs_auth_axum::{Access, CurrentAccess};
use whmcs_auth_bridge::{Settings, SettingsError, folder};
use whmcs_auth_services_base::{
    ConnectionLimits, ConnectionOptions, KeyOptions, ProxyOptions, secret,
};
use whmcs_auth_state::{Capacity, Memory, StateOptions, Store};

/// Keeps AutoAuth login links working: verifies a link, and sends the visitor to WHMCS with a single sign-on
/// token.
#[derive(Parser)]
#[command(name = "whmcs-auth-bridge", version)]
pub struct Options {
    /// Start a demo WHMCS on this machine, use it, and print a link that works. Needs no other
    /// option.
    #[cfg(feature = "demo")]
    #[arg(long)]
    pub demo: bool,

    /// Address and port to listen on. Port 0 picks a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    pub listen: SocketAddr,

    /// Address and port of /metrics, /healthz and /readyz. Visitors must not reach them.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8091")]
    pub operator_listen: SocketAddr,

    /// URL of WHMCS, such as https://billing.example.com/whmcs/.
    #[arg(long, value_name = "URL", env = "WHMCS_URL", value_parser = url)]
    #[arg(required = DEMO.is_empty(), required_unless_present_any = DEMO)]
    whmcs_url: Option<Url>,

    /// URL of WHMCS as visitors know it, if it differs from --whmcs-url. Visitors are sent only there.
    #[arg(long, value_name = "URL", env = "WHMCS_PUBLIC_URL", value_parser = url)]
    public_url: Option<Url>,

    /// Identifier of the API credential. Its role needs GetClientsDetails, GetClients and
    /// CreateSsoToken.
    #[arg(long, env = "WHMCS_IDENTIFIER")]
    #[arg(required = DEMO.is_empty(), required_unless_present_any = DEMO)]
    identifier: Option<String>,

    #[command(flatten)]
    pub changing: ChangingOptions,

    #[command(flatten)]
    connections: ConnectionOptions,

    #[command(flatten)]
    state: StateOptions,

    /// How many used links a bridge without --redis remembers. If there are more, new links are refused.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    max_links: usize,

    /// How many logins may ask WHMCS at the same time. Other logins wait.
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    max_calls_in_flight: u16,

    /// Seconds after which the bridge gives up a call to WHMCS.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    call_time: u64,
}

/// Secrets and addresses, whose files SIGHUP reads again.
#[derive(Args)]
pub struct ChangingOptions {
    /// Secret of the API credential.
    #[arg(long, env = "WHMCS_SECRET", hide_env_values = true, conflicts_with = "secret_file")]
    secret: Option<String>,

    /// File with the secret of the API credential. SIGHUP reads it again.
    #[arg(long, value_name = "FILE", env = "WHMCS_SECRET_FILE")]
    secret_file: Option<PathBuf>,

    #[command(flatten)]
    keys: KeyOptions,

    #[command(flatten)]
    proxies: ProxyOptions,

    /// The AutoAuth key of the demo, if no option gives one.
    #[arg(skip)]
    demo_key: Option<String>,
}

/// What the options and files say now.
pub struct ReadAccess {
    /// The secret of the API credential.
    pub secret: SecretString,
    pub access: Access,
    pub autoauth_keys: Vec<AutoAuthKey>,
    pub trusted_networks: usize,
}

impl ChangingOptions {
    /// Reads the files.
    pub fn read(&self) -> Result<ReadAccess, Box<dyn Error + Send + Sync>> {
        let secret = match (&self.secret_file, &self.secret) {
            (Some(path), _) => SecretString::from(secret(path)?.as_str()),
            (None, Some(secret)) => SecretString::from(secret.as_str()),
            (None, None) => return Err("no secret: give --secret-file or WHMCS_SECRET".into()),
        };
        if let Some(warning) = StoredSecret::plain(secret.expose_secret())?.warning() {
            tracing::warn!("API secret: {warning}");
        }
        let autoauth_keys = self.keys.read(self.demo_key.as_deref())?;
        if autoauth_keys.is_empty() {
            return Err("no AutoAuth key: give --autoauth-key-file or WHMCS_AUTOAUTH_KEY".into());
        }
        let (proxies, trusted_networks) = self.proxies.read()?;
        let keys = AutoAuthKeys::new(autoauth_keys.iter().cloned())?;
        let access = Access::new().with_keys(keys).with_proxies(proxies);
        Ok(ReadAccess { secret, access, autoauth_keys, trusted_networks })
    }
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
        self.changing.secret = Some(credential.1.to_owned());
        self.changing.demo_key = Some(autoauth_key.to_owned());
    }

    /// Checks the URLs of WHMCS. Another value is needed if one is wrong, so a new start does not help.
    pub fn check_urls(&self) -> Result<(), SettingsError> {
        #[cfg(feature = "demo")]
        if self.demo {
            return Ok(());
        }
        for (option, url) in [("--whmcs-url", &self.whmcs_url), ("--public-url", &self.public_url)]
        {
            url.as_ref().map(|url| folder(option, url)).transpose()?;
        }
        Ok(())
    }

    /// The memory of used links, if each link may be used once.
    pub fn used_links(&self) -> Result<Option<Arc<dyn Store>>, Box<dyn Error + Send + Sync>> {
        if !self.state.one_time_links {
            return match self.state.has_redis() {
                true => {
                    Err("--redis needs --one-time-links: the bridge stores nothing else".into())
                }
                false => Ok(None),
            };
        }
        let url = self.public_url.as_ref().or(self.whmcs_url.as_ref()).ok_or("no --whmcs-url")?;
        Ok(Some(match self.state.redis(url.as_str())? {
            Some(redis) => Arc::new(redis),
            None => {
                let nothing_else = Capacity { links: self.max_links, ..Capacity::default() };
                Arc::new(Memory::new(nothing_else).since(SystemClock.now()))
            }
        }))
    }

    /// The limits on connections. A login waits for its turn, and then makes at most ten calls.
    pub fn connection_limits(&self) -> ConnectionLimits {
        self.connections.limits(Duration::from_secs(self.call_time.saturating_mul(11)))
    }

    /// The settings of the bridge, and what reads the changing part of them again.
    pub fn into_settings(
        self,
        secret: watch::Receiver<SecretString>,
        access: CurrentAccess,
    ) -> Result<(Settings, ChangingOptions), Box<dyn Error + Send + Sync>> {
        let whmcs_url = self.whmcs_url.ok_or("no --whmcs-url")?;
        let is_local = whmcs_url.host_str().is_some_and(|host| {
            let address = host.trim_start_matches('[').trim_end_matches(']').parse();
            host == "localhost" || address.is_ok_and(|address: IpAddr| address.is_loopback())
        });
        if whmcs_url.scheme() == "http" && !is_local {
            tracing::warn!("the API secret is sent to WHMCS without TLS");
        }
        let ahead = self.state.max_ahead()?;
        let settings = Settings {
            public_url: self.public_url.unwrap_or_else(|| whmcs_url.clone()),
            whmcs_url,
            identifier: self.identifier.ok_or("no --identifier")?,
            secret,
            access,
            policy: AutoAuthPolicy::new().with_future_limit(ahead),
            max_calls_in_flight: self.max_calls_in_flight.into(),
            call_time: Duration::from_secs(self.call_time),
        };
        Ok((settings, self.changing))
    }
}

/// A URL with its scheme.
fn url(text: &str) -> Result<Url, String> {
    text.parse().map_err(|error| match Url::parse(&format!("https://{text}")) {
        Ok(url) => format!("the URL has no scheme: write {url}"),
        Err(_) => format!("{error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_time_for_eleven_calls() {
        let options = [
            "bridge",
            "--whmcs-url=https://a.example",
            "--identifier=i",
            "--call-time=3",
            "--idle-time=5",
        ];
        let limits = Options::try_parse_from(options).unwrap().connection_limits();
        let seconds = Duration::from_secs;
        assert_eq!((limits.request_time, limits.idle_time), (seconds(33 + 40), seconds(5)));
    }
}
