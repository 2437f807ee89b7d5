//! Every short target that is offered stays on the site, as the `url` crate resolves it.

use url::Url;
use whmcs_auth::Goto;

const HOSTILE: &[u8] = b"/\\.:@;%?#a2f\t ";
const LONGEST: u32 = 6;

const BASES: [&str; 2] = [
    "https://billing.example.com/whmcs/dologin.php?email=a",
    "http://127.0.0.1:8080/",
];

#[test]
fn every_short_target_that_is_offered_stays_on_the_site() {
    let bases = BASES.map(|base| base.parse::<Url>().unwrap());
    let leaves = |text: &str| {
        let stays = |base: &Url| {
            base.join(text)
                .is_ok_and(|url| url.origin() == base.origin())
        };
        !bases.iter().all(stays)
    };
    let (mut offered, mut fooled) = (0, 0);
    for length in 1..=LONGEST {
        for number in 0..HOSTILE.len().pow(length) {
            let text = digits(number, length);
            if matches!(Goto::judge(&text), Goto::SameSite { .. }) {
                offered += 1;
                assert!(!leaves(&text), "{text:?}");
            }
            // The control: a check of the beginning, which lets `/\` through.
            let begins_here = text.starts_with('/') && !text.starts_with("//");
            fooled += usize::from(begins_here && length < 6 && leaves(&text));
        }
    }
    assert!(offered > 100_000, "{offered}");
    assert!(fooled > 1_000, "{fooled}");
}

/// The number, written in digits of the alphabet.
fn digits(mut number: usize, length: u32) -> String {
    let digit = |_| {
        let digit = HOSTILE[number % HOSTILE.len()];
        number /= HOSTILE.len();
        char::from(digit)
    };
    (0..length).map(digit).collect()
}
