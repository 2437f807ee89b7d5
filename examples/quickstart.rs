//! The library in one minute: the three kinds of credentials, a login link, and a refusal.

use std::error::Error;

use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiPolicy, AutoAuthKey, AutoAuthKeys, AutoAuthPolicy,
    AutoAuthRequest, FixedClock, MemoryStore, Received, Refusal, StoredPassword, StoredSecret,
    sign_autoauth, verify_api_request, verify_autoauth,
};

/// The content type of an API call.
const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

fn main() -> Result<(), Box<dyn Error>> {
    // Records of your database. The first argument is your own key, which you get back.
    let store = MemoryStore::new(
        [ApiCredential::new(
            "credential 7",
            "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv",
            StoredSecret::plain("F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo")?,
            AdminState::WithApiAccess,
        )],
        [Admin::new(
            "admin 1",
            "admin",
            StoredPassword::plain("password")?,
            AdminState::WithApiAccess,
        )],
    )?;
    api_calls(&store)?;
    login_link()?;
    refusal(&store);
    Ok(())
}

fn api_calls(store: &MemoryStore<&str>) -> Result<(), Box<dyn Error>> {
    println!("Who is calling the API?");
    for (what, body) in [
        (
            "identifier and secret",
            "action=GetClients&identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv\
             &secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo",
        ),
        (
            "the same pair as username and password",
            "action=GetClients&username=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv\
             &password=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo",
        ),
        (
            "admin username and md5 of the password",
            "action=GetClients&username=admin&password=5f4dcc3b5aa765d61d8327deb882cf99",
        ),
    ] {
        let received = Received::new().with_body(FORM, body);
        let caller = verify_api_request(&received.api_request(), store, &ApiPolicy::new())?;
        println!("  {what:<38}   {}", caller.id);
    }
    Ok(())
}

fn login_link() -> Result<(), Box<dyn Error>> {
    // A service uses `SystemClock`. This clock stands still, so each run prints the same link.
    let clock = FixedClock::from_unix(1_700_000_000);
    let key = AutoAuthKey::new("abcXYZ123")?;
    let link = sign_autoauth("demo@whmcs.com", Some("viewinvoice.php?id=12"), &key, &clock)?;
    let url = link.url("https://billing.example.com")?;

    println!("\nIs this login link genuine?");
    for line in url.split_inclusive(['?', '&']) {
        println!("  {line}");
    }

    let request = AutoAuthRequest::from_url(&url);
    let keys = AutoAuthKeys::from(key);
    let login = verify_autoauth(&request, &keys, &clock, &AutoAuthPolicy::new())?;
    // All clients that your database found for `login.email()`.
    let found = [("client 5", "demo@whmcs.com")];
    let login = login.check_account(found, |(_, email)| email, |_| true)?.repeatable();
    let (client, _) = login.account();
    let target = login.goto().target_or("clientarea.php");
    println!("  Yes. Log in {client}, and send the browser to {target}");
    Ok(())
}

fn refusal(store: &MemoryStore<&str>) {
    let body = "action=GetClients&username=admin&password=password";
    let received = Received::new().with_body(FORM, body);
    if let Err(refusal) = verify_api_request(&received.api_request(), store, &ApiPolicy::new()) {
        println!("\nWhy is this call refused?");
        println!("  {body}");
        println!("  for the operator   {}", refusal.code());
        println!("                     {refusal}");
        println!("  for the caller     {} {}", refusal.http_status(), refusal.public_message());
    }
}
