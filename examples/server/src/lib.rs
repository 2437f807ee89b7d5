//! A service on `whmcs-auth`: the WHMCS API and AutoAuth over the tables of a WHMCS database.
//!
//! | file | what it decides or does |
//! |---|---|
//! | `api/authorization.rs` | who calls, and whether they may: the library at work, awaited |
//! | `pages.rs` | AutoAuth and single sign-on: from a link to a session |
//! | `database/credentials.rs` | rows become records of the library |
//! | `refusal.rs` | one shape for all that goes wrong |
//! | `service.rs` | the doors, the log, the counts |
//! | `serve.rs`, `connections.rs` | connections and their limits |

#![forbid(unsafe_code)]

mod api;
mod client_address;
mod connections;
pub mod database;
mod metrics;
mod pages;
mod random;
mod refusal;
mod serve;
mod service;
mod sessions;
mod settings;
mod sso_tokens;
mod throttle;

pub use serve::serve;
pub use service::Service;
pub use settings::{DEFAULT_API_ACCESS_PERMISSION, Limits, Settings};
