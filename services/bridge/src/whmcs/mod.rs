//! The API of WHMCS: the client of an e-mail, and a single sign-on token.

mod answer;
mod error;

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url, retry};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use tokio::sync::watch;
use whmcs_auth::Goto;
use whmcs_auth_services_base::is_open;
use whmcs_auth_state::choose_tls_provider;

pub(crate) use self::error::WhmcsError;
use self::error::with_sources;

use crate::settings::{Settings, SettingsError, folder};

/// The most bytes of an answer.
const MAX_ANSWER: usize = 256 * 1024;

/// The most clients that a search may find.
const MOST_FOUND: u64 = 100;

/// The most open clients with one e-mail. Two are too many already, unless their e-mails differ in case.
const MOST_COMPARED: usize = 2;

const CONNECTION_TIME: Duration = Duration::from_secs(3);

/// A WHMCS, and the credential that the bridge has there.
pub(crate) struct Whmcs {
    http: Client,
    api: Url,
    public: Url,
    identifier: String,
    secret: watch::Receiver<SecretString>,
    call_time: Duration,
}

/// A client of WHMCS.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) email: String,
    /// Whether the status lets the client log in.
    pub(crate) is_open: bool,
    pub(crate) may_sign_on: bool,
}

/// A login that WHMCS offers.
#[derive(Debug)]
pub(crate) struct Login {
    /// Where the client is logged in. It holds a token.
    pub(crate) url: Url,
    /// Why the target was left out: a code and a sentence.
    pub(crate) left_out: Option<(&'static str, String)>,
}

/// Where the client is sent after the login.
#[derive(Debug, PartialEq, Eq)]
enum Destination<'g> {
    Home,
    /// A path relative to WHMCS, as `sso_redirect_path` wants it.
    Path(&'g str),
    /// The target is not below WHMCS.
    Outside,
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
        let mut api = folder("--whmcs-url", &settings.whmcs_url)?;
        api.set_path(&format!("{}includes/api.php", api.path()));
        let http = match api.scheme() {
            // A machine without certificates can ask a WHMCS without TLS. No redirect is followed.
            "http" => http.tls_certs_only([]),
            _ => http,
        };
        Ok(Self {
            http: http.build().map_err(|error| SettingsError::Tls(with_sources(&error)))?,
            api,
            public: folder("--public-url", &settings.public_url)?,
            identifier: settings.identifier.clone(),
            secret: settings.secret.clone(),
            call_time: settings.call_time,
        })
    }

    /// The most time for one call.
    pub(crate) fn call_time(&self) -> Duration {
        self.call_time
    }

    /// The clients with the e-mail, as WHMCS compares e-mails, and why there may be others. The caller compares them
    /// again.
    pub(crate) async fn find_clients(
        &self,
        email: &str,
    ) -> Result<(Vec<Account>, Option<WhmcsError>), WhmcsError> {
        // WHMCS answers the first one, and does not say whether there are others.
        let Some(first) = self.client("email", email).await? else { return Ok((vec![], None)) };
        let others = match self.search(email).await {
            // Strangers who take the e-mail as their name can cause this. They must not keep its owner out.
            Err(doubt @ WhmcsError::SearchInconclusive(_))
                if first.is_open && first.email == email =>
            {
                return Ok((vec![first], Some(doubt)));
            }
            others => others?,
        };
        let mut found = vec![first];
        for id in others {
            if found.iter().all(|client| client.id != id) {
                found.extend(self.client("clientid", &id.to_string()).await?);
            }
        }
        Ok((found, None))
    }

    /// The numbers of the open clients that a search finds for the e-mail.
    async fn search(&self, email: &str) -> Result<Vec<u64>, WhmcsError> {
        let limit = MOST_FOUND.to_string();
        let fields = [("search", email), ("limitnum", limit.as_str())];
        let inconclusive = |finds| Err(WhmcsError::SearchInconclusive(finds));
        let answer = match self.ask("GetClients", &fields).await {
            Err(WhmcsError::TooLong(most)) => {
                return inconclusive(format!("more than {most} bytes"));
            }
            answer => answer?,
        };
        // PHP writes an empty list in place of an object without entries.
        let clients = answer.get("clients").and_then(|clients| clients.get("client"));
        let clients = clients.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let total = answer.get("totalresults").and_then(number);
        if total != u64::try_from(clients.len()).ok() {
            return match total {
                Some(total) if total > MOST_FOUND => inconclusive(format!("{total} clients")),
                _ => Err(WhmcsError::nonsense(
                    "GetClients shows another number of clients than it names",
                )),
            };
        }
        let found = clients.iter().map(|client| {
            let text = |name| client.get(name).and_then(Value::as_str);
            let id = client.get("id").and_then(number);
            match (id, text("email"), text("status")) {
                (Some(id), Some(email), Some(status)) => {
                    Ok((id, unescaped(email), is_open(status)))
                }
                _ => Err(WhmcsError::nonsense(
                    "GetClients shows a client without id, email or status",
                )),
            }
        });
        // A search also finds names and e-mails that only begin with the text.
        let found = found.collect::<Result<Vec<_>, _>>()?.into_iter();
        let same =
            found.filter(|(_, stored, is_open)| *is_open && stored.eq_ignore_ascii_case(email));
        let same: Vec<_> = same.map(|(id, ..)| id).collect();
        match same.len() {
            0..=MOST_COMPARED => Ok(same),
            _ => Err(WhmcsError::ManyClients),
        }
    }

    /// The client that a field of `GetClientsDetails` names.
    async fn client(&self, field: &str, value: &str) -> Result<Option<Account>, WhmcsError> {
        let answer =
            match self.ask("GetClientsDetails", &[(field, value), ("stats", "false")]).await {
                Err(WhmcsError::ClientUnknown(_)) => return Ok(None),
                answer => answer?,
            };
        // Older versions have the fields at the top level only.
        let client = answer.get("client").and_then(Value::as_object).unwrap_or(&answer);
        let id = ["id", "userid", "client_id"].iter().find_map(|name| client.get(*name));
        let text = |name| client.get(name).and_then(Value::as_str);
        let (id, email, status) = match (id.and_then(number), text("email"), text("status")) {
            (Some(id), Some(email), Some(status)) => (id, email, status),
            (id, email, status) => {
                let are_missing = [
                    ("id", id.is_none()),
                    ("e-mail", email.is_none()),
                    ("status", status.is_none()),
                ];
                let missing = are_missing.iter().filter(|(_, is_missing)| *is_missing);
                let names: Vec<_> = missing.map(|(name, _)| *name).collect();
                let what = format!("GetClientsDetails shows no {} of the client", names.join(", "));
                return Err(WhmcsError::Nonsense(what));
            }
        };
        let is_off = |value: &Value| value == false || value == "" || number(value) == Some(0);
        Ok(Some(Account {
            id,
            email: unescaped(email),
            is_open: is_open(status),
            may_sign_on: !client.get("allowSingleSignOn").is_some_and(is_off),
        }))
    }

    /// Logs the client in, and sends it to the target. The call is never made twice after a failure, because WHMCS may
    /// have made a token.
    pub(crate) async fn log_in(&self, client: u64, goto: &Goto<'_>) -> Result<Login, WhmcsError> {
        let id = client.to_string();
        let home = [("client_id", &*id)];
        let create = async |fields: &[(&str, &str)]| self.call("CreateSsoToken", fields).await;
        let (answer, left_out) = match self.destination(goto) {
            Destination::Home => (create(&home).await?, None),
            Destination::Outside => (
                create(&home).await?,
                Some((
                    "goto_outside",
                    "the goto is not a page of WHMCS, so it is not followed".to_owned(),
                )),
            ),
            Destination::Path(path) => {
                let custom = [("destination", "sso:custom_redirect"), ("sso_redirect_path", path)];
                match create(&[&home[..], &custom].concat()).await {
                    // WHMCS made no token. The visitor goes to the home page of the client area.
                    Err(refused @ WhmcsError::GotoRefused(_)) => {
                        (create(&home).await?, Some((refused.code(), refused.to_string())))
                    }
                    answer => (answer?, None),
                }
            }
        };
        let url = answer.get("redirect_url").and_then(Value::as_str).unwrap_or_default();
        let url = Url::parse(url)
            .map_err(|_| WhmcsError::nonsense("CreateSsoToken shows no redirect_url"))?;
        // The origin of `blob:https://...` is that of the URL in it.
        let is_ours = url.scheme() == self.public.scheme()
            && url.origin() == self.public.origin()
            && url.username().is_empty()
            && url.password().is_none();
        match is_ours {
            true => Ok(Login { url, left_out }),
            false => Err(WhmcsError::ForeignRedirect),
        }
    }

    /// A page that acts is left out like a target that the library refuses, because nobody signed it. The companion
    /// reports both.
    fn destination<'g>(&self, goto: &'g Goto<'_>) -> Destination<'g> {
        let target = match goto {
            Goto::SameSite(target) if !target.acts() => target.as_str(),
            Goto::SameSite(_) | Goto::Absent | Goto::Refused => return Destination::Home,
        };
        let path = match target.starts_with('/') {
            true => target.strip_prefix(self.public.path()),
            false => Some(target),
        };
        match path.map(|path| (path, Goto::parse(path))) {
            Some((_, Goto::Absent)) => Destination::Home,
            // What is left of `/whmcs//evil.example` would lead to another site.
            Some((path, Goto::SameSite(_))) if !path.starts_with('/') => Destination::Path(path),
            _ => Destination::Outside,
        }
    }

    /// Makes a call that changes nothing, so it may be made twice.
    async fn ask(
        &self,
        action: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<Map<String, Value>, WhmcsError> {
        match self.call(action, fields).await {
            Err(WhmcsError::Unreachable(_)) => self.call(action, fields).await,
            answer => answer,
        }
    }

    /// Makes one call, and returns the answer of a success.
    async fn call(
        &self,
        action: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<Map<String, Value>, WhmcsError> {
        let failed = |error| self.failed(error);
        let secret = self.secret.borrow().clone();
        let credential = [
            ("identifier", self.identifier.as_str()),
            ("secret", secret.expose_secret()),
            ("responsetype", "json"),
            ("action", action),
        ];
        let form = [&credential, fields].concat();
        let sent = self.http.post(self.api.clone()).form(&form).send();
        let mut response = sent.await.map_err(failed)?;
        let status = response.status();
        if status.is_redirection() {
            return Err(WhmcsError::nonsense(format!("it redirects with status {status}")));
        }
        let is_mitigated = response.headers().contains_key("cf-mitigated");
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len().saturating_add(chunk.len()) > MAX_ANSWER {
                return Err(WhmcsError::TooLong(MAX_ANSWER));
            }
            body.extend_from_slice(&chunk);
        }
        // WHMCS answers an error with JSON under several statuses.
        let answer = answer::read(status, is_mitigated, &body)?;
        match answer.get("result").and_then(Value::as_str) {
            Some("success") if status == StatusCode::OK => Ok(answer),
            Some("success") => Err(WhmcsError::nonsense(format!("a success with status {status}"))),
            Some("error") => {
                let message = answer.get("message").and_then(Value::as_str).unwrap_or_default();
                Err(WhmcsError::of_message(message, action))
            }
            _ => {
                let what = format!("its result is no success or error, with status {status}");
                Err(WhmcsError::Nonsense(what))
            }
        }
    }

    /// Why a call got no answer.
    fn failed(&self, error: reqwest::Error) -> WhmcsError {
        match error.is_timeout() {
            true if error.is_connect() => {
                WhmcsError::Slow(format!("no connection in {CONNECTION_TIME:?}"))
            }
            true => {
                WhmcsError::Slow(format!("no answer in {:?} (option --call-time)", self.call_time))
            }
            false => WhmcsError::Unreachable(with_sources(&error)),
        }
    }

    /// The page of WHMCS that has the name of the bridge's, for a request that is not an old link.
    pub(crate) fn dologin(&self, query: &str) -> Url {
        let mut url = self.public.clone();
        url.set_path(&format!("{}dologin.php", url.path()));
        url.set_query(Some(query));
        url
    }
}

/// WHMCS may escape for HTML what it answers. No e-mail holds such an escape.
fn unescaped(email: &str) -> String {
    email.replace("&#039;", "'").replace("&amp;", "&")
}

/// PHP writes numbers as numbers or as texts.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use whmcs_auth_axum::Access;

    use super::Destination::{Home, Outside, Path};
    use super::*;

    fn whmcs(public: &str) -> Whmcs {
        let url: Url = public.parse().unwrap();
        Whmcs::new(&Settings {
            whmcs_url: url.clone(),
            public_url: url,
            identifier: "identifier".to_owned(),
            access: Access::new().into(),
            secret: watch::channel("secret".into()).1,
            policy: Default::default(),
            max_calls_in_flight: 1,
            call_time: Duration::from_secs(1),
        })
        .unwrap()
    }

    #[test]
    fn a_goto_becomes_a_path_relative_to_whmcs() {
        let (root, folder) = ("https://a.example", "https://a.example/whmcs");
        for (public, goto, expected) in [
            (root, "clientarea.php?action=products", Path("clientarea.php?action=products")),
            (root, "/viewinvoice.php?id=12", Path("viewinvoice.php?id=12")),
            (root, "/", Home),
            (root, "", Home),
            (root, "https://evil.example", Home),
            (root, "logout.php", Home),
            (root, "/OAuth/singlesignon.PHP?access_token=x", Home),
            (root, "dologin.php/x#y", Home),
            (folder, "viewinvoice.php?id=12", Path("viewinvoice.php?id=12")),
            (folder, "/whmcs/viewinvoice.php?id=12", Path("viewinvoice.php?id=12")),
            (folder, "/whmcs", Outside),
            (folder, "/whmcs/", Home),
            (folder, "/viewinvoice.php", Outside),
            (folder, "/whmcs//evil.example", Outside),
            (folder, "/whmcs/?a=b", Outside),
        ] {
            let (whmcs, goto) = (whmcs(public), Goto::parse(goto));
            assert_eq!(whmcs.destination(&goto), expected, "{public} {goto:?}");
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
    }
}
