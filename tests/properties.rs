//! What holds for every input.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use time::OffsetDateTime;
use whmcs_auth::AllowedActions;
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{AddressGate, ApiGate, GateRefusal};
use whmcs_auth::*;

const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const SECRET_MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn keys(key: &str) -> AutoAuthKeys {
    AutoAuthKeys::from(AutoAuthKey::new(key).unwrap())
}

fn verifies(email: &str, timestamp: &str, hash: &str, key: &str, now: OffsetDateTime) -> bool {
    let pairs = [("email", email), ("timestamp", timestamp), ("hash", hash)];
    let request = AutoAuthRequest::from_pairs(pairs);
    verify_autoauth(&request, &keys(key), &now, &AutoAuthPolicy::new()).is_ok()
}

/// An e-mail that can be signed.
fn email() -> impl Strategy<Value = String> {
    "[^\\p{Cc}\u{fffd} ]{1,40}".prop_filter("254 bytes", |text| text.len() <= 254)
}

/// A key: any text with a visible character.
fn visible() -> impl Strategy<Value = String> {
    (".{0,20}", "[!-~\u{e0}-\u{ff}]", ".{0,19}")
        .prop_map(|(before, char, after)| before + &char + &after)
}

fn hash_of(email: &str, timestamp: i64, key: &str) -> String {
    use sha1::{Digest, Sha1};
    hex::encode(Sha1::digest(format!("{email}{timestamp}{key}")))
}

proptest! {
    #[test]
    fn an_address_may_call_if_it_is_listed_in_either_notation(
        listed in prop::collection::vec(address(), 0..20),
        caller in address(),
    ) {
        // The 128 bits of IPv6, in which an IPv4 address is the mapped one.
        let bits = |address: &IpAddr| match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let expected = listed.iter().any(|address| bits(address) == bits(&caller));
        let by_text = AddressGate::new().with_entries(listed.iter().map(IpAddr::to_string));
        prop_assert_eq!(by_text.check(caller, None).is_ok(), expected);
        let by_value = AddressGate::new().with_addresses(listed);
        prop_assert_eq!(by_value.check(caller, None).is_ok(), expected);
    }

    #[test]
    fn text_is_an_entry_if_it_is_an_address(text in "[0-9a-f.:/%\\[\\] ]{0,20}", caller in address()) {
        let gate = AddressGate::new().with_entries([&text]);
        let parsed: Option<IpAddr> = text.parse().ok();
        prop_assert_eq!(gate.ignored_entries(), usize::from(parsed.is_none()));
        let expected = parsed.map(|address| address.to_canonical()) == Some(caller.to_canonical());
        prop_assert_eq!(gate.check(caller, None).is_ok(), expected);
    }

    #[test]
    fn actions_are_a_set_without_ascii_case(
        listed in prop::collection::vec("[a-dA-D_0-9 k\u{212a}]{0,3}", 0..20),
        asked in "[a-dA-D_0-9 k\u{212a}]{0,3}",
    ) {
        let is_name = ApiRequest::from_pairs([("action", &*asked)]).action() == Action::Named(&asked);
        let is_listed = listed.iter().any(|name| name.eq_ignore_ascii_case(&asked));
        prop_assert_eq!(AllowedActions::new(&listed).includes(&asked), is_name && is_listed);
    }

    #[test]
    fn a_genuine_link_verifies_within_its_window_and_not_outside(
        email in email(),
        timestamp in 1_000_000_000..=9_999_999_999_i64,
        key in visible(),
        offset in -2_000..=2_000_i64,
    ) {
        let hash = hash_of(&email, timestamp, &key);
        let accepted = verifies(&email, &timestamp.to_string(), &hash, &key, at(timestamp + offset));
        prop_assert_eq!(accepted, offset.abs() <= 900);
    }

    #[test]
    fn every_other_split_of_email_and_timestamp_is_refused(
        email in "[a-z@.]{1,10}[0-9]{0,12}",
        timestamp in 1_000_000_000..=9_999_999_999_i64,
        key in "[0-9]{0,12}[a-z]{1,5}",
    ) {
        let hash = hash_of(&email, timestamp, &key);
        let signed = format!("{email}{timestamp}");
        for split in 0..=signed.len() {
            let (left, right) = signed.split_at(split);
            let now = at(right.parse().unwrap_or(0).min(99_999_999_999));
            prop_assert_eq!(verifies(left, right, &hash, &key, now), split == email.len());
        }
    }

    #[test]
    fn one_changed_byte_of_a_link_is_refused(
        email in "[!-~&&[^%&+#]]{1,40}",
        key in "[!-~]{1,40}",
        field in 0..3_usize,
        place in any::<prop::sample::Index>(),
        byte in b'!'..=b'~',
    ) {
        let timestamp = 1_700_000_000;
        let mut fields = [email.clone(), timestamp.to_string(), hash_of(&email, timestamp, &key)];
        let place = place.index(fields[field].len());
        let old = fields[field].as_bytes()[place];
        // Hex is the same in either case.
        prop_assume!(old != byte && !(field == 2 && old.eq_ignore_ascii_case(&byte)));
        fields[field].replace_range(place..=place, &char::from(byte).to_string());
        prop_assert!(!verifies(&fields[0], &fields[1], &fields[2], &key, at(timestamp)));
    }

    #[test]
    fn one_changed_byte_of_a_secret_is_refused(place in 0..32_usize, byte in b' '..=b'~') {
        let mut secret = SECRET.to_owned();
        secret.replace_range(place..=place, &char::from(byte).to_string());
        for stored in [StoredSecret::plain(SECRET), StoredSecret::md5(SECRET_MD5)] {
            let record = ApiCredential::new((), "id", stored.unwrap(), AdminState::WithApiAccess);
            let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Md5);
            let request = ApiRequest::from_pairs([("identifier", "id"), ("secret", &secret)]);
            let verdict = request.attempt().decide(Some(&record), None, expected, &ApiPolicy::new());
            prop_assert_eq!(verdict.is_ok(), secret == SECRET);
        }
    }

    #[test]
    fn fields_in_any_order_among_others_say_the_same(
        mut pairs in Just(vec![
            ("identifier".to_owned(), "id".to_owned()),
            ("secret".to_owned(), SECRET.to_owned()),
            ("action".to_owned(), "GetClients".to_owned()),
            ("responsetype".to_owned(), "json".to_owned()),
        ]),
        others in prop::collection::vec(("[b-hj-oqtv-z].*", ".*"), 0..5),
        order in any::<u64>(),
    ) {
        pairs.extend(others);
        let length = pairs.len();
        pairs.rotate_left(order as usize % length);
        let request = ApiRequest::from_pairs(pairs);
        prop_assert_eq!(request.attempt().identifier().map(str::to_owned), Some("id".to_owned()));
        prop_assert_eq!(request.action(), Action::Named("GetClients"));
        prop_assert_eq!(request.response_type(), ResponseType::Json);
    }

    #[test]
    fn an_allowed_goto_has_no_host_no_scheme_and_no_dot_segment(text in "[/\\\\a.:@;%?#2fF0-9 _-]{0,12}") {
        if let Goto::SameSite(target) = Goto::parse(&text) {
            let path = target.as_str().split(['?', '#']).next().unwrap();
            prop_assert!(!path.contains(['\\', ':', '@', ';', '%']));
            prop_assert!(!path.starts_with("//"));
            prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
        }
    }

    #[test]
    fn arbitrary_pairs_are_judged(
        mut pairs in prop::sample::select(vec![vec![], pair(), login(), admin_login(), link()]),
        others in prop::collection::vec((hostile_name(), hostile_value()), 0..4),
        lost in any::<prop::sample::Index>(),
        now in times(),
    ) {
        // Half of the time one field is replaced.
        if lost.index(2) == 0 && !pairs.is_empty() && !others.is_empty() {
            pairs.swap_remove(lost.index(pairs.len()));
        }
        pairs.extend(others);
        judge_all(&pairs, now);
    }

    #[test]
    fn arbitrary_texts_are_stored_forms_keys_and_targets_or_are_not(text in hostile_value()) {
        let _ = StoredSecret::plain(text.as_str());
        let _ = StoredSecret::md5(&text);
        let _ = StoredSecret::sha256(&text);
        let _ = StoredSecret::bcrypt(&text);
        let _ = StoredSecret::detect(&text);
        let _ = StoredPassword::plain(text.as_str());
        let _ = StoredPassword::detect(&text);
        let _ = AutoAuthKey::new(text.as_str());
        let _ = Goto::parse(&text).target_or("");
    }
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn pair() -> Vec<(String, String)> {
    owned([("identifier", "id"), ("secret", SECRET)])
}

fn login() -> Vec<(String, String)> {
    owned([("username", "id"), ("password", SECRET)])
}

fn admin_login() -> Vec<(String, String)> {
    owned([("username", "admin"), ("password", SECRET_MD5)])
}

fn link() -> Vec<(String, String)> {
    let hash = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";
    owned([("email", "a+b@example.com"), ("timestamp", "1700000000"), ("hash", hash)])
}

/// Every time there is, and those about the links' own.
fn times() -> impl Strategy<Value = i64> {
    prop_oneof![-377_705_116_800..=253_402_300_799_i64, 1_699_999_000..=1_700_001_000_i64]
}

/// Known names, what PHP reads as them, and anything.
fn hostile_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
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
    ]);
    prop_oneof![
        8 => known.clone().prop_map(str::to_owned),
        1 => (" {0,2}", known, "[\\[\\]\0 x]{0,3}").prop_map(|(a, b, c)| format!("{a}{b}{c}")),
        1 => ".*",
    ]
}

fn hostile_value() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "id",
        SECRET,
        SECRET_MD5,
        "admin",
        "a b@example.com",
        "1700000000",
        "9999999999",
        "a28c27c2b14aa0d24698af1a453501c92d0d75e8",
        "$2y$04$",
        "sha256:",
        "\u{fffd}",
        "//x",
    ]);
    prop_oneof![
        3 => known.prop_map(str::to_owned),
        1 => "\\PC*",
        1 => ".{0,40}",
        1 => any::<String>(),
        1 => ".{0,3}".prop_map(|text| text.repeat(700)),
    ]
}

#[test]
fn what_the_properties_start_from_is_accepted() {
    let expected = ExpectedSchemes::new(SecretScheme::Md5, PasswordScheme::Plain);
    for pairs in [pair(), login(), admin_login()] {
        let request = ApiRequest::from_pairs(pairs);
        let verdict =
            request.attempt().decide(Some(&record()), Some(&admin()), expected, &ApiPolicy::new());
        assert!(verdict.is_ok());
    }
    let request = AutoAuthRequest::from_pairs(link());
    let now = at(1_700_000_000);
    assert!(verify_autoauth(&request, &keys("abcXYZ123"), &now, &AutoAuthPolicy::new()).is_ok());
}

fn record() -> ApiCredential<()> {
    let secret = StoredSecret::plain(SECRET).unwrap();
    ApiCredential::new((), "id", secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::all())
}

fn admin() -> Admin<()> {
    let password = StoredPassword::md5(SECRET_MD5).unwrap();
    Admin::new((), "admin", password, AdminState::WithApiAccess)
}

/// Nothing that was sent added a field or a tag.
fn assert_is_one_error(answer: &Answer) {
    let body = &answer.body;
    let count = |mark: char| body.matches(mark).count();
    let counts = match answer.content_type {
        "application/json" => (count('"') == 8) && body.is_ascii() && count('<') == 0,
        "application/xml" => count('<') == 9 && count('>') == 9,
        _ => count(';') == 1 && count('=') == 2 && !body.contains(char::is_control),
    };
    assert!(counts, "{body}");
}

/// Addresses that are near each other, of both kinds.
fn address() -> impl Strategy<Value = IpAddr> {
    (0..4_u8, 0..4_u8, 0..3_u8).prop_map(|(a, b, kind)| {
        let v4 = Ipv4Addr::new(10, 0, a, b);
        match kind {
            0 => v4.into(),
            1 => v4.to_ipv6_mapped().into(),
            _ => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, a.into(), b.into()).into(),
        }
    })
}

fn judge_all(pairs: &[(String, String)], now: i64) {
    let borrowed = || pairs.iter().map(|(name, value)| (name, value.as_str()));
    let request = ApiRequest::from_pairs(borrowed());
    let _ = (request.action(), request.response_type(), request.access_key());
    let (record, admin) = (record(), admin());
    let expected = ExpectedSchemes::new(SecretScheme::Md5, PasswordScheme::Plain);
    for policy in
        [ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true).with_admin_login(false)]
    {
        let attempt = request.attempt();
        let found = attempt.decide(Some(&record), Some(&admin), expected, &policy);
        let owned = attempt.into_owned();
        assert_eq!(found, owned.decide(Some(&record), Some(&admin), expected, &policy));
        // Whoever was accepted sent the secret of one of the two.
        if found.is_ok() {
            let sent = |text: &str| pairs.iter().any(|(_, value)| value == text);
            assert!(sent(SECRET) || sent(SECRET_MD5));
        }
    }

    for addresses in [AddressGate::open(), AddressGate::new().with_access_key("id").unwrap()] {
        let gate = ApiGate::new(addresses);
        let verdict = gate
            .admit([127, 0, 0, 1].into(), &request)
            .map_err(GateRefusal::from)
            .and_then(|admitted| admitted.decide(Some(&record), Some(&admin), expected));
        match verdict {
            // Whoever passes was verified, and asked for what has a name.
            Ok(call) => {
                let policy = ApiPolicy::new();
                let alone =
                    request.attempt().decide(Some(&record), Some(&admin), expected, &policy);
                assert_eq!(alone, Ok(call.caller));
                assert!(matches!(request.action(), Action::Named(name)
                    if name.eq_ignore_ascii_case(call.action.as_str())));
            }
            Err(refusal) => assert_is_one_error(&Answer::new(&refusal, &request)),
        }
    }

    let request = AutoAuthRequest::from_pairs(borrowed());
    let now = at(now);
    let verdict = verify_autoauth(&request, &keys("abcXYZ123"), &now, &AutoAuthPolicy::new());
    let owned = request.clone().into_owned();
    let again = verify_autoauth(&owned, &keys("abcXYZ123"), &now, &AutoAuthPolicy::new());
    assert_eq!(verdict.map(|_| ()), again.map(|_| ()));
}

#[cfg(feature = "form")]
mod raw {
    use super::*;

    fn hostile_bytes() -> impl Strategy<Value = Vec<u8>> {
        let encoded =
            prop::collection::vec((hostile_name(), hostile_value()), 0..5).prop_map(|pairs| {
                let mut body = form_urlencoded::Serializer::new(String::new());
                body.extend_pairs(pairs);
                body.finish().into_bytes()
            });
        prop_oneof![encoded, prop::collection::vec(any::<u8>(), 0..200)]
    }

    proptest! {
        #[test]
        fn what_is_signed_verifies(
            email in email(),
            goto in prop::option::of("[a-z0-9_/]{1,9}(\\?[a-z=&]{0,9})?"),
            seconds in 1_000_000_000..=9_999_999_999_i64,
            key in visible(),
        ) {
            let signing = AutoAuthKey::new(key.as_str()).unwrap();
            let now = at(seconds);
            let goto = goto.filter(|goto| !goto.starts_with("//"));
            let link = sign_autoauth(&email, goto.as_deref(), &signing, &now).unwrap();
            let url = link.url("https://b.example/whmcs").unwrap();
            for request in [AutoAuthRequest::from_query(link.query()), AutoAuthRequest::from_url(&url)] {
                let policy = AutoAuthPolicy::new().with_space_as_plus(false);
                let login = verify_autoauth(&request, &keys(&key), &now, &policy).unwrap();
                prop_assert_eq!(login.email(), &*email);
                prop_assert_eq!(login.timestamp(), seconds);
                prop_assert_eq!(login.goto().target_or("none"), goto.as_deref().unwrap_or("none"));
            }
        }

        #[test]
        fn arbitrary_bytes_are_judged(body in hostile_bytes(), now in times()) {
            let pairs: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
            judge_all(&pairs, now);
            let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
            let none: Option<&ApiCredential<()>> = None;
            for request in [ApiRequest::from_form(&body), ApiRequest::from_query_and_form(&body, &body)] {
                prop_assert!(request.attempt().decide(none, None, expected, &ApiPolicy::new()).is_err());
            }
            for request in [AutoAuthRequest::from_query(&body), AutoAuthRequest::from_url(&body)] {
                let now = at(1_700_000_000);
                let _ = verify_autoauth(&request, &keys("abcXYZ123"), &now, &AutoAuthPolicy::new());
            }
        }
    }
}
