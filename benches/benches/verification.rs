//! What verification costs, each group beside its floor: the bare hash over the same bytes, or the
//! bare look-up in the same kind of map. Only ratios within one run mean anything.

use std::collections::HashMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use sha1::{Digest, Sha1};
use time::OffsetDateTime;
use whmcs_auth::*;

const IDENTIFIER: &str = "D4j1dKYE3g40VROOPCGyJ9zRwP0ADJIv";
const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";

fn autoauth(criterion: &mut Criterion) {
    let keys = AutoAuthKeys::from(AutoAuthKey::new("abcXYZ123").expect("a key"));
    let now = OffsetDateTime::from_unix_timestamp(1_700_000_000).expect("a time");
    let policy = AutoAuthPolicy::new();
    let hash = "a28c27c2b14aa0d24698af1a453501c92d0d75e8";
    let fields = [
        ("email", "a+b@example.com"),
        ("timestamp", "1700000000"),
        ("hash", hash),
    ];
    let query = format!("email=a%2Bb%40example.com&timestamp=1700000000&hash={hash}");

    let mut group = criterion.benchmark_group("autoauth");
    group.bench_function("floor: bare sha1", |bencher| {
        let signed = "a+b@example.com1700000000abcXYZ123";
        bencher.iter(|| Sha1::digest(black_box(signed)));
    });
    group.bench_function("decoded fields", |bencher| {
        bencher.iter(|| {
            let request = AutoAuthRequest::from_pairs(black_box(fields));
            verify_autoauth(&request, &keys, &now, &policy).map(|login| login.timestamp())
        });
    });
    group.bench_function("raw query", |bencher| {
        bencher.iter(|| {
            let request = AutoAuthRequest::from_query(black_box(&query));
            verify_autoauth(&request, &keys, &now, &policy).map(|login| login.timestamp())
        });
    });
}

fn api_request(criterion: &mut Criterion) {
    let policy = ApiPolicy::new();
    let mut group = criterion.benchmark_group("identifier and secret");
    group.bench_function("floor: bare look-up", |bencher| {
        let map = HashMap::from([(IDENTIFIER.to_owned(), SECRET.to_owned())]);
        bencher.iter(|| map.get(black_box(IDENTIFIER)));
    });
    // All of one secret.
    for (form, stored) in [
        ("plain", StoredSecret::plain(SECRET)),
        ("md5", StoredSecret::md5("dfe5ba0e7087a156ebd220df0bca1dd4")),
        (
            "sha256",
            StoredSecret::sha256(
                "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0",
            ),
        ),
        (
            "bcrypt of cost 10",
            StoredSecret::bcrypt("$2y$10$CCCCCCCCCCCCCCCCCCCCC.8pmGS.8.AWaOaS0gwbotxa7N8HkApVi"),
        ),
    ] {
        let stored = stored.expect("a stored form");
        let state = AdminState::WithApiAccess;
        let credential = ApiCredential::new(7, IDENTIFIER, stored, state);
        let store = MemoryStore::new([credential], []).expect("one credential");
        for (caller, identifier) in [("known", IDENTIFIER), ("unknown", SECRET)] {
            group.bench_function(format!("{form}, {caller}"), |bencher| {
                bencher.iter(|| {
                    let fields = [("identifier", identifier), ("secret", SECRET)];
                    let request = ApiRequest::from_pairs(black_box(fields));
                    verify_api_request(&request, &store, &policy).map(|caller| caller.id)
                });
            });
        }
    }
}

criterion_group!(benches, autoauth, api_request);
criterion_main!(benches);
