//! The work that the programs of this package run under valgrind: one call of the library on one request.
//! Each piece of work returns a code, and each program compares it with the code it expects. So a case
//! cannot pass because it took another path than its name says.

pub mod callgrind;

use std::sync::Arc;
use std::time::Instant;

use whmcs_auth::cache::VerificationCache;
use whmcs_auth::gate::AddressGate;
use whmcs_auth::*;

pub use whmcs_auth_benches::{MD5, NAME, SECRET, SHA256};

/// Bcrypt of cost 4, the lowest: valgrind makes a program many times slower.
pub const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
pub const BCRYPT_OF_MD5: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
pub const OTHER_SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlp";
pub const OTHER_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

pub const KEY: &str = "abcXYZ123";
/// The hash of `a+b@example.com` at 1700000000 under [`KEY`].
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
    let attempt = ApiRequest::from_pairs(fields).attempt(&policy).into_owned();
    Box::new(move || match attempt.decide(credential.as_ref(), admin.as_ref(), expected) {
        Ok(_) => "accepted",
        Err(refusal) => refusal.code(),
    })
}

/// A call whose record was looked up before. Only the decision is measured.
pub fn decide_pending(
    presented: String,
    credential: Option<ApiCredential<()>>,
    expected: ExpectedSchemes,
) -> Work {
    let pending = pending(None, presented, credential, expected);
    Box::new(move || match pending.decide() {
        Ok(_) => "accepted",
        Err(refusal) => refusal.code(),
    })
}

/// The question to a cache, between the look-ups and the decision.
pub fn recall(
    cache: &Arc<VerificationCache>,
    presented: String,
    credential: Option<ApiCredential<()>>,
    expected: ExpectedSchemes,
) -> Work {
    let pending = pending(Some(cache), presented, credential, expected);
    Box::new(move || match pending.decide_without_bcrypt() {
        Some(Ok(_)) => "accepted",
        Some(Err(refusal)) => refusal.code(),
        None => "pending",
    })
}

/// Decides a call with that cache, which remembers the match if the call is accepted.
pub fn fill(
    cache: &Arc<VerificationCache>,
    presented: String,
    credential: ApiCredential<()>,
    expected: ExpectedSchemes,
) {
    let _ = pending(Some(cache), presented, Some(credential), expected).decide();
}

/// A cache for the cases.
pub fn cache() -> Arc<VerificationCache> {
    Arc::new(VerificationCache::new([7; 32]).with_capacity(16))
}

fn pending(
    cache: Option<&Arc<VerificationCache>>,
    presented: String,
    credential: Option<ApiCredential<()>>,
    expected: ExpectedSchemes,
) -> PendingDecision<'static, ()> {
    let store =
        MemoryStore::new(credential, []).expect("one record").with_expected_schemes(expected);
    let fields = [("identifier", NAME.to_owned()), ("secret", presented)];
    let request = ApiRequest::from_pairs(fields);
    let attempt = request.attempt(&ApiPolicy::new());
    let attempt = match cache {
        Some(cache) => attempt.with_cache(cache, Instant::now()),
        None => attempt,
    };
    attempt.look_up(&store).expect("a store in memory does not fail").into_owned()
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
    let keys = keys.map(|key| AutoAuthKey::new(key).expect("a valid key"));
    AutoAuthKeys::new(keys).expect("no key ends with another")
}

pub fn check_access_key(right: String, presented: String) -> Work {
    let gate = AddressGate::new().with_access_key(right).expect("a valid access key");
    let request = ApiRequest::from_pairs([("accesskey", presented)]);
    Box::new(move || match gate.check([203, 0, 113, 7].into(), &request) {
        Ok(()) => "accepted",
        Err(refusal) => refusal.code(),
    })
}
