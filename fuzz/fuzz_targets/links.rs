//! The verifier of links against its rules, written down once more. Links are genuine unless the input
//! brings a hash.
//!
//! The input is lines: e-mail, timestamp, key, hash or nothing, goto, now, limit to the past, limit to
//! the future.
#![no_main]

use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use sha1::{Digest, Sha1};
use time::OffsetDateTime;
use whmcs_auth::*;

fuzz_target!(|text: &str| {
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (email, timestamp, key) = (line(), line(), line());
    let genuine = hash_of(email, timestamp, key);
    let hash = Some(line()).filter(|hash| !hash.is_empty()).unwrap_or(&genuine);
    let goto = line();
    let Ok(now) = OffsetDateTime::from_unix_timestamp(line().parse().unwrap_or(1_700_000_000))
    else {
        return;
    };
    let mut limit = || line().parse().unwrap_or(900);
    let limits = [limit(), limit()];
    let Ok(key) = AutoAuthKey::new(key) else {
        return;
    };
    let keys = AutoAuthKeys::from(key.clone());
    let policy = AutoAuthPolicy::new()
        .with_past_limit(Duration::from_secs(limits[0]))
        .with_future_limit(Duration::from_secs(limits[1]));

    let request = link([email, timestamp, hash, goto]);
    let verdict = verify_autoauth(&request, &keys, &now, &policy);
    let expected = expected([email, timestamp, hash], &genuine, now, limits);
    assert_eq!(verdict.as_ref().map_or_else(|refusal| refusal.code(), |_| "accepted"), expected);

    // The same text is hashed for every split of it, and only that before ten digits may pass.
    let signed = format!("{email}{timestamp}");
    for split in (0..=signed.len()).filter(|split| split + 10 != signed.len()) {
        if let Some((email, timestamp)) = signed.split_at_checked(split) {
            let request = link([email, timestamp, hash, goto]);
            assert!(verify_autoauth(&request, &keys, &now, &policy).is_err());
        }
    }

    let Ok(login) = verdict else { return };
    assert_eq!(login.email(), email.replace(' ', "+"));
    assert_eq!(login.is_repaired(), email.contains(' '));
    assert_eq!(login.timestamp().to_string(), timestamp);
    assert_eq!(hex::encode(login.replay_key().as_bytes()), hash.to_lowercase());
    assert!(login.remember_until() > now);
    let goto_is_refused = !goto.is_empty() && Goto::parse(goto) == Goto::Refused;
    assert_eq!(login.is_goto_refused(), goto_is_refused);

    // What is signed anew for it is accepted out of a URL.
    let login = accepted(login);
    let target = Some(login.goto().target_or("")).filter(|target| !target.is_empty());
    let minted = sign_autoauth(login.login().email(), target, &key, &now);
    assert_eq!(minted.is_ok(), (1_000_000_000..=9_999_999_999).contains(&now.unix_timestamp()));
    if let Ok(minted) = minted {
        let url = minted.url("https://billing.example.com/whmcs").expect("a base");
        let request = AutoAuthRequest::from_url(&url);
        let again = verify_autoauth(&request, &keys, &now, &policy).expect("a genuine link");
        let again = accepted(again);
        assert_eq!(again.login().email(), login.login().email());
        assert_eq!(again.goto().target_or(""), login.goto().target_or(""));
    }
});

fn link([email, timestamp, hash, goto]: [&str; 4]) -> AutoAuthRequest<'_> {
    AutoAuthRequest::from_pairs([
        ("email", email),
        ("timestamp", timestamp),
        ("hash", hash),
        ("goto", goto),
    ])
}

/// The login for the account that has its e-mail.
fn accepted(login: AutoAuthLogin<'_>) -> AcceptedLogin<'_, String> {
    let found = [login.email().to_owned()];
    login.check_account(found, |email| email, |_| true).expect("its own account").repeatable()
}

fn hash_of(email: &str, timestamp: &str, key: &str) -> String {
    let signed = format!("{}{timestamp}{key}", email.replace(' ', "+"));
    hex::encode(Sha1::digest(signed))
}

fn expected(
    [email, timestamp, hash]: [&str; 3],
    genuine: &str,
    now: OffsetDateTime,
    [past, future]: [u64; 2],
) -> &'static str {
    // Of each field, then of the link. No fault of `goto` refuses it.
    for (value, cap, refuses_controls) in
        [(email, 254, true), (timestamp, usize::MAX, false), (hash, 40, false)]
    {
        if value.len() > cap {
            return "field_too_long";
        } else if value.contains('\u{fffd}') {
            return "field_not_utf8";
        } else if refuses_controls && value.chars().any(char::is_control) {
            return "control_character";
        }
    }
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F');
    let digits = timestamp.chars().all(|digit| matches!(digit, '0'..='9'));
    if email.is_empty() || timestamp.is_empty() {
        return "missing_field";
    } else if !digits || timestamp.len() != 10 || timestamp.starts_with('0') {
        return "timestamp_format";
    } else if hash.len() != 40 || !hash.bytes().all(is_hex) {
        return "hash_format";
    } else if hash.to_ascii_lowercase() != genuine {
        return "hash_mismatch";
    }
    let apart = i128::from(now.unix_timestamp()) - timestamp.parse::<i128>().expect("digits");
    if now.unix_timestamp() < 0 {
        "clock_before_1970"
    } else if apart > past.into() {
        "expired"
    } else if -apart > future.into() {
        "from_future"
    } else {
        "accepted"
    }
}
