//! The crate `url` reads every short `goto` that the library offers, and every short base address that it
//! accepts. The first must stay on the site. The second must name the same host as the text does.

use time::OffsetDateTime;
use url::Url;
use whmcs_auth::{AutoAuthKey, Goto, sign_autoauth};

const HOSTILE: &[u8] = b"/\\.:@;%?#a2f\t ";
const LONGEST: u32 = 6;

const BASES: [&str; 2] =
    ["https://billing.example.com/whmcs/dologin.php?email=a", "http://127.0.0.1:8080/"];

#[test]
fn every_short_target_that_is_offered_stays_on_the_site() {
    let bases = BASES.map(|base| base.parse::<Url>().unwrap());
    let leaves = |text: &str| {
        let stays = |base: &Url| base.join(text).is_ok_and(|url| url.origin() == base.origin());
        !bases.iter().all(stays)
    };
    let (mut offered, mut fooled) = (0, 0);
    for length in 1..=LONGEST {
        for number in 0..HOSTILE.len().pow(length) {
            let text = digits(HOSTILE, number, length);
            if matches!(Goto::parse(&text), Goto::SameSite(_)) {
                offered += 1;
                assert!(!leaves(&text), "{text:?}");
            }
            // The control: a check of the first characters only, which accepts `/\`.
            let begins_here = text.starts_with('/') && !text.starts_with("//");
            fooled += usize::from(begins_here && length < 6 && leaves(&text));
        }
    }
    assert!(offered > 100_000, "{offered}");
    assert!(fooled > 1_000, "{fooled}");
}

const HOSTILE_IN_BASE: &[u8] = b"/\\.:@%?#a2[]\t";

#[test]
fn every_short_base_that_is_accepted_is_read_as_it_was_written() {
    let key = AutoAuthKey::new("abcXYZ123").unwrap();
    let clock = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
    let link = sign_autoauth("a@b.c", None, &key, &clock).unwrap();
    let (mut accepted, mut fooled) = (0, 0);
    for length in 1..=LONGEST {
        for number in 0..HOSTILE_IN_BASE.len().pow(length) {
            let rest = digits(HOSTILE_IN_BASE, number, length);
            let base = format!("https://{rest}");
            let authority = rest.split('/').next().unwrap();
            let Ok(url) = link.url(&base) else {
                // The control: a check of the first characters only, which takes the user name for the host.
                let begins_with_host = rest.starts_with("a@") || rest.starts_with("a:");
                let is_elsewhere = |url: Url| url.host_str() != Some("a");
                fooled += usize::from(begins_with_host && base.parse().is_ok_and(is_elsewhere));
                continue;
            };
            accepted += 1;
            let read: Url = url.parse().unwrap_or_else(|error| panic!("{base:?}: {error}"));
            let expected = format!("https://{authority}/").parse::<Url>().unwrap();
            assert_eq!(read.origin(), expected.origin(), "{base:?}");
            let host = authority.split(':').next().unwrap();
            assert!(authority.starts_with('[') || read.host_str() == Some(host), "{base:?}");
            assert_eq!((read.username(), read.password()), ("", None), "{base:?}");
            assert!(read.path().ends_with("/dologin.php"), "{base:?}");
            assert_eq!(read.path().matches('/').count(), url.matches('/').count() - 2, "{base:?}");
            assert_eq!(read.query(), Some(link.query()), "{base:?}");
        }
    }
    assert!(accepted > 400, "{accepted}");
    assert!(fooled > 100, "{fooled}");
}

/// The number, written with the alphabet as digits.
fn digits(alphabet: &[u8], mut number: usize, length: u32) -> String {
    let digit = |_| {
        let digit = alphabet[number % alphabet.len()];
        number /= alphabet.len();
        char::from(digit)
    };
    (0..length).map(digit).collect()
}
