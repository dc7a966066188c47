//! Values of strangers as a ticket may show them. Names of queues, keys, labels, messages of CRMs,
//! names and reasons that people gave: none of them may hide text, turn the direction of reading,
//! or become markup. The event itself stays as it came.
//!
//! Everything that a ticket is written from goes through here, whatever its source. Pure.

use serde_json::Value;

use crate::rules::TemplateContext;
use crate::settings::CrmProfile;
use crate::text::visible;

/// `context` as templates of a target of `kind` may see it.
pub(super) fn values(context: &TemplateContext, kind: &CrmProfile) -> TemplateContext {
    let written = context
        .iter()
        .map(|(name, value)| (text(name, kind), self::value(value, kind)));
    written.collect()
}

/// `text` as a ticket of a target of `kind` may show it.
pub(super) fn text(text: &str, kind: &CrmProfile) -> String {
    let text = visible(text);
    (kind.without_markup)(&text).into_owned()
}

fn value(value: &Value, kind: &CrmProfile) -> Value {
    match value {
        Value::String(found) => text(found, kind).into(),
        Value::Array(items) => items.iter().map(|item| self::value(item, kind)).collect(),
        Value::Object(fields) => {
            let written = fields
                .iter()
                .map(|(name, value)| (text(name, kind), self::value(value, kind)));
            Value::Object(written.collect())
        }
        other => other.clone(),
    }
}
