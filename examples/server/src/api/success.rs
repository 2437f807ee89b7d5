//! The answer to a call that was carried out. Errors are the library's to render.

use axum::http::StatusCode;
use axum::response::Response;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use serde_json::{Map, Value};
use whmcs_auth::{Action, ApiRequest, ResponseType};

/// The object of the fields that follow `result`.
pub(super) struct Success(pub(super) Value);

impl Success {
    pub(super) fn render(self, request: &ApiRequest<'_>) -> Response {
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
        let (content_type, body) = match response_type {
            ResponseType::Json => ("application/json", Value::Object(answer).to_string()),
            ResponseType::Xml => ("application/xml", xml(&answer)),
            ResponseType::Nvp => ("text/plain", nvp(&answer)),
        };
        super::render(StatusCode::OK, content_type, body)
    }
}

fn xml(answer: &Map<String, Value>) -> String {
    let mut writer = Writer::new(Vec::new());
    let declaration = Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None));
    // Writing to memory does not fail.
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

/// A list is an element for each of its items.
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

/// What XML 1.0 cannot hold, however it is escaped.
fn is_forbidden_in_xml(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}

/// `result=success;clients[client][0][id]=1`, as WHMCS documents no form for what is nested.
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
            .for_each(|(place, item)| flatten(format!("{name}[{place}]"), item, pairs)),
        _ => {
            // There is no escape. The first `=` ends the name.
            let ends_a_field = |c: char| c == ';' || c.is_control();
            let text = text(value).replace(ends_a_field, " ");
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
