//! Secrets and passwords as a store holds them, and the check of each scheme.

pub(crate) mod bcrypt;
#[cfg(feature = "bcrypt")]
pub(crate) mod bcrypt_match;
pub(crate) mod password;
pub(crate) mod scheme;
pub(crate) mod secret;
