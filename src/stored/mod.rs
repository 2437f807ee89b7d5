//! Secrets and passwords as a store holds them, and the check of each scheme.

pub(crate) mod bcrypt;
pub(crate) mod password;
pub(crate) mod scheme;
pub(crate) mod secret;
