//! The stored forms of an admin's password.

mod vectors;

use whmcs_auth::*;

/// Md5 of `password`, and the bcrypt of that.
const MD5: &str = "5f4dcc3b5aa765d61d8327deb882cf99";
/// The bcrypt of the md5 of `F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo`.
const BCRYPT: &str = "$2y$04$CCCCCCCCCCCCCCCCCCCCC.ok.6/RtMV8m3bCIP8kVTzrJDJX.L3x.";
const MD5_IN_BCRYPT: &str = "dfe5ba0e7087a156ebd220df0bca1dd4";

fn verify(password: &StoredPassword, presented: &str) -> Result<ApiCaller<u64>, ApiRefusal> {
    let record = Admin::new(7, "admin", password.clone(), AdminState::WithApiAccess);
    let expected = ExpectedSchemes::new(SecretScheme::Plain, password.scheme());
    let request = ApiRequest::from_pairs([("username", "admin"), ("password", presented)]);
    request.attempt().decide(None, Some(&record), expected, &ApiPolicy::new())
}

/// Each form this build knows, with the md5 it accepts.
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
fn every_form_accepts_the_md5_in_either_case_and_nothing_else() {
    for (password, md5) in all_schemes() {
        let caller = verify(&password, md5).unwrap();
        assert_eq!((caller.id, caller.mode), (7, ApiMode::AdminLogin));
        assert_eq!(caller.scheme, password.scheme().into());
        assert!(caller.presented_md5);
        assert!(verify(&password, &md5.to_uppercase()).is_ok());

        let last = if md5.ends_with('9') { "8" } else { "5" };
        for other in [format!("{}{last}", &md5[..31]), format!("e{}", &md5[1..]), "0".repeat(32)] {
            assert_eq!(verify(&password, &other), Err(ApiRefusal::WrongPassword), "{other}");
        }
        for other in [
            "password",
            "F1CKGXRIpylMfsrig3mwwdSdYUdLiFlo",
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
fn the_caller_is_told_through_which_scheme() {
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

/// PHP's `==` takes two strings of the form `0e` and digits for the number 0.
#[test]
fn magic_hashes_are_not_equal() {
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

/// A stored digest of zeros, as somebody may have written for "no password", and the bcrypt of one.
#[test]
fn what_is_no_md5_matches_no_digest_of_zeros() {
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
fn php_agrees() {
    let mut checked = 0;
    let rows = vectors::rows(include_str!("vectors/stored.tsv"));
    for [kind, form, presented, stored, verdict] in rows {
        let password = match (kind, form) {
            ("password", "md5") => StoredPassword::md5(stored),
            ("password", "bcrypt") if cfg!(feature = "bcrypt") => {
                StoredPassword::bcrypt_of_md5(stored)
            }
            _ => continue,
        };
        let accepted = verify(&password.unwrap(), presented).is_ok();
        assert_eq!(accepted, verdict == "match", "{form} {presented}");
        checked += 1;
    }
    assert_eq!(checked, if cfg!(feature = "bcrypt") { 22 } else { 5 });
}

#[test]
fn each_constructor_takes_its_form_and_says_what_is_wrong() {
    use SchemeError::*;

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
fn bcrypt_needs_its_feature() {
    use SchemeError::*;

    if cfg!(feature = "bcrypt") {
        let form = PasswordScheme::BcryptOfMd5(whmcs_auth::BcryptCost::new(4).unwrap());
        for version in ["$2a", "$2b", "$2y"] {
            let text = BCRYPT.replace("$2y", version);
            assert_eq!(StoredPassword::bcrypt_of_md5(&text).unwrap().scheme(), form);
            assert_eq!(StoredPassword::detect(&text).unwrap().scheme(), form);
        }
        assert_eq!(StoredPassword::bcrypt_of_md5(MD5).unwrap_err(), NotBcrypt);
        assert_eq!(StoredPassword::detect("$2y$").unwrap_err(), NotBcrypt);
    } else {
        let off = FeatureOff { feature: "bcrypt" };
        assert_eq!(StoredPassword::bcrypt_of_md5(BCRYPT).unwrap_err(), off);
        assert_eq!(StoredPassword::detect(BCRYPT).unwrap_err(), off);
    }
}
