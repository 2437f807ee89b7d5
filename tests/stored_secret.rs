//! The stored forms of an API credential's secret.

mod vectors;

use whmcs_auth::*;

const SECRET: &str = "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo";
const MD5: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";
const SHA256: &str = "17be093101867c3afeefeaccdc7db263ee12543e58d488ccb9eb262d2fe840e0";
const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.vqsu.ZuIKlbpeqslD19MBS9Vp28fjgm";

fn verify(secret: &StoredSecret, pairs: [(&str, &str); 2]) -> Result<ApiCaller<u64>, ApiRefusal> {
    let record = ApiCredential::new(7, "id", secret.clone(), AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(secret.scheme(), PasswordScheme::Md5);
    let request = ApiRequest::from_pairs(pairs);
    request.attempt().decide(Some(&record), None, expected, &ApiPolicy::new())
}

/// In both modes of a credential, which agree.
fn accepts(secret: &StoredSecret, presented: &str) -> bool {
    let by_pair = verify(secret, [("identifier", "id"), ("secret", presented)]);
    let by_login = verify(secret, [("username", "id"), ("password", presented)]);
    assert_eq!(by_pair.is_ok(), by_login.is_ok(), "{presented}");
    by_pair.is_ok()
}

/// Every form of the one secret that this build knows.
fn all_schemes() -> Vec<StoredSecret> {
    let mut schemes = vec![StoredSecret::plain(SECRET).unwrap(), StoredSecret::md5(MD5).unwrap()];
    if cfg!(feature = "sha2") {
        schemes.push(StoredSecret::sha256(SHA256).unwrap());
    }
    if cfg!(feature = "bcrypt") {
        schemes.push(StoredSecret::bcrypt(BCRYPT).unwrap());
    }
    schemes
}

#[test]
fn every_form_accepts_the_raw_secret_and_nothing_else() {
    for secret in all_schemes() {
        assert!(accepts(&secret, SECRET), "{secret:?}");
        for other in [
            &SECRET[1..],
            &SECRET[..31],
            &format!("{SECRET}x"),
            &format!("{SECRET} "),
            &SECRET.to_lowercase(),
            &SECRET.to_uppercase(),
            &format!("G{}", &SECRET[1..]),
            &format!("{}p", &SECRET[..31]),
            "x",
            "0",
        ] {
            assert!(!accepts(&secret, other), "{secret:?} {other}");
        }
    }
}

#[test]
fn a_digest_is_compared_whole() {
    let with_digit = |digest: &str, index: usize| {
        let digit = if &digest[index..=index] == "0" { "1" } else { "0" };
        let mut changed = digest.to_owned();
        changed.replace_range(index..=index, digit);
        changed
    };
    for index in 0..MD5.len() {
        let changed = StoredSecret::md5(&with_digit(MD5, index)).unwrap();
        assert!(!accepts(&changed, SECRET), "{index}");
    }
    if cfg!(feature = "sha2") {
        for index in 0..SHA256.len() {
            let changed = StoredSecret::sha256(&with_digit(SHA256, index)).unwrap();
            assert!(!accepts(&changed, SECRET), "{index}");
        }
    }
}

#[test]
fn a_stored_digest_is_never_the_secret() {
    for secret in all_schemes() {
        for stolen in [MD5, &MD5.to_uppercase(), SHA256, &format!("sha256:{SHA256}"), BCRYPT] {
            assert!(!accepts(&secret, stolen), "{secret:?} {stolen}");
        }
    }
}

#[test]
fn the_caller_is_told_through_which_scheme() {
    let schemes: Vec<_> = all_schemes()
        .iter()
        .map(|secret| {
            let caller = verify(secret, [("identifier", "id"), ("secret", SECRET)]).unwrap();
            assert!(!caller.presented_md5);
            assert_eq!(caller.scheme, secret.scheme().into());
            caller.scheme.to_string()
        })
        .collect();
    let mut expected = vec!["plain", "md5"];
    if cfg!(feature = "sha2") {
        expected.push("sha256");
    }
    if cfg!(feature = "bcrypt") {
        expected.push("bcrypt");
    }
    assert_eq!(schemes, expected);
}

#[test]
fn php_agrees() {
    let mut checked = 0;
    let rows = vectors::rows(include_str!("vectors/stored.tsv"));
    for [kind, form, presented, stored, verdict] in rows {
        let secret = match (kind, form) {
            ("secret", "md5") => StoredSecret::md5(stored),
            ("secret", "sha256") if cfg!(feature = "sha2") => StoredSecret::sha256(stored),
            ("secret", "bcrypt") if cfg!(feature = "bcrypt") => StoredSecret::bcrypt(stored),
            _ => continue,
        };
        // PHP cuts what it hashes at 72 bytes, so that longer secrets share a hash: never ours.
        let is_cut = form == "bcrypt" && presented.len() > 71;
        let expected = verdict == "match" && !is_cut;
        assert_eq!(accepts(&secret.unwrap(), presented), expected, "{form} {presented}");
        checked += 1;
    }
    let sha256 = if cfg!(feature = "sha2") { 5 } else { 0 };
    let bcrypt = if cfg!(feature = "bcrypt") { 16 } else { 0 };
    assert_eq!(checked, 5 + sha256 + bcrypt);
}

#[cfg(feature = "bcrypt")]
#[test]
fn bcrypt_never_matches_by_a_beginning() {
    let [a71, a72] = [71, 72].map(|length| "a".repeat(length));
    let stored = |presented: &str| {
        vectors::rows(include_str!("vectors/stored.tsv"))
            .find(|[_, form, text, ..]: &[_; 5]| *form == "bcrypt" && *text == presented)
            .map(|[_, _, _, stored, _]| StoredSecret::bcrypt(stored).unwrap())
            .unwrap()
    };
    assert!(accepts(&stored(&a71), &a71));
    assert!(!accepts(&stored(&a72), &a72));
    assert!(!accepts(&stored(&a72), &format!("{a72}X")));
    assert!(!accepts(&stored(&a72), &format!("{a72}Y")));
    // The key is read in rounds, each ended by a NUL, so that the third is the secret's own.
    let rounds = format!("\0{SECRET}");
    for suffix in ["\0", "\0x", &rounds] {
        assert!(!accepts(&StoredSecret::bcrypt(BCRYPT).unwrap(), &format!("{SECRET}{suffix}")));
    }
}

#[test]
fn each_constructor_takes_its_form_and_says_what_is_wrong() {
    use SchemeError::*;

    let too_long = "x".repeat(1025);
    for (built, error) in [
        (StoredSecret::plain(""), Empty),
        (StoredSecret::plain(too_long.as_str()), TooLong),
        (StoredSecret::md5(""), NotHex { digits: 32 }),
        (StoredSecret::md5(&MD5[1..]), NotHex { digits: 32 }),
        (StoredSecret::md5(SHA256), NotHex { digits: 32 }),
        (StoredSecret::md5("dfe5ba0e7087a156ebd220df0bca1ddg"), NotHex { digits: 32 }),
        (StoredSecret::md5(" dfe5ba0e7087a156ebd220df0bca1dd"), NotHex { digits: 32 }),
        (StoredSecret::detect(""), UnknownScheme),
        (StoredSecret::detect(SECRET), UnknownScheme),
        (StoredSecret::detect(&MD5[1..]), UnknownScheme),
        (StoredSecret::detect(SHA256), UnknownScheme),
        (StoredSecret::detect("SHA256:"), UnknownScheme),
        (StoredSecret::detect("$argon2id$v=19$"), UnknownScheme),
        (StoredSecret::detect(&BCRYPT.replace("$2y", "$2x")), UnknownScheme),
        (StoredSecret::detect(&BCRYPT.replace("$2y", "$2")), UnknownScheme),
    ] {
        assert_eq!(built.unwrap_err(), error);
    }
    assert!(StoredSecret::plain("x".repeat(1024)).is_ok());
    assert_eq!(StoredSecret::md5(&MD5.to_uppercase()).unwrap().scheme(), SecretScheme::Md5);
    assert_eq!(StoredSecret::detect(MD5).unwrap().scheme(), SecretScheme::Md5);
}

#[test]
fn sha256_needs_its_feature() {
    use SchemeError::*;

    let prefixed = format!("sha256:{SHA256}");
    if cfg!(feature = "sha2") {
        assert_eq!(StoredSecret::sha256(SHA256).unwrap().scheme(), SecretScheme::Sha256);
        assert_eq!(StoredSecret::detect(&prefixed).unwrap().scheme(), SecretScheme::Sha256);
        for text in ["", MD5, &prefixed, &SHA256[1..]] {
            assert_eq!(StoredSecret::sha256(text).unwrap_err(), NotHex { digits: 64 });
        }
        assert_eq!(StoredSecret::detect("sha256:").unwrap_err(), NotHex { digits: 64 });
    } else {
        let off = FeatureOff { feature: "sha2" };
        assert_eq!(StoredSecret::sha256(SHA256).unwrap_err(), off);
        assert_eq!(StoredSecret::detect(&prefixed).unwrap_err(), off);
    }
}

#[test]
fn bcrypt_needs_its_feature() {
    use SchemeError::*;

    if cfg!(feature = "bcrypt") {
        let form = SecretScheme::Bcrypt(whmcs_auth::BcryptCost::new(4).unwrap());
        for version in ["$2a", "$2b", "$2y"] {
            let text = BCRYPT.replace("$2y", version);
            assert_eq!(StoredSecret::bcrypt(&text).unwrap().scheme(), form);
            assert_eq!(StoredSecret::detect(&text).unwrap().scheme(), form);
        }
        for text in [
            "",
            MD5,
            "$2y$",
            &BCRYPT[..59],
            &format!("{BCRYPT}."),
            &BCRYPT.replace("$2y", "$2x"),
            &BCRYPT.replace("$04", "$+4"),
            &BCRYPT.replace("$04", "$4x"),
            &BCRYPT.replace("C.vq", "C.!q"),
            &BCRYPT.replace("vq", "ü"),
        ] {
            assert_eq!(StoredSecret::bcrypt(text).unwrap_err(), NotBcrypt, "{text}");
        }
        for cost in ["03", "00", "32", "99"] {
            let text = BCRYPT.replace("$04", &format!("${cost}"));
            assert_eq!(StoredSecret::bcrypt(&text).unwrap_err(), BcryptCost, "{text}");
        }
        assert_eq!(StoredSecret::detect("$2y$").unwrap_err(), NotBcrypt);
    } else {
        let off = FeatureOff { feature: "bcrypt" };
        assert_eq!(StoredSecret::bcrypt(BCRYPT).unwrap_err(), off);
        assert_eq!(StoredSecret::detect(BCRYPT).unwrap_err(), off);
    }
}

#[test]
fn a_bcrypt_cost_is_4_to_31() {
    for cost in 4..=31 {
        assert_eq!(u32::from(BcryptCost::new(cost).unwrap()), cost);
    }
    for cost in [0, 3, 32, 260, u32::MAX] {
        assert_eq!(BcryptCost::new(cost), Err(SchemeError::BcryptCost));
    }
}

#[test]
fn every_error_says_what_is_wanted() {
    use SchemeError::*;

    for (error, message) in [
        (Empty, "a stored secret or password cannot be empty"),
        (TooLong, "a plain secret is at most 1024 bytes long"),
        (NotHex { digits: 64 }, "the digest is not 64 hexadecimal digits"),
        (NotBcrypt, "the text is not a bcrypt string of version 2a, 2b or 2y"),
        (BcryptCost, "a bcrypt cost is between 4 and 31"),
        (UnknownScheme, "the form of the text is not known; name it by its own constructor"),
        (FeatureOff { feature: "sha2" }, "the form needs the crate's feature `sha2`"),
    ] {
        assert_eq!(error.to_string(), message);
    }
}
