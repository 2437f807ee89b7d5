#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]

mod authenticator;
mod body;
mod call;
mod layer;
mod link;
mod rejection;

pub use authenticator::{Authenticator, Settings};
pub use call::ApiCall;
pub use layer::{VerifiedCall, authorize};
pub use link::LoginLink;
pub use rejection::{Rejection, Report};
pub use whmcs_auth;
