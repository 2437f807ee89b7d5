//! A parser of each format reads the fields of an error and nothing more. The message is the one given, but
//! for characters that the format cannot hold.
//!
//! The input is an action, a line break, and the message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whmcs_auth::answer::Answer;
use whmcs_auth::*;

fuzz_target!(|text: &str| {
    let (action, message) = text.split_once('\n').unwrap_or(("", text));
    let answer = |format| {
        let request = ApiRequest::from_pairs([("action", action), ("responsetype", format)]);
        Answer::error(403, message, &request).body
    };
    // An action is echoed in lower case if it is one.
    let request = ApiRequest::from_pairs([("action", action)]);
    let action = match request.action() {
        Action::Named(name) => name.to_ascii_lowercase(),
        _ => String::new(),
    };

    let json: serde_json::Value = serde_json::from_str(&answer("json")).expect("JSON");
    assert_eq!(json, serde_json::json!({"result": "error", "message": message}));

    let xml = answer("xml");
    let xml = roxmltree::Document::parse(&xml).expect("XML");
    let root = xml.root_element();
    assert_eq!(root.tag_name().name(), "whmcsapi");
    let fields = root.children().filter(|node| node.is_element());
    let fields = fields.map(|field| (field.tag_name().name(), field.text().unwrap_or_default()));
    let held = message.replace(|character| !is_xml(character), "\u{fffd}");
    assert_eq!(
        fields.collect::<Vec<_>>(),
        [("action", &*action), ("result", "error"), ("message", &held)],
    );

    let nvp = answer("nvp");
    let fields: Vec<Vec<_>> = nvp.split(';').map(|field| field.split('=').collect()).collect();
    let held = message.replace(|mark: char| mark.is_control() || ";=".contains(mark), " ");
    assert_eq!(fields, [vec!["result", "error"], vec!["message", &held]]);
});

/// The characters of XML 1.0.
fn is_xml(character: char) -> bool {
    matches!(
        u32::from(character),
        0x9 | 0xa | 0xd | 0x20..=0xd7ff | 0xe000..=0xfffd | 0x10000..=0x10ffff
    )
}
