//! API-2 and API-4: how the password of an admin is stored.

use whmcs_auth::{
    ApiMode, ApiRefusal, BcryptCost, Field, Malformed, PasswordScheme, SchemeError, StoredPassword,
};

use crate::common::{
    BCRYPT_OF_MD5 as BCRYPT, PASSWORD_MD5 as MD5, SECRET, SECRET_MD5 as MD5_IN_BCRYPT,
    verify_password as verify,
};

/// A password under every scheme that this build has, with the md5 that it accepts.
fn all_schemes() -> Vec<(StoredPassword, &'static str)> {
    let mut schemes = vec![
        (StoredPassword::plain("password").unwrap(), MD5),
        (StoredPassword::md5(MD5).unwrap(), MD5),
    ];
    if cfg!(feature = "bcrypt") {
        schemes.push((StoredPassword::bcrypt_of_md5(BCRYPT).unwrap(), MD5_IN_BCRYPT));
    }
    schemes
}

#[test]
fn api_2_every_scheme_accepts_the_md5_in_either_case_and_nothing_else() {
    for (password, md5) in all_schemes() {
        let caller = verify(&password, md5).unwrap();
        assert_eq!((caller.id, caller.mode), (8, ApiMode::AdminLogin));
        assert_eq!(caller.scheme, password.scheme().into());
        assert!(caller.presented_md5);
        assert!(verify(&password, &md5.to_uppercase()).is_ok());

        let last = if md5.ends_with('9') { "8" } else { "5" };
        for other in [format!("{}{last}", &md5[..31]), format!("e{}", &md5[1..]), "0".repeat(32)] {
            assert_eq!(verify(&password, &other), Err(ApiRefusal::WrongPassword), "{other}");
        }
        for other in [
            "password",
            SECRET,
            &md5[1..],
            &format!("{md5}0"),
            &format!("{md5} "),
            &format!(" {}", &md5[1..]),
            &md5.replace('d', "g"),
            "0",
            "0e0",
            "true",
            BCRYPT,
        ] {
            assert_eq!(verify(&password, other), Err(ApiRefusal::PasswordNotMd5), "{other}");
        }
    }
}

#[test]
fn the_caller_has_the_scheme_that_matched() {
    let schemes: Vec<_> = all_schemes()
        .iter()
        .map(|(password, presented)| {
            let caller = verify(password, presented).unwrap();
            assert!(caller.presented_md5);
            assert_eq!(caller.scheme, password.scheme().into());
            caller.scheme.to_string()
        })
        .collect();
    let mut expected = vec!["plain", "md5"];
    if cfg!(feature = "bcrypt") {
        expected.push("bcrypt-of-md5");
    }
    assert_eq!(schemes, expected);
}

/// PHP's `==` reads two strings of `0e` and digits as the number 0, and so as equal.
#[test]
fn api_2_magic_hashes_are_not_equal() {
    let stored = StoredPassword::plain("240610708").unwrap();
    let magic = "0e462097431906509019562988736854";
    let other = "0e830400451993494058024219903391";
    assert!(verify(&stored, magic).is_ok());
    for stored in [stored, StoredPassword::md5(magic).unwrap()] {
        assert_eq!(verify(&stored, other), Err(ApiRefusal::WrongPassword));
        for text in ["0", "0e0", "0E0", "0.0", "true", "QNKCDZO", "240610708"] {
            assert_eq!(verify(&stored, text), Err(ApiRefusal::PasswordNotMd5));
        }
        let missing = Malformed::Missing(Field::Password);
        assert_eq!(verify(&stored, ""), Err(missing.into()));
    }
}

/// Somebody may have stored a digest of zeros, or the bcrypt of one, for "no password".
#[test]
fn api_2_a_value_that_is_no_md5_never_matches_a_digest_of_zeros() {
    let zeros = "0".repeat(32);
    let mut stored = vec![StoredPassword::md5(&zeros).unwrap()];
    if cfg!(feature = "bcrypt") {
        let text = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.wGrBZu24Cynes3.dBKyaOeEpUmCGkry";
        stored.push(StoredPassword::bcrypt_of_md5(text).unwrap());
    }
    for password in stored {
        assert!(verify(&password, &zeros).is_ok());
        for other in ["x", "0", &zeros[1..], &format!("{zeros}0"), &format!("{}g", &zeros[1..])] {
            assert_eq!(verify(&password, other), Err(ApiRefusal::PasswordNotMd5), "{other}");
        }
    }
}

#[test]
fn api_4_each_constructor_takes_its_scheme_or_says_what_is_wrong() {
    use SchemeError::{Empty, NotHex, UnknownScheme};

    for (built, error) in [
        (StoredPassword::plain(""), Empty),
        (StoredPassword::md5(""), NotHex { digits: 32 }),
        (StoredPassword::md5("password"), NotHex { digits: 32 }),
        (StoredPassword::md5(&MD5[1..]), NotHex { digits: 32 }),
        (StoredPassword::detect(""), UnknownScheme),
        (StoredPassword::detect("password"), UnknownScheme),
        (StoredPassword::detect(&format!("sha256:{}", "0".repeat(64))), UnknownScheme),
        (StoredPassword::detect(&BCRYPT.replace("$2y", "$2x")), UnknownScheme),
    ] {
        assert_eq!(built.unwrap_err(), error);
    }
    // A password may be longer than anything that can be presented.
    assert!(StoredPassword::plain("x".repeat(2000)).is_ok());
    assert_eq!(StoredPassword::detect(MD5).unwrap().scheme(), PasswordScheme::Md5);
}

#[test]
fn api_4_bcrypt_without_its_feature_is_an_error() {
    use SchemeError::{FeatureOff, NotBcrypt};

    if cfg!(feature = "bcrypt") {
        let scheme = PasswordScheme::BcryptOfMd5(BcryptCost::new(4).unwrap());
        for version in ["$2a", "$2b", "$2y"] {
            let text = BCRYPT.replace("$2y", version);
            assert_eq!(StoredPassword::bcrypt_of_md5(&text).unwrap().scheme(), scheme);
            assert_eq!(StoredPassword::detect(&text).unwrap().scheme(), scheme);
        }
        assert_eq!(StoredPassword::bcrypt_of_md5(MD5).unwrap_err(), NotBcrypt);
        assert_eq!(StoredPassword::detect("$2y$").unwrap_err(), NotBcrypt);
    } else {
        let off = FeatureOff { feature: "bcrypt" };
        assert_eq!(StoredPassword::bcrypt_of_md5(BCRYPT).unwrap_err(), off);
        assert_eq!(StoredPassword::detect(BCRYPT).unwrap_err(), off);
    }
}
