#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![deny(missing_docs, unreachable_pub)]

mod authenticator;
mod body;
mod call;
mod layer;
mod link;
mod rejection;

pub use authenticator::Authenticator;
pub use body::{BrokenMultipart, with_multipart};
pub use call::ApiCall;
pub use layer::authorize;
pub use link::{LinkVerifier, LoginLink, is_fetched_ahead};
pub use rejection::{Rejection, Report};
pub use whmcs_auth;
