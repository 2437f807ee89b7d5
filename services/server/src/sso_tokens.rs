//! The tokens of `CreateSsoToken`, the successor of AutoAuth. Each token logs in once.

use std::sync::Arc;

use time::{Duration, OffsetDateTime};
use whmcs_auth::{AutoAuthRefusal, Goto, GotoTarget};
use whmcs_auth_state::{Key, Kind, Store};

use crate::random::{is_hex_of_32_bytes, random_hex};
use crate::refusal::Refusal;

/// How long a token can be used.
const LIFETIME: Duration = Duration::seconds(60);

/// Longer than their lifetime, so that the log can tell expired tokens from unknown ones.
const KEPT: std::time::Duration = std::time::Duration::from_secs(600);

/// Issued tokens that were not used yet.
pub(crate) struct SsoTokens(Arc<dyn Store>);

/// The login that a token allows.
pub(crate) struct SsoLogin {
    pub(crate) client: i64,
    pub(crate) target: Option<GotoTarget<'static>>,
    expires: OffsetDateTime,
}

impl SsoLogin {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let client = parts.next()?.parse().ok()?;
        let expires = OffsetDateTime::from_unix_timestamp(parts.next()?.parse().ok()?).ok()?;
        let target = match Goto::parse(parts.next()?) {
            Goto::Absent => None,
            Goto::SameSite(target) => Some(target.into_owned()),
            Goto::Refused => return None,
        };
        Some(Self { client, target, expires })
    }

    fn text(&self) -> String {
        let target = self.target.as_ref().map_or("", GotoTarget::as_str);
        format!("{} {} {target}", self.client, self.expires.unix_timestamp())
    }
}

fn key(token: &str) -> Key {
    Key::new(Kind::SsoToken, token)
}

impl SsoTokens {
    pub(crate) fn new(state: Arc<dyn Store>) -> Self {
        Self(state)
    }

    /// Issues a token for the client.
    pub(crate) async fn issue(
        &self,
        client: i64,
        target: Option<GotoTarget<'static>>,
        now: OffsetDateTime,
    ) -> Result<String, Refusal> {
        let token = random_hex()?;
        let login = SsoLogin { client, target, expires: now.saturating_add(LIFETIME) };
        self.0.put(&key(&token), login.text(), KEPT).await?;
        Ok(token)
    }

    /// The login that the token allows. The token stays usable.
    pub(crate) async fn peek(&self, token: &str, now: OffsetDateTime) -> Result<SsoLogin, Refusal> {
        not_expired(token, self.0.get(&key(token)).await?, now)
    }

    /// Uses up the token. If several requests do so at the same time, only one succeeds.
    pub(crate) async fn redeem(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<SsoLogin, Refusal> {
        not_expired(token, self.0.take(&key(token)).await?, now)
    }
}

fn not_expired(
    token: &str,
    login: Option<String>,
    now: OffsetDateTime,
) -> Result<SsoLogin, Refusal> {
    match login.as_deref().and_then(SsoLogin::read) {
        Some(login) if now < login.expires => Ok(login),
        Some(_) => Err(Refusal::answered_as(
            &AutoAuthRefusal::Expired { by: Default::default() },
            "sso_token_expired",
            "the token is older than 60 s",
        )),
        None if is_hex_of_32_bytes(token) => Err(Refusal::answered_as(
            &AutoAuthRefusal::HashMismatch,
            "sso_token_unknown",
            "the token was never issued, it was used before, or another server issued it, which does not share its state \
             (option --redis)",
        )),
        None => Err(Refusal::answered_as(
            &AutoAuthRefusal::HashMismatch,
            "sso_token_format",
            "there is no token, or it does not have the format of one",
        )),
    }
}
