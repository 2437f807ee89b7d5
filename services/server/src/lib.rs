//! A service that uses `whmcs-auth`: the WHMCS API and AutoAuth over the tables of a WHMCS database. The
//! README lists options, routes, statuses and metrics.

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

pub mod administration;
mod api;
mod client_address;
mod cookies;
pub mod database;
mod deadline;
mod fair_queue;
mod health;
mod metrics;
mod pages;
mod path;
mod random;
mod refusal;
mod request_id;
mod router;
mod serve;
mod service;
mod sessions;
mod settings;
mod sso_tokens;
mod throttle;
mod to_its_end;
mod turns;
mod unreadable;
mod unrouted;

pub use path::{BasePath, BasePathError};
pub use serve::serve;
#[cfg(feature = "load-test")]
pub use serve::serve_without_authentication;
pub use service::Service;
pub use settings::{DEFAULT_API_ACCESS_PERMISSION, Limits, RoleIds, Settings};
