//! Which installation of WHMCS a stored value belongs to.

use std::fmt::Display;

use url::Url;

use crate::StateError;

/// The most characters of a name.
const LONGEST_NAME: usize = 64;

/// An installation of WHMCS. Several of them can share a Redis, and know nothing of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// It is part of every key.
    pub(crate) name: String,
    /// Host, port and path of its URL. So a name that two installations have is noticed, and a second name of
    /// one installation.
    pub(crate) site: String,
}

impl Installation {
    /// The installation of this name, whose visitors know it by this URL.
    ///
    /// # Errors
    ///
    /// If the name is not 1 to 64 letters, digits, `.`, `_` or `-`, or the URL is not one.
    pub fn new(name: &str, url: &str) -> Result<Self, StateError> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_allowed) {
            let cause =
                "a name has 1 to 64 letters, digits, `.`, `_` or `-` (option --installation)";
            return Err(StateError::new("state_installation", cause));
        }
        let no_url = || {
            let cause =
                format!("the URL of the installation {name} is not a URL such as https://HOST/");
            StateError::new("state_installation", cause)
        };
        Ok(Self { name: name.to_owned(), site: site(url).ok_or_else(no_url)? })
    }

    /// A key of this installation.
    pub(crate) fn key(&self, name: impl Display) -> String {
        format!("whmcs-auth:{}:{name}", self.name)
    }
}

/// `https://Billing.example.com/whmcs/` and `http://billing.example.com/whmcs` are one site.
fn site(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(format!("{}{port}{}", url.host_str()?, url.path().trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_site_is_the_same_for_all_ways_to_write_it() {
        for (url, expected) in [
            ("https://Billing.example.com/whmcs/", "billing.example.com/whmcs"),
            ("http://billing.example.com/whmcs", "billing.example.com/whmcs"),
            ("https://billing.example.com:443", "billing.example.com"),
            ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
            ("https://user:password@[::1]:8443/a?b#c", "[::1]:8443/a"),
        ] {
            assert_eq!(Installation::new("a", url).unwrap().site, expected);
        }
        for url in ["", "billing.example.com", "/whmcs", "mailto:a@example.com", "data:,x"] {
            let error = Installation::new("a", url).unwrap_err();
            assert_eq!(error.code, "state_installation", "{url}");
        }
    }

    #[test]
    fn a_name_cannot_be_mistaken_for_another() {
        let longest = "x".repeat(64);
        for name in ["a", "billing.example-com_2", &longest] {
            Installation::new(name, "https://a.example").unwrap();
        }
        for name in ["", " a", "a:b", "a*", "a\n", "ä", &"x".repeat(65)] {
            let error = Installation::new(name, "https://a.example").unwrap_err();
            assert_eq!(error.code, "state_installation", "{name:?}");
        }
    }
}
