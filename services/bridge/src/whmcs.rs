//! The API of WHMCS: the client of an e-mail, and a single sign-on token.

use std::error::Error;
use std::iter::successors;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url, retry};
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use whmcs_auth::Goto;
use whmcs_auth_services_base::Current;
use whmcs_auth_state::choose_tls_provider;

use crate::settings::{Access, Settings, SettingsError};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 256 * 1024;

const CONNECTION_TIME: Duration = Duration::from_secs(3);

/// A WHMCS, and the credential that the bridge has there.
pub(crate) struct Whmcs {
    http: Client,
    api: Url,
    public: Url,
    identifier: String,
    /// Has its secret.
    access: Current<Access>,
    call_time: Duration,
}

/// A client of WHMCS.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) is_open: bool,
}

/// Why WHMCS gave no login. Display is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhmcsError {
    #[error("WHMCS cannot be reached: {0}")]
    Unreachable(String),
    #[error("WHMCS did not answer in time")]
    Slow,
    #[error("the answer of WHMCS makes no sense: {0}. Is --whmcs-url right?")]
    Nonsense(String),
    #[error("WHMCS refuses the API credential: {0}")]
    CredentialRefused(String),
    #[error("WHMCS refuses the address of the bridge: {0}. Allow it in the API settings of WHMCS")]
    AddressRefused(String),
    #[error("the API role of the credential lacks a permission: {0}")]
    PermissionMissing(String),
    #[error("WHMCS answered with an error: {0}")]
    Refused(String),
    #[error("WHMCS sends visitors to another site than --public-url. Is its System URL right?")]
    ForeignRedirect,
}

impl WhmcsError {
    /// A stable name for metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "whmcs_unreachable",
            Self::Slow => "whmcs_slow",
            Self::Nonsense(_) => "whmcs_nonsense",
            Self::CredentialRefused(_) => "whmcs_credential_refused",
            Self::AddressRefused(_) => "whmcs_address_refused",
            Self::PermissionMissing(_) => "whmcs_permission_missing",
            Self::Refused(_) => "whmcs_refused",
            Self::ForeignRedirect => "whmcs_foreign_redirect",
        }
    }

    /// Whether it may pass by itself.
    pub(crate) fn is_temporary(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Slow)
    }
}

/// The error with its sources. The URL in it is that of the API, without a field.
impl From<reqwest::Error> for WhmcsError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Slow;
        }
        let first: &dyn Error = &error;
        let errors = successors(Some(first), |error: &&dyn Error| (*error).source());
        Self::Unreachable(errors.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}

impl Whmcs {
    pub(crate) fn new(settings: &Settings) -> Result<Self, SettingsError> {
        choose_tls_provider();
        let http = Client::builder()
            .redirect(Policy::none())
            .retry(retry::never())
            .no_proxy()
            .connect_timeout(CONNECTION_TIME)
            .timeout(settings.call_time);
        let base = folder(&settings.whmcs_url).ok_or(SettingsError::Url("--whmcs-url"))?;
        Ok(Self {
            http: http.build().map_err(SettingsError::Tls)?,
            api: base.join("includes/api.php").map_err(|_| SettingsError::Url("--whmcs-url"))?,
            public: folder(&settings.public_url).ok_or(SettingsError::Url("--public-url"))?,
            identifier: settings.identifier.clone(),
            access: settings.access.clone(),
            call_time: settings.call_time,
        })
    }

    /// The most time for one call.
    pub(crate) fn call_time(&self) -> Duration {
        self.call_time
    }

    /// The client with the e-mail, as WHMCS compares e-mails. The caller compares them again.
    pub(crate) async fn find_client(&self, email: &str) -> Result<Option<Account>, WhmcsError> {
        let fields = [("action", "GetClientsDetails"), ("email", email), ("stats", "false")];
        let answer = match self.call(&fields).await {
            // This call changes nothing, so it may be made twice.
            Err(WhmcsError::Unreachable(_)) => self.call(&fields).await,
            answer => answer,
        };
        let answer = match answer {
            Err(WhmcsError::Refused(message)) if is_not_found(&message) => return Ok(None),
            answer => answer?,
        };
        // Older versions have the fields at the top level only.
        let client = answer.get("client").and_then(Value::as_object).unwrap_or(&answer);
        let id = ["id", "userid", "client_id"].iter().find_map(|name| client.get(*name));
        let email = client.get("email").and_then(Value::as_str);
        let status = client.get("status").and_then(Value::as_str);
        match (id.and_then(number), email, status) {
            (Some(id), Some(email), Some(status)) => {
                let is_open = !status.eq_ignore_ascii_case("Closed");
                Ok(Some(Account { id, email: email.to_owned(), is_open }))
            }
            _ => Err(nonsense("GetClientsDetails shows no id, e-mail or status of the client")),
        }
    }

    /// Where the client is logged in, and then sent to the target. The call is never made twice after a
    /// failure, because WHMCS may have made a token.
    pub(crate) async fn login_url(&self, client: u64, goto: &Goto<'_>) -> Result<Url, WhmcsError> {
        let id = client.to_string();
        let fields = [("action", "CreateSsoToken"), ("client_id", &id)];
        let answer = match self.path_of(goto) {
            None => self.call(&fields).await,
            Some(path) => {
                let custom = [("destination", "sso:custom_redirect"), ("sso_redirect_path", path)];
                match self.call(&[fields, custom].concat()).await {
                    // WHMCS made no token. The visitor goes to the home page of the client area.
                    Err(WhmcsError::Refused(message)) => {
                        tracing::warn!("WHMCS refuses the goto of a link: {message}");
                        self.call(&fields).await
                    }
                    answer => answer,
                }
            }
        };
        let answer = answer?;
        let url = answer.get("redirect_url").and_then(Value::as_str).unwrap_or_default();
        let url = Url::parse(url).map_err(|_| nonsense("CreateSsoToken shows no redirect_url"))?;
        let is_ours = url.origin() == self.public.origin()
            && url.username().is_empty()
            && url.password().is_none();
        is_ours.then_some(url).ok_or(WhmcsError::ForeignRedirect)
    }

    /// The target as a path relative to WHMCS, as `sso_redirect_path` wants it. A target outside of WHMCS has
    /// none.
    fn path_of<'g>(&self, goto: &'g Goto<'_>) -> Option<&'g str> {
        // A page that acts has no path either, because nobody signed the target.
        let target = match goto {
            Goto::SameSite(target) if !target.acts() => target.as_str(),
            Goto::SameSite(_) | Goto::Absent | Goto::Refused => return None,
        };
        let path = match target.starts_with('/') {
            true => target.strip_prefix(self.public.path())?,
            false => target,
        };
        // What is left of `/whmcs//evil.example` would lead to another site.
        let is_relative = matches!(Goto::parse(path), Goto::SameSite(_)) && !path.starts_with('/');
        is_relative.then_some(path)
    }

    /// Makes one call, and returns the answer of a success.
    async fn call(&self, fields: &[(&str, &str)]) -> Result<Map<String, Value>, WhmcsError> {
        let access = self.access.get();
        let credential = [
            ("identifier", self.identifier.as_str()),
            ("secret", access.secret.expose_secret()),
            ("responsetype", "json"),
        ];
        let form = [&credential, fields].concat();
        let mut response = self.http.post(self.api.clone()).form(&form).send().await?;
        let status = response.status();
        if status.is_redirection() {
            return Err(nonsense(format!("it redirects with status {status}")));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(nonsense(format!("it has more than {MAX_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        // WHMCS answers an error with JSON under several statuses.
        let Ok(Value::Object(answer)) = serde_json::from_slice(&body) else {
            return Err(nonsense(format!(
                "{} bytes and no JSON, with status {status}",
                body.len()
            )));
        };
        match answer.get("result").and_then(Value::as_str) {
            Some("success") if status == StatusCode::OK => Ok(answer),
            Some("error") => {
                let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
                Err(refusal(message, &form))
            }
            _ => Err(nonsense(format!("its result is no success or error, with status {status}"))),
        }
    }
}

/// What an error of WHMCS says about the call with this form.
fn refusal(message: &str, form: &[(&str, &str)]) -> WhmcsError {
    let shown = shown(message, form);
    let starts = |prefixes: &[&str]| {
        let is_start = |prefix: &&str| {
            let start = message.get(..prefix.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
        };
        prefixes.iter().any(is_start)
    };
    if starts(&["Invalid IP"]) {
        WhmcsError::AddressRefused(shown)
    } else if starts(&["Invalid Permissions"]) {
        WhmcsError::PermissionMissing(shown)
    } else if starts(&[
        "Authentication Failed",
        "Invalid or missing credentials",
        "Access Denied",
        "Administrator Account Disabled",
    ]) {
        WhmcsError::CredentialRefused(shown)
    } else {
        WhmcsError::Refused(shown)
    }
}

/// The start of a message, for the log, unless it repeats the credential, the e-mail or the target of the call.
fn shown(message: &str, form: &[(&str, &str)]) -> String {
    const PRIVATE: [&str; 4] = ["identifier", "secret", "email", "sso_redirect_path"];
    let lower = message.to_lowercase();
    let is_repeated = |(name, value): &(&str, &str)| {
        PRIVATE.contains(name) && lower.contains(&value.to_lowercase())
    };
    match form.iter().any(is_repeated) {
        true => "(the message repeats a value of the call)".to_owned(),
        false => message.chars().filter(|char| !char.is_control()).take(200).collect(),
    }
}

fn is_not_found(message: &str) -> bool {
    ["Client Not Found", "Client ID Not Found"]
        .iter()
        .any(|text| text.eq_ignore_ascii_case(message))
}

fn nonsense(what: impl Into<String>) -> WhmcsError {
    WhmcsError::Nonsense(what.into())
}

/// PHP writes numbers as numbers or as texts.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// The URL of a folder, to which a file can be joined.
fn folder(url: &Url) -> Option<Url> {
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let mut url = url.clone();
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    is_plain.then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whmcs(public: &str) -> Whmcs {
        let url: Url = public.parse().unwrap();
        Whmcs::new(&Settings {
            whmcs_url: url.clone(),
            public_url: url,
            identifier: "identifier".to_owned(),
            access: Current::from(Access {
                secret: "secret".into(),
                autoauth_keys: Default::default(),
                trusted_proxies: Default::default(),
            }),
            policy: Default::default(),
            max_calls_in_flight: 1,
            call_time: Duration::from_secs(1),
        })
        .unwrap()
    }

    #[test]
    fn a_goto_becomes_a_path_relative_to_whmcs() {
        for (public, goto, expected) in [
            (
                "https://a.example",
                "clientarea.php?action=products",
                Some("clientarea.php?action=products"),
            ),
            ("https://a.example", "/viewinvoice.php?id=12", Some("viewinvoice.php?id=12")),
            ("https://a.example", "/", None),
            ("https://a.example", "", None),
            ("https://a.example", "https://evil.example", None),
            ("https://a.example", "logout.php", None),
            ("https://a.example", "/OAuth/singlesignon.PHP?access_token=x", None),
            ("https://a.example", "dologin.php/x#y", None),
            ("https://a.example/whmcs", "viewinvoice.php?id=12", Some("viewinvoice.php?id=12")),
            (
                "https://a.example/whmcs",
                "/whmcs/viewinvoice.php?id=12",
                Some("viewinvoice.php?id=12"),
            ),
            ("https://a.example/whmcs", "/whmcs", None),
            ("https://a.example/whmcs", "/whmcs/", None),
            ("https://a.example/whmcs", "/viewinvoice.php", None),
            ("https://a.example/whmcs", "/whmcs//evil.example", None),
            ("https://a.example/whmcs", "/whmcs/?a=b", None),
        ] {
            let (whmcs, goto) = (whmcs(public), Goto::parse(goto));
            assert_eq!(whmcs.path_of(&goto), expected, "{public} {goto:?}");
        }
    }

    #[test]
    fn the_api_is_below_the_url() {
        for (url, expected) in [
            ("https://a.example", "https://a.example/includes/api.php"),
            ("https://a.example/whmcs", "https://a.example/whmcs/includes/api.php"),
            ("https://a.example/whmcs/", "https://a.example/whmcs/includes/api.php"),
        ] {
            assert_eq!(whmcs(url).api.as_str(), expected);
        }
        for url in [
            "ftp://a.example",
            "https://user@a.example",
            "https://a.example/?a",
            "https://a.example/#a",
        ] {
            assert_eq!(folder(&url.parse().unwrap()), None, "{url}");
        }
    }
}
