//! What several modules use.

use std::fmt::Display;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sha1::{Digest, Sha1};
use time::OffsetDateTime;
#[cfg(feature = "form")]
use whmcs_auth::Received;
use whmcs_auth::{
    Action, ActionName, Admin, AdminState, ApiCaller, ApiCredential, ApiPolicy, ApiRefusal,
    ApiRequest, AutoAuthKey, AutoAuthKeys, AutoAuthLogin, AutoAuthPolicy, AutoAuthRefusal,
    AutoAuthRequest, ExpectedSchemes, Goto, PasswordScheme, SecretScheme, StoredPassword,
    StoredSecret, verify_autoauth,
};

/// The secret of a credential, and what every scheme stores of it.
pub const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
pub const SECRET_MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
pub const SECRET_SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
pub const SECRET_BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
/// The bcrypt of `SECRET_MD5`.
pub const BCRYPT_OF_MD5: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";

/// The md5 of `password`.
pub const PASSWORD_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";

/// A genuine link: `HASH` is the sha1 of `EMAIL`, `SIGNED` and `KEY`.
pub const EMAIL: &str = "a+b@example.com";
pub const SIGNED: i64 = 1_700_000_000;
pub const TIMESTAMP: &str = "1700000000";
pub const KEY: &str = "abcXYZ123";
pub const HASH: &str = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";

/// The names that the library knows.
pub const FIELDS: [&str; 11] = [
    "identifier",
    "secret",
    "username",
    "password",
    "accesskey",
    "action",
    "responsetype",
    "email",
    "timestamp",
    "hash",
    "goto",
];

/// The cases of a file of `tests/vectors`, whose README says what each member is.
pub fn cases(file: &str) -> Vec<serde_json::Value> {
    serde_json::from_str(file).expect("a JSON array")
}

pub fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

pub fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A request that presents this access key, and nothing else.
pub fn with_access_key(key: Option<&str>) -> ApiRequest<'_> {
    let pairs: Vec<_> = key.into_iter().map(|key| ("accesskey", key)).collect();
    ApiRequest::from_pairs(pairs)
}

pub fn action_name(action: &str) -> ActionName {
    Action::Named(action).try_into().unwrap()
}

/// Runs a future that never waits.
pub fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

/// The fields of a request in credential mode.
pub fn pair<'a>(identifier: &'a str, secret: &'a str) -> [(&'a str, &'a str); 2] {
    [("identifier", identifier), ("secret", secret)]
}

/// The fields of a login: of an admin, or of a credential whose identifier is the username.
pub fn login<'a>(username: &'a str, password: &'a str) -> [(&'a str, &'a str); 2] {
    [("username", username), ("password", password)]
}

/// A record of the id 7 whose admin has API Access.
pub fn credential(identifier: &str, secret: StoredSecret) -> ApiCredential<u64> {
    ApiCredential::new(7, identifier, secret, AdminState::WithApiAccess)
}

/// A record of the id 8 with API Access.
pub fn admin(username: &str, password: StoredPassword) -> Admin<u64> {
    Admin::new(8, username, password, AdminState::WithApiAccess)
}

/// What a store of plain secrets and md5 passwords expects.
pub fn plain_and_md5() -> ExpectedSchemes {
    ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5)
}

pub fn decide<Id: Clone>(
    pairs: [(&str, &str); 2],
    credential: Option<&ApiCredential<Id>>,
    admin: Option<&Admin<Id>>,
    expected: ExpectedSchemes,
    policy: &ApiPolicy,
) -> Result<ApiCaller<Id>, ApiRefusal> {
    ApiRequest::from_pairs(pairs).attempt(policy).decide(credential, admin, expected)
}

/// The fields of a form.
#[cfg(feature = "form")]
pub fn form<B: AsRef<[u8]> + ?Sized>(body: &B) -> Received {
    Received::new().with_body(Some("application/x-www-form-urlencoded"), body)
}

/// A multipart body, as clients write it, and its content type.
#[cfg(feature = "form")]
pub fn multipart(parts: &[(&str, &str)]) -> (Option<&'static str>, String) {
    let part = |(name, value): &(&str, &str)| {
        format!("--Z\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts: String = parts.iter().map(part).collect();
    (Some("multipart/form-data; boundary=Z"), format!("{parts}--Z--\r\n"))
}

/// The verdict where the store finds the credential `id` with this secret.
pub fn verify_secret(
    secret: &StoredSecret,
    pairs: [(&str, &str); 2],
) -> Result<ApiCaller<u64>, ApiRefusal> {
    let record = credential("id", secret.clone());
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    decide(pairs, Some(&record), None, expected, &ApiPolicy::new())
}

/// The verdict on what was presented for the admin `admin` with this password.
pub fn verify_password(
    password: &StoredPassword,
    presented: &str,
) -> Result<ApiCaller<u64>, ApiRefusal> {
    let record = admin("admin", password.clone());
    let expected = ExpectedSchemes::new(SecretScheme::Plain, password.scheme());
    decide(login("admin", presented), None, Some(&record), expected, &ApiPolicy::new())
}

pub fn key(text: &str) -> AutoAuthKey {
    AutoAuthKey::new(text).unwrap()
}

pub fn keys(texts: &[&str]) -> AutoAuthKeys {
    AutoAuthKeys::new(texts.iter().copied().map(key)).unwrap()
}

pub fn hash_of(email: &str, timestamp: impl Display, key: &str) -> String {
    hex::encode(Sha1::digest(format!("{email}{timestamp}{key}")))
}

pub fn link<'a>(email: &'a str, timestamp: &'a str, hash: &'a str) -> AutoAuthRequest<'a> {
    AutoAuthRequest::from_pairs([("email", email), ("timestamp", timestamp), ("hash", hash)])
}

pub fn genuine_link() -> AutoAuthRequest<'static> {
    link(EMAIL, TIMESTAMP, HASH)
}

/// The verdict under one key and the default policy.
pub fn verify_link<'r>(
    request: &'r AutoAuthRequest<'_>,
    key_text: &str,
    now: OffsetDateTime,
) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    verify_autoauth(request, &key(key_text).into(), &now, &AutoAuthPolicy::new())
}

/// Where a login leads, whatever its account is.
pub fn goto_of(login: &AutoAuthLogin<'_>) -> Goto<'static> {
    let found = [login.email().to_owned()];
    let login =
        login.clone().check_account(found, |email| email, |_| true).expect("its own account");
    login.repeatable().goto().clone().into_owned()
}

/// The account that is chosen for a login.
pub fn account_of<'e>(
    login: &AutoAuthLogin<'_>,
    found: impl IntoIterator<Item = &'e str>,
) -> Result<&'e str, AutoAuthRefusal> {
    let login = login.clone().check_account(found, |email| email, |_| true)?;
    Ok(login.repeatable().into_account())
}
