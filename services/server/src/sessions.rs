//! Sessions. A cookie holds a random id, and the id stands for a client.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use whmcs_auth_state::{Key, Kind, Store};

use crate::path::BasePath;
use crate::random::random_hex;
use crate::refusal::Refusal;
use crate::settings::Limits;

const COOKIE: &str = "session";

/// All sessions. If one client has too many, the oldest one of that client ends, so a link that is used
/// again and again ends no session of others.
pub(crate) struct Sessions {
    state: Arc<dyn Store>,
    idle_time: Duration,
    longest_time: Duration,
    max_by_client: usize,
    cookie_path: String,
}

/// The client of a session, and when it ends at the latest, in milliseconds since 1970.
struct Session {
    client: i64,
    end: u64,
}

impl Session {
    fn read(text: &str) -> Option<Self> {
        let (client, end) = text.split_once(' ')?;
        Some(Self { client: client.parse().ok()?, end: end.parse().ok()? })
    }

    fn text(&self) -> String {
        format!("{} {}", self.client, self.end)
    }

    fn left(&self) -> Duration {
        Duration::from_millis(self.end.saturating_sub(now()))
    }
}

/// Other machines read it, so it is the time of the system's clock.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    millis(now)
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn key(id: &str) -> Key {
    Key::new(Kind::Session, id)
}

impl Sessions {
    pub(crate) fn new(state: Arc<dyn Store>, limits: &Limits, base_path: &BasePath) -> Self {
        Self {
            state,
            idle_time: limits.session_idle_time,
            longest_time: limits.session_time,
            max_by_client: limits.sessions_by_client,
            cookie_path: match base_path.as_str() {
                "" => "/".to_owned(),
                folder => folder.to_owned(),
            },
        }
    }

    /// Starts a session under a new id, and ends the session of the cookie that the browser sent. An id
    /// from the browser is never reused, so nobody can plant one (session fixation).
    pub(crate) async fn begin(
        &self,
        jar: CookieJar,
        client: i64,
        is_tls: bool,
    ) -> Result<CookieJar, Refusal> {
        self.forget(&jar).await?;
        let id = random_hex()?;
        let session = Session { client, end: now().saturating_add(millis(self.longest_time)) };
        let idle_time = self.idle_time.min(self.longest_time);
        self.state.put(&key(&id), session.text(), idle_time).await?;
        let all = Key::new(Kind::Sessions, &client.to_string());
        self.state.bound(&all, &key(&id), self.max_by_client, self.longest_time).await?;
        Ok(jar.add(self.cookie(id, is_tls)))
    }

    /// The client who is logged in, if any.
    pub(crate) async fn client(&self, jar: &CookieJar) -> Result<Option<i64>, Refusal> {
        let Some(cookie) = jar.get(COOKIE) else { return Ok(None) };
        let key = key(cookie.value());
        let text = self.state.get(&key).await?;
        let Some(session) = text.as_deref().and_then(Session::read) else { return Ok(None) };
        if session.left().is_zero() {
            return Ok(None);
        }
        self.state.keep(&key, session.left().min(self.idle_time)).await?;
        Ok(Some(session.client))
    }

    /// Ends the session, and removes the cookie from the browser.
    pub(crate) async fn end(&self, jar: CookieJar) -> Result<CookieJar, Refusal> {
        self.forget(&jar).await?;
        Ok(jar.remove(self.cookie(String::new(), false)))
    }

    async fn forget(&self, jar: &CookieJar) -> Result<(), Refusal> {
        if let Some(cookie) = jar.get(COOKIE) {
            self.state.take(&key(cookie.value())).await?;
        }
        Ok(())
    }

    fn cookie(&self, value: String, is_tls: bool) -> Cookie<'static> {
        Cookie::build((COOKIE, value))
            .path(self.cookie_path.clone())
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(is_tls)
            .build()
    }
}
