//! What the bridge is told at its start, and what can change while it runs.

use std::time::Duration;

use reqwest::Url;
use secrecy::SecretString;
use whmcs_auth::gate::TrustedProxies;
use whmcs_auth::{AutoAuthKeys, AutoAuthPolicy};
use whmcs_auth_services_base::Current;

/// Which links the bridge accepts, and which WHMCS it asks.
#[derive(Debug)]
pub struct Settings {
    /// The URL of WHMCS, such as `https://billing.example.com/whmcs/`. The API is below it.
    pub whmcs_url: Url,
    /// The URL of WHMCS as visitors know it. Only there they are sent.
    pub public_url: Url,
    /// The identifier of the API credential.
    pub identifier: String,
    /// What can change while the bridge runs.
    pub access: Current<Access>,
    /// How old a link may be, and how far ahead.
    pub policy: AutoAuthPolicy,
    /// The most logins that ask WHMCS at the same time.
    pub max_calls_in_flight: usize,
    /// The most time for one call of WHMCS's API, and for a login to wait for its turn.
    pub call_time: Duration,
}

/// Secrets and addresses.
#[derive(Clone, Debug)]
pub struct Access {
    /// The secret of the API credential.
    pub secret: SecretString,
    /// The AutoAuth keys.
    pub autoauth_keys: AutoAuthKeys,
    /// Proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
}

/// Why the bridge cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A URL of WHMCS is not usable.
    #[error("{0} is not the URL of a WHMCS, such as https://billing.example.com/")]
    Url(&'static str),
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(reqwest::Error),
}
