//! The JSON Schema of declared settings.

use serde_json::{Map, Value, json};

use super::declared::{Crms, Declared, Default, Names, Shape, Variant};
use crate::settings::value::ValueKind;

/// Whether all required keys must be there. They need not be in a table, because another layer can
/// set them; they must be in an entry of a list, because a list is replaced as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Complete {
    Yes,
    No,
}

/// The schema of a file with the settings `keys`.
pub(crate) fn of_file(title: &str, keys: &[Declared], crms: Crms<'_>) -> Value {
    let mut schema = table(keys, crms, Complete::No);
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema".into();
    schema["title"] = title.into();
    schema
}

fn of_shape(shape: &Shape, crms: Crms<'_>, complete: Complete) -> Value {
    match shape {
        Shape::Value(schema) => schema.clone(),
        Shape::Table(keys) => table(&keys(crms), crms, complete),
        Shape::Named(names, keys, inner) => {
            let mut schema = table(&keys(crms), crms, complete);
            schema["additionalProperties"] = of_shape(inner, crms, complete);
            if let Some(pattern) = name_schema(*names) {
                schema["propertyNames"] = pattern;
            }
            schema
        }
        Shape::List(inner) => {
            json!({ "type": "array", "items": of_shape(inner, crms, Complete::Yes) })
        }
        Shape::Either(shapes) => {
            let each = shapes.iter().map(|shape| of_shape(shape, crms, complete));
            json!({ "anyOf": each.collect::<Vec<_>>() })
        }
        Shape::Tagged(tag, variants) => tagged(tag, &variants(crms), crms, complete),
    }
}

fn name_schema(names: Names) -> Option<Value> {
    let plain = "^[A-Za-z0-9_-]{1,64}$";
    match names {
        Names::Plain => Some(json!({ "pattern": plain })),
        Names::PlainExcept(reserved) => {
            Some(json!({ "pattern": plain, "not": { "enum": reserved } }))
        }
        Names::Any(_) => None,
    }
}

fn table(keys: &[Declared], crms: Crms<'_>, complete: Complete) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let schema = property(key, crms, complete);
        // Two CRMs may have a key of the same name, each with its own values.
        let schema = match properties.remove(key.key) {
            Some(other) => json!({ "anyOf": [other, schema] }),
            None => schema,
        };
        properties.insert(key.key.to_owned(), schema);
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| matches!(key.default, Default::Required))
        .map(|key| key.key)
        .collect();
    if complete == Complete::Yes && !required.is_empty() {
        schema["required"] = required.into();
    }
    schema
}

fn property(key: &Declared, crms: Crms<'_>, complete: Complete) -> Value {
    let mut schema = of_shape(&key.shape, crms, complete);
    let meaning = without_links(&key.meaning);
    let description = match &key.default {
        Default::Required => format!("{meaning}\n\nRequired."),
        Default::Words(words) => format!("{meaning}\n\nDefault: {words}."),
        Default::Value(_) | Default::EmptyTable => meaning,
    };
    schema["description"] = description.into();
    if let Default::Value(default) = &key.default {
        schema["default"] = json_value(default);
    }
    schema
}

/// A table whose keys depend on `tag`. Where it may be a part only, all keys of all variants are
/// allowed, because the tag may stand in another layer.
fn tagged(tag: &'static str, variants: &[Variant], crms: Crms<'_>, complete: Complete) -> Value {
    if complete == Complete::Yes {
        let one = |variant: &Variant| {
            let mut schema = table(&variant.keys, crms, complete);
            schema["description"] = variant.meaning.as_str().into();
            schema["properties"][tag] = json!({ "const": variant.word });
            let mut required = vec![Value::from(tag)];
            if let Some(Value::Array(keys)) = schema.get("required") {
                required.extend(keys.iter().cloned());
            }
            schema["required"] = required.into();
            schema
        };
        return json!({ "oneOf": variants.iter().map(one).collect::<Vec<_>>() });
    }
    let mut keys: Vec<Declared> = Vec::new();
    for key in variants.iter().flat_map(|variant| &variant.keys) {
        if !keys.iter().any(|known| known.key == key.key) {
            keys.push(key.clone());
        }
    }
    let mut schema = table(&keys, crms, complete);
    let words: Vec<&str> = variants.iter().map(|variant| variant.word).collect();
    schema["properties"][tag] = json!({ "enum": words, "description": "Required." });
    schema
}

/// `[words](address)` as `words`: the addresses are relative to the documents.
fn without_links(text: &str) -> String {
    let mut parts = text.split("](");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once(')').map_or(part, |(_, rest)| rest));
    }
    plain.replace('[', "")
}

fn json_value(value: &ValueKind) -> Value {
    match value {
        ValueKind::Boolean(flag) => (*flag).into(),
        ValueKind::Integer(number) => (*number).into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => text.as_str().into(),
        ValueKind::Array(items) => items.iter().map(|item| json_value(&item.kind)).collect(),
        ValueKind::Table(_) => json!({}),
    }
}
