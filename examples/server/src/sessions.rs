//! Who is logged in: a cookie that holds a random id, and what it stands for, in memory.

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::random::random_hex;
use crate::refusal::Refusal;
use crate::settings::Limits;

const COOKIE: &str = "session";

/// Sessions, by the cookie's value. Where there are too many, the least
/// recently used ones end.
pub(crate) struct Sessions(Cache<String, i64>);

impl Sessions {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(
            Cache::builder()
                .max_capacity(limits.sessions)
                // The default policy may drop the newest.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(limits.session_idle_time)
                .time_to_live(limits.session_time)
                .build(),
        )
    }

    /// A new session for the client, whatever session there was. A cookie that the visitor brought
    /// is never taken over.
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

    /// The client who is logged in.
    pub(crate) fn client(&self, jar: &CookieJar) -> Option<i64> {
        self.0.get(jar.get(COOKIE)?.value())
    }

    /// Ends the session, and takes the cookie back.
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
