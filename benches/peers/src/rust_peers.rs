//! The library, its floor, and other crates that verify a signed message.

use std::hint::black_box;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::hmac as ring_hmac;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook,
};
use whmcs_auth::time::OffsetDateTime;
use whmcs_auth::{AutoAuthKey, AutoAuthKeys, AutoAuthPolicy, AutoAuthRequest, verify_autoauth};
use whmcs_auth_benches::measure::Work;

use crate::contestant::Contestant;
use crate::message;

pub const LIBRARY: &str = "whmcs-auth";
const HMAC_KEY: &[u8; 32] = b"a key of thirty-two bytes, shown";

pub fn all() -> Vec<Contestant> {
    let mut all = vec![library(), floor()];
    all.extend(rust_crypto());
    all.extend(ring());
    all.extend([webhooks(), tokens()]);
    all
}

fn library() -> Contestant {
    let keys = AutoAuthKeys::from(AutoAuthKey::new(message::KEY).expect("a key"));
    let now = OffsetDateTime::from_unix_timestamp(message::NOW).expect("a time");
    let policy = AutoAuthPolicy::new();
    let fields =
        |email| [("email", email), ("timestamp", message::TIMESTAMP), ("hash", message::HASH)];
    Contestant::verifier(
        LIBRARY,
        "`from_pairs` and `verify_autoauth`, one key",
        [message::EMAIL, "customer@my.example.net"].map(fields),
        move |fields| {
            let request = AutoAuthRequest::from_pairs(*fields);
            // The compiler must not drop the parts of a login that nothing reads.
            black_box(&verify_autoauth(&request, &keys, &now, &policy)).is_ok()
        },
        |accepted| accepted,
    )
}

fn floor() -> Contestant {
    let text = message::text();
    let digest = move || Sha1::digest(black_box(&text));
    Contestant::new(Work::new("floor: bare SHA-1", digest), "`Sha1::digest` alone")
}

/// A text with its tag, and another text with the same tag.
fn tagged<T: Clone>(sign: impl Fn(&[u8]) -> T) -> [(Vec<u8>, T); 2] {
    let genuine = message::text().into_bytes();
    let mut tampered = genuine.clone();
    tampered[0] ^= 1;
    let tag = sign(&genuine);
    [(genuine, tag.clone()), (tampered, tag)]
}

fn rust_crypto() -> [Contestant; 2] {
    let prepared = Hmac::<Sha256>::new_from_slice(HMAC_KEY).expect("a key");
    let sign = |text: &[u8]| -> [u8; 32] {
        let signed = prepared.clone().chain_update(text);
        signed.finalize().into_bytes().into()
    };
    let messages = tagged(sign);
    let one_shot = Contestant::verifier(
        "hmac + sha2, one-shot",
        "HMAC-SHA256: `new_from_slice`, `update`, `verify_slice`",
        messages.clone(),
        |(text, tag)| {
            let keyed = Hmac::<Sha256>::new_from_slice(black_box(HMAC_KEY)).expect("a key");
            keyed.chain_update(text).verify_slice(tag)
        },
        |outcome| outcome.is_ok(),
    );
    let key_built_once = Contestant::verifier(
        "hmac + sha2, key built once",
        "HMAC-SHA256: keyed state cloned, `update`, `verify_slice`",
        messages,
        move |(text, tag)| prepared.clone().chain_update(text).verify_slice(tag),
        |outcome| outcome.is_ok(),
    );
    [one_shot.at_least(1.3), key_built_once.at_least(1.0)]
}

fn ring() -> [Contestant; 2] {
    let new_key = || ring_hmac::Key::new(ring_hmac::HMAC_SHA256, black_box(HMAC_KEY));
    let key = new_key();
    let messages = tagged(|text| ring_hmac::sign(&key, text));
    let one_shot = Contestant::verifier(
        "ring, one-shot",
        "HMAC-SHA256: `Key::new`, `verify`",
        messages.clone(),
        move |(text, tag)| ring_hmac::verify(&new_key(), text, tag.as_ref()),
        |outcome| outcome.is_ok(),
    );
    let key_built_once = Contestant::verifier(
        "ring, key built once",
        "HMAC-SHA256: `verify`",
        messages,
        move |(text, tag)| ring_hmac::verify(&key, text, tag.as_ref()),
        |outcome| outcome.is_ok(),
    );
    [one_shot, key_built_once].map(|contestant| contestant.at_least(1.0))
}

fn webhooks() -> Contestant {
    let webhook = Webhook::from_bytes(HMAC_KEY.to_vec()).expect("a key");
    let id = "m";
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let messages = tagged(|text| {
        let signature = webhook.sign(id, now, text).expect("a signature");
        let header = |value: &str| HeaderValue::from_str(value).expect("a header");
        HeaderMap::from_iter([
            (HEADER_WEBHOOK_ID.parse().expect("a name"), header(id)),
            (HEADER_WEBHOOK_TIMESTAMP.parse().expect("a name"), header(&now.to_string())),
            (HEADER_WEBHOOK_SIGNATURE.parse().expect("a name"), header(&signature)),
        ])
    });
    Contestant::verifier(
        "standardwebhooks",
        "`Webhook::verify`; reads the system clock",
        messages,
        move |(text, headers)| webhook.verify(text, headers),
        |outcome| outcome.is_ok(),
    )
    .at_least(10.0)
}

#[derive(Deserialize, Serialize)]
struct Claims {
    sub: String,
    exp: i64,
}

fn tokens() -> Contestant {
    let sign = |sub: &str| {
        let exp = OffsetDateTime::now_utc().unix_timestamp() + 900;
        let claims = Claims { sub: sub.to_owned(), exp };
        let json = serde_json::to_string(&claims).expect("JSON");
        assert_eq!(json.len(), message::text().len());
        let key = EncodingKey::from_secret(HMAC_KEY);
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).expect("a token")
    };
    let genuine = sign("customer@orders.example.com");
    let other = sign("customer@orders.example.net");
    // The claims of one token with the signature of the other.
    let (claims, _) = other.rsplit_once('.').expect("a token");
    let (_, signature) = genuine.rsplit_once('.').expect("a token");
    let tampered = format!("{claims}.{signature}");

    let key = DecodingKey::from_secret(HMAC_KEY);
    let validation = Validation::new(Algorithm::HS256);
    Contestant::verifier(
        "jsonwebtoken",
        "HS256: `decode` with `exp`; reads the system clock",
        [genuine, tampered],
        move |token| jsonwebtoken::decode::<Claims>(token, &key, &validation),
        |outcome| outcome.is_ok(),
    )
    .at_least(10.0)
}
