//! The refusals of the gates.

use core::error::Error;
use core::fmt;
use core::net::IpAddr;

use crate::field::Malformed;
use crate::refusal::{PublicAnswer, Refusal, Sealed};

/// Why the access key did not lift the restriction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyFault {
    Absent,
    Malformed(Malformed),
    NotConfigured,
    Wrong,
}

/// What the list of addresses holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    Nothing,
    OnlyUnreadable,
    OnlyIpv4,
    OnlyIpv6,
    Both,
}

/// Why an address may not call.
///
/// Display is for the operator. It names the address and the likely mistakes, and holds no text of the
/// request's fields. [`code`](Refusal::code) is the first of these that applies:
///
/// | code | when |
/// |---|---|
/// | `malformed_access_key` | the request presents an access key that is malformed, for example sent twice |
/// | `wrong_access_key` | an access key is configured, and the presented one differs |
/// | `address_list_empty` | the list is empty, or has only empty entries |
/// | `address_list_unreadable` | no entry of the list is an address |
/// | `loopback_not_listed` | the caller has an IPv4 loopback address |
/// | `ipv6_localhost_not_listed` | the caller has the address `::1` |
/// | `only_ipv4_listed` | the caller has an IPv6 address, and the list holds only IPv4 |
/// | `only_ipv6_listed` | the caller has an IPv4 address, and the list holds only IPv6 |
/// | `address_not_listed` | otherwise |
///
/// It counts the entries that cannot be read.
/// [`AddressGate::unreadable_entries`](super::AddressGate::unreadable_entries) returns them.
///
/// Source: the public message `Invalid IP ...` and the status 403 were seen on WHMCS installations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressRefusal {
    pub(super) address: IpAddr,
    pub(super) listed: Listed,
    pub(super) unreadable_entries: usize,
    pub(super) key: KeyFault,
}

impl AddressRefusal {
    /// The caller's address. An IPv4-mapped address is given as the IPv4 address.
    #[must_use]
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// The code and the hint. They do not depend on the access key.
    const fn cause(&self) -> (&'static str, &'static str) {
        match (self.listed, self.address) {
            (Listed::Nothing, _) => {
                ("address_list_empty", "the list is empty, which denies everyone")
            }
            (Listed::OnlyUnreadable, _) => (
                "address_list_unreadable",
                "no entry of the list is an address, which denies everyone",
            ),
            (_, IpAddr::V4(address)) if address.is_loopback() => {
                ("loopback_not_listed", "the caller, or a proxy, is on this machine")
            }
            (_, IpAddr::V6(address)) if address.is_loopback() => (
                "ipv6_localhost_not_listed",
                "`localhost` resolved to IPv6, or a proxy is on this machine",
            ),
            (Listed::OnlyIpv4, IpAddr::V6(_)) => (
                "only_ipv4_listed",
                "the caller uses IPv6, and the list holds only IPv4: also list the IPv6 address",
            ),
            (Listed::OnlyIpv6, IpAddr::V4(_)) => (
                "only_ipv6_listed",
                "the caller uses IPv4, and the list holds only IPv6: also list the IPv4 address",
            ),
            _ => (
                "address_not_listed",
                "if it is the address of a proxy, trust the proxy to pass on the caller's address",
            ),
        }
    }
}

impl fmt::Display for AddressRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (_, hint) = self.cause();
        write!(f, "the address {} is not listed: {hint}", self.address)?;
        match self.unreadable_entries {
            0 => {}
            1 => f.write_str("; an entry of the list cannot be read as an address")?,
            count => write!(f, "; {count} entries of the list cannot be read as an address")?,
        }
        match self.key {
            KeyFault::Absent => Ok(()),
            KeyFault::Malformed(fault) => write!(f, "; the access key is malformed: {fault}"),
            KeyFault::NotConfigured => {
                f.write_str("; an access key was presented, but none is configured")
            }
            KeyFault::Wrong => f.write_str(
                "; the access key is wrong: a `#`, `+`, `%` or `&` in it must be percent-encoded",
            ),
        }
    }
}

impl Error for AddressRefusal {}

impl Refusal for AddressRefusal {
    fn code(&self) -> &'static str {
        match self.key {
            KeyFault::Malformed(_) => "malformed_access_key",
            KeyFault::Wrong => "wrong_access_key",
            KeyFault::Absent | KeyFault::NotConfigured => self.cause().0,
        }
    }
}

impl Sealed for AddressRefusal {
    fn public_answer(&self) -> PublicAnswer<'_> {
        PublicAnswer::InvalidIp(self.address)
    }
}

/// Why the caller's address is not known. Every such request is refused with the public message `Invalid IP`
/// and the status 403.
///
/// Display is for the operator, and says what to change at the proxy or in the settings. Only
/// [`TrustedProxies`](super::TrustedProxies) returns it, except for [`PeerUnknown`](Self::PeerUnknown).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HiddenCaller {
    /// The web framework does not know the address of the peer. This crate never returns it: it is for
    /// services whose framework may have no address. Code `peer_unknown`.
    #[error("the address of the peer is not known: let the web server pass it on")]
    PeerUnknown,
    /// A proxy on this machine is not trusted. Code `untrusted_proxy`.
    #[error("a proxy on this machine sent the request, and it is not trusted: trust its address")]
    UntrustedProxy,
    /// A trusted proxy sends no header that could hold the caller's address. Code `forwarded_for_missing`.
    #[error("a trusted proxy sent no X-Forwarded-For: let it append its caller's address there")]
    NoForwardedFor,
    /// A trusted proxy sends another header in place of `X-Forwarded-For`. This other header is not read.
    /// Code `other_forwarding_header`.
    #[error(
        "a trusted proxy sent {header} and no X-Forwarded-For, the only header that is read: \
         let it append its caller's address there"
    )]
    OtherHeader {
        /// The name of the other header: `Forwarded`, `X-Real-IP`, `X-Client-IP`, `True-Client-IP` or
        /// `CF-Connecting-IP`.
        header: &'static str,
    },
    /// The caller's entry in `X-Forwarded-For` is not an address: it is empty, `unknown`, or a name that
    /// stands for an address. Code `forwarded_for_unreadable`.
    #[error(
        "the caller's entry in X-Forwarded-For is not an address, but empty, `unknown` or a name: \
         let the proxy append the address itself"
    )]
    Unreadable,
    /// The caller's entry in `X-Forwarded-For` is a loopback address or an unspecified one, such as
    /// `127.0.0.1` or `::`. Another proxy probably has it. Code `forwarded_for_local`.
    #[error(
        "the caller's entry in X-Forwarded-For is an address such as 127.0.0.1: if another proxy has \
         it, also trust that proxy"
    )]
    LocalAddress,
    /// Every address in `X-Forwarded-For` belongs to a trusted proxy. Code `forwarded_for_only_proxies`.
    #[error(
        "X-Forwarded-For holds only addresses of trusted proxies: a proxy does not append its \
         caller's address, or callers are in a trusted network"
    )]
    OnlyProxies,
}

impl Refusal for HiddenCaller {
    fn code(&self) -> &'static str {
        match self {
            Self::PeerUnknown => "peer_unknown",
            Self::UntrustedProxy => "untrusted_proxy",
            Self::NoForwardedFor => "forwarded_for_missing",
            Self::OtherHeader { .. } => "other_forwarding_header",
            Self::Unreadable => "forwarded_for_unreadable",
            Self::LocalAddress => "forwarded_for_local",
            Self::OnlyProxies => "forwarded_for_only_proxies",
        }
    }
}

impl Sealed for HiddenCaller {
    fn public_answer(&self) -> PublicAnswer<'_> {
        PublicAnswer::HiddenIp
    }
}
