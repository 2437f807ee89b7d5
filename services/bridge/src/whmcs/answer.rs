//! What WHMCS answered, and what came in its place.

use reqwest::StatusCode;
use serde_json::{Map, Value};

use super::error::WhmcsError;

/// The mark that a file of WHMCS may start with. PHP sends it before the answer.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads an object of JSON, or an error in WHMCS's text form. `is_mitigated` says that a firewall has marked the answer
/// as its own.
pub(super) fn read(
    status: StatusCode,
    is_mitigated: bool,
    mut body: &[u8],
) -> Result<Map<String, Value>, WhmcsError> {
    while let Some(rest) = body.strip_prefix(BYTE_ORDER_MARK) {
        body = rest;
    }
    let body = body.trim_ascii();
    if let Ok(Value::Object(answer)) = serde_json::from_slice(body) {
        return Ok(answer);
    }
    if let Some(message) = error_as_text(body) {
        let fields = [("result", "error"), ("message", &*message)];
        return Ok(fields
            .map(|(name, value)| (name.to_owned(), value.into()))
            .into_iter()
            .collect());
    }
    Err(match status.as_u16() {
        _ if is_mitigated => WhmcsError::Firewall(status),
        401 | 403 | 406 | 429 => WhmcsError::Firewall(status),
        _ if is_php_message(body) => WhmcsError::PhpMessage,
        _ if body.starts_with(b"<") && !body.starts_with(b"<?xml") => WhmcsError::Page(status),
        _ => {
            WhmcsError::nonsense(format!("{} bytes and no JSON, with status {status}", body.len()))
        }
    })
}

/// The message of `result=error;message=...`. A success in this form is not read: a value that holds `;` could pass for
/// other fields.
fn error_as_text(body: &[u8]) -> Option<String> {
    let message = body.strip_prefix(b"result=error;")?.strip_prefix(b"message=")?;
    Some(String::from_utf8_lossy(message).trim_end_matches(';').to_owned())
}

/// `Warning: ...`, also in the HTML that PHP writes: `<br />\n<b>Warning</b>: ...`.
fn is_php_message(body: &[u8]) -> bool {
    let text = body.strip_prefix(b"<br />").unwrap_or(body).trim_ascii_start();
    let text = text.strip_prefix(b"<b>").unwrap_or(text);
    ["Warning", "Notice", "Deprecated", "Fatal error", "Parse error", "PHP "]
        .iter()
        .any(|word| text.starts_with(word.as_bytes()))
}
