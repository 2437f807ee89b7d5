//! Puts the library beside what others say, a line at a time on the standard input:
//!
//! - `judge targets`: a target, as JSON. Writes those that are offered.
//! - `judge stored`: `["secret" | "password", stored, presented, whether they match]`.
//! - `judge forms`, `judge links`: a body or a query, a tab, and what PHP reads in it.

use std::error::Error;
use std::io::stdin;

use time::OffsetDateTime;
use whmcs_auth::*;

#[allow(dead_code, reason = "of links nothing is told here")]
#[path = "../deserialize/told.rs"]
mod told;

fn main() -> Result<(), Box<dyn Error>> {
    let judge = match std::env::args().nth(1).as_deref() {
        Some("targets") => targets,
        Some("stored") => stored,
        Some("forms") => forms,
        Some("links") => links,
        _ => return Err("targets, stored, forms or links?".into()),
    };
    let (mut lines, mut accepted) = (0, 0);
    for line in stdin().lines() {
        let line = line?;
        accepted += usize::from(judge(&line).map_err(|error| format!("{line}: {error}"))?);
        lines += 1;
    }
    eprintln!("{lines} judged, {accepted} accepted");
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

fn stored(line: &str) -> Result<bool, Box<dyn Error>> {
    let (kind, stored, presented, matches): (String, String, String, bool) =
        serde_json::from_str(line)?;
    let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
    let state = AdminState::WithApiAccess;
    let policy = ApiPolicy::new();
    let pairs = [("username", "id"), ("password", &*presented)];
    let request = ApiRequest::from_pairs(pairs);
    let attempt = request.attempt();
    let verdict = match &*kind {
        "secret" => {
            let secret = StoredSecret::bcrypt(&stored)?;
            let credential = ApiCredential::new((), "id", secret, state);
            attempt.decide(Some(&credential), None, expected, &policy)
        }
        _ => {
            let password = StoredPassword::bcrypt_of_md5(&stored)?;
            let admin = Admin::new((), "id", password, state);
            attempt.decide(None, Some(&admin), expected, &policy)
        }
    };
    match verdict.is_ok() == matches {
        true => Ok(matches),
        false => Err(format!("{verdict:?}").into()),
    }
}

/// An accepted link is accepted as PHP reads it, too, for the same e-mail; only a goto may be lost.
fn links(line: &str) -> Result<bool, Box<dyn Error>> {
    let (query, read_by_php) = line.split_once('\t').ok_or("no tab")?;
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123")?);
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000)?;
    let policy = AutoAuthPolicy::new();
    let query = AutoAuthRequest::from_query(query);
    let Ok(ours) = verify_autoauth(&query, &keys, &now, &policy) else {
        return Ok(false);
    };
    let is_lost = goto_of(&ours) == Goto::Refused;
    let kept = read_by_php.split("&goto").next().filter(|_| is_lost);
    let read_by_php = AutoAuthRequest::from_query(kept.unwrap_or(read_by_php));
    let php = verify_autoauth(&read_by_php, &keys, &now, &policy)?;
    match ours.email() == php.email() && (is_lost || goto_of(&ours) == goto_of(&php)) {
        true => Ok(true),
        false => Err(format!("{ours:?}, and by PHP {php:?}").into()),
    }
}

fn forms(line: &str) -> Result<bool, Box<dyn Error>> {
    let (body, read_by_php) = line.split_once('\t').ok_or("no tab")?;
    let request = ApiRequest::from_form(body);
    let is_refused = matches!(
        request.attempt().refusal(),
        Some(ApiRefusal::Malformed(fault)) if !matches!(fault, Malformed::Missing(_))
    );
    if is_refused {
        return Ok(false);
    }
    let ours = told::told_of_request(&request);
    let php = told::told_of_request(&ApiRequest::from_form(read_by_php));
    if ours != php {
        return Err(format!("{ours}, and by PHP {php}").into());
    }
    // The secret is told to nobody, so a record of PHP's is asked.
    let attempt = request.attempt();
    if let Some(name) = attempt.identifier() {
        let field = attempt.username().map_or("secret", |_| "password");
        let mut fields = url::form_urlencoded::parse(read_by_php.as_bytes());
        let (_, secret) = fields.find(|(name, _)| name == field).ok_or("no secret")?;
        let secret = StoredSecret::plain(secret)?;
        let credential = ApiCredential::new((), name, secret, AdminState::WithApiAccess);
        let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
        let policy = ApiPolicy::new();
        let _caller = attempt.decide(Some(&credential), None, expected, &policy)?;
    }
    Ok(true)
}

/// Where a login leads, whatever its account is.
fn goto_of(login: &AutoAuthLogin<'_>) -> Goto<'static> {
    let found = [login.email().to_owned()];
    let login = login.clone().check_account(found, |email| email).expect("its own account");
    login.repeatable().goto().clone().into_owned()
}
