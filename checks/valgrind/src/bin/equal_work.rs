//! Counts the instructions of cases that must cost the same. It fails if two cases of a group are more than
//! 5 % apart. The groups:
//!
//! - refusals of an API request: the caller must not learn whether the name is known;
//! - links under several keys, and wrong hashes and access keys: the caller must not learn which key or byte
//!   is right;
//! - fields over their cap: the cost must not depend on the length;
//! - the first use of a link: the cost must not depend on the number of remembered links;
//! - the controls, whose names begin with `control`: they must be more than 5 % apart.

use std::cell::{Cell, OnceCell};
use std::hint::black_box;
use std::process::ExitCode;

use time::OffsetDateTime;
use whmcs_auth::replay::ReplayGuard;
use whmcs_auth::*;
use whmcs_auth_valgrind::*;

/// How far apart two counts of a group may be, in percent.
const APART: f64 = 5.0;

struct Case {
    group: String,
    name: &'static str,
    /// The code that the work must return.
    code: &'static str,
    work: Work,
}

fn main() -> ExitCode {
    compare(&cases())
}

fn compare(cases: &[Case]) -> ExitCode {
    let mut passed = true;
    let works: Vec<_> = cases.iter().map(|case| (case.code, &case.work)).collect();
    let counted: Vec<_> = cases.iter().zip(callgrind::counts(&works)).collect();
    for group in counted.chunk_by(|(a, _), (b, _)| a.group == b.group) {
        let title = &group[0].0.group;
        let counts = || group.iter().map(|(_, count)| *count);
        let least = counts().min().expect("a group has cases") as f64;
        let most = counts().max().expect("a group has cases") as f64;
        let apart = (most / least - 1.0) * 100.0;
        let is_control = title.starts_with("control");
        let verdict = match (apart <= APART, is_control) {
            (true, false) => "ok",
            (false, true) => "reported, as it must be",
            (false, false) => "TOO FAR APART",
            (true, true) => "THE CONTROL DID NOT FAIL",
        };
        passed &= (apart > APART) == is_control;
        println!("{title}: {apart:.2} % apart, {verdict}");
        for (case, count) in group {
            println!("{count:>12}  {}", case.name);
        }
    }
    if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    identifiers(&mut cases);
    pending_decisions(&mut cases);
    recalls(&mut cases);
    usernames(&mut cases);
    keys_and_links(&mut cases);
    cost_of_a_decoy(&mut cases);
    lengths(&mut cases);
    remembered_links(&mut cases);
    controls(&mut cases);
    cases
}

fn secrets() -> [StoredSecret; 4] {
    [
        StoredSecret::plain(SECRET),
        StoredSecret::md5(MD5),
        StoredSecret::sha256(SHA256),
        StoredSecret::bcrypt(BCRYPT),
    ]
    .map(|secret| secret.expect("a valid secret"))
}

fn passwords() -> [StoredPassword; 3] {
    [
        StoredPassword::plain(SECRET),
        StoredPassword::md5(MD5),
        StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5),
    ]
    .map(|password| password.expect("a valid password"))
}

fn identifiers(cases: &mut Vec<Case>) {
    for secret in secrets() {
        let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        let record = |state| Some(ApiCredential::new((), NAME, secret.clone(), state));
        let known = || record(AdminState::WithApiAccess);
        let mut add = |name, code, presented: String, credential| {
            let fields = ["identifier", "secret"];
            let policy = ApiPolicy::new();
            cases.push(Case {
                group: format!("identifier and secret, {}", StoredScheme::from(secret.scheme())),
                name,
                code,
                work: decide(fields, presented, credential, None, expected, policy),
            });
        };
        let [first, last] = [format!("A{}", &SECRET[1..]), format!("{}p", &SECRET[..31])];
        add("unknown", "unknown_identifier", SECRET.into(), None);
        add("wrong in the first byte", "wrong_secret", first, known());
        add("wrong in the last byte", "wrong_secret", last, known());
        let disabled = record(AdminState::Disabled);
        add("right, admin disabled", "admin_disabled", SECRET.into(), disabled);
        let clerk = record(AdminState::WithoutApiAccess);
        add("right, no API Access", "no_api_access", SECRET.into(), clerk);
        let state = AdminState::WithApiAccess;
        let misnamed = ApiCredential::new((), NAME.to_lowercase(), secret.clone(), state);
        add("under another name", "record_name_mismatch", SECRET.into(), Some(misnamed));
        if matches!(secret.scheme(), SecretScheme::Bcrypt(_)) {
            add("wrong, of 72 bytes", "wrong_secret", "x".repeat(72), known());
            add("wrong, with a NUL", "wrong_secret", format!("{SECRET}\0{SECRET}"), known());
        }
    }
}

/// The decision alone, after the look-ups.
fn pending_decisions(cases: &mut Vec<Case>) {
    for secret in secrets() {
        let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        let record = |state| Some(ApiCredential::new((), NAME, secret.clone(), state));
        for (name, code, presented, credential) in [
            ("unknown", "unknown_identifier", OTHER_SECRET, None),
            ("wrong", "wrong_secret", OTHER_SECRET, record(AdminState::WithApiAccess)),
            ("right, admin disabled", "admin_disabled", SECRET, record(AdminState::Disabled)),
        ] {
            cases.push(Case {
                group: format!("pending decision, {}", StoredScheme::from(secret.scheme())),
                name,
                code,
                work: decide_pending(presented.into(), credential, expected),
            });
        }
    }
}

/// The question to a cache, before the decision of a call that is refused.
fn recalls(cases: &mut Vec<Case>) {
    let secret = StoredSecret::bcrypt(BCRYPT).expect("a valid secret");
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    let record = |state| Some(ApiCredential::new((), NAME, secret.clone(), state));
    let known = || record(AdminState::WithApiAccess);
    let (empty, full) = (cache(), cache());
    fill(&full, SECRET.into(), known().expect("a record"), expected);
    for (name, cache, presented, credential) in [
        ("unknown, empty cache", &empty, OTHER_SECRET, None),
        ("unknown, its secret is remembered", &full, SECRET, None),
        ("wrong, empty cache", &empty, OTHER_SECRET, known()),
        ("wrong, the right one is remembered", &full, OTHER_SECRET, known()),
        ("remembered, admin disabled", &full, SECRET, record(AdminState::Disabled)),
        ("remembered, no API Access", &full, SECRET, record(AdminState::WithoutApiAccess)),
    ] {
        cases.push(Case {
            group: "a cache is asked, and the call is refused after it".into(),
            name,
            code: "pending",
            work: recall(cache, presented.into(), credential, expected),
        });
    }
}

fn usernames(cases: &mut Vec<Case>) {
    let cost = BcryptCost::new(4).expect("a valid cost");
    for secret in secrets() {
        for password in passwords() {
            let expected =
                ExpectedSchemes::new(secret.scheme(), password.scheme()).with_compat(cost);
            let credential = |name: &str| {
                ApiCredential::new((), name, secret.clone(), AdminState::Disabled)
                    .with_compat(BCRYPT_OF_MD5)
                    .ok()
            };
            let admin = |name: &str, state| Some(Admin::new((), name, password.clone(), state));
            let other = format!("{}x", &NAME[..31]);
            for (presented, md5_of_secret, what) in [
                (OTHER_SECRET, false, "no md5"),
                (OTHER_MD5, false, "an md5"),
                (OTHER_MD5, true, "an md5, which the policy accepts for a secret"),
            ] {
                let policy = ApiPolicy::new().with_md5_of_secret(md5_of_secret);
                let mut add = |name, code, presented: &str, credential, admin, policy| {
                    let fields = ["username", "password"];
                    let (secret, password) = (secret.scheme(), password.scheme());
                    cases.push(Case {
                        group: format!(
                            "username and password, {} and {}, presented {what}",
                            StoredScheme::from(secret),
                            StoredScheme::from(password),
                        ),
                        name,
                        code,
                        work: decide(fields, presented.into(), credential, admin, expected, policy),
                    });
                };
                let is_md5 = presented == OTHER_MD5;
                let known = || credential(NAME);
                let enabled = || admin(NAME, AdminState::WithApiAccess);
                let wrong_secret =
                    if is_md5 && !md5_of_secret { "secret_looks_md5" } else { "wrong_secret" };
                let wrong_password = if is_md5 { "wrong_password" } else { "password_not_md5" };
                let misnamed = "record_name_mismatch";
                let off = policy.with_admin_login(false);
                add("unknown", "unknown_username", presented, None, None, policy);
                add("wrong secret", wrong_secret, presented, known(), None, policy);
                add(
                    "wrong secret, and an admin",
                    wrong_secret,
                    presented,
                    known(),
                    enabled(),
                    policy,
                );
                add("wrong password", wrong_password, presented, None, enabled(), policy);
                add(
                    "admin logins switched off",
                    "admin_login_off",
                    presented,
                    None,
                    enabled(),
                    off,
                );
                add(
                    "credential of another name",
                    misnamed,
                    presented,
                    credential(&other),
                    None,
                    policy,
                );
                let found = admin(&other, AdminState::WithApiAccess);
                add("admin of another name", misnamed, presented, None, found, policy);
                // The first byte and the last byte of what is compared.
                if md5_of_secret {
                    for (in_digit, presented) in [
                        ("wrong in the first digit", format!("e{}", &MD5[1..])),
                        ("wrong in the last digit", format!("{}5", &MD5[..31])),
                    ] {
                        add(in_digit, wrong_secret, &presented, known(), None, policy);
                        add(in_digit, wrong_password, &presented, None, enabled(), policy);
                    }
                } else if !is_md5 {
                    let presented = format!("A{}", &SECRET[1..]);
                    let name = "wrong secret, in the first byte";
                    add(name, wrong_secret, &presented, known(), None, policy);
                }
                if is_md5 {
                    let disabled = admin(NAME, AdminState::Disabled);
                    add(
                        "right password, admin disabled",
                        "admin_disabled",
                        MD5,
                        None,
                        disabled,
                        policy,
                    );
                    let clerk = admin(NAME, AdminState::WithoutApiAccess);
                    add("right password, no API Access", "no_api_access", MD5, None, clerk, policy);
                } else {
                    add(
                        "right secret, admin disabled",
                        "admin_disabled",
                        SECRET,
                        known(),
                        None,
                        policy,
                    );
                }
            }
        }
    }
}

fn keys_and_links(cases: &mut Vec<Case>) {
    let first = "b28c27c2b14aa0d24698af1a453501c92d0d75e8";
    let last = "a28c27c2b14aa0d24698af1a453501c92d0d75e9";
    let of_first = [KEY, "other key", "third key"];
    let of_last = ["other key", "third key", KEY];
    for (group, name, code, of, hash) in [
        ("link of no key", "wrong in the first byte", "hash_mismatch", of_first, first),
        ("link of no key", "wrong in the last byte", "hash_mismatch", of_first, last),
        ("link of one of three keys", "of the first", "accepted", of_first, HASH),
        ("link of one of three keys", "of the last", "accepted", of_last, HASH),
    ] {
        cases.push(Case {
            group: group.into(),
            name,
            code,
            work: verify_link(keys(of.map(str::to_owned)), hash.to_owned()),
        });
    }

    for (name, presented) in [
        ("wrong in the first byte", format!("A{}", &SECRET[1..])),
        ("wrong in the last byte", format!("{}p", &SECRET[..31])),
    ] {
        cases.push(Case {
            group: "access key".into(),
            name,
            code: "wrong_access_key",
            work: check_access_key(SECRET.to_owned(), presented),
        });
    }
}

/// A decoy must have the cost that the store names.
fn cost_of_a_decoy(cases: &mut Vec<Case>) {
    let [four, five] = [4, 5].map(|cost| BcryptCost::new(cost).expect("a valid cost"));
    let secret = StoredSecret::bcrypt(&BCRYPT.replace("$04$", "$05$")).expect("a valid secret");
    let record = ApiCredential::new((), NAME, secret, AdminState::WithApiAccess);
    for (name, code, found) in
        [("unknown", "unknown_identifier", None), ("wrong", "wrong_secret", Some(record))]
    {
        let expected =
            ExpectedSchemes::new(SecretScheme::Bcrypt(five), PasswordScheme::BcryptOfMd5(four));
        let fields = ["identifier", "secret"];
        let policy = ApiPolicy::new();
        cases.push(Case {
            group: "identifier and secret, bcrypt of cost 5".into(),
            name,
            code,
            work: decide(fields, OTHER_SECRET.into(), found, None, expected, policy),
        });
    }
}

fn lengths(cases: &mut Vec<Case>) {
    for field in ["identifier", "secret", "username", "password", "email", "hash"] {
        for (name, megabytes) in [("1 MB", 1), ("10 MB", 10)] {
            cases.push(Case {
                group: format!("{field} over its cap"),
                name,
                code: "field_too_long",
                work: too_long(field, megabytes),
            });
        }
    }
    for (name, megabytes) in [("1 MB", 1), ("10 MB", 10)] {
        cases.push(Case {
            group: "goto over its cap".into(),
            name,
            code: "goto refused",
            work: with_long_goto(megabytes),
        });
    }
}

fn remembered_links(cases: &mut Vec<Case>) {
    for (name, clients_a_second) in [("among 900", 1), ("among 9000", 10)] {
        cases.push(Case {
            group: "first use of a link".into(),
            name,
            code: "passed",
            work: first_use(clients_a_second),
        });
    }
}

fn controls(cases: &mut Vec<Case>) {
    let stored = StoredSecret::md5(MD5).expect("a valid secret");
    for (name, record) in [
        ("unknown", None),
        ("wrong secret", Some(ApiCredential::new((), NAME, stored, AdminState::Disabled))),
    ] {
        let expected = ExpectedSchemes::new(SecretScheme::Md5, PasswordScheme::Md5);
        let fields = ["identifier", "secret"];
        let policy = ApiPolicy::new();
        let work = decide(fields, "x".into(), record.clone(), None, expected, policy);
        cases.push(Case {
            group: "control: no check for an unknown name".into(),
            name,
            code: if record.is_some() { "wrong_secret" } else { "nothing found" },
            work: Box::new(move || match black_box(&record) {
                Some(_) => work(),
                None => "nothing found",
            }),
        });
    }
    for (name, presented) in [
        ("wrong in the first byte", format!("A{}", &SECRET[1..])),
        ("wrong in the last byte", format!("{}p", &SECRET[..31])),
    ] {
        cases.push(Case {
            group: "control: a comparison that stops at the first difference".into(),
            name,
            code: "different",
            work: Box::new(move || {
                let mut pairs = black_box(SECRET).bytes().zip(black_box(&presented).bytes());
                match pairs.all(|(a, b)| black_box(a) == b) {
                    true => "equal",
                    false => "different",
                }
            }),
        });
    }
}

/// A field over its cap is refused before it is read.
fn too_long(field: &'static str, megabytes: usize) -> Work {
    // Created by the first call: valgrind would run this for every other case, too.
    let value = OnceCell::new();
    let keys = keys([KEY.to_owned()]);
    let expected = ExpectedSchemes::new(SecretScheme::Md5, PasswordScheme::Md5);
    Box::new(move || {
        let value: &String = value.get_or_init(|| "x".repeat(megabytes << 20));
        let pairs = [(field, value.as_str())];
        let request = ApiRequest::from_pairs(pairs);
        let attempt = request.attempt(&ApiPolicy::new());
        let refused = attempt.decide::<()>(None, None, expected);
        let link = AutoAuthRequest::from_pairs(pairs);
        let now = OffsetDateTime::UNIX_EPOCH;
        let refused_link = verify_autoauth(&link, &keys, &now, &AutoAuthPolicy::new());
        match (refused, refused_link) {
            // The field belongs to one of the two requests. The other request lacks its own fields.
            (Err(ApiRefusal::MissingCredentials), Err(refusal)) => refusal.code(),
            (Err(refusal), Err(_)) => refusal.code(),
            _ => "accepted",
        }
    })
}

/// A `goto` over its cap is dropped before it is read, and the link is accepted.
fn with_long_goto(megabytes: usize) -> Work {
    let value = OnceCell::new();
    let keys = keys([KEY.to_owned()]);
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    Box::new(move || {
        let value: &String = value.get_or_init(|| "x".repeat(megabytes << 20));
        let link = AutoAuthRequest::from_pairs([
            ("email", "a+b@example.com"),
            ("timestamp", "1700000000"),
            ("hash", HASH),
            ("goto", value),
        ]);
        match verify_autoauth(&link, &keys, &now, &AutoAuthPolicy::new()) {
            Ok(login) if login.is_goto_refused() => "goto refused",
            Ok(_) => "accepted",
            Err(refusal) => refusal.code(),
        }
    })
}

/// The first use of some links, by a guard that remembers all links of 900 seconds. The hash map of the guard
/// is seeded at random, so one use costs a little more or less than another. Twenty uses even that out.
fn first_use(clients_a_second: usize) -> Work {
    const USES: usize = 20;
    let key = AutoAuthKey::new(SECRET).expect("a key");
    let keys = AutoAuthKeys::from(key.clone());
    let login = move |client: usize, second: i64| {
        let signed = OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).expect("a time");
        let email = format!("{client}@example.com");
        let link = sign_autoauth(&email, None, &key, &signed).expect("a link");
        let request = AutoAuthRequest::from_query(link.query());
        let login = verify_autoauth(&request, &keys, &signed, &AutoAuthPolicy::new());
        login.expect("a genuine link").into_owned()
    };
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    // Created by the first call: valgrind would run this for every other case, too.
    let used = OnceCell::new();
    let unused = Cell::new(Vec::new());
    Box::new(move || {
        let guard = used.get_or_init(|| {
            let guard = ReplayGuard::new(usize::MAX);
            for second in 0..900 {
                for client in 0..clients_a_second {
                    let login = login(client, second);
                    guard.first_use(&login, now).expect("a first use");
                }
            }
            unused.set((1..=2 * USES).map(|client| login(client * 1000, 450)).collect());
            guard
        });
        let mut logins = unused.take();
        let uses = logins.split_off(logins.len() - USES);
        unused.set(logins);
        match uses.iter().try_for_each(|login| guard.first_use(login, now)) {
            Ok(()) => "passed",
            Err(refusal) => refusal.code(),
        }
    })
}
