//! The answer to a successful API call. The library renders the answers to refused calls.

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde_json::{Map, Value};
use whmcs_auth::{Action, ApiRequest, ResponseType};

/// A JSON object with the fields after `result`.
pub(super) struct Success(pub(super) Value);

impl Success {
    /// The content type and the body, in the format that the request asks for.
    pub(super) fn render(self, request: &ApiRequest<'_>) -> (&'static str, String) {
        let Self(fields) = self;
        let mut answer = Map::new();
        let response_type = request.response_type();
        if let (ResponseType::Xml, Action::Named(action)) = (response_type, request.action()) {
            answer.insert("action".into(), action.to_ascii_lowercase().into());
        }
        answer.insert("result".into(), "success".into());
        if let Value::Object(fields) = fields {
            answer.extend(fields);
        }
        match response_type {
            ResponseType::Json => ("application/json", Value::Object(answer).to_string()),
            ResponseType::Xml => ("application/xml", xml(&answer)),
            ResponseType::Nvp => ("text/plain", nvp(&answer)),
        }
    }
}

fn xml(answer: &Map<String, Value>) -> String {
    let mut writer = Writer::new(Vec::new());
    let declaration = Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None));
    // Writing to memory cannot fail.
    let _ =
        writer.write_event(declaration).and_then(|()| elements(&mut writer, "whmcsapi", answer));
    String::from_utf8(writer.into_inner()).unwrap_or_default()
}

type Xml = Writer<Vec<u8>>;

fn elements(xml: &mut Xml, name: &str, fields: &Map<String, Value>) -> std::io::Result<()> {
    xml.create_element(name).write_inner_content(|xml| {
        fields.iter().try_for_each(|(name, value)| element(xml, name, value))
    })?;
    Ok(())
}

/// Writes a list as one element for each item.
fn element(xml: &mut Xml, name: &str, value: &Value) -> std::io::Result<()> {
    match value {
        Value::Object(fields) => elements(xml, name, fields),
        Value::Array(items) => items.iter().try_for_each(|item| element(xml, name, item)),
        _ => {
            let text = text(value).replace(is_forbidden_in_xml, "\u{fffd}");
            xml.create_element(name).write_text_content(BytesText::new(&text))?;
            Ok(())
        }
    }
}

/// Characters that XML 1.0 forbids, even escaped.
fn is_forbidden_in_xml(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// Writes `result=success;clients[client][0][id]=1`. WHMCS does not document how NVP nests values.
fn nvp(answer: &Map<String, Value>) -> String {
    let mut pairs = Vec::new();
    for (name, value) in answer {
        flatten(name.clone(), value, &mut pairs);
    }
    pairs.join(";")
}

fn flatten(name: String, value: &Value, pairs: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| flatten(format!("{name}[{key}]"), value, pairs))
        }
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| flatten(format!("{name}[{index}]"), item, pairs)),
        _ => {
            // NVP has no escaping. A `=` is harmless here, because the first `=` ends the name.
            let ends_field = |c: char| c == ';' || c.is_control();
            let text = text(value).replace(ends_field, " ");
            pairs.push(format!("{name}={text}"));
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
