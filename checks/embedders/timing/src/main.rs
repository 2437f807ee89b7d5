//! How long verification takes on this machine, by the clock alone.

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{
    AdminState, ApiCredential, ApiPolicy, ApiRequest, AutoAuthKey, AutoAuthKeys, AutoAuthPolicy,
    AutoAuthRequest, MemoryStore, StoredSecret,
};

const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
const BCRYPT: &str = "$2y$10$q0xMe7kxOEv4uoJmcOPI6OB3jP45RBfeTAQkSdI5J2zXbaO6FB5eu";

/// The time of one call: the least of several rounds.
fn measure(name: &str, calls: u32, mut call: impl FnMut() -> bool) {
    let mut round = || {
        let begun = Instant::now();
        (0..calls).for_each(|_| assert!(black_box(call()), "{name}"));
        begun.elapsed() / calls
    };
    let least = (0..5).map(|_| round()).min().unwrap_or(Duration::ZERO);
    println!("{name}: {} ns", least.as_nanos());
}

fn main() -> Result<(), Box<dyn Error>> {
    let now = OffsetDateTime::from_unix_timestamp(1_290_100_706)?;
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    let query =
        "email=demo%40whmcs.com&timestamp=1290100706&hash=6624fa4b6fb3c5fcd24e587154a949911046d92b";
    let policy = AutoAuthPolicy::new();
    measure("link", 10_000, || {
        AutoAuthRequest::from_query(query).verify(&keys, &now, &policy).is_ok()
    });

    let body = format!("action=GetClients&identifier={IDENTIFIER}&secret={SECRET}");
    let wrong = format!("action=GetClients&identifier={IDENTIFIER}x&secret={SECRET}");
    for (name, secret, calls) in [
        ("plain", StoredSecret::plain(SECRET)?, 10_000),
        ("sha256", StoredSecret::sha256(SHA256)?, 10_000),
        ("bcrypt", StoredSecret::bcrypt(BCRYPT)?, 2),
    ] {
        let credential = ApiCredential::new(7, IDENTIFIER, secret, AdminState::WithApiAccess);
        let store = MemoryStore::new([credential], [])?;
        let policy = ApiPolicy::new();
        measure(name, calls, || ApiRequest::from_form(&body).verify(&store, &policy).is_ok());
        let refused = format!("{name}, unknown name");
        measure(&refused, calls, || ApiRequest::from_form(&wrong).verify(&store, &policy).is_err());
    }
    Ok(())
}
