//! What the benches, the program `scale` and the valgrind checks share.

pub mod many;
pub mod measure;

pub const NAME: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
pub const SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
pub const BCRYPT_10: &str = "$2y$10$CCCCCCCCCCCCCCCCCCCCC.8pmGS.8.AWaOaS0gwbotxa7N8HkApVi";
pub const BCRYPT_10_OF_MD5: &str = "$2y$10$CCCCCCCCCCCCCCCCCCCCC.d8x0wy5hPZs4HkXghbx2EIUo4wKMd1G";
