//! Sessions. A cookie holds a random id, and the id stands for a client.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::AppendHeaders;
use axum_extra::extract::cookie::Cookie;
use whmcs_auth_state::{Key, Kind, Store};

use crate::cookies::{SentCookie, SessionCookies, only};
use crate::path::BasePath;
use crate::random::random_hex;
use crate::refusal::Refusal;
use crate::settings::Limits;
use crate::to_its_end::to_its_end;

/// How many sessions one request can end. A browser has one, or two if the site got TLS meanwhile. It sends more only if
/// somebody planted them.
const MOST_ENDED: usize = 8;

/// The cookies that an answer sets.
pub(crate) type SetCookies = AppendHeaders<Vec<(HeaderName, String)>>;

/// All sessions. If one client has too many, the oldest one of that client ends, so a link that is used
/// again and again ends no session of others.
pub(crate) struct Sessions {
    state: Arc<dyn Store>,
    idle_time: Duration,
    longest_time: Duration,
    max_by_client: usize,
    cookies: SessionCookies,
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

/// A session that began behind TLS is none under the other name, which a page without TLS can set.
fn key(SentCookie { is_tls, id }: &SentCookie) -> Key {
    let kind = if *is_tls { "tls" } else { "plain" };
    Key::new(Kind::Session, &format!("{kind} {id}"))
}

fn set(cookies: impl IntoIterator<Item = Cookie<'static>>) -> SetCookies {
    let header = |cookie: Cookie<'_>| (header::SET_COOKIE, cookie.to_string());
    AppendHeaders(cookies.into_iter().map(header).collect())
}

impl Sessions {
    pub(crate) fn new(state: Arc<dyn Store>, limits: &Limits, base_path: &BasePath) -> Self {
        Self {
            state,
            idle_time: limits.session_idle_time,
            longest_time: limits.session_time,
            max_by_client: limits.sessions_by_client,
            cookies: SessionCookies::new(base_path),
        }
    }

    /// Starts a session under a new id, and ends the sessions of the cookies that the browser sent. An id
    /// from the browser is never reused, so nobody can plant one (session fixation).
    pub(crate) async fn begin(
        &self,
        headers: &HeaderMap,
        client: i64,
        is_tls: bool,
    ) -> Result<SetCookies, Refusal> {
        let sent = self.forget(headers).await?;
        let cookie = SentCookie { is_tls, id: random_hex()? };
        let session = Session { client, end: now().saturating_add(millis(self.longest_time)) };
        self.remember(key(&cookie), session).await?;
        // That of the other kind, which may count in place of the new one.
        let other = sent.iter().any(|sent| sent.is_tls != is_tls);
        let other = other.then(|| self.cookies.removal(!is_tls));
        Ok(set(other.into_iter().chain([self.cookies.of(cookie.id, is_tls)])))
    }

    /// Remembers a session, and ends the oldest one of a client who has too many. A visitor who hangs up in between
    /// would have one that nobody counts.
    async fn remember(&self, key: Key, session: Session) -> Result<(), Refusal> {
        let state = Arc::clone(&self.state);
        let (longest, most) = (self.longest_time, self.max_by_client);
        let idle_time = self.idle_time.min(longest);
        let remembered = to_its_end(async move {
            state.put(&key, session.text(), idle_time).await?;
            let all = Key::new(Kind::Sessions, &session.client.to_string());
            state.bound(&all, &key, most, longest).await
        });
        Ok(remembered.await.ok_or_else(Refusal::stopped)??)
    }

    /// The client who is logged in, if any.
    pub(crate) async fn client(&self, headers: &HeaderMap) -> Result<Option<i64>, Refusal> {
        let sent = self.cookies.sent(headers);
        let Some(cookie) = only(&sent) else { return Ok(None) };
        let key = key(cookie);
        let text = self.state.get(&key).await?;
        let Some(session) = text.as_deref().and_then(Session::read) else { return Ok(None) };
        if session.left().is_zero() {
            return Ok(None);
        }
        self.state.keep(&key, session.left().min(self.idle_time)).await?;
        Ok(Some(session.client))
    }

    /// Whether the browser sends a session, known or not.
    pub(crate) fn is_sent(&self, headers: &HeaderMap) -> bool {
        !self.cookies.sent(headers).is_empty()
    }

    /// Ends the sessions of the cookies that the browser sent, and removes the cookies.
    pub(crate) async fn end(&self, headers: &HeaderMap) -> Result<SetCookies, Refusal> {
        let sent = self.forget(headers).await?;
        let kinds = [true, false];
        let kinds = kinds.into_iter().filter(|is_tls| sent.iter().any(|it| it.is_tls == *is_tls));
        Ok(set(kinds.map(|is_tls| self.cookies.removal(is_tls))))
    }

    async fn forget(&self, headers: &HeaderMap) -> Result<Vec<SentCookie>, Refusal> {
        let sent = self.cookies.sent(headers);
        let distinct: BTreeSet<_> = sent.iter().collect();
        // Those of TLS come first. Nobody else can plant one, so none of them is left out.
        for cookie in distinct.into_iter().rev().take(MOST_ENDED) {
            self.state.take(&key(cookie)).await?;
        }
        Ok(sent)
    }
}
