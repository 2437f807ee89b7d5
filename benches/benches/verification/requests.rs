//! API requests: each mode and stored scheme, with known and unknown names.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use md5::{Digest, Md5};
use sha2::Sha256;
use whmcs_auth::cache::VerificationCache;
use whmcs_auth::{
    Admin, AdminState, ApiCredential, ApiPolicy, ApiRequest, MemoryStore, Received, StoredPassword,
    StoredScheme, StoredSecret, verify_api_request,
};
use whmcs_auth_benches::measure::Work;
use whmcs_auth_benches::{BCRYPT_10, BCRYPT_10_OF_MD5, MD5, NAME, SECRET, SHA256};

use crate::links::decode;
use crate::ratios::{Group, Run};

const FORM: &str = "application/x-www-form-urlencoded";
const UNKNOWN: &str = "another name that is just as long";

pub fn measure(run: &mut Run) {
    for secret in [
        StoredSecret::plain(SECRET),
        StoredSecret::md5(MD5),
        StoredSecret::sha256(SHA256),
        StoredSecret::bcrypt(BCRYPT_10),
    ] {
        let secret = secret.expect("a valid secret");
        let scheme = StoredScheme::from(secret.scheme());
        let limit = match scheme {
            StoredScheme::Plain => Some(3.0),
            StoredScheme::Md5 | StoredScheme::Sha256 => Some(1.5),
            _ => None,
        };
        let record = ApiCredential::new(7, NAME, secret, AdminState::WithApiAccess);
        let store = MemoryStore::new([record], []).expect("one credential");
        for (fields, limit) in [(["identifier", "secret"], limit), (["username", "password"], None)]
        {
            let group = Group::new(format!("{} of a credential, {scheme}", fields.join(" and ")));
            measure_mode(run, group, &store, fields, SECRET, scheme, limit);
        }
    }
    for password in [
        StoredPassword::plain(SECRET),
        StoredPassword::md5(MD5),
        StoredPassword::bcrypt_of_md5(BCRYPT_10_OF_MD5),
    ] {
        let password = password.expect("a valid password");
        let scheme = StoredScheme::from(password.scheme());
        let admin = Admin::new(7, NAME, password, AdminState::WithApiAccess);
        let store = MemoryStore::new([], [admin]).expect("one admin");
        let group = Group::new(format!("username and password of an admin, {scheme}"));
        measure_mode(run, group, &store, ["username", "password"], MD5, scheme, None);
    }
    remembered(run);
}

/// A secret that is stored as bcrypt and remembered, beside the same secret stored as sha256.
fn remembered(run: &mut Run) {
    let store = |secret: Result<StoredSecret, _>| {
        let secret = secret.expect("a valid secret");
        let record = ApiCredential::new(7, NAME, secret, AdminState::WithApiAccess);
        MemoryStore::new([record], []).expect("one credential")
    };
    let sha256 = store(StoredSecret::sha256(SHA256));
    let bcrypt = store(StoredSecret::bcrypt(BCRYPT_10));
    let cache = Arc::new(VerificationCache::new([7; 32]));
    let (policy, now) = (ApiPolicy::new(), Instant::now());
    let fields = [("identifier", NAME), ("secret", SECRET)];
    let verify_sha256 = || {
        let request = ApiRequest::from_pairs(black_box(&fields));
        verify_api_request(&request, &sha256, &policy).map(|caller| caller.id)
    };
    let recall = || {
        let request = ApiRequest::from_pairs(black_box(&fields));
        let attempt = request.attempt(&policy).with_cache(&cache, now);
        let pending = attempt.look_up(&bcrypt).expect("a store in memory");
        pending.decide().map(|caller| caller.id)
    };
    assert_eq!((verify_sha256(), recall(), recall()), (Ok(7), Ok(7), Ok(7)));
    assert_eq!((cache.hits(), cache.misses()), (1, 1));

    let mut group = Group::new("cache of matches");
    let floor = group.floor(Work::new("sha256, decoded fields", verify_sha256));
    group.case(Work::new("bcrypt, remembered, decoded fields", recall), &[floor], Some(2.0));
    run.measure(group);
}

/// One mode over a store of one record, with the name of the record and with another.
fn measure_mode<'w>(
    run: &mut Run,
    mut group: Group<'w>,
    store: &'w MemoryStore<u64>,
    [name_field, secret_field]: [&'static str; 2],
    presented: &'static str,
    scheme: StoredScheme,
    limit: Option<f64>,
) {
    let map = HashMap::from([(NAME.to_owned(), 7)]);
    let look_up = move || map.get(black_box(NAME)).copied();
    let look_up = group.floor(Work::new("bare look-up", look_up));
    let check = bare_check(scheme, presented).map(|check| group.floor(check));
    let floors: Vec<_> = [look_up].into_iter().chain(check).collect();
    let verify = |request: &ApiRequest<'_>| {
        let policy = ApiPolicy::new();
        verify_api_request(request, store, &policy).map(|caller| caller.id)
    };
    for (kind, name) in [("known name", NAME), ("unknown name", UNKNOWN)] {
        let fields = [(name_field, name), (secret_field, presented)];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("action", "GetClients"), ("responsetype", "json")])
            .extend_pairs(fields)
            .finish();
        let same_body = body.clone();
        let decoded = move || {
            let fields = black_box(&fields);
            verify(&ApiRequest::from_pairs(fields))
        };
        let raw = move || {
            let received = Received::new().with_body(Some(FORM), black_box(&body));
            verify(&received.api_request())
        };
        assert_eq!(decoded().is_ok(), name == NAME);
        assert_eq!(decoded(), raw());

        let limit = limit.filter(|_| name == NAME);
        let decoded = Work::new(format!("decoded fields, {kind}"), decoded);
        let decoded = group.case(decoded, &floors, limit);
        let decode = Work::new("bare form_urlencoded", move || decode(black_box(&same_body)));
        let decode = group.floor(decode);
        group.case(Work::new(format!("raw body, {kind}"), raw), &[decode, decoded], None);
    }
    run.measure(group);
}

/// The hash that the scheme needs, called without this library.
fn bare_check(scheme: StoredScheme, presented: &'static str) -> Option<Work<'static>> {
    let text = presented.as_bytes();
    let is_admin = presented == MD5;
    Some(match scheme {
        StoredScheme::Md5 if !is_admin => {
            Work::new("bare Md5", move || Md5::digest(black_box(text)))
        }
        // An admin presents the md5 of the password, so the stored password is hashed.
        StoredScheme::Plain if is_admin => Work::new("bare Md5", || Md5::digest(black_box(SECRET))),
        StoredScheme::Sha256 => Work::new("bare Sha256", move || Sha256::digest(black_box(text))),
        StoredScheme::Bcrypt | StoredScheme::BcryptOfMd5 => {
            Work::new("bare bcrypt", move || bcrypt::verify(black_box(text), BCRYPT_10))
        }
        _ => return None,
    })
}
