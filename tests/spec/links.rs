//! LINK-1 to LINK-8: whether a login link is genuine, and for whom it is.

use std::cell::Cell;
use std::time::Duration;

use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use whmcs_auth::{
    AutoAuthLogin, AutoAuthPolicy, AutoAuthRefusal, AutoAuthRequest, Clock, Field, Goto, Malformed,
    verify_autoauth,
};
#[cfg(feature = "form")]
use whmcs_auth::{Refusal, sign_autoauth};

use crate::common::{
    EMAIL, HASH, KEY, SIGNED, TIMESTAMP, account_of, at, genuine_link, goto_of, hash_of, keys,
    link, verify_link,
};
#[cfg(feature = "form")]
use crate::common::{cases, key};

fn verify<'r>(request: &'r AutoAuthRequest<'_>) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    verify_link(request, KEY, at(SIGNED))
}

/// The verdict at the time of the timestamp, or at 0 if the timestamp is no number.
fn verify_in_time<'r>(
    request: &'r AutoAuthRequest<'_>,
    key: &str,
    timestamp: &str,
) -> Result<AutoAuthLogin<'r>, AutoAuthRefusal> {
    verify_link(request, key, at(timestamp.parse().unwrap_or(0)))
}

fn verify_genuine_at(now: i64, policy: &AutoAuthPolicy) -> Result<(), AutoAuthRefusal> {
    verify_autoauth(&genuine_link(), &keys(&[KEY]), &at(now), policy).map(|_| ())
}

#[cfg(feature = "form")]
#[test]
fn link_4_links_are_judged_as_the_vectors_say() {
    for case in cases(include_str!("../vectors/links.json")) {
        let texts: Vec<_> =
            case["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
        let now = at(case["now"].as_i64().unwrap());
        let query = case["query"].as_str().unwrap();
        let url = format!("https://example.com/a/dologin.php?{query}#top");
        for request in [AutoAuthRequest::from_query(query), AutoAuthRequest::from_url(&url)] {
            match verify_autoauth(&request, &keys(&texts), &now, &AutoAuthPolicy::new()) {
                Err(refusal) => {
                    let message = match case["result"].as_str().unwrap() {
                        "not valid" => "This login link is not valid.",
                        "expired" => "This login link has expired.",
                        result => panic!("{result}: {case}"),
                    };
                    assert_eq!(refusal.public_message(), message, "{case}");
                }
                Ok(login) => {
                    assert_eq!(case["result"], "accepted", "{case}");
                    assert_eq!(case["email"], login.email(), "{case}");
                    let goto = goto_of(&login);
                    assert_eq!(case["goto"].as_str().unwrap_or(""), goto.target_or(""), "{case}");

                    let key = key(texts[login.key_index()]);
                    let signed = sign_autoauth(login.email(), None, &key, &at(login.timestamp()));
                    let signed = signed.unwrap().query().to_owned();
                    let (_, hash) = signed.split_once("hash=").unwrap();
                    assert!(query.to_lowercase().contains(hash), "{case}");
                }
            }
        }
    }
}

#[test]
fn link_1_without_a_key_autoauth_is_disabled() {
    for request in [genuine_link(), link("", "", ""), link("\0", "x", "\u{fffd}")] {
        let verdict = verify_autoauth(&request, &keys(&[]), &at(SIGNED), &AutoAuthPolicy::new());
        assert_eq!(verdict.unwrap_err(), AutoAuthRefusal::Disabled);
    }
    // The hash under an empty key.
    let request = link("a@b.c", TIMESTAMP, "6abd96da1be1e8879909998b5a6e7ce88109d775");
    assert_eq!(verify(&request).unwrap_err(), AutoAuthRefusal::HashMismatch);
}

#[test]
fn link_2_email_timestamp_and_hash_are_required() {
    let missing = |field| AutoAuthRefusal::Malformed(Malformed::Missing(field));
    for (request, refusal) in [
        (link("", TIMESTAMP, HASH), missing(Field::Email)),
        (link("a@b.c", "", HASH), missing(Field::Timestamp)),
        (link("a@b.c", TIMESTAMP, ""), missing(Field::Hash)),
        (AutoAuthRequest::from_pairs([("", ""); 0]), missing(Field::Email)),
    ] {
        assert_eq!(verify_in_time(&request, KEY, "0").unwrap_err(), refusal);
    }
}

#[test]
fn link_2_a_timestamp_is_ten_ascii_digits() {
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
        let refusal = verify(&request).unwrap_err();
        assert_eq!(refusal, Malformed::TimestampFormat.into(), "{timestamp:?}");
    }
}

#[test]
fn link_4_a_hash_is_40_hexadecimal_digits() {
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
        let request = link(EMAIL, TIMESTAMP, hash);
        let refusal = verify(&request).unwrap_err();
        assert_eq!(refusal, Malformed::HashFormat.into(), "{hash:?}");
    }
    let no_digits = (0..=127).map(char::from);
    for other in no_digits.filter(|character| !character.is_ascii_hexdigit()) {
        for hash in [
            format!("{other}{}", &HASH[1..]),
            format!("{}{other}", &HASH[..39]),
            format!("{other}{other}{}", &HASH[2..]),
        ] {
            let request = link(EMAIL, TIMESTAMP, &hash);
            let refusal = verify(&request).unwrap_err();
            assert_eq!(refusal, Malformed::HashFormat.into(), "{hash:?}");
        }
    }
    let long = format!("{HASH}0");
    let request = link(EMAIL, TIMESTAMP, &long);
    let refusal = verify(&request).unwrap_err();
    assert_eq!(refusal, Malformed::TooLong(Field::Hash).into());
}

/// The hash joins the fields without a separator, so a digit could move from one to the next.
#[test]
fn link_2_no_other_split_of_email_and_timestamp_verifies() {
    // The control: a check that reads the timestamp as a plain number.
    let naive = |email: &str, timestamp: &str, hash: &str, now: i64| {
        let genuine = hash == hash_of(email, timestamp, "k");
        genuine && timestamp.parse().is_ok_and(|at: i64| at.abs_diff(now) <= 900)
    };
    let tails = || ["", "0", "1", "9"].into_iter();
    let tails = tails().flat_map(|a| tails().flat_map(move |b| tails().map(move |c| [a, b, c])));
    let mut taken_over = Vec::new();
    for tail in tails {
        let email = format!("v@x.com{}", tail.concat());
        for timestamp in ["1000000000", TIMESTAMP, "9999999999"] {
            let now = timestamp.parse().unwrap();
            let hash = hash_of(&email, timestamp, "k");
            // The same text is hashed, so the hash is right for every split of it.
            let signed = format!("{email}{timestamp}");
            for split in 0..=signed.len() {
                let (left, right) = signed.split_at(split);
                let accepted = verify_in_time(&link(left, right, &hash), "k", timestamp).is_ok();
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
    assert_eq!(
        verify_in_time(&request, "k", "700000000").unwrap_err(),
        Malformed::TimestampFormat.into()
    );
}

#[test]
fn link_3_a_space_in_the_email_is_read_as_plus() {
    let strict = AutoAuthPolicy::new().with_space_as_plus(false);
    // The sha1 of `a+b+c@example.com1700000000abcXYZ123`.
    let two = "b1988c3599e8063a790c083e6a35a0202e317a0b";
    for (received, read, hash) in [
        ("a b@example.com", "a+b@example.com", HASH),
        ("a b c@example.com", "a+b+c@example.com", two),
        ("a+b c@example.com", "a+b+c@example.com", two),
        (" a b  c d @e.com", "+a+b++c+d+@e.com", &hash_of("+a+b++c+d+@e.com", TIMESTAMP, KEY)),
    ] {
        let request = link(received, TIMESTAMP, hash);
        let login = verify(&request).unwrap();
        assert_eq!(login.email(), read);
        assert!(login.is_repaired());
        assert!(account_of(&login, [read]).is_ok() && account_of(&login, [received]).is_err());
        assert!(login.into_owned().is_repaired());

        let verdict = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &strict);
        assert_eq!(verdict.unwrap_err(), Malformed::SpaceInEmail.into());
    }
    // The sha1 of `a b@example.com1700000000abcXYZ123`: only the text with `+` is hashed.
    let request = link("a b@example.com", TIMESTAMP, "8efd0ccab17eea84389b973a38de74bba1b2be86");
    assert_eq!(verify(&request).unwrap_err(), AutoAuthRefusal::HashMismatch);
    // The strict policy accepts an e-mail without a space.
    assert_eq!(verify_genuine_at(SIGNED, &strict), Ok(()));
}

#[test]
fn link_4_every_digit_of_the_hash_is_compared() {
    for index in 0..HASH.len() {
        let mut changed = HASH.to_owned();
        let digit = if &HASH[index..=index] == "0" { "1" } else { "0" };
        changed.replace_range(index..=index, digit);
        let request = link(EMAIL, TIMESTAMP, &changed);
        let refusal = verify(&request).unwrap_err();
        assert_eq!(refusal, AutoAuthRefusal::HashMismatch, "{changed}");
    }
    for (email, timestamp, key) in [
        ("A+b@example.com", TIMESTAMP, KEY),
        ("a+b@example.com.", TIMESTAMP, KEY),
        (EMAIL, "1700000001", KEY),
        (EMAIL, TIMESTAMP, "abcXYZ12"),
        (EMAIL, TIMESTAMP, "abcxyz123"),
        (EMAIL, TIMESTAMP, "abcXYZ123 "),
    ] {
        let refusal = verify_in_time(&link(email, timestamp, HASH), key, timestamp).unwrap_err();
        assert_eq!(refusal, AutoAuthRefusal::HashMismatch, "{email} {timestamp} {key}");
    }
}

#[test]
fn link_4_all_keys_are_tried_and_the_matching_one_is_reported() {
    for (set, index) in [
        (&[KEY][..], Some(0)),
        (&[KEY, "other", "third"], Some(0)),
        (&["other", KEY, "third"], Some(1)),
        (&["other", "third", KEY], Some(2)),
        (&["other", "third"], None),
    ] {
        let request = genuine_link();
        let verdict = verify_autoauth(&request, &keys(set), &at(SIGNED), &AutoAuthPolicy::new());
        assert_eq!(verdict.map(|login| login.key_index()).ok(), index, "{set:?}");
    }
}

#[test]
fn link_5_the_window_is_900_seconds_on_either_side() {
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
        assert_eq!(verify_genuine_at(now, &AutoAuthPolicy::new()), verdict, "{now}");
    }
}

#[test]
fn link_5_whole_seconds_count_in_any_time_zone() {
    let nanosecond = time::Duration::NANOSECOND;
    let offset = UtcOffset::from_hms(-5, -30, 0).unwrap();
    for (now, accepted) in [
        (at(SIGNED + 901) - nanosecond, true),
        (at(SIGNED + 901), false),
        (at(SIGNED - 900), true),
        (at(SIGNED - 900) - nanosecond, false),
        (at(SIGNED + 900).to_offset(offset), true),
        (at(SIGNED + 901).to_offset(offset), false),
    ] {
        let request = genuine_link();
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &now, &AutoAuthPolicy::new());
        assert_eq!(verdict.is_ok(), accepted, "{now}");
    }
}

#[test]
fn link_5_the_limits_for_past_and_future_can_be_set_apart() {
    assert_eq!(AutoAuthPolicy::default(), AutoAuthPolicy::new());
    let seconds = Duration::from_secs;
    let policy = AutoAuthPolicy::new().with_past_limit(seconds(60)).with_future_limit(seconds(5));
    for (now, accepted) in
        [(SIGNED + 60, true), (SIGNED + 61, false), (SIGNED - 5, true), (SIGNED - 6, false)]
    {
        assert_eq!(verify_genuine_at(now, &policy).is_ok(), accepted, "{now}");
    }
    let none = AutoAuthPolicy::new().with_past_limit(seconds(0)).with_future_limit(seconds(0));
    assert_eq!(
        [SIGNED - 1, SIGNED, SIGNED + 1].map(|now| verify_genuine_at(now, &none).is_ok()),
        [false, true, false]
    );
    // Fractions of a second do not count.
    let fraction = AutoAuthPolicy::new().with_past_limit(Duration::from_millis(60_999));
    assert!(verify_genuine_at(SIGNED + 60, &fraction).is_ok());
    assert!(verify_genuine_at(SIGNED + 61, &fraction).is_err());
}

#[test]
fn link_5_no_time_and_no_limit_overflows() {
    let extremes =
        [PrimitiveDateTime::MIN.assume_utc(), at(-1), at(0), PrimitiveDateTime::MAX.assume_utc()];
    let endless =
        AutoAuthPolicy::new().with_past_limit(Duration::MAX).with_future_limit(Duration::MAX);
    for now in extremes {
        let request = genuine_link();
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &now, &AutoAuthPolicy::new());
        assert!(verdict.is_err(), "{now}");
        // Even a policy without limits refuses a clock before 1970: it was never set.
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &now, &endless);
        assert_eq!(verdict.is_ok(), now.unix_timestamp() >= 0, "{now}");
    }
    // The last second that has ten digits.
    let hash = "1212512cf69f0cd3949c2b9c5e31e43819a6a79d";
    let request = link("a@b.c", "9999999999", hash);
    let login = verify_in_time(&request, KEY, "9999999999").unwrap();
    assert_eq!(login.remember_until(), at(10_000_000_900));
}

#[test]
fn link_5_only_a_genuine_link_is_reported_as_outside_the_window() {
    let request = link("c@d.com", TIMESTAMP, HASH);
    for now in [0, SIGNED, SIGNED + 10_000, -1] {
        let verdict = verify_autoauth(&request, &keys(&[KEY]), &at(now), &AutoAuthPolicy::new());
        assert_eq!(verdict.unwrap_err(), AutoAuthRefusal::HashMismatch);
    }
}

#[test]
fn link_5_the_clock_is_read_once_and_only_for_a_genuine_link() {
    struct Counting(Cell<u32>);
    impl Clock for Counting {
        fn now(&self) -> OffsetDateTime {
            self.0.set(self.0.get() + 1);
            // A second reading would be too late.
            at(SIGNED + 1_000_000 * i64::from(self.0.get() - 1))
        }
    }
    let clock = Counting(Cell::new(0));
    let other = link("c@d.com", TIMESTAMP, HASH);
    assert!(verify_autoauth(&other, &keys(&[KEY]), &clock, &AutoAuthPolicy::new()).is_err());
    assert_eq!(clock.0.get(), 0);
    let request = genuine_link();
    assert!(verify_autoauth(&request, &keys(&[KEY]), &clock, &AutoAuthPolicy::new()).is_ok());
    assert_eq!(clock.0.get(), 1);
}

#[test]
fn link_6_a_refused_goto_does_not_refuse_the_link() {
    for (goto, verdict, target, acts) in [
        ("index.php", Goto::parse("index.php"), "index.php", false),
        ("logout.php", Goto::parse("logout.php"), "clientarea.php", true),
        ("//evil.example", Goto::Refused, "clientarea.php", false),
        ("https://evil.example/logout.php", Goto::Refused, "clientarea.php", false),
        ("", Goto::Absent, "clientarea.php", false),
    ] {
        let request = AutoAuthRequest::from_pairs([
            ("email", "a+b@example.com"),
            ("timestamp", TIMESTAMP),
            ("hash", HASH),
            ("goto", goto),
        ]);
        let login = verify(&request).unwrap();
        assert_eq!(goto_of(&login), verdict);
        assert_eq!(login.goto_acts(), acts, "{goto}");
        assert_eq!(goto_of(&login).target_or("clientarea.php"), target);
        assert_eq!(goto_of(&login.into_owned()).target_or("clientarea.php"), target);
    }
}

#[test]
fn link_7_the_login_carries_a_replay_key_and_until_when_to_remember_it() {
    let upper = HASH.to_uppercase();
    for hash in [HASH, &upper] {
        let request = link(EMAIL, TIMESTAMP, hash);
        let login = verify(&request).unwrap();
        assert_eq!(hex::encode(login.replay_key().as_bytes()), HASH);
        assert_eq!(login.replay_key().to_hex(), HASH);
        assert_eq!(login.valid_from(), at(SIGNED - 900));
        assert_eq!(login.remember_until(), at(SIGNED + 901));
        assert_eq!(format!("{:?}", login.replay_key()), "ReplayKey([redacted])");
        let owned = login.into_owned();
        assert_eq!(hex::encode(owned.replay_key().as_bytes()), HASH);
        assert_eq!(owned.valid_from(), at(SIGNED - 900));
        assert_eq!(owned.remember_until(), at(SIGNED + 901));
        assert_eq!(owned.timestamp(), SIGNED);
        assert_eq!(owned.key_index(), 0);
        assert_eq!(owned.email(), "a+b@example.com");
    }
}

#[test]
fn link_7_remember_until_is_the_first_second_of_refusal() {
    for past in [0, 60, 900, 1_000_000] {
        let policy = AutoAuthPolicy::new().with_past_limit(Duration::from_secs(past));
        let request = genuine_link();
        let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &policy).unwrap();
        let until = login.remember_until().unix_timestamp();
        assert!(verify_genuine_at(until - 1, &policy).is_ok());
        assert!(verify_genuine_at(until, &policy).is_err());
    }
    let fraction = AutoAuthPolicy::new().with_past_limit(Duration::from_millis(60_999));
    let request = genuine_link();
    let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &fraction).unwrap();
    assert_eq!(login.remember_until(), at(SIGNED + 61));
    let endless = AutoAuthPolicy::new().with_past_limit(Duration::MAX);
    let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &endless).unwrap();
    assert_eq!(login.remember_until(), PrimitiveDateTime::MAX.assume_utc());
}

#[test]
fn link_7_a_shared_store_remembers_an_hour_longer() {
    let request = genuine_link();
    let login = verify(&request).unwrap();
    for (now, expected) in [
        (SIGNED - 900, 900 + 901 + 3600),
        (SIGNED, 901 + 3600),
        (SIGNED + 900, 1 + 3600),
        (SIGNED + 901, 3600),
        (SIGNED + 1_000_000, 3600),
    ] {
        assert_eq!(login.remember_seconds(at(now)), expected, "{now}");
    }
    let endless = AutoAuthPolicy::new().with_past_limit(Duration::MAX);
    let request = genuine_link();
    let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &endless).unwrap();
    let end = PrimitiveDateTime::MAX.assume_utc().unix_timestamp();
    assert_eq!(login.remember_seconds(at(SIGNED)), (end - SIGNED + 3600).unsigned_abs());
}

#[test]
fn link_7_valid_from_is_the_first_second_of_acceptance() {
    let request = genuine_link();
    let valid_from = |policy| {
        let login = verify_autoauth(&request, &keys(&[KEY]), &at(SIGNED), &policy).unwrap();
        login.valid_from().unix_timestamp()
    };
    let ahead = |limit| AutoAuthPolicy::new().with_future_limit(limit);
    for future in [0, 60, 900, 1_000_000] {
        let policy = ahead(Duration::from_secs(future));
        let from = valid_from(policy);
        assert!(verify_genuine_at(from, &policy).is_ok());
        assert!(verify_genuine_at(from - 1, &policy).is_err());
    }
    assert_eq!(valid_from(ahead(Duration::from_millis(60_999))), SIGNED - 60);
    // No clock before 1970 accepts a link.
    assert_eq!(valid_from(ahead(Duration::MAX)), 0);
}

#[test]
fn link_8_the_stored_email_is_compared_without_ascii_case_only() {
    let hash = "d1a2927ba0afe3d83272c7bb30127eecef272e20";
    let request = link("mike@example.com", TIMESTAMP, hash);
    let login = verify(&request).unwrap();
    for stored in ["mike@example.com", "MIKE@example.com", "Mike@Example.COM"] {
        assert_eq!(account_of(&login, Some(stored)), Ok(stored));
    }
    for stored in [
        "mıke@example.com",
        "mi\u{212a}e@example.com",
        "mike@example.com ",
        "mike@example.co",
        "",
        "míke@example.com",
    ] {
        assert_eq!(account_of(&login, Some(stored)), Err(AutoAuthRefusal::AccountEmailMismatch));
    }
    assert_eq!(account_of(&login, None::<&str>), Err(AutoAuthRefusal::UnknownEmail));
}

/// A collation may find several accounts, in any order.
#[test]
fn link_8_the_right_one_of_several_accounts_is_chosen() {
    let hash = "d1a2927ba0afe3d83272c7bb30127eecef272e20";
    let request = link("mike@example.com", TIMESTAMP, hash);
    let login = verify(&request).unwrap();
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
        // The same bytes come before another case.
        (&[exact, upper], Ok(exact)),
        (&[upper, mixed, exact], Ok(exact)),
        (&[upper, mixed, exact, other], Ok(exact)),
        // Two equally good accounts are refused.
        (&[upper, mixed], ambiguous),
        (&[upper, other, upper], ambiguous),
        (&[exact, exact], ambiguous),
        (&[exact, upper, exact], ambiguous),
        (&[upper, exact, mixed, exact, upper], ambiguous),
    ] {
        let mut found = found.to_vec();
        for _ in 0..2 {
            let chosen = account_of(&login, found.clone());
            assert_eq!(chosen, verdict, "{found:?}");
            found.reverse();
        }
    }
}

/// The e-mail decides first. So a closed account never hands its link to an account in another case.
#[test]
fn link_8_a_closed_account_is_refused_unless_an_open_one_has_the_same_email() {
    let hash = "d1a2927ba0afe3d83272c7bb30127eecef272e20";
    let request = link("mike@example.com", TIMESTAMP, hash);
    let login = verify(&request).unwrap();
    let (exact, upper, mixed) = ("mike@example.com", "MIKE@example.com", "Mike@example.com");
    let other = "m\u{131}ke@example.com";
    let closed = Err(AutoAuthRefusal::AccountClosed);
    let ambiguous = Err(AutoAuthRefusal::AmbiguousAccount);
    for (found, verdict) in [
        (&[(exact, false)][..], closed),
        (&[(upper, false)], closed),
        // Several closed accounts are reported as closed, not as ambiguous.
        (&[(exact, false), (exact, false)], closed),
        (&[(upper, false), (mixed, false)], closed),
        // An open account with the same e-mail is the right one.
        (&[(exact, false), (exact, true)], Ok(exact)),
        (&[(exact, false), (exact, true), (exact, false)], Ok(exact)),
        (&[(upper, false), (mixed, true)], Ok(mixed)),
        (&[(upper, false), (exact, true)], Ok(exact)),
        (&[(exact, false), (exact, true), (exact, true)], ambiguous),
        (&[(upper, true), (mixed, false), (mixed, true)], ambiguous),
        // An open account in another case is not.
        (&[(exact, false), (upper, true)], closed),
        (&[(exact, false), (upper, true), (mixed, true)], closed),
        // An account with another e-mail changes nothing.
        (&[(other, true), (exact, false)], closed),
        (&[(other, false)], Err(AutoAuthRefusal::AccountEmailMismatch)),
        (&[(other, false), (exact, true)], Ok(exact)),
    ] {
        let mut found = found.to_vec();
        for _ in 0..2 {
            let chosen = login.clone().check_account(
                found.clone(),
                |(email, _)| email,
                |(_, is_open)| *is_open,
            );
            let chosen = chosen.map(|login| login.repeatable().into_account());
            assert_eq!(chosen.map(|(email, is_open)| is_open.then_some(email)), verdict.map(Some));
            found.reverse();
        }
    }
}

#[test]
fn an_owned_request_holds_the_same() {
    let request = AutoAuthRequest::from_pairs([
        (String::from("email"), String::from("a b@example.com")),
        (String::from("timestamp"), String::from(TIMESTAMP)),
        (String::from("hash"), String::from(HASH)),
        (String::from("goto"), String::from("index.php")),
    ]);
    let request: AutoAuthRequest<'static> = request.into_owned();
    let login = verify(&request).unwrap();
    assert_eq!((login.email(), goto_of(&login).target_or("")), ("a+b@example.com", "index.php"));

    let twice = [("email", "a"), ("email", "a"), ("goto", "x"), ("goto", "x")];
    let request = AutoAuthRequest::from_pairs(twice).into_owned();
    let refusal = verify(&request).unwrap_err();
    assert_eq!(refusal, Malformed::Repeated(Field::Email).into());
}

#[cfg(feature = "form")]
#[test]
fn a_raw_query_and_a_whole_url_are_read_the_same() {
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
        let login = verify(&request).unwrap();
        assert_eq!(login.email(), "a+b@example.com");
        assert_eq!(login.is_repaired(), repaired);
    }
    let missing = AutoAuthRefusal::Malformed(Malformed::Missing(Field::Email));
    for url in [&query, "", "#", "https://h.test/dologin.php", &format!("/dologin.php#?{query}")] {
        let refusal = verify_in_time(&AutoAuthRequest::from_url(url), KEY, "0").unwrap_err();
        assert_eq!(refusal, missing, "{url}");
    }
    // A second `?` belongs to the last field.
    let unencoded = format!("/dologin.php?{query}&goto=viewinvoice.php?id=12");
    let request = AutoAuthRequest::from_url(&unencoded);
    let login = verify(&request).unwrap();
    assert_eq!(goto_of(&login).target_or(""), "viewinvoice.php?id=12");
}
