//! Counts the instructions of a diagnosis over hostile requests, each in two lengths. It fails if the longer one
//! costs more than its length explains, or if a byte costs more than [`MOST_A_BYTE`].

use std::hint::black_box;
use std::process::ExitCode;

use whmcs_auth::diagnose;
use whmcs_auth_valgrind::*;

/// The lengths, in bytes. A service refuses longer bodies.
const LENGTHS: [usize; 2] = [1 << 16, 1 << 18];
/// The ratio of the two lengths, and a tenth for what does not depend on the length.
const MOST_TIMES: f64 = 4.4;
const MOST_A_BYTE: u64 = 100;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

/// What stands at the beginning, and what is repeated.
const REQUESTS: [(&str, &str); 29] = [
    ("", "x&"),
    ("", "x=&"),
    ("", "&"),
    ("", "="),
    ("", "api_identifierx=&"),
    ("", "secret=s&"),
    ("", "secret=s&x&"),
    ("", "data[secret]=&"),
    ("", "amp;amp;amp;amp;amp;secret=&"),
    ("", "x=%7B%22&"),
    ("", "{\" "),
    ("", " "),
    ("", "\r\n"),
    ("", "%20"),
    ("secret=", "%2525"),
    ("secret=", "%26%23039%3B"),
    ("secret=", ";secret="),
    ("email=", "timestamp="),
    ("hash=", "0a"),
    ("timestamp=", "1.e"),
    ("goto=", "%2F.%2F"),
    ("", "json=%6Ason&"),
    ("", "emails=&"),
    ("", "content-typ=json&"),
    ("goto=a?b", "&id=5"),
    ("goto=a?b", "&utm_source=x"),
    ("username=", "a@b."),
    ("secret=", "%7B%7B"),
    ("secret=", "xx"),
];

fn main() -> ExitCode {
    let mut works: Vec<(&str, Work)> = Vec::new();
    for (start, part) in REQUESTS {
        works.extend(LENGTHS.map(|length| ("diagnosed", diagnosis(start, part, length))));
    }
    // The control takes four times the time for twice the length.
    works.extend(LENGTHS.map(|length| ("compared", comparison(length / 64))));
    let counted: Vec<_> = works.iter().map(|(code, work)| (*code, work)).collect();
    let counts = callgrind::counts(&counted);
    let times: Vec<_> = counts.chunks(2).map(|pair| pair[1] as f64 / pair[0] as f64).collect();

    let mut passed = true;
    for (((start, part), times), pair) in REQUESTS.iter().zip(&times).zip(counts.chunks(2)) {
        let a_byte = pair[1] / LENGTHS[1] as u64;
        let is_bounded = *times <= MOST_TIMES && a_byte <= MOST_A_BYTE;
        passed &= is_bounded;
        let verdict = if is_bounded { "ok" } else { "TOO MANY" };
        println!("{times:>5.2} times  {a_byte:>4} a byte  {verdict}  {start:?} {part:?}");
    }
    if times.last().is_none_or(|times| *times <= MOST_TIMES) {
        passed = false;
        println!("THE CONTROL DID NOT FAIL");
    }
    match passed {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn diagnosis(start: &str, part: &str, length: usize) -> Work {
    let mut text = start.to_owned() + &part.repeat(length / part.len() + 1);
    text.truncate(length);
    Box::new(move || {
        let _ = black_box(diagnose::api(black_box(&text), FORM, black_box(&text)));
        let _ = black_box(diagnose::link(black_box(&text)));
        "diagnosed"
    })
}

/// Compares each byte with each other.
fn comparison(length: usize) -> Work {
    let text = vec![0_u8; length];
    Box::new(move || {
        let text = black_box(&text);
        for byte in text {
            black_box(text.iter().filter(|other| *other == byte).count());
        }
        "compared"
    })
}
