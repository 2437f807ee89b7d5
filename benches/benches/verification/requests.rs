//! API requests: each mode and stored form, known and unknown callers.

use std::collections::HashMap;
use std::hint::black_box;

use md5::{Digest, Md5};
use sha2::Sha256;
use whmcs_auth::*;
use whmcs_auth_benches::measure::Work;
use whmcs_auth_benches::{BCRYPT_10, BCRYPT_10_OF_MD5, MD5, NAME, SECRET, SHA256};

use crate::links::decode;
use crate::ratios::Group;

const UNKNOWN: &str = "another name that is just as long";

pub fn measure() {
    for secret in [
        StoredSecret::plain(SECRET),
        StoredSecret::md5(MD5),
        StoredSecret::sha256(SHA256),
        StoredSecret::bcrypt(BCRYPT_10),
    ] {
        let secret = secret.expect("a stored form");
        let form = StoredScheme::from(secret.scheme());
        let at_most = match form {
            StoredScheme::Plain => Some(3.0),
            StoredScheme::Md5 | StoredScheme::Sha256 => Some(1.5),
            _ => None,
        };
        let record = ApiCredential::new(7, NAME, secret, AdminState::WithApiAccess);
        let store = MemoryStore::new([record], []).expect("one credential");
        for (fields, at_most) in
            [(["identifier", "secret"], at_most), (["username", "password"], None)]
        {
            let group = Group::new(format!("{} of a credential, {form}", fields.join(" and ")));
            mode(group, &store, fields, SECRET, form, at_most);
        }
    }
    for password in [
        StoredPassword::plain(SECRET),
        StoredPassword::md5(MD5),
        StoredPassword::bcrypt_of_md5(BCRYPT_10_OF_MD5),
    ] {
        let password = password.expect("a stored form");
        let form = StoredScheme::from(password.scheme());
        let admin = Admin::new(7, NAME, password, AdminState::WithApiAccess);
        let store = MemoryStore::new([], [admin]).expect("one admin");
        let group = Group::new(format!("username and password of an admin, {form}"));
        mode(group, &store, ["username", "password"], MD5, form, None);
    }
}

/// One mode over a store of one record, by the caller who is in it and by another.
fn mode<'w>(
    mut group: Group<'w>,
    store: &'w MemoryStore<u64>,
    [name_field, secret_field]: [&'static str; 2],
    presented: &'static str,
    form: StoredScheme,
    at_most: Option<f64>,
) {
    let map = HashMap::from([(NAME.to_owned(), 7)]);
    let look_up = move || map.get(black_box(NAME)).copied();
    let look_up = group.floor(Work::new("bare look-up", look_up));
    let check = bare_check(form, presented).map(|check| group.floor(check));
    let floors: Vec<_> = [look_up].into_iter().chain(check).collect();
    let verify = |request: &ApiRequest<'_>| {
        let policy = ApiPolicy::new();
        verify_api_request(request, store, &policy).map(|caller| caller.id)
    };
    for (caller, name) in [("known", NAME), ("unknown", UNKNOWN)] {
        let fields = [(name_field, name), (secret_field, presented)];
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("action", "GetClients"), ("responsetype", "json")])
            .extend_pairs(fields)
            .finish();
        let same_body = body.clone();
        let decoded = move || {
            let fields = black_box(&fields).iter().copied();
            verify(&ApiRequest::from_pairs(fields))
        };
        let raw = move || verify(&ApiRequest::from_form(black_box(&body)));
        assert_eq!(decoded().is_ok(), caller == "known");
        assert_eq!(decoded(), raw());

        let at_most = at_most.filter(|_| caller == "known");
        let decoded = Work::new(format!("decoded fields, {caller}"), decoded);
        let decoded = group.case(decoded, &floors, at_most);
        let decode = Work::new("bare form_urlencoded", move || decode(black_box(&same_body)));
        let decode = group.floor(decode);
        group.case(Work::new(format!("raw body, {caller}"), raw), &[decode, decoded], None);
    }
    group.run();
}

/// The check that the form needs, by the crate that makes it.
fn bare_check(form: StoredScheme, presented: &'static str) -> Option<Work<'static>> {
    let text = presented.as_bytes();
    let is_of_admin = presented == MD5;
    Some(match form {
        StoredScheme::Md5 if !is_of_admin => {
            Work::new("bare Md5", move || Md5::digest(black_box(text)))
        }
        // The password is stored, and its md5 presented.
        StoredScheme::Plain if is_of_admin => {
            Work::new("bare Md5", || Md5::digest(black_box(SECRET)))
        }
        StoredScheme::Sha256 => Work::new("bare Sha256", move || Sha256::digest(black_box(text))),
        StoredScheme::Bcrypt | StoredScheme::BcryptOfMd5 => {
            Work::new("bare bcrypt", move || bcrypt::verify(black_box(text), BCRYPT_10))
        }
        _ => return None,
    })
}
