//! Odd visits of login links.

use std::collections::HashMap;

use whmcs_auth_odd_requests::{SIGNED, Visit, visits};

use crate::Subject;
use crate::program::Program;

/// How often each code was answered so far.
fn codes(program: &Program) -> HashMap<String, u64> {
    let (_, text) = program.ask("/metrics");
    let counts = text.lines().filter_map(|line| {
        let (labels, count) = line.strip_prefix("whmcs_auth_answers_total{")?.split_once("} ")?;
        let (_, code) = labels.split_once(r#"code=""#)?;
        Some((code.trim_end_matches('"').to_owned(), count.parse().unwrap()))
    });
    counts.collect()
}

/// The code that was counted for this visit, and the status of its answer.
fn answer(program: &Program, visit: &Visit, passed_on: Option<&str>) -> (String, u16) {
    let before = codes(program);
    let (page, link) = program.link.split_once('?').unwrap();
    let signed = link.split_once("&goto=").map_or(link, |(signed, _)| signed);
    let query = visit.query.replace(SIGNED, signed);
    let request =
        |query: &str| program.request(visit.method, &format!("{page}?{query}"), visit.headers).0;
    let status = match (request(&query), passed_on) {
        (307, Some(passed_on)) => request(&format!("{query}&{passed_on}")),
        (status, _) => status,
    };
    let counted = codes(program)
        .into_iter()
        .filter(|(code, count)| code != "passed_on" && before.get(code) != Some(count));
    (counted.map(|(code, _)| code).collect::<Vec<_>>().join(" and "), status)
}

pub fn odd_visits_are_answered_as_the_library_does(subject: &Subject) {
    let program = subject.start(&[]);
    let mut differences = Vec::new();
    for visit in visits() {
        let answer = answer(&program, &visit, subject.passed_on);
        // A visitor is let in even if the goto was not followed. The code is then in the log.
        let code = if visit.status == 302 { "accepted" } else { visit.code };
        let expected = (code.to_owned(), visit.status);
        if answer != expected {
            differences.push(format!("{}: {answer:?}, not {expected:?}", visit.name));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
