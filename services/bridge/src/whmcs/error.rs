//! Why WHMCS gave no login.

use std::error::Error;
use std::fmt;
use std::iter::successors;
use std::net::IpAddr;

use reqwest::StatusCode;
use whmcs_auth_axum::Cause;

/// Why WHMCS gave no login. Display is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhmcsError {
    #[error("WHMCS cannot be reached: {0}")]
    Unreachable(String),
    #[error("WHMCS did not answer in time: {0}")]
    Slow(String),
    #[error(
        "a firewall, or the web server before WHMCS, refuses the call with status {0}. Let the address of the bridge \
         pass"
    )]
    Firewall(StatusCode),
    #[error("a page of HTML came in place of JSON, with status {0}. Is WHMCS under maintenance?")]
    Page(StatusCode),
    #[error("a message of PHP came before the JSON. Correct its cause, or let PHP show no errors")]
    PhpMessage,
    #[error("the answer of WHMCS makes no sense: {0}. Is --whmcs-url right?")]
    Nonsense(String),
    #[error(
        "the answer of WHMCS makes no sense: it has more than {0} bytes. Is --whmcs-url right?"
    )]
    TooLong(usize),
    #[error("WHMCS refuses the API credential: {0}")]
    CredentialRefused(Shown),
    #[error("WHMCS refuses the address of the bridge: {0}. Allow it in the API settings of WHMCS")]
    AddressRefused(Shown),
    #[error("the API role of the credential does not allow {action}: {0}", action = .0.action)]
    PermissionMissing(Shown),
    #[error("WHMCS knows no such client: {0}")]
    ClientUnknown(Shown),
    #[error("WHMCS refuses the goto: {0}")]
    GotoRefused(Shown),
    #[error("WHMCS makes no token for the client: {0}. May the client use single sign-on?")]
    TokenRefused(Shown),
    #[error("WHMCS answered {action} with an error: {0}", action = .0.action)]
    Refused(Shown),
    #[error("more open clients have this e-mail than the bridge compares")]
    ManyClients,
    #[error(
        "a search for the e-mail finds {0}, so it does not show whether other clients have the e-mail. See which \
         clients have a name that begins with it"
    )]
    SearchInconclusive(String),
    #[error("WHMCS sends visitors to another site than --public-url. Is its System URL right?")]
    ForeignRedirect,
}

/// What the log has of a message: the start, if it is known, and the length of the rest. The rest may repeat the e-mail
/// or the target, and nobody knows all the ways in which they can be escaped.
#[derive(Debug)]
pub(crate) struct Shown {
    start: &'static str,
    address: Option<IpAddr>,
    rest: usize,
    action: &'static str,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { start, address, rest, .. } = self;
        match (address, *start, rest) {
            (Some(address), ..) => write!(f, "{start} {address}"),
            (None, "", _) => write!(f, "{rest} bytes, which are not shown"),
            (None, _, 0) => f.write_str(start),
            (None, ..) => write!(f, "{start} ({rest} more bytes, which are not shown)"),
        }
    }
}

/// Makes the error of a message.
type Make = fn(Shown) -> WhmcsError;

/// How WHMCS's messages start, in any case of letters.
const KNOWN: [(&str, Make); 11] = [
    ("Invalid IP", WhmcsError::AddressRefused),
    ("Forbidden IP", WhmcsError::AddressRefused),
    ("Invalid Permissions", WhmcsError::PermissionMissing),
    ("Authentication Failed", WhmcsError::CredentialRefused),
    ("Invalid or missing credentials", WhmcsError::CredentialRefused),
    ("Access Denied", WhmcsError::CredentialRefused),
    ("Administrator Account Disabled", WhmcsError::CredentialRefused),
    ("Client Not Found", WhmcsError::ClientUnknown),
    ("Client ID Not Found", WhmcsError::ClientUnknown),
    ("Invalid destination", WhmcsError::GotoRefused),
    ("Token could not be provisioned", WhmcsError::TokenRefused),
];

impl WhmcsError {
    /// What WHMCS's message about an action means.
    pub(super) fn of_message(message: &str, action: &'static str) -> Self {
        let known = KNOWN.iter().find_map(|(start, make)| {
            let (begin, rest) = message.split_at_checked(start.len())?;
            begin.eq_ignore_ascii_case(start).then_some((*start, *make, rest.trim()))
        });
        let (start, make, rest) = known.unwrap_or(("", Self::Refused, message));
        // The address of the bridge is what the operator has to allow.
        let is_address = matches!(start, "Invalid IP" | "Forbidden IP");
        let address = rest.parse().ok().filter(|_| is_address);
        make(Shown { start, address, rest: rest.len(), action })
    }

    pub(super) fn nonsense(what: impl Into<String>) -> Self {
        Self::Nonsense(what.into())
    }

    /// A stable name for metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "whmcs_unreachable",
            Self::Slow(_) => "whmcs_slow",
            Self::ManyClients => "whmcs_many_clients",
            Self::SearchInconclusive(_) => "whmcs_search_inconclusive",
            Self::Firewall(_) => "whmcs_firewall",
            Self::Page(_) => "whmcs_page",
            Self::PhpMessage => "whmcs_php_message",
            Self::Nonsense(_) | Self::TooLong(_) => "whmcs_nonsense",
            Self::CredentialRefused(_) => "whmcs_credential_refused",
            Self::AddressRefused(_) => "whmcs_address_refused",
            Self::PermissionMissing(_) => "whmcs_permission_missing",
            Self::ClientUnknown(_) => "whmcs_client_unknown",
            Self::GotoRefused(_) => "whmcs_goto_refused",
            Self::TokenRefused(_) => "whmcs_token_refused",
            Self::Refused(_) => "whmcs_refused",
            Self::ForeignRedirect => "whmcs_foreign_redirect",
        }
    }

    /// The refusal of a login, with the message for the visitor.
    pub(crate) fn cause(&self, message: &'static str) -> Cause {
        // What may pass by itself is unavailable.
        let status = match self {
            Self::Unreachable(_) | Self::Slow(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        Cause::new(self.code(), self.to_string(), status.as_u16(), message)
    }
}

/// The error with its sources. The URL in it is that of the API, without a field.
pub(super) fn with_sources(error: &reqwest::Error) -> String {
    let first: &dyn Error = error;
    let errors = successors(Some(first), |error: &&dyn Error| (*error).source());
    errors.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
