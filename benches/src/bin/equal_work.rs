//! Counts the instructions of refusals that must not be told apart by time.
//!
//! Run without arguments, it runs itself once per case under callgrind, which repeats to the
//! instruction, and fails if two cases of a group are more than 5 % apart. The last group is the
//! control: it checks without a decoy, and must be seen to fail.

use std::hint::black_box;
use std::process::{Command, ExitCode};

use time::OffsetDateTime;
use whmcs_auth::*;

const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
const SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";
const BCRYPT_OF_MD5: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
const OTHER_MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";
const NAME: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";

/// Two counts of a group may be this far apart, in percent.
const APART: f64 = 5.0;

#[inline(never)]
#[unsafe(no_mangle)]
fn measured(work: &dyn Fn()) {
    work();
}

struct Case {
    group: String,
    name: &'static str,
    work: Box<dyn Fn()>,
}

fn main() -> ExitCode {
    let cases = cases();
    match std::env::args().nth(1) {
        Some(index) => {
            let index: usize = index.parse().expect("the index of a case");
            // Whatever is done once, such as asking the processor what it can, is done before.
            (cases[index].work)();
            measured(&cases[index].work);
            ExitCode::SUCCESS
        }
        None => compare(&cases),
    }
}

fn compare(cases: &[Case]) -> ExitCode {
    let mut passed = true;
    let counts = count_all(cases.len());
    for group in cases.chunk_by(|a, b| a.group == b.group) {
        let start = cases.iter().position(|case| case.group == group[0].group);
        let counts = &counts[start.expect("the group's own start")..][..group.len()];
        let least = *counts.iter().min().expect("a group has cases") as f64;
        let most = *counts.iter().max().expect("a group has cases") as f64;
        let apart = (most / least - 1.0) * 100.0;
        let is_control = group[0].group.starts_with("control");
        let verdict = match (apart <= APART, is_control) {
            (true, false) => "ok",
            (false, true) => "seen to fail, as it must",
            (false, false) => "TOO FAR APART",
            (true, true) => "THE CONTROL DID NOT FAIL",
        };
        passed &= (apart > APART) == is_control;
        println!("{}: {apart:.2} % apart, {verdict}", group[0].group);
        for (case, count) in group.iter().zip(counts) {
            println!("{count:>12}  {}", case.name);
        }
    }
    if passed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Two at a time: what else the machine does is not counted.
fn count_all(cases: usize) -> Vec<u64> {
    let halves = std::thread::scope(|scope| {
        [0, cases / 2, cases]
            .windows(2)
            .map(|half| {
                let indices = half[0]..half[1];
                scope.spawn(|| indices.map(count).collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
            .into_iter()
            .map(|thread| thread.join().expect("every case was counted"))
            .collect::<Vec<_>>()
    });
    halves.concat()
}

/// The instructions of one case, as callgrind counts them.
fn count(index: usize) -> u64 {
    let program = std::env::current_exe().expect("this program's path");
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=measured")
        .arg(program)
        .arg(index.to_string())
        .output()
        .expect("valgrind runs");
    let report = String::from_utf8_lossy(&output.stderr);
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected :"));
    match collected.map(|(_, count)| count.trim().parse()) {
        Some(Ok(count)) => count,
        _ => panic!("callgrind printed no count:\n{report}"),
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let cost = BcryptCost::new(4).expect("a cost");
    let built = |secret: Result<StoredSecret, _>| secret.expect("a stored form");
    let secrets = || {
        [
            built(StoredSecret::plain(SECRET)),
            built(StoredSecret::md5(MD5)),
            built(StoredSecret::sha256(SHA256)),
            built(StoredSecret::bcrypt(BCRYPT)),
        ]
    };
    let passwords = || {
        [
            StoredPassword::plain("other-password").expect("a stored form"),
            StoredPassword::md5(MD5).expect("a stored form"),
            StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5).expect("a stored form"),
        ]
    };

    for secret in secrets() {
        let forms = StoredForms::new(secret.form(), PasswordForm::Md5);
        let policy = ApiPolicy::new();
        let record = |state| ApiCredential::new((), NAME, secret.clone(), state);
        let known = record(AdminState::WithApiAccess);
        let mut add = |name, presented: String, credential| {
            cases.push(Case {
                group: format!("identifier and secret, {}", StoredForm::from(secret.form())),
                name,
                work: decide(
                    ["identifier", "secret"],
                    presented,
                    credential,
                    None,
                    forms,
                    policy,
                ),
            });
        };
        add("unknown", SECRET.into(), None);
        add(
            "wrong in the first byte",
            format!("A{}", &SECRET[1..]),
            Some(known.clone()),
        );
        add(
            "wrong in the last byte",
            format!("{}p", &SECRET[..31]),
            Some(known.clone()),
        );
        add(
            "right, admin disabled",
            SECRET.into(),
            Some(record(AdminState::Disabled)),
        );
        let misnamed = NAME.to_lowercase();
        let misnamed = ApiCredential::new((), misnamed, secret.clone(), AdminState::Disabled);
        add("under another name", SECRET.into(), Some(misnamed));
    }

    for secret in secrets() {
        for password in passwords() {
            let forms = StoredForms::new(secret.form(), password.form()).compat(cost);
            let known = ApiCredential::new((), NAME, secret.clone(), AdminState::Disabled)
                .compat(BCRYPT_OF_MD5)
                .expect("a stored form");
            let admin = |state| Some(Admin::new((), NAME, password.clone(), state));
            for (presented, md5_of_secret, what) in [
                ("a password as it is typed", false, "no md5"),
                (OTHER_MD5, false, "an md5"),
                (OTHER_MD5, true, "an md5, and that of a secret accepted"),
            ] {
                let policy = ApiPolicy::new().md5_of_secret(md5_of_secret);
                let mut add = |name, presented: &str, credential, admin, policy| {
                    let (secret, password) = (secret.form(), password.form());
                    cases.push(Case {
                        group: format!(
                            "username and password, {} and {}, presented {what}",
                            StoredForm::from(secret),
                            StoredForm::from(password),
                        ),
                        name,
                        work: decide(
                            ["username", "password"],
                            presented.into(),
                            credential,
                            admin,
                            forms,
                            policy,
                        ),
                    });
                };
                let known = Some(known.clone());
                let enabled = || admin(AdminState::WithApiAccess);
                add("unknown", presented, None, None, policy);
                add("wrong secret", presented, known.clone(), None, policy);
                add(
                    "wrong secret, and an admin",
                    presented,
                    known,
                    enabled(),
                    policy,
                );
                add("wrong password", presented, None, enabled(), policy);
                let off = policy.admin_login(false);
                add("admin logins switched off", presented, None, enabled(), off);
                if presented == OTHER_MD5 {
                    let disabled = admin(AdminState::Disabled);
                    add(
                        "right password, admin disabled",
                        MD5,
                        None,
                        disabled,
                        policy,
                    );
                }
            }
        }
    }

    let hash = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";
    for (group, name, keys, hash) in [
        (
            "link of another key",
            "wrong in the first byte",
            ["abcXYZ123", "b", "c"],
            "b28c27c2b14aa0d24698af1a453501c92d0d75e8",
        ),
        (
            "link of another key",
            "wrong in the last byte",
            ["abcXYZ123", "b", "c"],
            "a28c27c2b14aa0d24698af1a453501c92d0d75e9",
        ),
        (
            "link of one of three keys",
            "of the first",
            ["abcXYZ123", "other key", "third key"],
            hash,
        ),
        (
            "link of one of three keys",
            "of the last",
            ["other key", "third key", "abcXYZ123"],
            hash,
        ),
    ] {
        cases.push(Case {
            group: group.into(),
            name,
            work: verify(keys, hash),
        });
    }

    for (name, credential) in [
        ("unknown", None),
        ("wrong secret", Some(built(StoredSecret::md5(MD5)))),
    ] {
        cases.push(Case {
            group: "control: without a decoy".into(),
            name,
            work: Box::new(move || {
                let forms = StoredForms::new(SecretForm::Plain, PasswordForm::Md5);
                let record = credential
                    .clone()
                    .map(|secret| ApiCredential::new((), NAME, secret, AdminState::Disabled));
                let request = ApiRequest::from_pairs([("identifier", NAME), ("secret", "x")]);
                let attempt = request.attempt();
                let policy = ApiPolicy::new();
                if let Some(record) = black_box(&record) {
                    let _ = black_box(attempt.decide(Some(record), None, forms, &policy));
                }
            }),
        });
    }
    cases
}

fn decide(
    [name_field, secret_field]: [&'static str; 2],
    presented: String,
    credential: Option<ApiCredential<()>>,
    admin: Option<Admin<()>>,
    forms: StoredForms,
    policy: ApiPolicy,
) -> Box<dyn Fn()> {
    let attempt =
        ApiRequest::from_pairs([(name_field, NAME.to_owned()), (secret_field, presented)])
            .attempt()
            .into_owned();
    Box::new(move || {
        let verdict = attempt.decide(credential.as_ref(), admin.as_ref(), forms, &policy);
        assert!(black_box(verdict).is_err());
    })
}

fn verify(keys: [&str; 3], hash: &'static str) -> Box<dyn Fn()> {
    let keys = keys.map(|key| AutoAuthKey::new(key).expect("a key"));
    let keys = AutoAuthKeys::new(keys).expect("keys apart");
    let request = AutoAuthRequest::from_pairs([
        ("email", "a+b@example.com"),
        ("timestamp", "1700000000"),
        ("hash", hash),
    ]);
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    Box::new(move || {
        let _ = black_box(verify_autoauth(
            &request,
            &keys,
            &now,
            &AutoAuthPolicy::new(),
        ));
    })
}
