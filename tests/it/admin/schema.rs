//! Compares JSON with a schema of the API's description. Stricter than a validator: a member that
//! is not described is a fault.

use std::collections::BTreeSet;

use serde_json::Value;

/// What is wrong with `value`, each with its place.
pub(crate) fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(document, schema, value, "", &mut faults);
    let is_closed = |schema: &Value| !known_members(document, schema).is_empty();
    if let (Some(members), true) = (value.as_object(), is_closed(schema)) {
        let known = known_members(document, schema);
        let unknown = members.keys().filter(|name| !known.contains(*name));
        faults.extend(unknown.map(|name| format!("/{name} is not described")));
    }
    faults
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str();
    let name = name.and_then(|name| name.strip_prefix('#'));
    name.map_or(schema, |name| document.pointer(name).unwrap())
}

fn forms<'a>(schema: &'a Value, word: &str) -> &'a [Value] {
    schema[word].as_array().map_or(&[], Vec::as_slice)
}

fn known_members(document: &Value, schema: &Value) -> BTreeSet<String> {
    let schema = resolved(document, schema);
    let own = schema["properties"].as_object().into_iter().flatten();
    let mut known: BTreeSet<String> = own.map(|(name, _)| name.clone()).collect();
    for part in forms(schema, "allOf").iter().chain(forms(schema, "anyOf")) {
        known.extend(known_members(document, part));
    }
    known
}

fn check(document: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let schema = resolved(document, schema);
    for part in forms(schema, "allOf") {
        check(document, part, value, place, faults);
    }
    let any = forms(schema, "anyOf");
    let mut tried = any.iter().map(|form| {
        let mut of_form = Vec::new();
        check(document, form, value, place, &mut of_form);
        of_form
    });
    if !any.is_empty() && !tried.any(|of_form| of_form.is_empty()) {
        faults.push(format!("{place} fits no form: {value}"));
    }
    let kinds = match &schema["type"] {
        Value::Array(kinds) => kinds.clone(),
        Value::Null => Vec::new(),
        kind => vec![kind.clone()],
    };
    let is_of = |kind: &Value| match kind.as_str().unwrap() {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other}"),
    };
    if !kinds.is_empty() && !kinds.iter().any(is_of) {
        faults.push(format!("{place} is no {kinds:?}: {value}"));
    }
    inside(document, schema, value, place, faults);
}

/// Checks the items and the members of `value`.
fn inside(document: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        whole(
            document,
            &schema["items"],
            item,
            &format!("{place}/{number}"),
            faults,
        );
    }
    let Some(members) = value.as_object() else {
        return;
    };
    for name in forms(schema, "required").iter().filter_map(Value::as_str) {
        if !members.contains_key(name) {
            faults.push(format!("{place}/{name} is missing"));
        }
    }
    for (name, member) in members {
        let place = format!("{place}/{name}");
        match &schema["properties"][name] {
            Value::Null => whole(
                document,
                &schema["additionalProperties"],
                member,
                &place,
                faults,
            ),
            of_member => whole(document, of_member, member, &place, faults),
        }
    }
}

/// A value inside another one, with all its members.
fn whole(document: &Value, schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let inner = super::schema::faults(document, schema, value);
    faults.extend(inner.into_iter().map(|fault| format!("{place}{fault}")));
}
