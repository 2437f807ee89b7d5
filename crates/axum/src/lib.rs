//! axum extractors and layers for `whmcs-auth`.
//!
//! [`ApiCall`]: crate::ApiCall
//! [`Authenticator`]: crate::Authenticator
//! [`authorize`]: crate::authorize
//! [`LoginLink`]: crate::LoginLink
//! [`LinkVerifier`]: crate::LinkVerifier
//! [`Access`]: crate::Access
//! [`CurrentAccess`]: crate::CurrentAccess
//! [`Turns`]: crate::Turns
//! [`Bound`]: crate::Bound
//! [`Watch`]: crate::Watch
//! [`Report`]: crate::Report
//! [`Rejection`]: crate::Rejection
//! [`Cause`]: crate::Cause
//! [`NotFollowed`]: crate::NotFollowed
#![cfg_attr(all(feature = "bcrypt", feature = "cache"), doc = "")]
#![cfg_attr(all(feature = "bcrypt", feature = "cache"), doc = include_str!("../README.md"))]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]

mod access;
mod authenticator;
mod body;
mod call;
mod cause;
mod guess;
mod layer;
mod link;
mod network;
mod not_followed;
mod recent;
mod rejection;
mod report;
mod turns;
mod watch;

pub use access::{Access, CurrentAccess};
pub use authenticator::Authenticator;
pub use call::ApiCall;
pub use cause::Cause;
pub use layer::authorize;
pub use link::{LinkVerifier, LoginLink};
pub use network::client_network;
pub use not_followed::NotFollowed;
pub use rejection::Rejection;
pub use report::Report;
pub use turns::{Bound, Permit, Turn, Turns};
pub use watch::{Watch, watch};
pub use whmcs_auth;
