//! Findings as text.

use std::fmt::Display;

use whmcs_auth::diagnose::Findings;

/// Two fields of a log line about a refusal. Without findings, the line has none of them.
pub(crate) struct FindingsText {
    /// The codes, with commas between them.
    pub(crate) codes: Option<String>,
    /// The sentences, with semicolons between them.
    pub(crate) hints: Option<String>,
}

impl FindingsText {
    pub(crate) fn of(findings: &Findings) -> Self {
        Self { codes: joined(codes(findings), ","), hints: joined(findings.iter(), "; ") }
    }
}

/// The codes, each once. Two fields with the same mistake are two findings.
pub(crate) fn codes(findings: &Findings) -> Vec<&'static str> {
    let mut codes = Vec::new();
    for code in findings.iter().map(|finding| finding.code()) {
        if !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes
}

fn joined<T: Display>(texts: impl IntoIterator<Item = T>, separator: &str) -> Option<String> {
    let texts: Vec<_> = texts.into_iter().map(|text| text.to_string()).collect();
    (!texts.is_empty()).then(|| texts.join(separator))
}
