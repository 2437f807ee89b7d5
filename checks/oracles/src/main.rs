//! Compares the verdicts of the library with those of other implementations. It reads one case a line:
//!
//! - `verdict_of targets`: a `goto` target, in JSON. It prints each one that the library offers.
//! - `verdict_of bcrypt`: `["secret" or "password", stored, presented, whether they match]`.
//! - `verdict_of forms`, `verdict_of links`: a body or a query, a tab, and what PHP reads from it.
//!
//! It fails at the first line where the verdicts differ, and where the library accepts no line at all.

mod describe;

use std::error::Error;
use std::io::stdin;

use whmcs_auth::*;

use crate::describe::{describe_link, describe_request};

fn main() -> Result<(), Box<dyn Error>> {
    let is_accepted = match std::env::args().nth(1).as_deref() {
        Some("targets") => targets,
        Some("bcrypt") => bcrypt,
        Some("forms") => forms,
        Some("links") => links,
        _ => return Err("usage: verdict_of targets|bcrypt|forms|links".into()),
    };
    let (mut lines, mut accepted) = (0, 0);
    for line in stdin().lines() {
        let line = line?;
        accepted += usize::from(is_accepted(&line).map_err(|error| format!("{line}: {error}"))?);
        lines += 1;
    }
    eprintln!("{lines} lines, {accepted} accepted");
    match accepted {
        0 => Err("nothing was accepted".into()),
        _ => Ok(()),
    }
}

fn targets(line: &str) -> Result<bool, Box<dyn Error>> {
    let text: String = serde_json::from_str(line)?;
    let is_offered = matches!(Goto::parse(&text), Goto::SameSite(_));
    if is_offered {
        println!("{line}");
    }
    Ok(is_offered)
}

fn bcrypt(line: &str) -> Result<bool, Box<dyn Error>> {
    let (kind, stored, presented, matches): (String, String, String, bool) =
        serde_json::from_str(line)?;
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    let state = AdminState::WithApiAccess;
    let pairs = [("username", "id"), ("password", &*presented)];
    let request = ApiRequest::from_pairs(pairs);
    let attempt = request.attempt(&ApiPolicy::new());
    let verdict = match &*kind {
        "secret" => {
            let secret = StoredSecret::bcrypt(&stored)?;
            let credential = ApiCredential::new((), "id", secret, state);
            attempt.decide(Some(&credential), None, expected)
        }
        _ => {
            let password = StoredPassword::bcrypt_of_md5(&stored)?;
            let admin = Admin::new((), "id", password, state);
            attempt.decide(None, Some(&admin), expected)
        }
    };
    match verdict.is_ok() == matches {
        true => Ok(matches),
        false => Err(format!("{verdict:?}").into()),
    }
}

/// A link that the library accepts must also be accepted as PHP reads it, with the same verdict. Only the library
/// may refuse the `goto`.
fn links(line: &str) -> Result<bool, Box<dyn Error>> {
    let (query, read_by_php) = line.split_once('\t').ok_or("no tab")?;
    let ours = describe_link(&AutoAuthRequest::from_query(query));
    if ours.starts_with("Err(") {
        return Ok(false);
    }
    let without_goto = ours.replace("goto: Refused", "goto: Absent");
    let read_by_php = match without_goto == ours {
        true => read_by_php,
        false => read_by_php.split("&goto").next().unwrap_or_default(),
    };
    let php = describe_link(&AutoAuthRequest::from_query(read_by_php));
    match without_goto == php {
        true => Ok(true),
        false => Err(format!("{ours}, and by PHP {php}").into()),
    }
}

/// A form that the library does not refuse as malformed must be read exactly as PHP reads it.
fn forms(line: &str) -> Result<bool, Box<dyn Error>> {
    let (body, read_by_php) = line.split_once('\t').ok_or("no tab")?;
    let received = Received::new().with_query(body);
    let request = received.api_request();
    let attempt = request.attempt(&ApiPolicy::new());
    let is_refused = matches!(
        attempt.refusal(),
        Some(ApiRefusal::Malformed(fault)) if !matches!(fault, Malformed::Missing(_))
    );
    if is_refused {
        return Ok(false);
    }
    let ours = describe_request(&request);
    let php = describe_request(&Received::new().with_query(read_by_php).api_request());
    if ours != php {
        return Err(format!("{ours}, and by PHP {php}").into());
    }
    // No method returns the presented secret. So it must match a record that holds the secret PHP read.
    if let Some(name) = attempt.identifier() {
        let field = attempt.username().map_or("secret", |_| "password");
        let mut fields = url::form_urlencoded::parse(read_by_php.as_bytes());
        let (_, secret) = fields.find(|(name, _)| name == field).ok_or("no secret")?;
        let secret = StoredSecret::plain(secret)?;
        let credential = ApiCredential::new((), name, secret, AdminState::WithApiAccess);
        let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
        let _caller = attempt.decide(Some(&credential), None, expected)?;
    }
    Ok(true)
}
