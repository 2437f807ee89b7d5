//! The cookies of sessions: those that a browser sent, and those that it gets.
//!
//! Behind TLS the name begins with `__Host-`. A browser takes such a cookie only from this host, over TLS and for the
//! whole host. So neither another host of the domain nor a page over HTTP can plant one.
//!
//! The name is that of this product, so no other program on the host uses it.

use axum::http::{HeaderMap, header};
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::path::BasePath;
use crate::random::is_hex_of_32_bytes;

/// The names and the path of the cookies.
pub(crate) struct SessionCookies {
    path: String,
    /// A browser sends the cookies of outer folders as well, so each folder needs a name of its own.
    name: String,
    tls_name: String,
}

/// A cookie that a browser sent, with a value that may be the id of a session.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SentCookie {
    pub(crate) is_tls: bool,
    pub(crate) id: String,
}

impl SessionCookies {
    pub(crate) fn new(base_path: &BasePath) -> Self {
        let folder = base_path.as_str();
        // No folder has this character in its name, and the name of a cookie may have it.
        let name = format!("whmcs-auth-session{}", folder.replace('/', "!"));
        Self {
            path: if folder.is_empty() { "/".to_owned() } else { folder.to_owned() },
            tls_name: format!("__Host-{name}"),
            name,
        }
    }

    /// All cookies of sessions, in the order in which they were sent.
    pub(crate) fn sent(&self, headers: &HeaderMap) -> Vec<SentCookie> {
        let values = headers.get_all(header::COOKIE).iter();
        let cookies = values.flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
        cookies.filter_map(|cookie| self.read(cookie)).collect()
    }

    /// Other cookies may hold any bytes. Only ASCII spaces are trimmed: a browser takes a name that begins with another
    /// space and `__Host-` from any host.
    fn read(&self, cookie: &[u8]) -> Option<SentCookie> {
        let mut parts = cookie.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
        let (name, value) = (parts.next()?, parts.next()?);
        let is_tls = name == self.tls_name.as_bytes();
        let is_session = is_tls || name == self.name.as_bytes();
        let id = str::from_utf8(value).ok().filter(|id| is_session && is_hex_of_32_bytes(id))?;
        Some(SentCookie { is_tls, id: id.to_owned() })
    }

    /// The cookie for the browser.
    pub(crate) fn of(&self, id: String, is_tls: bool) -> Cookie<'static> {
        let (name, path) = match is_tls {
            true => (self.tls_name.clone(), "/".to_owned()),
            false => (self.name.clone(), self.path.clone()),
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
