//! Sessions in memory. A cookie holds a random id, and the id stands for a client.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::random::random_hex;
use crate::refusal::Refusal;
use crate::settings::Limits;

const COOKIE: &str = "session";

/// Client numbers by session id. If there are too many sessions, the least recently used one ends.
pub(crate) struct Sessions(Cache<String, i64>);

impl Sessions {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(
            Cache::builder()
                .max_capacity(limits.sessions)
                // The default policy may evict the newest entry.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(limits.session_idle_time)
                .time_to_live(limits.session_time)
                .build(),
        )
    }

    /// Starts a session under a new id, and ends the session of the cookie that the browser sent. An id
    /// from the browser is never reused, so nobody can plant one (session fixation).
    pub(crate) fn begin(
        &self,
        jar: CookieJar,
        client: i64,
        is_tls: bool,
    ) -> Result<CookieJar, Refusal> {
        self.forget(&jar);
        let id = random_hex()?;
        self.0.insert(id.clone(), client);
        Ok(jar.add(cookie(id, is_tls)))
    }

    /// The client who is logged in, if any.
    pub(crate) fn client(&self, jar: &CookieJar) -> Option<i64> {
        self.0.get(jar.get(COOKIE)?.value())
    }

    /// Ends the session, and removes the cookie from the browser.
    pub(crate) fn end(&self, jar: CookieJar) -> CookieJar {
        self.forget(&jar);
        jar.remove(cookie(String::new(), false))
    }

    fn forget(&self, jar: &CookieJar) {
        if let Some(cookie) = jar.get(COOKIE) {
            self.0.invalidate(cookie.value());
        }
    }
}

fn cookie(value: String, is_tls: bool) -> Cookie<'static> {
    Cookie::build((COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(is_tls)
        .build()
}
