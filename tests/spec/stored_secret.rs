//! API-2, API-4 and API-5: how the secret of an API credential is stored.

use whmcs_auth::{BcryptCost, SchemeError, SecretScheme, StoredSecret};

use crate::common::{
    SECRET, SECRET_BCRYPT as BCRYPT, SECRET_MD5 as MD5, SECRET_SHA256 as SHA256, login, pair,
    verify_secret,
};

/// Whether the secret is accepted. Both modes of a credential must agree.
fn accepts(secret: &StoredSecret, presented: &str) -> bool {
    let by_pair = verify_secret(secret, pair("id", presented));
    let by_login = verify_secret(secret, login("id", presented));
    assert_eq!(by_pair.is_ok(), by_login.is_ok(), "{presented}");
    by_pair.is_ok()
}

/// The same secret under every scheme that this build has.
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
fn api_2_every_scheme_accepts_the_raw_secret_and_nothing_else() {
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
fn api_2_every_digit_of_a_digest_is_compared() {
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
fn api_2_a_stored_digest_is_never_accepted_as_the_secret() {
    for secret in all_schemes() {
        for stolen in [MD5, &MD5.to_uppercase(), SHA256, &format!("sha256:{SHA256}"), BCRYPT] {
            assert!(!accepts(&secret, stolen), "{secret:?} {stolen}");
        }
    }
}

#[test]
fn the_caller_has_the_scheme_that_matched() {
    let schemes: Vec<_> = all_schemes()
        .iter()
        .map(|secret| {
            let caller = verify_secret(secret, pair("id", SECRET)).unwrap();
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

#[cfg(feature = "bcrypt")]
#[test]
fn api_5_bcrypt_never_matches_a_secret_that_it_would_cut() {
    let [a71, a72] = [71, 72].map(|length| "a".repeat(length));
    let of_a71 = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ZP48wSDJeZC4KEEZRkahyfLke0vxZNC";
    let of_a72 = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.mDyzbhj.9K0apb9O/AGMWwoLXiYAu6u";
    let [of_a71, of_a72] = [of_a71, of_a72].map(|text| StoredSecret::bcrypt(text).unwrap());
    assert!(accepts(&of_a71, &a71));
    assert!(!accepts(&of_a72, &a72));
    assert!(!accepts(&of_a72, &format!("{a72}X")));
    assert!(!accepts(&of_a72, &format!("{a72}Y")));
    // Bcrypt repeats its input with a NUL after each: it reads `repeated` as it reads the secret.
    let repeated = format!("\0{SECRET}");
    for suffix in ["\0", "\0x", &repeated] {
        assert!(!accepts(&StoredSecret::bcrypt(BCRYPT).unwrap(), &format!("{SECRET}{suffix}")));
    }
}

#[test]
fn api_4_each_constructor_takes_its_scheme_or_says_what_is_wrong() {
    use SchemeError::{Empty, NotHex, TooLong, UnknownScheme};

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
fn api_4_sha256_without_its_feature_is_an_error() {
    use SchemeError::{FeatureOff, NotHex};

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
fn api_4_bcrypt_without_its_feature_is_an_error() {
    use SchemeError::{FeatureOff, NotBcrypt};

    if cfg!(feature = "bcrypt") {
        let scheme = SecretScheme::Bcrypt(BcryptCost::new(4).unwrap());
        for version in ["$2a", "$2b", "$2y"] {
            let text = BCRYPT.replace("$2y", version);
            assert_eq!(StoredSecret::bcrypt(&text).unwrap().scheme(), scheme);
            assert_eq!(StoredSecret::detect(&text).unwrap().scheme(), scheme);
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
            assert_eq!(StoredSecret::bcrypt(&text).unwrap_err(), SchemeError::BcryptCost, "{text}");
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
