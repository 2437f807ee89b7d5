//! What holds for every input.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::{
    Action, Admin, AdminState, AllowedActions, ApiCredential, ApiPolicy, ApiRequest, AutoAuthKey,
    AutoAuthRequest, CredentialStore, ExpectedSchemes, Goto, Lookup, PasswordScheme, ResponseType,
    SecretScheme, StoredPassword, StoredSecret,
};

use crate::common::{
    self, EMAIL, FIELDS, HASH, KEY, SECRET, SECRET_MD5, SIGNED, TIMESTAMP, at, hash_of, verify_link,
};

fn verifies(email: &str, timestamp: &str, hash: &str, key: &str, now: i64) -> bool {
    verify_link(&common::link(email, timestamp, hash), key, at(now)).is_ok()
}

/// An e-mail that can be signed.
fn email() -> impl Strategy<Value = String> {
    "[^\\p{Cc}\u{fffd} ]{1,40}".prop_filter("254 bytes", |text| text.len() <= 254)
}

/// A text with a visible character, which a key must have.
fn key() -> impl Strategy<Value = String> {
    (".{0,20}", "[!-~\u{e0}-\u{ff}]", ".{0,19}")
        .prop_map(|(before, char, after)| before + &char + &after)
}

proptest! {
    #[test]
    fn gate_1_an_address_may_call_if_it_is_listed_in_either_notation(
        listed in prop::collection::vec(address(), 0..20),
        caller in address(),
    ) {
        // An IPv4 address is compared as its IPv4-mapped IPv6 address.
        let bits = |address: &IpAddr| match address {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let expected = listed.iter().any(|address| bits(address) == bits(&caller));
        let by_text = AddressGate::new().with_entries(listed.iter().map(IpAddr::to_string));
        prop_assert_eq!(by_text.check(caller, &ApiRequest::default()).is_ok(), expected);
        let by_value = AddressGate::new().with_addresses(listed);
        prop_assert_eq!(by_value.check(caller, &ApiRequest::default()).is_ok(), expected);
    }

    #[test]
    fn gate_3_text_is_an_entry_if_it_is_an_address(text in "[0-9a-f.:/%\\[\\] ]{0,20}", caller in address()) {
        let gate = AddressGate::new().with_entries([&text]);
        let parsed: Option<IpAddr> = text.parse().ok();
        prop_assert_eq!(gate.unreadable_entries().len(), usize::from(parsed.is_none()));
        let expected = parsed.map(|address| address.to_canonical()) == Some(caller.to_canonical());
        prop_assert_eq!(gate.check(caller, &ApiRequest::default()).is_ok(), expected);
    }

    #[test]
    fn gate_7_actions_are_a_set_without_ascii_case(
        listed in prop::collection::vec("[a-dA-D_0-9 k\u{212a}]{0,3}", 0..20),
        asked in "[a-dA-D_0-9 k\u{212a}]{0,3}",
    ) {
        let is_name = ApiRequest::from_pairs([("action", &*asked)]).action() == Action::Named(&asked);
        let is_listed = listed.iter().any(|name| name.trim().eq_ignore_ascii_case(&asked));
        prop_assert_eq!(AllowedActions::new(&listed).includes(&asked), is_name && is_listed);
    }

    #[test]
    fn link_5_a_genuine_link_verifies_inside_its_window_and_not_outside(
        email in email(),
        timestamp in 1_000_000_000..=9_999_999_999_i64,
        key in key(),
        offset in -2_000..=2_000_i64,
    ) {
        let hash = hash_of(&email, timestamp, &key);
        let accepted = verifies(&email, &timestamp.to_string(), &hash, &key, timestamp + offset);
        prop_assert_eq!(accepted, offset.abs() <= 900);
    }

    #[test]
    fn link_2_every_other_split_of_email_and_timestamp_is_refused(
        email in "[a-z@.]{1,10}[0-9]{0,12}",
        timestamp in 1_000_000_000..=9_999_999_999_i64,
        key in "[0-9]{0,12}[a-z]{1,5}",
    ) {
        let hash = hash_of(&email, timestamp, &key);
        let signed = format!("{email}{timestamp}");
        for split in 0..=signed.len() {
            let (left, right) = signed.split_at(split);
            let now = right.parse().unwrap_or(0).min(99_999_999_999);
            prop_assert_eq!(verifies(left, right, &hash, &key, now), split == email.len());
        }
    }

    #[test]
    fn link_4_one_changed_byte_of_a_link_is_refused(
        email in "[!-~&&[^%&+#]]{1,40}",
        key in "[!-~]{1,40}",
        field in 0..3_usize,
        place in any::<prop::sample::Index>(),
        byte in b'!'..=b'~',
    ) {
        let mut fields = [email.clone(), SIGNED.to_string(), hash_of(&email, SIGNED, &key)];
        let place = place.index(fields[field].len());
        let old = fields[field].as_bytes()[place];
        // Hex is the same in either case.
        prop_assume!(old != byte && !(field == 2 && old.eq_ignore_ascii_case(&byte)));
        fields[field].replace_range(place..=place, &char::from(byte).to_string());
        prop_assert!(!verifies(&fields[0], &fields[1], &fields[2], &key, SIGNED));
    }

    #[test]
    fn api_2_one_changed_byte_of_a_secret_is_refused(place in 0..32_usize, byte in b' '..=b'~') {
        let mut secret = SECRET.to_owned();
        secret.replace_range(place..=place, &char::from(byte).to_string());
        for stored in [StoredSecret::plain(SECRET), StoredSecret::md5(SECRET_MD5)] {
            let verdict = common::verify_secret(&stored.unwrap(), common::pair("id", &secret));
            prop_assert_eq!(verdict.is_ok(), secret == SECRET);
        }
    }

    #[test]
    fn field_1_fields_in_any_order_among_unknown_ones_are_read_the_same(
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
        let attempt = request.attempt(&ApiPolicy::new());
        prop_assert_eq!(attempt.identifier(), Some("id"));
        prop_assert_eq!(request.action(), Action::Named("GetClients"));
        prop_assert_eq!(request.response_type(), ResponseType::Json);
    }

    #[test]
    fn link_6_an_offered_goto_has_no_host_no_scheme_and_no_dot_segment(text in "[/\\\\a.:@;%?#2fF0-9 _-]{0,12}") {
        if let Goto::SameSite(target) = Goto::parse(&text) {
            let path = target.as_str().split(['?', '#']).next().unwrap();
            prop_assert!(!path.contains(['\\', ':', '@', ';', '%']));
            prop_assert!(!path.starts_with("//"));
            prop_assert!(path.split('/').all(|segment| segment != "." && segment != ".."));
        }
    }

    #[test]
    fn field_7_any_fields_are_a_request_that_gets_a_verdict(
        mut pairs in prop::sample::select(vec![vec![], pair(), login(), admin_login(), link()]),
        others in prop::collection::vec((hostile_name(), hostile_value()), 0..4),
        lost in any::<prop::sample::Index>(),
        now in times(),
    ) {
        // In half of the cases another field takes the place of one.
        if lost.index(2) == 0 && !pairs.is_empty() && !others.is_empty() {
            pairs.swap_remove(lost.index(pairs.len()));
        }
        pairs.extend(others);
        check_everything(&pairs, now);
    }

    #[test]
    fn any_text_is_accepted_or_refused_by_each_constructor(text in hostile_value()) {
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
    owned([("email", EMAIL), ("timestamp", TIMESTAMP), ("hash", HASH)])
}

/// Any time, or a time near the timestamp of the link.
fn times() -> impl Strategy<Value = i64> {
    prop_oneof![-377_705_116_800..=253_402_300_799_i64, 1_699_999_000..=1_700_001_000_i64]
}

/// Known names, names that PHP reads as known ones, and any other name.
fn hostile_name() -> impl Strategy<Value = String> {
    let known = prop::sample::select(&FIELDS[..]);
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
        TIMESTAMP,
        "9999999999",
        HASH,
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
        let attempt = request.attempt(&ApiPolicy::new());
        let verdict = attempt.decide(Some(&record()), Some(&admin()), expected);
        assert!(verdict.is_ok());
    }
    assert!(verify_link(&AutoAuthRequest::from_pairs(link()), KEY, at(SIGNED)).is_ok());
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

/// No value of the request added a field or a tag.
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

/// IPv4 and IPv6 addresses that are near each other.
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

/// A store that finds the same records whatever it is asked for.
struct Records<'a>(&'a ApiCredential<()>, &'a Admin<()>);

impl CredentialStore for Records<'_> {
    type Id = ();
    type Error = Infallible;

    fn find_credential(&self, _: &str) -> Lookup<'_, ApiCredential<()>, Infallible> {
        Ok(Some(Cow::Borrowed(self.0)))
    }

    fn find_admin(&self, _: &str) -> Lookup<'_, Admin<()>, Infallible> {
        Ok(Some(Cow::Borrowed(self.1)))
    }

    fn expected_schemes(&self) -> ExpectedSchemes {
        ExpectedSchemes::new(SecretScheme::Md5, PasswordScheme::Plain)
    }
}

fn check_everything(pairs: &[(String, String)], now: i64) {
    let request = ApiRequest::from_pairs(pairs);
    let _ = (request.action(), request.response_type(), request.access_key());
    let (record, admin) = (record(), admin());
    let expected = ExpectedSchemes::new(SecretScheme::Md5, PasswordScheme::Plain);
    for policy in
        [ApiPolicy::new(), ApiPolicy::new().with_md5_of_secret(true).with_admin_login(false)]
    {
        let attempt = request.attempt(&policy);
        let found = attempt.decide(Some(&record), Some(&admin), expected);
        let owned = attempt.into_owned();
        assert_eq!(found, owned.decide(Some(&record), Some(&admin), expected));
        // An accepted request holds the secret of one of the two records.
        if found.is_ok() {
            let sent = |text: &str| pairs.iter().any(|(_, value)| value == text);
            assert!(sent(SECRET) || sent(SECRET_MD5));
        }
    }

    for addresses in [AddressGate::open(), AddressGate::new().with_access_key("id").unwrap()] {
        let gate = ApiGate::new(addresses);
        let verdict = gate.verify([127, 0, 0, 1].into(), &request, &Records(&record, &admin));
        match verdict {
            // A call that passes has a verified caller and a well-formed action.
            Ok(call) => {
                let attempt = request.attempt(&ApiPolicy::new());
                let alone = attempt.decide(Some(&record), Some(&admin), expected);
                assert_eq!(alone, Ok(call.caller));
                assert!(matches!(request.action(), Action::Named(name)
                    if name.eq_ignore_ascii_case(call.action.as_str())));
            }
            Err(error) => assert_is_one_error(&Answer::refusal(&error, &request)),
        }
    }

    let request = AutoAuthRequest::from_pairs(pairs);
    let now = at(now);
    let owned = request.clone().into_owned();
    let again = verify_link(&owned, KEY, now).map(|_| ());
    assert_eq!(verify_link(&request, KEY, now).map(|_| ()), again);
}

#[cfg(feature = "form")]
mod raw {
    use whmcs_auth::{AutoAuthPolicy, Received, sign_autoauth, verify_autoauth};

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
        fn a_signed_link_verifies(
            email in email(),
            goto in prop::option::of("[a-z0-9_/]{1,9}(\\?[a-z=&]{0,9})?"),
            seconds in 1_000_000_000..=9_999_999_999_i64,
            key in key(),
        ) {
            let (key, now) = (common::key(&key), at(seconds));
            let goto = goto.filter(|goto| !goto.starts_with("//"));
            let link = sign_autoauth(&email, goto.as_deref(), &key, &now).unwrap();
            let url = link.url("https://b.example/whmcs").unwrap();
            for request in [AutoAuthRequest::from_query(link.query()), AutoAuthRequest::from_url(&url)] {
                let policy = AutoAuthPolicy::new().with_space_as_plus(false);
                let login = verify_autoauth(&request, &key.clone().into(), &now, &policy).unwrap();
                prop_assert_eq!(login.email(), &*email);
                prop_assert_eq!(login.timestamp(), seconds);
                let offered = crate::common::goto_of(&login);
                prop_assert_eq!(offered.target_or("none"), goto.as_deref().unwrap_or("none"));
            }
        }

        #[test]
        fn field_7_any_bytes_are_a_request_that_gets_a_verdict(body in hostile_bytes(), now in times()) {
            let pairs: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
            check_everything(&pairs, now);
            let expected = ExpectedSchemes::new(SecretScheme::Plain, PasswordScheme::Plain);
            let none: Option<&ApiCredential<()>> = None;
            let content_type = Some("application/x-www-form-urlencoded");
            let received = Received::new().with_query(&body).with_body(content_type, &body);
            for received in [received, common::form(&body)] {
                let request = received.api_request();
                let attempt = request.attempt(&ApiPolicy::new());
                prop_assert!(attempt.decide(none, None, expected).is_err());
            }
            for request in [AutoAuthRequest::from_query(&body), AutoAuthRequest::from_url(&body)] {
                let _ = verify_link(&request, KEY, at(SIGNED));
            }
        }
    }
}
