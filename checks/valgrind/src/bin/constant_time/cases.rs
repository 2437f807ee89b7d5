//! The cases: each mode with each stored scheme except bcrypt, which cannot pass, as it looks up tables by the
//! secret. Stored values are marked as secret. Presented values are not: the caller knows them.

use whmcs_auth::*;
use whmcs_auth_valgrind::*;

use crate::memcheck::{marked, marked_after};

pub struct Case {
    pub name: String,
    /// The code that the work must return.
    pub code: &'static str,
    /// Whether the outcome depends on the secret. If so, memcheck must report an error in the first run.
    /// This is the control of each case.
    pub depends: bool,
    /// How many outcomes are revealed, if the number is fixed.
    pub outcomes: Option<usize>,
    pub work: Work,
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    secrets(&mut cases);
    pending_decisions(&mut cases);
    recalls(&mut cases);
    md5_of_secrets(&mut cases);
    passwords(&mut cases);
    links(&mut cases);
    access_keys(&mut cases);
    weak_secrets(&mut cases);
    cases
}

fn stored_secrets() -> [StoredSecret; 3] {
    [
        StoredSecret::plain(marked(SECRET)).expect("a plain secret"),
        StoredSecret::md5(&marked(MD5)).expect("an md5"),
        StoredSecret::sha256(&marked(SHA256)).expect("a sha256"),
    ]
}

fn stored_passwords() -> [StoredPassword; 2] {
    [
        StoredPassword::plain(marked(SECRET)).expect("a plain password"),
        StoredPassword::md5(&marked(MD5)).expect("an md5"),
    ]
}

fn credential(secret: &StoredSecret) -> Option<ApiCredential<()>> {
    let state = AdminState::WithApiAccess;
    Some(ApiCredential::new((), NAME, secret.clone(), state))
}

fn secrets(cases: &mut Vec<Case>) {
    for fields in [["identifier", "secret"], ["username", "password"]] {
        for secret in stored_secrets() {
            let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
            let is_digest = secret.scheme() != SecretScheme::Plain;
            for (what, presented, code, depends) in [
                ("right", SECRET, "accepted", true),
                ("wrong", OTHER_SECRET, "wrong_secret", true),
                ("too short", &SECRET[..31], "wrong_secret", is_digest),
                ("an md5", MD5, "secret_looks_md5", true),
                ("of another name", SECRET, "record_name_mismatch", false),
            ] {
                let state = AdminState::WithApiAccess;
                let name = if code == "record_name_mismatch" { "other" } else { NAME };
                let record = Some(ApiCredential::new((), name, secret.clone(), state));
                let policy = ApiPolicy::new();
                cases.push(Case {
                    name: format!("{}: {what}, {}", fields.join(" and "), scheme(&secret)),
                    code,
                    depends,
                    outcomes: None,
                    work: decide(fields, presented.into(), record, None, expected, policy),
                });
            }
        }
    }
}

/// The decision alone, after the look-ups.
fn pending_decisions(cases: &mut Vec<Case>) {
    for secret in stored_secrets() {
        let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        for (what, presented, code) in
            [("right", SECRET, "accepted"), ("wrong", OTHER_SECRET, "wrong_secret")]
        {
            let record = ApiCredential::new((), NAME, secret.clone(), AdminState::WithApiAccess);
            cases.push(Case {
                name: format!("pending decision: {what}, {}", StoredScheme::from(secret.scheme())),
                code,
                depends: true,
                outcomes: None,
                work: decide_pending(presented.into(), Some(record), expected),
            });
        }
    }
}

/// The question to a cache, without bcrypt. The salt and the digest of the stored text are marked, and so what
/// the cache remembers also depends on them.
fn recalls(cases: &mut Vec<Case>) {
    let (scheme, rest) = BCRYPT.split_at("$2y$04$".len());
    let secret = StoredSecret::bcrypt(&marked_after(scheme, rest)).expect("a bcrypt text");
    let record = || ApiCredential::new((), NAME, secret.clone(), AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    let (empty, full) = (cache(), cache());
    fill(&full, SECRET.into(), record(), expected);
    for (what, cache, presented, code) in [
        ("remembered", &full, SECRET, "accepted"),
        ("another secret is remembered", &full, OTHER_SECRET, "pending"),
        ("nothing is remembered", &empty, SECRET, "pending"),
    ] {
        cases.push(Case {
            name: format!("cache: {what}"),
            code,
            depends: true,
            outcomes: None,
            work: recall(cache, presented.into(), Some(record()), expected),
        });
    }
}

fn scheme(secret: &StoredSecret) -> StoredScheme {
    secret.scheme().into()
}

/// The policy accepts the md5 of a secret in place of the secret.
fn md5_of_secrets(cases: &mut Vec<Case>) {
    let [plain, md5, _] = stored_secrets();
    for secret in [plain, md5] {
        let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
        let is_digest = secret.scheme() != SecretScheme::Plain;
        for (what, presented, code, depends) in [
            ("right", MD5, "accepted", true),
            ("wrong", OTHER_MD5, "wrong_secret", true),
            ("too short", &MD5[..31], "wrong_secret", is_digest),
        ] {
            let fields = ["username", "password"];
            let policy = ApiPolicy::new().with_md5_of_secret(true);
            let record = credential(&secret);
            cases.push(Case {
                name: format!("md5 of the secret: {what}, {}", scheme(&secret)),
                code,
                depends,
                outcomes: None,
                work: decide(fields, presented.into(), record, None, expected, policy),
            });
        }
    }
}

fn passwords(cases: &mut Vec<Case>) {
    for password in stored_passwords() {
        let expected = ExpectedSchemes::new(SecretScheme::Sha256, password.scheme());
        for (what, presented, code, depends) in [
            ("right", MD5, "accepted", true),
            ("wrong", OTHER_MD5, "wrong_password", true),
            ("too short", &MD5[..31], "password_not_md5", false),
            ("of another name", MD5, "record_name_mismatch", false),
            ("switched off", MD5, "admin_login_off", false),
        ] {
            let fields = ["username", "password"];
            let state = AdminState::WithApiAccess;
            let name = if code == "record_name_mismatch" { "other" } else { NAME };
            let admin = Some(Admin::new((), name, password.clone(), state));
            let policy = ApiPolicy::new().with_admin_login(code != "admin_login_off");
            cases.push(Case {
                name: format!("admin: {what}, {}", StoredScheme::from(password.scheme())),
                code,
                depends,
                outcomes: None,
                work: decide(fields, presented.into(), None, admin, expected, policy),
            });
        }
    }
}

fn links(cases: &mut Vec<Case>) {
    let sets: [(_, fn() -> AutoAuthKeys); 2] = [
        ("one key", || keys([marked(KEY)])),
        ("three keys", || keys(["other key", KEY, "third key"].map(marked))),
    ];
    for (set, keys) in sets {
        for (what, hash, code, depends) in [
            ("genuine", HASH, "accepted", true),
            ("of no key", &HASH.replace('a', "b"), "hash_mismatch", true),
            ("too short", &HASH[..39], "hash_format", false),
        ] {
            // One outcome is revealed for all keys together, and none for a single key.
            let outcomes = Some(usize::from(depends));
            cases.push(Case {
                name: format!("link: {what}, {set}"),
                code,
                depends,
                outcomes,
                work: verify_link(keys(), hash.into()),
            });
        }
    }
}

fn access_keys(cases: &mut Vec<Case>) {
    for (what, presented, code, depends) in [
        ("right", SECRET, "accepted", true),
        ("wrong", OTHER_SECRET, "wrong_access_key", true),
        ("too short", &SECRET[..31], "wrong_access_key", false),
    ] {
        cases.push(Case {
            name: format!("access key: {what}"),
            code,
            depends,
            outcomes: None,
            work: check_access_key(marked(SECRET), presented.into()),
        });
    }
}

/// Whether a weakly stored secret is right is checked once more.
fn weak_secrets(cases: &mut Vec<Case>) {
    let code = |is_proven| if is_proven { "proven" } else { "not proven" };
    let mut add = |name: String, is_right, pending: PendingDecision<'static, ()>| {
        let work = move || match pending.weakly_stored_secret() {
            Some(text) => {
                // So that there is a branch. Otherwise nothing would depend on the outcome.
                std::hint::black_box(text);
                code(true)
            }
            None => code(false),
        };
        let (code, work) = (code(is_right), Box::new(work));
        cases.push(Case { name, code, depends: true, outcomes: None, work });
    };
    let look_up = |credential: Option<_>, admin: Option<_>, fields: [(&str, &str); 2]| {
        let store = MemoryStore::new(credential, admin).expect("one record");
        let request = ApiRequest::from_pairs(fields);
        let pending = request.attempt(&ApiPolicy::new()).look_up(&store);
        pending.expect("a store in memory").into_owned()
    };
    let [plain, md5, _] = stored_secrets();
    for secret in [plain, md5] {
        for (is_right, presented) in [(true, SECRET), (false, OTHER_SECRET)] {
            let name = format!("weak secret: {}, {}", code(is_right), scheme(&secret));
            let fields = [("identifier", NAME), ("secret", presented)];
            add(name, is_right, look_up(credential(&secret), None, fields));
        }
    }
    for password in stored_passwords() {
        let name = format!("weak password: not proven, {}", StoredScheme::from(password.scheme()));
        let admin = Admin::new((), NAME, password, AdminState::WithApiAccess);
        let fields = [("username", NAME), ("password", OTHER_MD5)];
        add(name, false, look_up(None, Some(admin), fields));
    }
}

/// The controls: each leaks a secret, and memcheck must report it.
pub fn controls() -> [(&'static str, Work); 3] {
    let [digest, other] = [MD5, OTHER_MD5].map(marked);
    let encoded = marked(SECRET);
    let decoded = marked(MD5);
    [
        (
            "control: `==` on slices",
            Box::new(move || match digest.as_bytes() == other.as_bytes() {
                true => "equal",
                false => "different",
            }),
        ),
        (
            "control: hex digits from a table",
            Box::new(move || {
                let digits = encoded
                    .bytes()
                    .map(|byte| std::hint::black_box(b"0123456789abcdef")[usize::from(byte >> 4)]);
                std::hint::black_box(digits.collect::<Vec<_>>());
                "encoded"
            }),
        ),
        (
            "control: a branch on whether hex is valid",
            Box::new(move || match StoredPassword::md5(&decoded) {
                Ok(_) => "decoded",
                Err(_) => "no digits",
            }),
        ),
    ]
}
