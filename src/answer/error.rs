//! The body of an answer to a call that failed.

use alloc::string::String;

use super::escape::{Escaped, json_character, nvp_character, xml_character};
use crate::api::action::{Action, ActionName};

pub(super) fn json(message: &str) -> String {
    alloc::format!(r#"{{"result":"error","message":"{}"}}"#, Escaped(message, json_character))
}

pub(super) fn xml(action: Action<'_>, message: &str) -> String {
    let action = ActionName::try_from(action);
    alloc::format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <whmcsapi>\n\
         <action>{}</action>\n\
         <result>error</result>\n\
         <message>{}</message>\n\
         </whmcsapi>",
        action.as_ref().map_or("", ActionName::as_str),
        Escaped(message, xml_character),
    )
}

pub(super) fn nvp(message: &str) -> String {
    alloc::format!("result=error;message={}", Escaped(message, nvp_character))
}
