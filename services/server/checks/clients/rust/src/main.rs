//! Calls a running service with the Rust client: one accepted call, two refused ones.
//!
//! usage: whmcs-rust-client URL GUARDED_URL

use whmcs::models::clients::GetClientParams;
use whmcs::{WhmcsBuilder, WhmcsError};

const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), WhmcsError> {
    let mut arguments = std::env::args().skip(1);
    let (url, guarded) = arguments.next().zip(arguments.next()).expect("two URLs");

    let list = ask(&url, SECRET).await?;
    check("identifier and secret", list, "30 in all, 2 a+b@example.com");
    for (what, url, secret, message) in [
        ("a wrong secret", &url, "wrong", "Authentication Failed"),
        ("an address that is not listed", &guarded, SECRET, "Invalid IP 127.0.0.1"),
    ] {
        match ask(url, secret).await {
            Err(WhmcsError::ApiError(got)) => check(what, got, message),
            other => panic!("{what}: {other:?}"),
        }
    }
    Ok(())
}

async fn ask(url: &str, secret: &str) -> Result<String, WhmcsError> {
    let client = WhmcsBuilder::new()
        .url(url)
        .api_identifier(IDENTIFIER)
        .api_secret(secret)
        .timeout(30_u64)
        .build()?;
    let all = client.get_clients(None).await?.total_results;
    let found = client.get_clients(GetClientParams::default().search("a+b@example.com"));
    let found = found.await?.clients.remove(0);
    Ok(format!("{all} in all, {} {}", found.id.as_u32(), found.email))
}

fn check(what: &str, got: String, expected: &str) {
    assert_eq!(got, expected, "{what}");
    println!("whmcs 0.1.1 (Rust), {what}: {got}");
}
