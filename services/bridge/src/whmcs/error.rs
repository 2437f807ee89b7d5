//! Why WHMCS gave no login.

use std::error::Error;
use std::iter::successors;

use reqwest::StatusCode;
use whmcs_auth_axum::Cause;

/// Why WHMCS gave no login. Display is for the operator.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WhmcsError {
    #[error("WHMCS cannot be reached: {0}")]
    Unreachable(String),
    #[error("WHMCS did not answer in time")]
    Slow,
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
    #[error("WHMCS refuses the API credential: {0}")]
    CredentialRefused(String),
    #[error("WHMCS refuses the address of the bridge: {0}. Allow it in the API settings of WHMCS")]
    AddressRefused(String),
    #[error("the API role of the credential lacks a permission: {0}")]
    PermissionMissing(String),
    #[error("WHMCS knows no such client: {0}")]
    ClientUnknown(String),
    #[error("WHMCS refuses the goto: {0}")]
    GotoRefused(String),
    #[error("WHMCS makes no token for the client: {0}. May the client use single sign-on?")]
    TokenRefused(String),
    #[error("WHMCS answered with an error: {0}")]
    Refused(String),
    #[error("WHMCS sends visitors to another site than --public-url. Is its System URL right?")]
    ForeignRedirect,
}

/// Makes the error of a message.
type Make = fn(String) -> WhmcsError;

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
    /// What a message of WHMCS means. `shown` is what the log may have of it.
    pub(super) fn of_message(message: &str, shown: String) -> Self {
        let is_start = |start: &str| {
            message.get(..start.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(start))
        };
        let known = KNOWN.iter().find(|(start, _)| is_start(start));
        known.map_or(Self::Refused as Make, |(_, make)| *make)(shown)
    }

    pub(super) fn nonsense(what: impl Into<String>) -> Self {
        Self::Nonsense(what.into())
    }

    /// A stable name for metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "whmcs_unreachable",
            Self::Slow => "whmcs_slow",
            Self::Firewall(_) => "whmcs_firewall",
            Self::Page(_) => "whmcs_page",
            Self::PhpMessage => "whmcs_php_message",
            Self::Nonsense(_) => "whmcs_nonsense",
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
            Self::Unreachable(_) | Self::Slow => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        Cause::new(self.code(), self.to_string(), status.as_u16(), message)
    }
}

/// The error with its sources. The URL in it is that of the API, without a field.
impl From<reqwest::Error> for WhmcsError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_timeout() {
            return Self::Slow;
        }
        let first: &dyn Error = &error;
        let errors = successors(Some(first), |error: &&dyn Error| (*error).source());
        Self::Unreachable(errors.map(ToString::to_string).collect::<Vec<_>>().join(": "))
    }
}
