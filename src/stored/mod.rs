//! How secrets and passwords are stored, and how each is checked.

pub(crate) mod bcrypt;
pub(crate) mod password;
pub(crate) mod scheme;
pub(crate) mod secret;
