//! Counts the instructions of each operation and compares the count with the number recorded here. The numbers
//! are for rustc 1.95 on x86-64.
//!
//! It fails if a count is 5 % above its number: a change made the operation slower. It also fails at 5 % below,
//! as a later loss of that gain would not be noticed. It prints the counts. If a change is wanted, record the
//! new count.
//!
//! Two neighbouring cases with the same number must have exactly the same count: a wrong hash costs the same
//! whether its first or its last byte is wrong, and a link costs the same under the first key and the last.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use time::OffsetDateTime;
use whmcs_auth::AllowedActions;
use whmcs_auth::answer::Answer;
use whmcs_auth::gate::{AddressGate, ApiGate};
use whmcs_auth::*;
use whmcs_auth_valgrind::*;

/// How far a count may be from its number, in percent.
const OFF: f64 = 5.0;

struct Case {
    name: &'static str,
    /// The recorded number.
    instructions: u64,
    /// The code that the work must return.
    code: &'static str,
    work: Work,
}

fn case(name: &'static str, instructions: u64, code: &'static str, work: Work) -> Case {
    Case { name, instructions, code, work }
}

fn main() -> ExitCode {
    let mut cases = links();
    cases.extend(requests());
    cases.extend(around());
    let mut passed = true;
    let works: Vec<_> = cases.iter().map(|case| (case.code, &case.work)).collect();
    let counts = callgrind::counts(&works);
    for (case, count) in cases.iter().zip(&counts) {
        let off = percent_off(*count, case.instructions);
        let verdict = match off {
            _ if off > OFF => "TOO MANY",
            _ if off < -OFF => "FEWER: record the new number",
            _ => "ok",
        };
        passed &= verdict == "ok";
        println!("{count:>9}  {off:>+6.1} %  {verdict}  {}", case.name);
    }
    for (pair, counts) in cases.windows(2).zip(counts.windows(2)) {
        if pair[0].instructions == pair[1].instructions && counts[0] != counts[1] {
            passed = false;
            println!("NOT THE SAME: {} and {}", pair[0].name, pair[1].name);
        }
    }
    // The control: the first count is 6 % above this number, so it must fail.
    if percent_off(counts[0], counts[0] * 100 / 106) <= OFF {
        passed = false;
        println!("THE CONTROL DID NOT FAIL");
    }
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn percent_off(count: u64, instructions: u64) -> f64 {
    (count as f64 / instructions as f64 - 1.0) * 100.0
}

fn links() -> Vec<Case> {
    let first_byte = "b28c27c2b14aa0d24698af1a453501c92d0d75e8";
    let last_byte = "a28c27c2b14aa0d24698af1a453501c92d0d75e9";
    let one = || keys([KEY.to_owned()]);
    let three = |texts: [&str; 3]| keys(texts.map(str::to_owned));
    let of_first = three([KEY, "other key", "third key"]);
    let of_last = three(["other key", "third key", KEY]);
    let wrong = "hash_mismatch";
    vec![
        case("link", 3_096, "accepted", link(one(), HASH, SIGNED_AT)),
        case("link, wrong in the first byte", 2_972, wrong, link(one(), first_byte, SIGNED_AT)),
        case("link, wrong in the last byte", 2_972, wrong, link(one(), last_byte, SIGNED_AT)),
        case("link, expired", 3_051, "expired", link(one(), HASH, SIGNED_AT + 901)),
        case("link of the first of three keys", 6_330, "accepted", link(of_first, HASH, SIGNED_AT)),
        case("link of the last of three keys", 6_330, "accepted", link(of_last, HASH, SIGNED_AT)),
        case("link, from a raw query", 7_398, "accepted", raw_link(one())),
        case("goto", 1_177, "same site", goto("clientarea.php?action=productdetails&id=1234")),
        case("goto, refused", 879, "refused", goto("//evil.example/clientarea.php?action=details")),
        case("link of a long e-mail, ten keys", 74_155, "accepted", long_link()),
        case("link minted", 7_383, "minted", mint()),
    ]
}

const SIGNED_AT: i64 = 1_700_000_000;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).expect("a time")
}

/// From decoded fields, like every link and request here whose name does not say "raw".
fn link(keys: AutoAuthKeys, hash: &'static str, now: i64) -> Work {
    let fields = [("email", "a+b@example.com"), ("timestamp", "1700000000"), ("hash", hash)];
    Box::new(move || {
        let request = AutoAuthRequest::from_pairs(black_box(fields));
        code_of(verify_autoauth(&request, &keys, &at(now), &AutoAuthPolicy::new()))
    })
}

/// The most expensive link for ten keys: the longest e-mail, which is hashed once for each key.
fn long_link() -> Work {
    let email = format!("{}@example.com", "a".repeat(254 - 12));
    let key = AutoAuthKey::new(KEY).expect("a key");
    let minted = sign_autoauth(&email, None, &key, &at(SIGNED_AT)).expect("a link");
    let hash = minted.query()[minted.query().len() - 40..].to_owned();
    let others = (0..9).map(|number| AutoAuthKey::new(format!("key {number}")).expect("a key"));
    let keys = AutoAuthKeys::new(others.chain([key])).expect("no key ends with another");
    Box::new(move || {
        let fields = [("email", &*email), ("timestamp", "1700000000"), ("hash", &*hash)];
        let request = AutoAuthRequest::from_pairs(black_box(&fields));
        code_of(verify_autoauth(&request, &keys, &at(SIGNED_AT), &AutoAuthPolicy::new()))
    })
}

fn raw_link(keys: AutoAuthKeys) -> Work {
    let query = format!("email=a%2Bb%40example.com&timestamp=1700000000&hash={HASH}");
    Box::new(move || {
        let request = AutoAuthRequest::from_query(black_box(&query));
        code_of(verify_autoauth(&request, &keys, &at(SIGNED_AT), &AutoAuthPolicy::new()))
    })
}

fn code_of(verdict: Result<AutoAuthLogin<'_>, AutoAuthRefusal>) -> &'static str {
    match verdict {
        Ok(login) => {
            // Uses the whole login. Otherwise the compiler removes the code of its unused parts.
            let _ = black_box(login);
            "accepted"
        }
        Err(refusal) => refusal.code(),
    }
}

fn goto(text: &'static str) -> Work {
    Box::new(move || match Goto::parse(black_box(text)) {
        Goto::Absent => "absent",
        Goto::SameSite(_) => "same site",
        Goto::Refused => "refused",
    })
}

fn mint() -> Work {
    let key = AutoAuthKey::new(KEY).expect("a key");
    Box::new(move || {
        match sign_autoauth(black_box("a+b@example.com"), None, &key, &at(SIGNED_AT)) {
            Ok(_) => "minted",
            Err(_) => "refused",
        }
    })
}

fn requests() -> Vec<Case> {
    let plain = || StoredSecret::plain(SECRET);
    let md5 = || StoredSecret::md5(MD5);
    let sha256 = || StoredSecret::sha256(SHA256);
    let bcrypt = || StoredSecret::bcrypt(BCRYPT);
    let plain_password = || StoredPassword::plain(SECRET);
    let md5_password = || StoredPassword::md5(MD5);
    let bcrypt_password = || StoredPassword::bcrypt_of_md5(BCRYPT_OF_MD5);
    let pair = |name| [("identifier", name), ("secret", SECRET)];
    let login = |name| [("username", name), ("password", SECRET)];
    let admin = |name| [("username", name), ("password", MD5)];
    let (known, unknown) = (NAME, "another name that is just as long");
    let no_identifier = "unknown_identifier";
    let no_username = "unknown_username";
    vec![
        case("plain secret", 1_305, "accepted", of_credential(plain(), pair(known))),
        case("plain secret, unknown", 1_331, no_identifier, of_credential(plain(), pair(unknown))),
        case("plain secret, as login", 1_417, "accepted", of_credential(plain(), login(known))),
        case(
            "plain secret, as login, unknown",
            1_740,
            no_username,
            of_credential(plain(), login(unknown)),
        ),
        case("md5 of a secret", 2_061, "accepted", of_credential(md5(), pair(known))),
        case("md5 of a secret, unknown", 2_087, no_identifier, of_credential(md5(), pair(unknown))),
        case("sha256 of a secret", 4_777, "accepted", of_credential(sha256(), pair(known))),
        case(
            "sha256 of a secret, unknown",
            4_804,
            no_identifier,
            of_credential(sha256(), pair(unknown)),
        ),
        case("bcrypt of a secret", 4_063_116, "accepted", of_credential(bcrypt(), pair(known))),
        case(
            "bcrypt of a secret, remembered",
            12_250,
            "accepted",
            remembered(bcrypt(), pair(known)),
        ),
        case("plain password", 2_576, "accepted", of_admin(plain_password(), admin(known))),
        case(
            "plain password, unknown",
            2_731,
            no_username,
            of_admin(plain_password(), admin(unknown)),
        ),
        case("md5 of a password", 1_788, "accepted", of_admin(md5_password(), admin(known))),
        case(
            "md5 of a password, unknown",
            1_942,
            no_username,
            of_admin(md5_password(), admin(unknown)),
        ),
        case(
            "bcrypt of a password's md5",
            4_063_696,
            "accepted",
            of_admin(bcrypt_password(), admin(known)),
        ),
        case("plain secret, from a raw body", 6_566, "accepted", of_raw(plain())),
    ]
}

type Stored<T> = Result<T, SchemeError>;
type Fields = [(&'static str, &'static str); 2];

fn of_credential(secret: Stored<StoredSecret>, fields: Fields) -> Work {
    verify(store_of(secret), move || ApiRequest::from_pairs(black_box(fields)))
}

/// The second call with the same secret, over a cache.
fn remembered(secret: Stored<StoredSecret>, fields: Fields) -> Work {
    let (store, cache) = (store_of(secret), cache());
    let (policy, now) = (ApiPolicy::new(), Instant::now());
    Box::new(move || {
        let request = ApiRequest::from_pairs(black_box(fields));
        match request.verify_with_cache(&store, &policy, &cache, now) {
            Ok(caller) => {
                let _ = black_box(caller);
                "accepted"
            }
            Err(_) => "refused",
        }
    })
}

fn of_raw(secret: Stored<StoredSecret>) -> Work {
    verify(store_of(secret), || ApiRequest::from_form(black_box(BODY)))
}

fn of_admin(password: Stored<StoredPassword>, fields: Fields) -> Work {
    let password = password.expect("a valid value");
    let admin = Admin::new((), NAME, password, AdminState::WithApiAccess);
    let store = MemoryStore::new([], [admin]).expect("one admin");
    verify(store, move || ApiRequest::from_pairs(black_box(fields)))
}

fn store_of(secret: Stored<StoredSecret>) -> MemoryStore<()> {
    let secret = secret.expect("a valid value");
    let record = ApiCredential::new((), NAME, secret, AdminState::WithApiAccess)
        .with_actions(AllowedActions::new(["getclients", "getproducts", "getinvoices"]));
    MemoryStore::new([record], []).expect("one credential")
}

fn verify(store: MemoryStore<()>, read: impl Fn() -> ApiRequest<'static> + 'static) -> Work {
    Box::new(move || match verify_api_request(&read(), &store, &ApiPolicy::new()) {
        Ok(caller) => {
            let _ = black_box(caller);
            "accepted"
        }
        Err(refusal) => refusal.code(),
    })
}

fn around() -> Vec<Case> {
    let read = || ApiRequest::from_form(black_box(BODY));
    let gate = ApiGate::new(AddressGate::new().with_entries(["203.0.113.7"]));
    let store = store_of(StoredSecret::sha256(SHA256));
    let refused = read();
    vec![
        case(
            "address, sha256 and action, from a raw body",
            10_936,
            "getclients",
            Box::new(move || match gate.verify([203, 0, 113, 7].into(), &read(), &store) {
                Ok(call) if call.action.as_str() == "getclients" => "getclients",
                _ => "refused",
            }),
        ),
        case("access key", 123, "accepted", check_access_key(SECRET.into(), SECRET.into())),
        case(
            "answer in JSON",
            2_024,
            "an answer",
            Box::new(move || {
                let _ = black_box(Answer::new(&ApiRefusal::WrongSecret, &refused));
                "an answer"
            }),
        ),
    ]
}

const BODY: &str = "action=GetClients&responsetype=json&identifier=D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv\
                    &secret=F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
