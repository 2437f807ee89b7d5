//! Login links: verified, their `goto` parsed, and signed.

use std::hint::black_box;

use sha1::{Digest, Sha1};
use time::OffsetDateTime;
use whmcs_auth::{
    AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, Goto, Refusal, sign_autoauth,
    verify_autoauth,
};
use whmcs_auth_benches::measure::Work;

use crate::ratios::{Group, Run};

const TIMESTAMP: &str = "1700000000";
const SIGNED_AT: i64 = 1_700_000_000;

pub fn measure(run: &mut Run) {
    // SHA-1 hashes 54 bytes as one block, and 90 bytes as two.
    verify(run, "customer@my.example.com", "k3yOfTwentyOneLetters");
    let long_email = "first.and.last.name@customers.of.my.example.com";
    verify(run, long_email, "k3yOfThirtyThreeLettersAndDigits1");
    parse_goto(run);
    sign(run);
}

fn key(text: &str) -> AutoAuthKey {
    AutoAuthKey::new(text).expect("a valid key")
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a valid time")
}

fn verify(run: &mut Run, email: &str, key_text: &str) {
    let signed = [email, TIMESTAMP, key_text].concat();
    let one = AutoAuthKeys::from(key(key_text));
    let three = AutoAuthKeys::new([key("another key"), key("a third key"), key(key_text)]);
    let three = three.expect("no key ends with another");
    let genuine = hex::encode(Sha1::digest(&signed));
    let wrong = hex::encode(Sha1::digest("another text"));

    let mut group = Group::new(format!("link of {} signed bytes", signed.len()));
    let bare = group.floor(Work::new("bare Sha1", || Sha1::digest(black_box(&signed))));
    for (keys, count) in [(&one, "one key"), (&three, "three keys")] {
        for (code, hash, now) in [
            ("accepted", &*genuine, SIGNED_AT),
            ("hash_mismatch", &*wrong, SIGNED_AT),
            ("expired", &*genuine, SIGNED_AT + 901),
        ] {
            let fields = [("email", email), ("timestamp", TIMESTAMP), ("hash", hash)];
            let query =
                form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let request = AutoAuthRequest::from_pairs(fields);
            let same_query = query.clone();
            let built = move || code_of(black_box(&request), keys, now);
            let decoded = move || {
                let fields = black_box(&fields).iter().copied();
                code_of(&AutoAuthRequest::from_pairs(fields), keys, now)
            };
            let raw = move || code_of(&AutoAuthRequest::from_query(black_box(&query)), keys, now);
            assert_eq!([built(), decoded(), raw()], [code; 3]);

            let name = |from: &str| format!("{from}, {count}: {code}");
            let limit = |ratio| (count == "one key").then_some(ratio);
            group.case(Work::new(name("built request"), built), &[bare], None);
            let decoded = Work::new(name("decoded fields"), decoded);
            let decoded = group.case(decoded, &[bare], limit(1.8));
            let decode = Work::new("bare form_urlencoded", move || decode(black_box(&same_query)));
            let decode = group.floor(decode);
            group.case(Work::new(name("raw query"), raw), &[decode, decoded], limit(1.15));
        }
    }
    run.measure(group);
}

fn code_of(request: &AutoAuthRequest<'_>, keys: &AutoAuthKeys, now: i64) -> &'static str {
    match verify_autoauth(request, keys, &at(now), &AutoAuthPolicy::new()) {
        Ok(login) => {
            // The compiler must not drop the parts of a login that nothing reads.
            black_box(&login);
            "accepted"
        }
        Err(refusal) => refusal.code(),
    }
}

/// Decodes every pair of a form.
pub fn decode(form: &str) {
    for pair in form_urlencoded::parse(form.as_bytes()) {
        black_box(pair);
    }
}

fn parse_goto(run: &mut Run) {
    let mut group = Group::new("goto of 44 bytes");
    for (name, goto) in [
        ("same site", "clientarea.php?action=productdetails&id=1234"),
        ("another site", "//evil.example/clientarea.php?action=details"),
    ] {
        let is_graphic = move || black_box(goto).bytes().all(|byte| byte.is_ascii_graphic());
        let look = group.floor(Work::new("bare look at each byte", is_graphic));
        let parse = move || matches!(Goto::parse(black_box(goto)), Goto::Refused);
        group.case(Work::new(name, parse), &[look], None);
    }
    run.measure(group);
}

fn sign(run: &mut Run) {
    let (email, key_text) = ("customer@my.example.com", "k3yOfTwentyOneLetters");
    let signed = [email, TIMESTAMP, key_text].concat();
    let key = key(key_text);
    let fields = [
        ("email", email),
        ("timestamp", TIMESTAMP),
        ("hash", "4a40b2e9dc1af3b8c6790c159ffa5ffd88a23e02"),
    ];
    let mut group = Group::new("signer");
    let hash = group
        .floor(Work::new("bare Sha1 and hex", || hex::encode(Sha1::digest(black_box(&signed)))));
    let encode = group.floor(Work::new("bare form_urlencoded", || {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(black_box(&fields)).finish()
    }));
    let sign = Work::new("sign_autoauth", || {
        sign_autoauth(black_box(email), None, &key, &at(SIGNED_AT)).expect("a link")
    });
    group.case(sign, &[hash, encode], None);
    run.measure(group);
}
