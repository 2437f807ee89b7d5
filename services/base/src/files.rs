//! The files that options name: secrets, and lists of addresses.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use whmcs_auth::gate::ipnet::IpNet;
use zeroize::Zeroizing;

use crate::network::network;

/// Why a file of an option cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, io::Error),
    /// It is too long for a list of secrets or addresses.
    #[error("{0} has more than {MAX_BYTES} bytes")]
    TooLong(PathBuf),
    /// It holds no secret.
    #[error("{0} holds no secret, only empty lines")]
    Empty(PathBuf),
    /// It holds several secrets in place of one.
    #[error("{0} holds {1} lines, and only one secret is expected")]
    Several(PathBuf, usize),
    /// A line is neither an address nor a network: the file, the number of the line, and the mistake.
    #[error("line {1} of {0}: {2}")]
    Network(PathBuf, usize, String),
}

const MAX_BYTES: u64 = 1024 * 1024;

const READ_BY_OTHERS: u32 = 0o004;
const WRITTEN_BY_OTHERS: u32 = 0o002;

/// The secrets of a file, one on each line. Empty lines are ignored. Other white space belongs to the
/// secret, as in a secret that an option gives.
///
/// # Errors
///
/// If the file cannot be read, or holds no secret.
pub fn secrets(file: &Path) -> Result<Vec<Zeroizing<String>>, FileError> {
    let text = read(file, READ_BY_OTHERS | WRITTEN_BY_OTHERS)?;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let secrets: Vec<_> = lines.map(|line| Zeroizing::new(line.to_owned())).collect();
    match secrets.is_empty() {
        true => Err(FileError::Empty(file.to_owned())),
        false => Ok(secrets),
    }
}

/// The only secret of a file.
///
/// # Errors
///
/// If the file cannot be read, or does not hold exactly one secret.
pub fn secret(file: &Path) -> Result<Zeroizing<String>, FileError> {
    let mut secrets = secrets(file)?;
    let several = FileError::Several(file.to_owned(), secrets.len());
    match (secrets.pop(), secrets.is_empty()) {
        (Some(secret), true) => Ok(secret),
        _ => Err(several),
    }
}

/// The networks that an option gives, or the networks of a file.
///
/// # Errors
///
/// If the file cannot be read, or a line is neither an address nor a network.
pub fn listed<'o>(given: &'o [IpNet], file: Option<&Path>) -> Result<Cow<'o, [IpNet]>, FileError> {
    match file {
        Some(file) => networks(file).map(Cow::Owned),
        None => Ok(Cow::Borrowed(given)),
    }
}

/// The addresses and networks of a file, one on each line. A comment starts with `#`.
fn networks(file: &Path) -> Result<Vec<IpNet>, FileError> {
    let text = read(file, WRITTEN_BY_OTHERS)?;
    let lines = (1_usize..).zip(text.lines().map(without_comment));
    let entries = lines.filter(|(_, entry)| !entry.is_empty());
    entries
        .map(|(line, entry)| {
            let fault = |mistake| FileError::Network(file.to_owned(), line, mistake);
            network(entry).map_err(fault)
        })
        .collect()
}

fn without_comment(line: &str) -> &str {
    line.split_once('#').map_or(line, |(before, _)| before).trim()
}

/// Warns if every user has one of the permissions in `dangerous`.
fn read(path: &Path, dangerous: u32) -> Result<Zeroizing<String>, FileError> {
    let failed = |error| FileError::Read(path.to_owned(), error);
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode();
    let shown = path.display();
    if mode & dangerous & READ_BY_OTHERS != 0 {
        tracing::warn!(file = %shown, "every user of this machine can read the file");
    }
    if mode & dangerous & WRITTEN_BY_OTHERS != 0 {
        tracing::warn!(file = %shown, "every user of this machine can change the file");
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_BYTES.saturating_add(1)).read_to_string(&mut text).map_err(failed)?;
    match u64::try_from(text.len()) {
        Ok(..=MAX_BYTES) => Ok(text),
        _ => Err(FileError::TooLong(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(text: impl AsRef<[u8]>) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_secret_is_a_line_without_its_end() {
        for (text, expected) in [
            ("one", &["one"][..]),
            ("one\n", &["one"]),
            ("one\r\ntwo\r\n", &["one", "two"]),
            ("\n one\n\n \t\ntwo \n", &[" one", "two "]),
            ("# no comment\n", &["# no comment"]),
        ] {
            let read = secrets(file(text).path()).unwrap();
            let read: Vec<_> = read.iter().map(|secret| secret.as_str()).collect();
            assert_eq!(read, expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_without_a_secret_is_an_error() {
        for text in ["", "\n", " \r\n\t\n"] {
            let read = secrets(file(text).path());
            assert!(matches!(read, Err(FileError::Empty(_))), "{text:?}");
        }
        assert!(matches!(secret(file("one\ntwo\n").path()), Err(FileError::Several(_, 2))));
        assert_eq!(secret(file("\none\n").path()).unwrap().as_str(), "one");
    }

    #[test]
    fn what_is_no_short_text_is_an_error() {
        assert!(matches!(secrets(Path::new("/dev/zero")), Err(FileError::TooLong(_))));
        assert!(matches!(secrets(file(b"\xff").path()), Err(FileError::Read(..))));
        assert!(matches!(secrets(Path::new("/")), Err(FileError::Read(..))));
        assert!(matches!(secrets(Path::new("/nowhere")), Err(FileError::Read(..))));
    }

    #[test]
    fn a_list_of_addresses_has_comments() {
        let list = "# office\n203.0.113.7 # Ada\n\n\t10.0.0.0/8\r\n2001:db8::1";
        let read = networks(file(list).path()).unwrap();
        let read: Vec<_> = read.iter().map(ToString::to_string).collect();
        assert_eq!(read, ["203.0.113.7/32", "10.0.0.0/8", "2001:db8::1/128"]);
        assert_eq!(networks(file("# nobody").path()).unwrap(), []);

        let wrong = file("203.0.113.7\n\noffice.example\n");
        let expected = format!(
            "line 3 of {}: the entry \"office.example\" is a host name: list the addresses of the host",
            wrong.path().display()
        );
        assert_eq!(networks(wrong.path()).unwrap_err().to_string(), expected);
    }
}
