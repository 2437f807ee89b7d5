//! What the checks by valgrind run: one call of the library on one request, which ends with a code.

pub mod callgrind;
pub mod many;
pub mod measure;

use whmcs_auth::gate::AddressGate;
use whmcs_auth::*;

pub const NAME: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
pub const SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
pub const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
pub const BCRYPT_OF_MD5: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
pub const BCRYPT_10: &str = "$2y$10$CCCCCCCCCCCCCCCCCCCCC.8pmGS.8.AWaOaS0gwbotxa7N8HkApVi";
pub const BCRYPT_10_OF_MD5: &str = "$2y$10$CCCCCCCCCCCCCCCCCCCCC.d8x0wy5hPZs4HkXghbx2EIUo4wKMd1G";
pub const OTHER_SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlp";
pub const OTHER_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

/// The hash of `a+b@example.com` at 1700000000 under this key.
pub const KEY: &str = "abcXYZ123";
pub const HASH: &str = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";

pub type Work = Box<dyn Fn() -> &'static str>;

pub fn decide(
    [name_field, secret_field]: [&'static str; 2],
    presented: String,
    credential: Option<ApiCredential<()>>,
    admin: Option<Admin<()>>,
    expected: ExpectedSchemes,
    policy: ApiPolicy,
) -> Work {
    let fields = [(name_field, NAME.to_owned()), (secret_field, presented)];
    let attempt = ApiRequest::from_pairs(fields).attempt().into_owned();
    Box::new(move || match attempt.decide(credential.as_ref(), admin.as_ref(), expected, &policy) {
        Ok(_) => "accepted",
        Err(refusal) => refusal.code(),
    })
}

pub fn verify_link(keys: AutoAuthKeys, hash: String) -> Work {
    let fields = [
        ("email", "a+b@example.com".to_owned()),
        ("timestamp", "1700000000".to_owned()),
        ("hash", hash),
    ];
    let request = AutoAuthRequest::from_pairs(fields);
    let now = time::OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    Box::new(move || match verify_autoauth(&request, &keys, &now, &AutoAuthPolicy::new()) {
        Ok(_) => "accepted",
        Err(refusal) => refusal.code(),
    })
}

pub fn keys<const N: usize>(keys: [String; N]) -> AutoAuthKeys {
    AutoAuthKeys::new(keys.map(|key| AutoAuthKey::new(key).expect("a key"))).expect("keys apart")
}

pub fn check_access_key(right: String, presented: String) -> Work {
    let gate = AddressGate::new().with_access_key(right).expect("a key that is visible");
    Box::new(move || match gate.check([203, 0, 113, 7].into(), Some(&presented)) {
        Ok(()) => "accepted",
        Err(refusal) => refusal.code(),
    })
}
