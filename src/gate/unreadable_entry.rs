//! Entries of the address list that are not one address, and what each of them looks like.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use crate::secret_text::is_invisible;

/// An entry of the address list that is not one address, so it matches no caller.
///
/// Display is a sentence for the operator: the text of the entry, what it looks like, and what to do. The text
/// is escaped, and cut after 64 characters. Debug shows only what the entry looks like, because an operator may
/// paste a key into the wrong setting.
///
/// # Examples
///
/// ```
/// use whmcs_auth::gate::AddressGate;
///
/// let gate = AddressGate::new().with_entries(["203.0.113.7", "10.0.0.0/8", "localhost"]);
/// let [network, host] = gate.unreadable_entries() else { panic!("two entries") };
/// assert_eq!(network.text(), "10.0.0.0/8");
/// assert_eq!(
///     host.to_string(),
///     "the entry \"localhost\" is a host name: list the addresses of the host",
/// );
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct UnreadableEntry {
    text: String,
    is_cut: bool,
    kind: UnreadableKind,
}

impl UnreadableEntry {
    /// How many characters of an entry are kept. No address is longer.
    const MAX_CHARS: usize = 64;

    pub(super) fn new(entry: &str) -> Self {
        let cut = entry.char_indices().nth(Self::MAX_CHARS);
        let shown = cut.and_then(|(end, _)| entry.get(..end));
        Self {
            text: shown.unwrap_or(entry).into(),
            is_cut: shown.is_some(),
            kind: UnreadableKind::of(entry),
        }
    }

    /// The text of the entry, or its first 64 characters.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds nothing, as the entry of a new WHMCS database.
    pub(super) fn is_empty(&self) -> bool {
        self.kind == UnreadableKind::Empty
    }
}

impl fmt::Debug for UnreadableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UnreadableEntry").field(&self.kind).finish()
    }
}

impl fmt::Display for UnreadableEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dots = if self.is_cut { "..." } else { "" };
        write!(f, "the entry {:?}{dots} {}", self.text, self.kind.sentence())
    }
}

/// What an [`UnreadableEntry`] looks like.
///
/// White space and invisible characters around the entry are ignored, except for
/// [`WhiteSpace`](Self::WhiteSpace).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UnreadableKind {
    /// No visible character. The list of a new WHMCS database holds one empty entry.
    Empty,
    /// An address with white space or invisible characters around it: `203.0.113.7 `.
    WhiteSpace,
    /// A network: `10.0.0.0/8`, `10.0.0.0/255.0.0.0`.
    Network,
    /// A range or a pattern: `10.0.0.1-10.0.0.9`, `10.0.0.1-9`, `10.0.0.*`.
    Range,
    /// Addresses with a separator: `203.0.113.7, 203.0.113.8`.
    Several,
    /// An address with a port or in brackets: `203.0.113.7:443`, `[2001:db8::1]`.
    Port,
    /// An IPv6 address with a zone: `fe80::1%eth0`.
    Zone,
    /// An IPv4 address with a leading zero, which some programs read as octal: `203.0.113.07`.
    LeadingZero,
    /// A host name: `localhost`, `billing.example.com`.
    HostName,
    /// None of these.
    Other,
}

impl UnreadableKind {
    /// Reads the entry a fixed number of times, so the work is linear in its length.
    fn of(entry: &str) -> Self {
        let text = entry.trim_matches(is_invisible);
        if text.is_empty() {
            Self::Empty
        } else if is_address(text) {
            Self::WhiteSpace
        } else if text.split_once('/').is_some_and(|(start, _)| is_address(start)) {
            Self::Network
        } else if is_range(text) {
            Self::Range
        } else if is_list(text) {
            Self::Several
        } else if has_port(text) {
            Self::Port
        } else if text.split_once('%').is_some_and(|(address, _)| is_address(address)) {
            Self::Zone
        } else if has_leading_zero(text) {
            Self::LeadingZero
        } else if is_host_name(text) {
            Self::HostName
        } else {
            Self::Other
        }
    }

    const fn sentence(self) -> &'static str {
        match self {
            Self::Empty => "holds nothing: remove it",
            Self::WhiteSpace => {
                "has white space or invisible characters around its address: remove them"
            }
            Self::Network => {
                "is a network, and an entry is one address: list each of its addresses, or use a \
                 setting for networks"
            }
            Self::Range => "is a range of addresses: list each of them",
            Self::Several => "holds a separator: give each address an entry of its own",
            Self::Port => "has a port or brackets: write the address alone",
            Self::Zone => "has a zone: write the address without `%` and the zone",
            Self::LeadingZero => "has a number with a leading zero: write it without the zero",
            Self::HostName => "is a host name: list the addresses of the host",
            Self::Other => "is not an IPv4 or IPv6 address: correct it or remove it",
        }
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// Two addresses, or an address and its last number, with a hyphen between them; or an address with `*`.
fn is_range(text: &str) -> bool {
    let is_number = |text: &str| text.parse::<u16>().is_ok();
    let is_of_address = |char: char| char.is_ascii_hexdigit() || matches!(char, '.' | ':');
    let is_end = |text: &str| is_address(text) || is_number(text);
    let ends = text.split_once('-').map(|(start, end)| (start.trim(), end.trim()));
    ends.is_some_and(|(start, end)| is_address(start) && is_end(end))
        || text.contains('*') && text.chars().all(|char| is_of_address(char) || char == '*')
}

fn is_list(text: &str) -> bool {
    let is_separator = |char: char| matches!(char, ',' | ';' | '|') || is_invisible(char);
    let mut parts = text.split(is_separator).filter(|part| !part.is_empty()).peekable();
    text.contains(is_separator) && parts.peek().is_some() && parts.all(is_address)
}

fn has_port(text: &str) -> bool {
    let in_brackets = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    text.parse::<SocketAddr>().is_ok() || in_brackets.is_some_and(is_address)
}

fn has_leading_zero(text: &str) -> bool {
    let numbers = text.split('.').map(|number| match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0",
        number => number,
    });
    is_address(&numbers.collect::<Vec<_>>().join("."))
}

/// Labels of letters, digits, hyphens and underscores. The last label begins with a letter, so it is not a
/// number.
fn is_host_name(text: &str) -> bool {
    let text = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let is_of_names = |char: char| char.is_alphanumeric() || matches!(char, '-' | '_');
        !label.is_empty() && label.chars().all(is_of_names)
    };
    let last = text.rsplit('.').next().unwrap_or(text);
    text.split('.').all(is_label) && last.starts_with(char::is_alphabetic)
}
