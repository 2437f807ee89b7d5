//! The paths of requests: the folder of the installation, and doubled slashes.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use whmcs_auth_services_base::is_of_page;

/// The folder of the installation, such as `/whmcs`. Empty if it is the root of the site.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BasePath(String);

/// Why a string is not a [`BasePath`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is not the path of a folder such as /whmcs, of letters, digits, `-`, `_`, `.` and `~`, without a page such \
     as dologin.php"
)]
pub struct BasePathError;

impl BasePath {
    /// The text before the paths of the service. It does not end with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BasePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Reads `/whmcs`, `/whmcs/`, or `/` for the root.
impl FromStr for BasePath {
    type Err = BasePathError;

    fn from_str(text: &str) -> Result<Self, BasePathError> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return Ok(Self::default());
        }
        let folders = path.strip_prefix('/').ok_or(BasePathError)?;
        match folders.split('/').all(is_folder) {
            true => Ok(Self(path.to_owned())),
            false => Err(BasePathError),
        }
    }
}

fn is_folder(name: &str) -> bool {
    let is_allowed =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    !matches!(name, "" | "." | "..") && !is_of_page(name) && name.bytes().all(is_allowed)
}

/// The URI with one slash in place of several, as web servers pass it to PHP: a base URL that ends with a
/// slash gives `//includes/api.php`. `None` if the path has no doubled slash.
pub(crate) fn collapse_slashes(uri: &Uri) -> Option<Uri> {
    if !uri.path().contains("//") {
        return None;
    }
    let mut path = String::with_capacity(uri.path().len());
    for part in uri.path().split('/').filter(|part| !part.is_empty()) {
        path.push('/');
        path.push_str(part);
    }
    if uri.path().ends_with('/') {
        path.push('/');
    }
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).ok()?);
    Uri::from_parts(parts).ok()
}

/// The path as it was received, before slashes were collapsed.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedPath(pub(crate) String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_path_is_a_folder() {
        for (text, expected) in [
            ("", Ok("")),
            ("/", Ok("")),
            ("/whmcs", Ok("/whmcs")),
            ("/whmcs/", Ok("/whmcs")),
            ("/a/b-c_d.e~1", Ok("/a/b-c_d.e~1")),
            ("whmcs", Err(BasePathError)),
            ("//", Err(BasePathError)),
            ("/a//b", Err(BasePathError)),
            ("/a//", Err(BasePathError)),
            ("/..", Err(BasePathError)),
            ("/a/./b", Err(BasePathError)),
            ("/{a}", Err(BasePathError)),
            ("/a b", Err(BasePathError)),
            ("/a?b", Err(BasePathError)),
            ("/a%2f", Err(BasePathError)),
            ("/\u{fc}", Err(BasePathError)),
            ("https://x.example/whmcs", Err(BasePathError)),
            ("/whmcs/dologin.php", Err(BasePathError)),
            ("/includes/api.php/", Err(BasePathError)),
            ("/whmcs/dologin.PHP", Err(BasePathError)),
            ("/whmcs/includes", Err(BasePathError)),
        ] {
            let path: Result<BasePath, _> = text.parse();
            assert_eq!(path.as_ref().map(BasePath::as_str), expected.as_ref().copied(), "{text}");
        }
    }

    #[test]
    fn doubled_slashes_are_one() {
        for (uri, expected) in [
            ("/includes/api.php", None),
            ("/?a=//b", None),
            ("//includes/api.php", Some("/includes/api.php")),
            ("/whmcs//includes///api.php?a=//b", Some("/whmcs/includes/api.php?a=//b")),
            ("//", Some("/")),
            ("/whmcs//", Some("/whmcs/")),
            ("//evil.example//", Some("/evil.example/")),
            ("http://x.example//a//b", Some("http://x.example/a/b")),
        ] {
            let collapsed = collapse_slashes(&uri.parse().unwrap());
            assert_eq!(collapsed.map(|uri| uri.to_string()).as_deref(), expected, "{uri}");
        }
    }
}
