//! The body of the answer to a successful call.

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::escape::{Escaped, json_character, nvp_character, xml_character};
use crate::api::action::{Action, ActionName};
use crate::api::request::ResponseType;

/// A value in the answer to a successful call.
///
/// | value | JSON | XML | NVP |
/// |---|---|---|---|
/// | a string | `"text"` | its text | its text |
/// | a number | `7` | `7` | `7` |
/// | fields | an object | an element for each | `name[field]=...` |
/// | a list | an array | an element of the same name for each item | `name[0]=...`, `name[1]=...` |
///
/// Strings and integers convert into a value. Vectors and arrays do so as well. Their items are values, or
/// pairs of a name and a value. An iterator of values collects into a list.
///
/// Source: JSON and XML have the layout of WHMCS's examples. WHMCS does not document NVP for nested
/// values. Its layout here is this crate's decision.
///
/// - **ANSWER-5**: A field whose value nests more than 64 levels gets an empty string as its value.
///
/// # Examples
///
/// ```
/// use whmcs_auth::ApiRequest;
/// use whmcs_auth::answer::{Answer, Value};
///
/// let client = |id: i64, email: &'static str| {
///     Value::from([("id", Value::from(id)), ("email", Value::from(email))])
/// };
/// let clients = Value::from([client(1, "demo@whmcs.com"), client(2, "a+b@example.com")]);
/// let fields =
///     [("totalresults", Value::from(2)), ("clients", Value::from([("client", clients)]))];
///
/// let json = ApiRequest::from_pairs([("responsetype", "json")]);
/// assert_eq!(
///     Answer::success(&fields, &json).body,
///     "{\"result\":\"success\",\"totalresults\":2,\"clients\":{\"client\":[\
///      {\"id\":1,\"email\":\"demo@whmcs.com\"},{\"id\":2,\"email\":\"a+b@example.com\"}]}}",
/// );
/// let nvp = ApiRequest::default();
/// assert_eq!(Answer::success(&fields[..1], &nvp).body, "result=success;totalresults=2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// A string.
    Text(Cow<'a, str>),
    /// A whole number.
    Number(i64),
    /// Names and values, in their order.
    Fields(Vec<(&'a str, Self)>),
    /// Values, in their order.
    List(Vec<Self>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(text.into())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Value<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<u32> for Value<'_> {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

/// A count of items. More than `i64::MAX` becomes `i64::MAX`; no collection is that long.
impl From<usize> for Value<'_> {
    fn from(count: usize) -> Self {
        Self::Number(i64::try_from(count).unwrap_or(i64::MAX))
    }
}

impl<'a> From<Vec<(&'a str, Self)>> for Value<'a> {
    fn from(fields: Vec<(&'a str, Self)>) -> Self {
        Self::Fields(fields)
    }
}

impl<'a, const N: usize> From<[(&'a str, Self); N]> for Value<'a> {
    fn from(fields: [(&'a str, Self); N]) -> Self {
        Self::Fields(fields.into())
    }
}

impl From<Vec<Self>> for Value<'_> {
    fn from(items: Vec<Self>) -> Self {
        Self::List(items)
    }
}

impl<const N: usize> From<[Self; N]> for Value<'_> {
    fn from(items: [Self; N]) -> Self {
        Self::List(items.into())
    }
}

/// A list.
impl FromIterator<Self> for Value<'_> {
    fn from_iter<I: IntoIterator<Item = Self>>(items: I) -> Self {
        Self::List(items.into_iter().collect())
    }
}

/// No documented answer nests as deep. Every stack has room for so many levels.
const MAX_DEPTH: usize = 64;

const EMPTY: Value<'static> = Value::Text(Cow::Borrowed(""));

impl Value<'_> {
    fn is_within(&self, depth: usize) -> bool {
        let Some(below) = depth.checked_sub(1) else { return false };
        match self {
            Self::Text(_) | Self::Number(_) => true,
            Self::Fields(fields) => fields.iter().all(|(_, value)| value.is_within(below)),
            Self::List(items) => items.iter().all(|value| value.is_within(below)),
        }
    }
}

/// The names and values of an answer, after `result`.
type Fields<'a> = [(&'a str, &'a Value<'a>)];

pub(super) fn body(
    format: ResponseType,
    action: Action<'_>,
    fields: &[(&str, Value<'_>)],
) -> String {
    let is_taken = |name: &str| name == "result" || name == "action" && format == ResponseType::Xml;
    let fields = fields.iter().filter(|(name, _)| !is_taken(name));
    let fields: Vec<_> = fields
        .map(|(name, value)| (*name, if value.is_within(MAX_DEPTH) { value } else { &EMPTY }))
        .collect();
    match format {
        ResponseType::Json => json(&fields),
        ResponseType::Xml => xml(action, &fields),
        ResponseType::Nvp => nvp(&fields),
    }
}

fn json(fields: &Fields<'_>) -> String {
    let mut body = String::from(r#"{"result":"success""#);
    for (name, value) in fields {
        body.push(',');
        json_field(&mut body, name, value);
    }
    body.push('}');
    body
}

fn json_field(body: &mut String, name: &str, value: &Value<'_>) {
    json_text(body, name);
    body.push(':');
    json_value(body, value);
}

fn json_text(body: &mut String, text: &str) {
    push(body, format_args!("\"{}\"", Escaped(text, json_character)));
}

fn json_value(body: &mut String, value: &Value<'_>) {
    match value {
        Value::Text(text) => json_text(body, text),
        Value::Number(number) => push(body, format_args!("{number}")),
        Value::Fields(fields) => {
            joined(body, ["{", "}"], fields, |body, (name, value)| json_field(body, name, value));
        }
        Value::List(items) => joined(body, ["[", "]"], items, json_value),
    }
}

fn joined<T>(body: &mut String, [open, close]: [&str; 2], items: &[T], write: fn(&mut String, &T)) {
    body.push_str(open);
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            body.push(',');
        }
        write(body, item);
    }
    body.push_str(close);
}

fn xml(action: Action<'_>, fields: &Fields<'_>) -> String {
    let action = ActionName::try_from(action);
    let mut body = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<whmcsapi>\n");
    let action = action.as_ref().map_or("", ActionName::as_str);
    push(&mut body, format_args!("<action>{action}</action>\n<result>success</result>\n"));
    for (name, value) in fields {
        xml_element(&mut body, name, value);
    }
    body.push_str("</whmcsapi>");
    body
}

fn xml_element(body: &mut String, name: &str, value: &Value<'_>) {
    if let Value::List(items) = value {
        return items.iter().for_each(|item| xml_element(body, name, item));
    }
    let name = xml_name(name);
    push(body, format_args!("<{name}>"));
    match value {
        Value::Text(text) => push(body, format_args!("{}", Escaped(text, xml_character))),
        Value::Number(number) => push(body, format_args!("{number}")),
        Value::Fields(fields) => {
            body.push('\n');
            fields.iter().for_each(|(name, value)| xml_element(body, name, value));
        }
        Value::List(_) => {}
    }
    push(body, format_args!("</{name}>\n"));
}

/// A name that every parser accepts. Other characters become `_`.
fn xml_name(name: &str) -> String {
    let first = name.chars().next();
    let mut safe = String::new();
    if first.is_none_or(|first| !first.is_ascii_alphabetic()) {
        safe.push('_');
    }
    let kept = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.');
    safe.extend(name.chars().map(|char| if kept(char) { char } else { '_' }));
    safe
}

fn nvp(fields: &Fields<'_>) -> String {
    let mut body = String::from("result=success");
    for (name, value) in fields {
        nvp_pairs(&mut body, &Escaped(name, nvp_name).to_string(), value);
    }
    body
}

/// One pair for each text and number, under the names that lead to it.
fn nvp_pairs(body: &mut String, path: &str, value: &Value<'_>) {
    match value {
        // NVP has no escapes. The first `=` ends the name, so a `=` in a value does no harm.
        Value::Text(text) => push(body, format_args!(";{path}={}", Escaped(text, nvp_value))),
        Value::Number(number) => push(body, format_args!(";{path}={number}")),
        Value::Fields(fields) => fields.iter().for_each(|(name, value)| {
            let path = alloc::format!("{path}[{}]", Escaped(name, nvp_name));
            nvp_pairs(body, &path, value);
        }),
        Value::List(items) => items.iter().enumerate().for_each(|(place, item)| {
            nvp_pairs(body, &alloc::format!("{path}[{place}]"), item);
        }),
    }
}

/// Brackets in a name become `_`, because brackets mark the path of a nested value.
fn nvp_name(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '[' | ']' => fmt::Write::write_char(f, '_'),
        other => nvp_character(other, f),
    }
}

fn nvp_value(character: char, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match character {
        '=' => fmt::Write::write_char(f, '='),
        other => nvp_character(other, f),
    }
}

/// Writing to memory does not fail.
fn push(body: &mut String, text: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(body, text);
}
