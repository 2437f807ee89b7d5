//! What the services share around the verification: the log, secrets and addresses from files, reload, limits on
//! connections, a listener for the operator, pages, and a bounded end.

#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod account;
mod files;
mod keys;
mod listen;
mod log;
mod metrics;
mod network;
mod operator;
mod page;
mod pages;
mod process;
mod program;
mod proxies;
mod reports;
mod serve;
mod signals;

pub use account::is_open;
pub use files::{FileError, listed, secret, secrets};
pub use keys::{KeyOptions, KeysError};
pub use listen::{ListenError, listen_for_operator, listen_for_visitors};
pub use log::{LogMonitor, LogWriter};
pub use metrics::{Counted, LinksWait, metrics_text};
pub use network::network;
pub use operator::{Fault, Operated, Part, operator};
pub use page::{Page, advice, title};
pub use pages::is_of_page;
pub use program::run;
pub use proxies::ProxyOptions;
pub use reports::Reports;
pub use serve::{ConnectionLimits, ConnectionOptions, serve};
pub use signals::{hangups, reload, stop};
pub use whmcs_auth_axum::client_network;
