//! The cookies of sessions: those that a browser sent, and those that it gets.
//!
//! Behind TLS the name begins with `__Host-`. A browser takes such a cookie only from this host, over TLS and for the
//! whole host. So neither another host of the domain nor a page over HTTP can plant one.

use axum::http::{HeaderMap, header};
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::path::BasePath;
use crate::random::is_hex_of_32_bytes;

const NAME: &str = "session";

/// The names and the path of the cookies.
pub(crate) struct SessionCookies {
    path: String,
    /// Its path is the whole host, so installations in other folders need names of their own.
    tls_name: String,
}

/// A cookie that a browser sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SentCookie {
    pub(crate) is_tls: bool,
    pub(crate) id: String,
}

impl SessionCookies {
    pub(crate) fn new(base_path: &BasePath) -> Self {
        let folder = base_path.as_str();
        Self {
            path: if folder.is_empty() { "/".to_owned() } else { folder.to_owned() },
            // No folder has this character in its name, and the name of a cookie may have it.
            tls_name: format!("__Host-{NAME}{}", folder.replace('/', "!")),
        }
    }

    /// All cookies of sessions, in the order in which they were sent.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> Vec<SentCookie> {
        let values = headers.get_all(header::COOKIE).iter();
        let cookies = values.filter_map(|value| value.to_str().ok()).flat_map(Cookie::split_parse);
        cookies
            .filter_map(|cookie| {
                let cookie = cookie.ok()?;
                let is_tls = cookie.name() == self.tls_name;
                let is_session = is_tls || cookie.name() == NAME;
                is_session.then(|| SentCookie { is_tls, id: cookie.value().to_owned() })
            })
            .collect()
    }

    /// The cookie for the browser.
    pub(crate) fn of(&self, id: String, is_tls: bool) -> Cookie<'static> {
        let (name, path) = match is_tls {
            true => (self.tls_name.clone(), "/".to_owned()),
            false => (NAME.to_owned(), self.path.clone()),
        };
        Cookie::build((name, id))
            .path(path)
            .http_only(true)
            .same_site(SameSite::Lax)
            .secure(is_tls)
            .build()
    }

    /// Removes the cookie of that kind from the browser.
    pub(crate) fn removal(&self, is_tls: bool) -> Cookie<'static> {
        let mut cookie = self.of(String::new(), is_tls);
        cookie.make_removal();
        cookie
    }
}

/// The cookie that counts. One that was set behind TLS comes before others. If there are several of one name, somebody
/// may have planted one, so none of them counts.
pub(crate) fn only(sent: &[SentCookie]) -> Option<&SentCookie> {
    let is_tls = sent.iter().any(|cookie| cookie.is_tls);
    let mut cookies = sent.iter().filter(|cookie| cookie.is_tls == is_tls);
    cookies.next().filter(|_| cookies.next().is_none())
}

impl SentCookie {
    /// Whether it may be the id of a session.
    pub(crate) fn is_id(&self) -> bool {
        is_hex_of_32_bytes(&self.id)
    }
}
