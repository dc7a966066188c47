//! The fields of a token response: JSON, XML or a form, whatever was asked for. Pure.

use serde_json::{Map, Value};
use url::form_urlencoded;

use crate::json::PlainJson;

/// The elements of Salesforce's XML that are read.
const XML_FIELDS: [&str; 6] = [
    "access_token",
    "refresh_token",
    "instance_url",
    "expires_in",
    "error",
    "error_description",
];

/// The fields of `text`; null where it is in none of the three forms.
pub(super) fn fields(text: &str) -> Value {
    let text = text.trim_start_matches('\u{feff}').trim();
    if let Ok(PlainJson(fields)) = serde_json::from_str(text) {
        return fields;
    }
    let fields: Map<String, Value> = match text.starts_with('<') {
        true if text.contains("<OAuth") => xml_fields(text).collect(),
        true => return Value::Null,
        false => form_urlencoded::parse(text.as_bytes())
            .filter(|(name, _)| XML_FIELDS.contains(&name.as_ref()))
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect(),
    };
    match fields.is_empty() {
        true => Value::Null,
        false => Value::Object(fields),
    }
}

fn xml_fields(text: &str) -> impl Iterator<Item = (String, Value)> {
    XML_FIELDS.iter().filter_map(move |name| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        let (value, _) = rest.split_once(&format!("</{name}>"))?;
        let value = quick_xml::escape::unescape(value.trim()).ok()?;
        Some(((*name).to_owned(), Value::from(value.as_ref())))
    })
}

/// The error in `body` and its words: as OAuth has it, or as ServiceNow's Table API has it.
pub(super) fn error(body: &Value) -> Option<(String, String)> {
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    match body.get("error")? {
        Value::String(error) => Some((error.clone(), text(body, "error_description"))),
        error @ Value::Object(_) => Some((text(error, "message"), text(error, "detail"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<(String, String)> {
        error(&fields(text))
    }

    #[test]
    fn an_error_is_read_in_each_form() {
        let expected = Some((
            "invalid_grant".to_owned(),
            "authentication failure".to_owned(),
        ));
        for text in [
            r#"{"error":"invalid_grant","error_description":"authentication failure"}"#,
            "\u{feff}{\"error\":\"invalid_grant\",\"error_description\":\"authentication failure\"}",
            r#"{"error":{"message":"invalid_grant","detail":"authentication failure"}}"#,
            "<?xml version=\"1.0\"?><OAuth><error>invalid_grant</error>\
             <error_description>authentication failure</error_description></OAuth>",
            "error=invalid_grant&error_description=authentication+failure",
        ] {
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_page_and_a_text_have_no_fields() {
        for text in ["<html><error>x</error></html>", "Forbidden", "", "[]", "7"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
