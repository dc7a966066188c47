//! Every check that Salesforce makes before it writes, in its order: names, types, lengths,
//! picklists, then rules, keys and duplicates.

use serde_json::{Map, Value, json};

use super::clock;
use super::data_call::Wishes;
use super::org::{PERSON_ID, QUEUE_ID, USER_ID};
use super::refusal::{Refusal, bad_json, no_such_column, refuse};
use super::schema::{self, Field, Kind};
use super::state::State;
use super::switches::{DuplicateRule, RuleCondition};
use super::table::{Record, text};

/// Ids of the records that have this value in this field. Letter case does not matter.
pub(super) fn holders(
    state: &State,
    object: &str,
    field: &str,
    value: &str,
) -> Result<Vec<String>, Refusal> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let found = state.table(object)?.candidates(Some((field, value)));
    Ok(found
        .into_iter()
        .filter(|row| row.get("IsDeleted") != Some(&json!(true)))
        .filter(|row| text(row, field).to_lowercase() == value.to_lowercase())
        .map(|row| text(row, "Id").to_owned())
        .collect())
}

/// The body's fields under their proper names, each writable and well formed.
pub(super) fn checked(
    state: &State,
    object: &'static str,
    body: &Map<String, Value>,
    id: Option<&str>,
) -> Result<Record, Refusal> {
    if !state.switches.may_write {
        let message = "insufficient access rights on object id";
        return Err(refuse(403, "INSUFFICIENT_ACCESS_OR_READONLY", message).blaming(&[]));
    }
    let known = schema::fields(object, &state.switches);
    let mut fields = Record::new();
    for (name, value) in body {
        if name == "attributes" {
            continue;
        }
        let field = known
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| no_such_column(name, object))?;
        let writable = if id.is_some() {
            field.updateable
        } else {
            field.createable
        };
        if !writable {
            return Err(not_writable(&field.name));
        }
        fields.insert(field.name.clone(), fitting(state, field, value)?);
    }
    let missing: Vec<&str> = known
        .iter()
        .filter(|field| id.is_none() && field.createable && !field.nillable && !field.defaulted)
        .map(|field| field.name.as_str())
        .filter(|name| is_blank(fields.get(*name)))
        .collect();
    if missing.is_empty() {
        Ok(fields)
    } else {
        Err(required(&missing))
    }
}

fn not_writable(name: &str) -> Refusal {
    let message = format!(
        "Unable to create/update fields: {name}. Please check the security settings of this \
field and verify that it is read/write for your profile or permission set."
    );
    refuse(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message).blaming(&[name])
}

fn required(missing: &[&str]) -> Refusal {
    let message = format!("Required fields are missing: [{}]", missing.join(", "));
    refuse(400, "REQUIRED_FIELD_MISSING", message).blaming(missing)
}

pub(super) fn is_blank(value: Option<&Value>) -> bool {
    value.is_none_or(|value| value.is_null() || value.as_str().is_some_and(str::is_empty))
}

/// The value as it is stored.
fn fitting(state: &State, field: &Field, value: &Value) -> Result<Value, Refusal> {
    let wrong = |wanted: &str| {
        bad_json(format!(
            "Cannot deserialize instance of {wanted} from {value}"
        ))
    };
    if value.is_null() {
        return Ok(Value::Null);
    }
    match &field.kind {
        Kind::Boolean => value
            .as_bool()
            .map(Value::from)
            .ok_or_else(|| wrong("boolean")),
        Kind::Number => value
            .as_f64()
            .map(Value::from)
            .ok_or_else(|| wrong("double")),
        Kind::DateTime => {
            let text = value.as_str().unwrap_or_default();
            let at = clock::parse(text).ok_or_else(|| wrong("datetime"))?;
            Ok(clock::spelt(at).into())
        }
        _ => {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return Err(wrong("string")),
            };
            short_enough(field, &text)?;
            an_id(field, &text)?;
            an_owner(field, &text)?;
            listed(state, field, &text)?;
            Ok(if text.is_empty() {
                Value::Null
            } else {
                text.into()
            })
        }
    }
}

/// Text counts in UTF-16 units, a comment's in bytes; too long is refused, never cut.
fn short_enough(field: &Field, text: &str) -> Result<(), Refusal> {
    let (length, limit) = match field.kind {
        Kind::Text(limit) | Kind::Area(limit) => (text.encode_utf16().count(), limit),
        Kind::Bytes(limit) => (text.len(), limit),
        Kind::Picklist(_) => (text.encode_utf16().count(), 255),
        _ => return Ok(()),
    };
    if length <= limit {
        return Ok(());
    }
    let start: String = text.chars().take(80).collect();
    let name = &field.name;
    let message = format!("{name}: data value too large: {start} (max length={limit})");
    Err(refuse(400, "STRING_TOO_LONG", message).blaming(&[name]))
}

/// A reference holds an id of 15 or 18 characters; whose it is, is looked at for owners and parents only.
fn an_id(field: &Field, text: &str) -> Result<(), Refusal> {
    let is_id = matches!(text.len(), 15 | 18) && text.bytes().all(|b| b.is_ascii_alphanumeric());
    if !matches!(field.kind, Kind::Reference(_)) || text.is_empty() || is_id {
        return Ok(());
    }
    let label = field.name.trim_end_matches("Id");
    let message = format!("{label} ID: id value of incorrect type: {text}");
    Err(refuse(400, "MALFORMED_ID", message).blaming(&[&field.name]))
}

/// An owner must be a user or a queue of the org.
fn an_owner(field: &Field, text: &str) -> Result<(), Refusal> {
    let owners = [USER_ID, PERSON_ID, QUEUE_ID];
    let is_known = text.is_empty() || owners.iter().any(|id| id.starts_with(text));
    if field.name != "OwnerId" || is_known {
        return Ok(());
    }
    let code = "INVALID_CROSS_REFERENCE_KEY";
    Err(refuse(400, code, "Owner ID: invalid cross reference id").blaming(&[&field.name]))
}

fn listed(state: &State, field: &Field, text: &str) -> Result<(), Refusal> {
    let Kind::Picklist(values) = &field.kind else {
        return Ok(());
    };
    if !state.switches.restricted_picklists || text.is_empty() || values.iter().any(|v| v == text) {
        return Ok(());
    }
    let message = format!(
        "{}: bad value for restricted picklist field: {text}",
        field.name
    );
    let code = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST";
    Err(refuse(400, code, message).blaming(&[&field.name]))
}

/// The checks that need the whole record and its neighbours.
pub(super) fn ruled(
    state: &State,
    object: &'static str,
    fields: &Record,
    id: Option<&str>,
    wishes: Wishes,
) -> Result<(), Refusal> {
    if !schema::is_ticket(object) {
        return parent_exists(state, fields);
    }
    let switches = &state.switches;
    let missing: Vec<&str> = switches
        .required_fields
        .iter()
        .map(String::as_str)
        .filter(|name| is_blank(fields.get(*name)))
        .collect();
    if !missing.is_empty() {
        return Err(required(&missing));
    }
    for rule in &switches.validation_rules {
        let value = text(fields, &rule.field);
        let refuses = match &rule.refuse_when {
            RuleCondition::Blank => is_blank(fields.get(&rule.field)),
            RuleCondition::Equals(wanted) => value == wanted,
            RuleCondition::Contains(part) => value.contains(part.as_str()),
        };
        if refuses {
            let code = "FIELD_CUSTOM_VALIDATION_EXCEPTION";
            return Err(refuse(400, code, rule.message.as_str()).blaming(&[&rule.field]));
        }
    }
    keys_are_free(state, object, fields, id)?;
    if id.is_none() {
        not_a_duplicate(state, object, fields, wishes)
    } else {
        Ok(())
    }
}

fn parent_exists(state: &State, fields: &Record) -> Result<(), Refusal> {
    let parent = text(fields, "ParentId");
    let exists = ["Case", "Incident"].iter().any(|object| {
        state
            .tables
            .get(object)
            .is_some_and(|table| table.get(parent).is_some())
    });
    if exists {
        return Ok(());
    }
    let code = "INVALID_CROSS_REFERENCE_KEY";
    Err(refuse(400, code, "invalid cross reference id").blaming(&["ParentId"]))
}

fn keys_are_free(
    state: &State,
    object: &'static str,
    fields: &Record,
    id: Option<&str>,
) -> Result<(), Refusal> {
    if !state.switches.external_id_unique {
        return Ok(());
    }
    let external = schema::fields(object, &state.switches);
    for field in external.iter().filter(|field| field.external_id) {
        let value = text(fields, &field.name);
        let holder = holders(state, object, &field.name, value)?
            .into_iter()
            .find(|holder| Some(holder.as_str()) != id);
        if let Some(holder) = holder {
            return Err(duplicate_value(&field.name, &holder));
        }
    }
    Ok(())
}

pub(super) fn duplicate_value(field: &str, holder: &str) -> Refusal {
    let message = format!(
        "duplicate value found: {field} duplicates value on record with id: {}",
        holder.get(..15).unwrap_or(holder)
    );
    refuse(400, "DUPLICATE_VALUE", message).blaming(&[])
}

fn not_a_duplicate(
    state: &State,
    object: &str,
    fields: &Record,
    wishes: Wishes,
) -> Result<(), Refusal> {
    let overruled = match state.switches.duplicate_rule {
        DuplicateRule::Off => true,
        DuplicateRule::Alert => wishes.allow_save,
        DuplicateRule::Block => false,
    };
    if overruled {
        return Ok(());
    }
    let subject = text(fields, "Subject");
    let twin = state
        .table(object)?
        .rows()
        .find(|row| text(row, "Subject") == subject);
    let Some(twin) = twin else { return Ok(()) };
    let allow = state.switches.duplicate_rule == DuplicateRule::Alert;
    let id = text(twin, "Id");
    let message = "Use one of these records?";
    // The key is misspelt on the wire.
    let error = json!({
        "duplicateResut": {
            "allowSave": allow, "duplicateRule": "Same_Subject", "duplicateRuleEntityType": object,
            "errorMessage": message,
            "matchResults": [{
                "entityType": object, "errors": [], "matchEngine": "ExactMatchEngine",
                "matchRecords": [{
                    "additionalInformation": [], "fieldDiffs": [], "matchConfidence": 100.0,
                    "record": {"attributes": {"type": object, "url": format!("/services/data/v64.0/sobjects/{object}/{id}")}, "Id": id},
                }],
                "rule": "Same_Subject_Match", "size": 1, "success": true,
            }],
        },
        "errorCode": "DUPLICATES_DETECTED",
        "message": message,
    });
    Err(Refusal {
        status: 400,
        errors: vec![error],
    })
}
