//! The eight rules of AutoAuth.

mod vectors;

use std::cell::Cell;
use std::time::Duration;

use sha1::{Digest, Sha1};
use time::OffsetDateTime;
use whmcs_auth::*;

const SIGNED: i64 = 1_700_000_000;
const KEY: &str = "abcXYZ123";
/// sha1 of `a+b@example.com1700000000abcXYZ123`.
const HASH: &str = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";

fn keys(keys: &[&str]) -> AutoAuthKeys {
    AutoAuthKeys::new(keys.iter().map(|key| AutoAuthKey::new(*key).unwrap())).unwrap()
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn link<'a>(email: &'a str, timestamp: &'a str, hash: &'a str) -> AutoAuthRequest<'a> {
    AutoAuthRequest::from_pairs([("email", email), ("timestamp", timestamp), ("hash", hash)])
}

fn genuine() -> AutoAuthRequest<'static> {
    link("a+b@example.com", "1700000000", HASH)
}

/// Verified at the second given in the timestamp, or at 0 if there is none.
fn verify<'r>(
    request: &'r AutoAuthRequest<'_>,
    key: &str,
    timestamp: &str,
) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    let now = at(timestamp.parse().unwrap_or(0));
    verify_autoauth(request, &keys(&[key]), &now, &AutoAuthPolicy::new())
}

fn verify_at(now: i64, policy: &AutoAuthPolicy) -> Result<(), AutoAuthRefusal> {
    verify_autoauth(&genuine(), &keys(&[KEY]), &at(now), policy).map(|_| ())
}

#[test]
fn the_vectors_of_the_protocol_verify() {
    for (email, timestamp, key, hash) in [
        ("demo@whmcs.com", "1290100706", KEY, "6624fa4b6fb3c5fcd24e587154a949911046d92b"),
        (
            "demo@whmcs.com",
            "1290100706",
            "strong_auto_auth_key_goes_here",
            "2895ce1b56d2f186e861468ddc43938c4ec01201",
        ),
        ("Demo@WHMCS.com", "1290100706", KEY, "af3b47b06b75f744d6e2854c7fe7e852f9f1d4b6"),
        ("a+b@example.com", "1700000000", KEY, HASH),
        ("ü@example.com", "1700000000", KEY, "82e41000077e2a3640b98791dd449bf9435500e4"),
        ("x@y.com", "1700000000", "k", "dd72ca8d58c7467d4d1dc2d83e676a4d9de62915"),
    ] {
        let request = link(email, timestamp, hash);
        let login = verify(&request, key, timestamp).unwrap();
        assert_eq!(login.email(), email);
        assert_eq!(login.timestamp(), timestamp.parse().unwrap());
        assert_eq!(*login.goto(), Goto::Absent);
        assert!(!login.is_repaired());

        let upper = hash.to_uppercase();
        assert!(verify(&link(email, timestamp, &upper), key, timestamp).is_ok());
    }
}

#[test]
fn php_agrees() {
    let mut checked = 0;
    let rows = vectors::rows(include_str!("vectors/autoauth.tsv"));
    for [email, timestamp, key, hash, query] in rows {
        let request = link(email, timestamp, hash);
        assert_eq!(verify(&request, key, timestamp).unwrap().email(), email);
        #[cfg(feature = "form")]
        {
            let request = AutoAuthRequest::from_query(query);
            assert_eq!(verify(&request, key, timestamp).unwrap().email(), email);
            let url = format!("https://example.com/a/dologin.php?{query}#top");
            let request = AutoAuthRequest::from_url(&url);
            assert_eq!(verify(&request, key, timestamp).unwrap().email(), email);
        }
        let _ = query;
        checked += 1;
    }
    assert_eq!(checked, 207);
}

#[test]
fn php_agrees_on_what_is_the_hash() {
    let rows = vectors::rows(include_str!("vectors/hashes.tsv"));
    let (mut matched, mut checked) = (0, 0);
    for [email, timestamp, key, presented, verdict] in rows {
        let accepted = verify(&link(email, timestamp, presented), key, timestamp).is_ok();
        assert_eq!(accepted, verdict == "match", "{email} {presented}");
        matched += usize::from(accepted);
        checked += 1;
    }
    assert_eq!((matched, checked), (80, 520));
}

#[test]
fn rule_1_without_a_key_autoauth_is_disabled() {
    for request in [genuine(), link("", "", ""), link("\0", "x", "\u{fffd}")] {
        let verdict = verify_autoauth(&request, &keys(&[]), &at(SIGNED), &AutoAuthPolicy::new());
        assert_eq!(verdict.unwrap_err(), AutoAuthRefusal::Disabled);
    }
    // sha1(email . timestamp), as if the key were empty
    let request = link("a@b.c", "1700000000", "6abd96da1be1e8879909998b5a6e7ce88109d775");
    assert_eq!(verify(&request, KEY, "1700000000").unwrap_err(), AutoAuthRefusal::HashMismatch);
}

#[test]
fn rule_2_email_timestamp_and_hash_are_present_and_well_formed() {
    let missing = |field| AutoAuthRefusal::Malformed(Malformed::Missing(field));
    for (request, refusal) in [
        (link("", "1700000000", HASH), missing(Field::Email)),
        (link("a@b.c", "", HASH), missing(Field::Timestamp)),
        (link("a@b.c", "1700000000", ""), missing(Field::Hash)),
        (AutoAuthRequest::from_pairs([("", ""); 0]), missing(Field::Email)),
    ] {
        assert_eq!(verify(&request, KEY, "0").unwrap_err(), refusal);
    }
    for timestamp in [
        "0",
        "1",
        "+1700000000",
        "+170000000",
        "-170000000",
        "01700000000",
        "0170000000",
        "170000000",
        "17000000000",
        "1700000000000",
        "1700000000.0",
        "17000000.0",
        "1.70000000",
        "1e9",
        "1700000e03",
        "0x65537F00",
        "NaN",
        " 1700000000",
        "1700000000 ",
        "170000000 ",
        "1 70000000",
        "1700_00000",
        "1,70000000",
        "170000000a",
        "١٧٠٠٠٠٠٠٠٠",
        "17000000٠",
        "１７００００００００",
        "true",
        "\0\0\0\0\0\0\0\0\0\0",
    ] {
        let request = link("a+b@example.com", timestamp, HASH);
        let refusal = verify(&request, KEY, "1700000000").unwrap_err();
        assert_eq!(refusal, Malformed::TimestampFormat.into(), "{timestamp:?}");
    }
    for hash in [
        "0",
        "0e0",
        "true",
        "null",
        &HASH[1..],
        &HASH[..38],
        &format!(" {}", &HASH[1..]),
        &format!("{} ", &HASH[1..]),
        &HASH.replace('a', "g"),
        &format!("0x{}", &HASH[2..]),
        &format!("{}é", &HASH[..38]),
    ] {
        let request = link("a+b@example.com", "1700000000", hash);
        let refusal = verify(&request, KEY, "1700000000").unwrap_err();
        assert_eq!(refusal, Malformed::HashFormat.into(), "{hash:?}");
    }
    let no_digits = (0..=127).map(char::from);
    for other in no_digits.filter(|character| !character.is_ascii_hexdigit()) {
        for hash in [
            format!("{other}{}", &HASH[1..]),
            format!("{}{other}", &HASH[..39]),
            format!("{other}{other}{}", &HASH[2..]),
        ] {
            let request = link("a+b@example.com", "1700000000", &hash);
            let refusal = verify(&request, KEY, "1700000000").unwrap_err();
            assert_eq!(refusal, Malformed::HashFormat.into(), "{hash:?}");
        }
    }
    let long = format!("{HASH}0");
    let request = link("a+b@example.com", "1700000000", &long);
    let refusal = verify(&request, KEY, "1700000000").unwrap_err();
    assert_eq!(refusal, Malformed::TooLong(Field::Hash).into());
}

fn hash_of(email: &str, timestamp: &str, key: &str) -> String {
    hex::encode(Sha1::digest(format!("{email}{timestamp}{key}")))
}

/// Without a separator a digit could wander between the fields. Ten digits hold it in place.
#[test]
fn rule_2_no_other_split_of_email_and_timestamp_verifies() {
    // What reads the timestamp as a plain number.
    let naive = |email: &str, timestamp: &str, hash: &str, now: i64| {
        let genuine = hash == hash_of(email, timestamp, "k");
        genuine && timestamp.parse().is_ok_and(|at: i64| at.abs_diff(now) <= 900)
    };
    let tails = || ["", "0", "1", "9"].into_iter();
    let tails = tails().flat_map(|a| tails().flat_map(move |b| tails().map(move |c| [a, b, c])));
    let mut taken_over = Vec::new();
    for tail in tails {
        let email = format!("v@x.com{}", tail.concat());
        for timestamp in ["1000000000", "1700000000", "9999999999"] {
            let now = timestamp.parse().unwrap();
            let hash = hash_of(&email, timestamp, "k");
            // The same text is hashed, so the hash is right for every split of it.
            let signed = format!("{email}{timestamp}");
            for split in 0..=signed.len() {
                let (left, right) = signed.split_at(split);
                let accepted = verify(&link(left, right, &hash), "k", timestamp).is_ok();
                assert_eq!(accepted, left == email, "{left} {right}");
                if !accepted && naive(left, right, &hash, now) {
                    taken_over.push((left.to_owned(), right.to_owned()));
                }
            }
        }
    }
    assert!(taken_over.contains(&("v@x.com".to_owned(), "01700000000".to_owned())));

    let hash = "dd72ca8d58c7467d4d1dc2d83e676a4d9de62915";
    let request = link("x@y.com1", "700000000", hash);
    assert_eq!(verify(&request, "k", "700000000").unwrap_err(), Malformed::TimestampFormat.into());
}

#[test]
fn rule_3_a_space_in_the_email_is_read_as_plus() {
    let strict = AutoAuthPolicy::new().with_space_as_plus(false);
    // sha1 of `a+b+c@example.com1700000000abcXYZ123`
    let two = "b1988c3599e8063a790c083e6a35a0202e317a0b";
    for (received, read, hash) in [
        ("a b@example.com", "a+b@example.com", HASH),
        ("a b c@example.com", "a+b+c@example.com", two),
        ("a+b c@example.com", "a+b+c@example.com", two),
        (" a b  c d @e.com", "+a+b++c+d+@e.com", &hash_of("+a+b++c+d+@e.com", "1700000000", KEY)),
    ] {
        let request = link(received, "1700000000", hash);
        let login = verify(&request, KEY, "1700000000").unwrap();
        assert_eq!(login.email(), read);
        assert!(login.is_repaired());
        assert!(login.is_for(read) && !login.is_for(received));
        assert!(login.into_owned().is_repaired());

        let verdict = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &strict);
        assert_eq!(verdict.unwrap_err(), Malformed::SpaceInEmail.into());
    }
    // Only the text with `+` is hashed: sha1 of `a b@example.com1700000000abcXYZ123`.
    let request = link("a b@example.com", "1700000000", "8efd0ccab17eea84389b973a38de74bba1b2be86");
    assert_eq!(verify(&request, KEY, "1700000000").unwrap_err(), AutoAuthRefusal::HashMismatch);
    // Strictness does not touch an e-mail without a space.
    assert_eq!(verify_at(SIGNED, &strict), Ok(()));
}

#[test]
fn rule_4_the_hash_is_compared_whole() {
    for index in 0..HASH.len() {
        let mut changed = HASH.to_owned();
        let digit = if &HASH[index..=index] == "0" { "1" } else { "0" };
        changed.replace_range(index..=index, digit);
        let request = link("a+b@example.com", "1700000000", &changed);
        let refusal = verify(&request, KEY, "1700000000").unwrap_err();
        assert_eq!(refusal, AutoAuthRefusal::HashMismatch, "{changed}");
    }
    for (email, timestamp, key) in [
        ("A+b@example.com", "1700000000", KEY),
        ("a+b@example.com.", "1700000000", KEY),
        ("a+b@example.com", "1700000001", KEY),
        ("a+b@example.com", "1700000000", "abcXYZ12"),
        ("a+b@example.com", "1700000000", "abcxyz123"),
        ("a+b@example.com", "1700000000", "abcXYZ123 "),
    ] {
        let refusal = verify(&link(email, timestamp, HASH), key, timestamp).unwrap_err();
        assert_eq!(refusal, AutoAuthRefusal::HashMismatch, "{email} {timestamp} {key}");
    }
}

#[test]
fn rule_4_all_keys_are_tried_and_the_one_that_matched_is_named() {
    for (set, index) in [
        (&[KEY][..], Some(0)),
        (&[KEY, "other", "third"], Some(0)),
        (&["other", KEY, "third"], Some(1)),
        (&["other", "third", KEY], Some(2)),
        (&["other", "third"], None),
    ] {
        let request = genuine();
        let verdict = verify_autoauth(&request, &keys(set), &at(SIGNED), &AutoAuthPolicy::new());
        assert_eq!(verdict.map(|login| login.key_index()).ok(), index, "{set:?}");
    }
}

#[test]
fn rule_5_the_window_is_900_seconds_to_either_side() {
    let expired = |seconds| Err(AutoAuthRefusal::Expired { by: Duration::from_secs(seconds) });
    let future = |seconds| Err(AutoAuthRefusal::FromFuture { by: Duration::from_secs(seconds) });
    for (now, verdict) in [
        (SIGNED, Ok(())),
        (SIGNED + 900, Ok(())),
        (SIGNED + 901, expired(1)),
        (SIGNED + 86_400, expired(85_500)),
        (SIGNED - 900, Ok(())),
        (SIGNED - 901, future(1)),
        (SIGNED - 86_400, future(85_500)),
        (0, future(1_699_999_100)),
        (-1, Err(AutoAuthRefusal::ClockBefore1970)),
    ] {
        assert_eq!(verify_at(now, &AutoAuthPolicy::new()), verdict, "{now}");
    }
}

#[test]
fn rule_5_whole_seconds_count_whatever_the_offset() {
    let nanosecond = time::Duration::NANOSECOND;
    let offset = time::UtcOffset::from_hms(-5, -30, 0).unwrap();
    for (now, accepted) in [
        (at(SIGNED + 901) - nanosecond, true),
        (at(SIGNED + 901), false),
        (at(SIGNED - 900), true),
        (at(SIGNED - 900) - nanosecond, false),
        (at(SIGNED + 900).to_offset(offset), true),
        (at(SIGNED + 901).to_offset(offset), false),
    ] {
        let request = genuine();
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &now, &AutoAuthPolicy::new());
        assert_eq!(verdict.is_ok(), accepted, "{now}");
    }
}

#[test]
fn rule_5_limits_to_past_and_future_can_be_set_apart() {
    assert_eq!(AutoAuthPolicy::default(), AutoAuthPolicy::new());
    let seconds = Duration::from_secs;
    let policy = AutoAuthPolicy::new().with_past_limit(seconds(60)).with_future_limit(seconds(5));
    for (now, accepted) in
        [(SIGNED + 60, true), (SIGNED + 61, false), (SIGNED - 5, true), (SIGNED - 6, false)]
    {
        assert_eq!(verify_at(now, &policy).is_ok(), accepted, "{now}");
    }
    let none = AutoAuthPolicy::new().with_past_limit(seconds(0)).with_future_limit(seconds(0));
    assert_eq!(
        [SIGNED - 1, SIGNED, SIGNED + 1].map(|now| verify_at(now, &none).is_ok()),
        [false, true, false]
    );
    // Fractions of a second do not count.
    let fraction = AutoAuthPolicy::new().with_past_limit(Duration::from_millis(60_999));
    assert!(verify_at(SIGNED + 60, &fraction).is_ok());
    assert!(verify_at(SIGNED + 61, &fraction).is_err());
}

#[test]
fn rule_5_no_time_and_no_limit_overflows() {
    let extremes = [
        time::PrimitiveDateTime::MIN.assume_utc(),
        at(-1),
        at(0),
        time::PrimitiveDateTime::MAX.assume_utc(),
    ];
    let endless =
        AutoAuthPolicy::new().with_past_limit(Duration::MAX).with_future_limit(Duration::MAX);
    for now in extremes {
        let request = genuine();
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &now, &AutoAuthPolicy::new());
        assert!(verdict.is_err(), "{now}");
        // Even a policy without limits has no use for a clock that was never set.
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &now, &endless);
        assert_eq!(verdict.is_ok(), now.unix_timestamp() >= 0, "{now}");
    }
    // The last second that ten digits can tell.
    let hash = "1212512cf69f0cd3949c2b9c5e31e43819a6a79d";
    let request = link("a@b.c", "9999999999", hash);
    let login = verify(&request, KEY, "9999999999").unwrap();
    assert_eq!(login.remember_until(), at(10_000_000_900));
}

#[test]
fn rule_5_only_a_genuine_link_is_told_about_the_window() {
    let request = link("c@d.com", "1700000000", HASH);
    for now in [0, SIGNED, SIGNED + 10_000, -1] {
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &at(now), &AutoAuthPolicy::new());
        assert_eq!(verdict.unwrap_err(), AutoAuthRefusal::HashMismatch);
    }
}

#[test]
fn rule_5_the_clock_is_read_once_and_only_for_a_genuine_link() {
    struct Counting(Cell<u32>);
    impl Clock for Counting {
        fn now(&self) -> OffsetDateTime {
            self.0.set(self.0.get() + 1);
            // The second time it would be too late.
            at(SIGNED + 1_000_000 * i64::from(self.0.get() - 1))
        }
    }
    let clock = Counting(Cell::new(0));
    let other = link("c@d.com", "1700000000", HASH);
    assert!(verify_autoauth(&other, &keys(&[KEY]), &clock, &AutoAuthPolicy::new()).is_err());
    assert_eq!(clock.0.get(), 0);
    let request = genuine();
    assert!(verify_autoauth(&request, &keys(&[KEY]), &clock, &AutoAuthPolicy::new()).is_ok());
    assert_eq!(clock.0.get(), 1);
}

#[test]
fn rule_6_the_goto_is_judged_and_never_decides() {
    for (goto, verdict, target) in [
        ("index.php", Goto::parse("index.php"), "index.php"),
        ("//evil.example", Goto::Refused, "clientarea.php"),
        ("https://evil.example", Goto::Refused, "clientarea.php"),
        ("", Goto::Absent, "clientarea.php"),
    ] {
        let request = AutoAuthRequest::from_pairs([
            ("email", "a+b@example.com"),
            ("timestamp", "1700000000"),
            ("hash", HASH),
            ("goto", goto),
        ]);
        let login = verify(&request, KEY, "1700000000").unwrap();
        assert_eq!(*login.goto(), verdict);
        assert_eq!(login.goto().target_or("clientarea.php"), target);
        assert_eq!(login.into_owned().goto().target_or("clientarea.php"), target);
    }
}

#[test]
fn rule_7_the_login_carries_what_a_one_time_store_needs() {
    let upper = HASH.to_uppercase();
    for hash in [HASH, &upper] {
        let request = link("a+b@example.com", "1700000000", hash);
        let login = verify(&request, KEY, "1700000000").unwrap();
        assert_eq!(hex::encode(login.replay_key().as_bytes()), HASH);
        assert_eq!(login.remember_until(), at(SIGNED + 901));
        assert_eq!(format!("{:?}", login.replay_key()), "ReplayKey([redacted])");
        let owned = login.into_owned();
        assert_eq!(hex::encode(owned.replay_key().as_bytes()), HASH);
        assert_eq!(owned.remember_until(), at(SIGNED + 901));
        assert_eq!(owned.timestamp(), SIGNED);
        assert_eq!(owned.key_index(), 0);
        assert_eq!(owned.email(), "a+b@example.com");
    }
}

#[test]
fn rule_7_remember_until_is_the_first_second_of_refusal() {
    for past in [0, 60, 900, 1_000_000] {
        let policy = AutoAuthPolicy::new().with_past_limit(Duration::from_secs(past));
        let request = genuine();
        let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &policy).unwrap();
        let until = login.remember_until().unix_timestamp();
        assert!(verify_at(until - 1, &policy).is_ok());
        assert!(verify_at(until, &policy).is_err());
    }
    let fraction = AutoAuthPolicy::new().with_past_limit(Duration::from_millis(60_999));
    let request = genuine();
    let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &fraction).unwrap();
    assert_eq!(login.remember_until(), at(SIGNED + 61));
    let endless = AutoAuthPolicy::new().with_past_limit(Duration::MAX);
    let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &endless).unwrap();
    assert_eq!(login.remember_until(), time::PrimitiveDateTime::MAX.assume_utc());
}

#[test]
fn rule_8_the_stored_email_is_compared_without_ascii_case_only() {
    let hash = "d1a2927ba0afe3d83272c7bb30127eecef272e20";
    let request = link("mike@example.com", "1700000000", hash);
    let login = verify(&request, KEY, "1700000000").unwrap();
    for stored in ["mike@example.com", "MIKE@example.com", "Mike@Example.COM"] {
        assert!(login.is_for(stored), "{stored}");
        assert_eq!(login.check_account(Some(stored), |email| email), Ok(stored));
    }
    for stored in [
        "mıke@example.com",
        "mi\u{212a}e@example.com",
        "mike@example.com ",
        "mike@example.co",
        "",
        "míke@example.com",
    ] {
        assert!(!login.is_for(stored), "{stored}");
        assert_eq!(
            login.check_account(Some(stored), |email| email),
            Err(AutoAuthRefusal::AccountEmailMismatch)
        );
    }
    assert_eq!(
        login.check_account(None::<&str>, |email| email),
        Err(AutoAuthRefusal::UnknownEmail)
    );
}

/// A collation finds several accounts, in any order.
#[test]
fn rule_8_of_several_accounts_the_right_one_is_chosen() {
    let hash = "d1a2927ba0afe3d83272c7bb30127eecef272e20";
    let request = link("mike@example.com", "1700000000", hash);
    let login = verify(&request, KEY, "1700000000").unwrap();
    let (exact, upper, mixed) = ("mike@example.com", "MIKE@example.com", "Mike@example.com");
    let (other, look_alike) = ("m\u{131}ke@example.com", "m\u{ed}ke@example.com");
    let mismatch = Err(AutoAuthRefusal::AccountEmailMismatch);
    let ambiguous = Err(AutoAuthRefusal::AmbiguousAccount);
    for (found, verdict) in [
        (&[][..], Err(AutoAuthRefusal::UnknownEmail)),
        (&[other], mismatch),
        (&[other, look_alike], mismatch),
        (&[other, exact], Ok(exact)),
        (&[other, upper, look_alike], Ok(upper)),
        // The very bytes come before another case.
        (&[exact, upper], Ok(exact)),
        (&[upper, mixed, exact], Ok(exact)),
        (&[upper, mixed, exact, other], Ok(exact)),
        // Of two that are as good, neither.
        (&[upper, mixed], ambiguous),
        (&[upper, other, upper], ambiguous),
        (&[exact, exact], ambiguous),
        (&[exact, upper, exact], ambiguous),
        (&[upper, exact, mixed, exact, upper], ambiguous),
    ] {
        let mut found = found.to_vec();
        for _ in 0..2 {
            let chosen = login.check_account(found.clone(), |email| email);
            assert_eq!(chosen, verdict, "{found:?}");
            found.reverse();
        }
    }
}

#[test]
fn an_owned_request_says_the_same() {
    let request = AutoAuthRequest::from_pairs([
        (String::from("email"), String::from("a b@example.com")),
        (String::from("timestamp"), String::from("1700000000")),
        (String::from("hash"), String::from(HASH)),
        (String::from("goto"), String::from("index.php")),
    ]);
    let request: AutoAuthRequest<'static> = request.into_owned();
    let login = verify(&request, KEY, "1700000000").unwrap();
    assert_eq!((login.email(), login.goto().target_or("")), ("a+b@example.com", "index.php"));

    let twice = [("email", "a"), ("email", "a"), ("goto", "x"), ("goto", "x")];
    let request = AutoAuthRequest::from_pairs(twice).into_owned();
    let refusal = verify(&request, KEY, "1700000000").unwrap_err();
    assert_eq!(refusal, Malformed::Repeated(Field::Email).into());
}

#[cfg(feature = "form")]
#[test]
fn a_raw_query_and_a_whole_url_are_read_alike() {
    let query = format!("email=a%2Bb@example.com&timestamp=1700000000&hash={HASH}");
    let bare_plus = format!("email=a+b@example.com&timestamp=1700000000&hash={HASH}");
    for (request, repaired) in [
        (AutoAuthRequest::from_query(&query), false),
        (AutoAuthRequest::from_query(&bare_plus), true),
        (AutoAuthRequest::from_url(&format!("?{query}")), false),
        (AutoAuthRequest::from_url(&format!("/dologin.php?{query}")), false),
        (AutoAuthRequest::from_url(&format!("dologin.php?{query}#x?y=z")), false),
        (AutoAuthRequest::from_url(&format!("https://h.test/dologin.php?{query}")), false),
        (AutoAuthRequest::from_url(format!("http://h/?{bare_plus}").as_bytes()), true),
    ]
    .map(|(request, repaired)| (request.into_owned(), repaired))
    {
        let login = verify(&request, KEY, "1700000000").unwrap();
        assert_eq!(login.email(), "a+b@example.com");
        assert_eq!(login.is_repaired(), repaired);
    }
    let missing = AutoAuthRefusal::Malformed(Malformed::Missing(Field::Email));
    for url in [&query, "", "#", "https://h.test/dologin.php", &format!("/dologin.php#?{query}")] {
        let refusal = verify(&AutoAuthRequest::from_url(url), KEY, "0").unwrap_err();
        assert_eq!(refusal, missing, "{url}");
    }
    // A second `?` belongs to the last field.
    let unencoded = format!("/dologin.php?{query}&goto=viewinvoice.php?id=12");
    let request = AutoAuthRequest::from_url(&unencoded);
    let login = verify(&request, KEY, "1700000000").unwrap();
    assert_eq!(login.goto().target_or(""), "viewinvoice.php?id=12");
}
