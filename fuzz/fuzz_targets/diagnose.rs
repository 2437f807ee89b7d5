//! A diagnosis of any request is bounded, shows nothing of the request, and agrees with verification.
//!
//! The input is lines: query, content type, body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whmcs_auth::diagnose::{self, Finding, Findings};
use whmcs_auth::*;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const MARKER: &str = "mArKeR";

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (query, content_type, body) = (line(), str::from_utf8(line()).ok(), line());

    for content_type in [content_type, FORM, None] {
        let findings = diagnose::api(query, content_type, body);
        check(&findings);
        let received = Received::new().with_query(query).with_body(content_type, body);
        if received.api_request().attempt(&ApiPolicy::new()).refusal().is_none() {
            assert!(!findings.iter().any(is_about_form), "{findings:?}");
        }
    }
    let findings = diagnose::link(query);
    check(&findings);
    compare_goto(query, &findings);
    let of_goto = |finding: Finding| finding.field() == Some(Field::Goto);
    assert!(diagnose::accepted_link(query).iter().all(of_goto));
    let of_answer =
        |finding: Finding| matches!(finding.field(), Some(Field::ResponseType | Field::Action));
    assert!(diagnose::accepted_api(query, content_type, body).iter().all(of_answer));

    // The marker in place of each `x`, wherever it stands.
    let marked = |text: &[u8]| {
        let marker =
            |byte: &u8| if *byte == b'x' { MARKER.as_bytes().to_vec() } else { vec![*byte] };
        text.iter().flat_map(marker).collect::<Vec<_>>()
    };
    check(&diagnose::api(&marked(query), content_type, &marked(body)));
    check(&diagnose::link(&marked(query)));
});

fn check(findings: &Findings) {
    let list: Vec<_> = findings.iter().collect();
    assert!(list.len() <= Findings::MAX);
    for (index, finding) in list.iter().enumerate() {
        assert!(!list[..index].contains(finding), "twice: {finding:?}");
        let code = finding.code();
        assert!(
            !code.is_empty()
                && code.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
        );
        let sentence = finding.to_string();
        assert!(sentence.is_ascii() && sentence.len() < 120, "{sentence}");
        assert!(!sentence.contains(MARKER));
    }
    assert!(!format!("{findings:?}").contains(MARKER));
}

/// What cannot be said of a request that verification reads and finds complete.
fn is_about_form(finding: Finding) -> bool {
    let starts = ["body_", "multipart_", "form_", "no_", "empty_", "json_"];
    starts.into_iter().any(|start| finding.code().starts_with(start))
}

/// A rule of the grammar is named for exactly the targets that are refused.
fn compare_goto(query: &[u8], findings: &Findings) {
    let gotos: Vec<_> = form_urlencoded::parse(query).filter(|(name, _)| name == "goto").collect();
    let [(_, goto)] = &gotos[..] else { return };
    let is_rule = |code: &str| code.starts_with("goto_") && code != "goto_cut_at_ampersand";
    let names_a_rule = findings.iter().any(|finding| is_rule(finding.code()));
    // Other findings may fill the list.
    if findings.iter().count() < Findings::MAX {
        assert_eq!(names_a_rule, Goto::parse(goto) == Goto::Refused, "{goto}");
    }
}
