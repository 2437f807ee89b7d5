//! Sessions in memory. A cookie holds a random id, and the id stands for a client.

use std::collections::VecDeque;

use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use moka::Entry;
use moka::policy::EvictionPolicy;
use moka::sync::Cache;

use crate::path::BasePath;
use crate::random::random_hex;
use crate::refusal::Refusal;
use crate::settings::Limits;

const COOKIE: &str = "session";

/// All sessions. If there are too many, the least recently used one ends. If one client has too many, the
/// oldest one of that client ends, so a link that is used again and again ends no session of others.
pub(crate) struct Sessions {
    /// Client numbers by session id.
    clients: Cache<String, i64>,
    /// Session ids by client number, from the oldest to the newest. Some may have ended.
    ids: Cache<i64, VecDeque<String>>,
    max_by_client: usize,
    cookie_path: String,
}

impl Sessions {
    pub(crate) fn new(limits: &Limits, base_path: &BasePath) -> Self {
        Self {
            clients: Cache::builder()
                .max_capacity(limits.sessions)
                // The default policy may evict the newest entry.
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(limits.session_idle_time)
                .time_to_live(limits.session_time)
                .build(),
            // An entry lives as long as the newest session in it.
            ids: Cache::builder()
                .max_capacity(limits.sessions)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(limits.session_time)
                .build(),
            max_by_client: limits.sessions_by_client,
            cookie_path: match base_path.as_str() {
                "" => "/".to_owned(),
                folder => folder.to_owned(),
            },
        }
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
        self.clients.insert(id.clone(), client);
        self.remember(client, id.clone());
        Ok(jar.add(self.cookie(id, is_tls)))
    }

    /// Adds the id to those of the client, and ends the client's oldest sessions if there are too many.
    fn remember(&self, client: i64, id: String) {
        self.ids.entry(client).and_upsert_with(|ids| {
            let mut ids = ids.map(Entry::into_value).unwrap_or_default();
            ids.retain(|id| self.clients.contains_key(id));
            ids.push_back(id);
            while ids.len() > self.max_by_client
                && let Some(oldest) = ids.pop_front()
            {
                self.clients.invalidate(&oldest);
            }
            ids
        });
    }

    /// The client who is logged in, if any.
    pub(crate) fn client(&self, jar: &CookieJar) -> Option<i64> {
        self.clients.get(jar.get(COOKIE)?.value())
    }

    /// Ends the session, and removes the cookie from the browser.
    pub(crate) fn end(&self, jar: CookieJar) -> CookieJar {
        self.forget(&jar);
        jar.remove(self.cookie(String::new(), false))
    }

    fn forget(&self, jar: &CookieJar) {
        if let Some(cookie) = jar.get(COOKIE) {
            self.clients.invalidate(cookie.value());
        }
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
