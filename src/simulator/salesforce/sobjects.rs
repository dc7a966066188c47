//! sObject rows: create, read, update, delete, and the upsert by external id with all its
//! traps.

use serde_json::{Map, Value, json};

use super::super::wire::{Answer, Request};
use super::describe;
use super::records::Records;
use super::{Switches, error};

/// Fields that no client may write.
const READ_ONLY: [&str; 8] = [
    "Id",
    "IsClosed",
    "ClosedDate",
    "CaseNumber",
    "IncidentNumber",
    "CreatedDate",
    "LastModifiedDate",
    "SystemModstamp",
];

pub(super) fn route(
    records: &mut Records,
    switches: &Switches,
    request: &Request,
    version: &str,
    rest: &[&str],
    tells_upsert: bool,
) -> Answer {
    let method = request.method.as_str();
    let object = rest.first().copied().unwrap_or_default();
    if !describe::has_object(object, switches) {
        return not_found("The requested resource does not exist");
    }
    match (method, rest) {
        ("POST", [object]) => create(records, switches, request, object),
        ("GET", [object]) => describe::basic(object),
        ("GET", [object, "describe"]) => describe::full(object, switches),
        ("GET", [object, id]) => read_by_id(records, switches, request, object, id),
        ("PATCH", [object, id]) => update(records, switches, request, object, id),
        ("DELETE", [object, id]) => delete(records, object, id),
        (_, [_, _, ""]) => error(
            405,
            "METHOD_NOT_ALLOWED",
            "HTTP Method 'PATCH' not allowed. Allowed are GET,HEAD,POST",
            &[],
        ),
        (_, [object, field, value]) => {
            let upsert = Upsert {
                object,
                field,
                value,
                version,
                tells_upsert,
            };
            upsert.route(records, switches, request)
        }
        _ => not_found("The requested resource does not exist"),
    }
}

fn not_found(message: &str) -> Answer {
    error(404, "NOT_FOUND", message, &[])
}

fn body_of(request: &Request) -> Result<Map<String, Value>, Answer> {
    match request.json() {
        Some(Value::Object(body)) => Ok(body),
        _ => Err(error(
            400,
            "JSON_PARSER_ERROR",
            "Unexpected character at [line:1, column:1]",
            &[],
        )),
    }
}

fn create(records: &mut Records, switches: &Switches, request: &Request, object: &str) -> Answer {
    let fields = match body_of(request) {
        Ok(fields) => fields,
        Err(refusal) => return refusal,
    };
    if let Some(refusal) = refusal(records, switches, object, &fields, true) {
        return refusal;
    }
    let id = records.insert(object, fields);
    Answer::json(201, &json!({"id": id, "success": true, "errors": []}))
}

/// What Salesforce refuses about a write, in its order.
fn refusal(
    records: &Records,
    switches: &Switches,
    object: &str,
    fields: &Map<String, Value>,
    creates: bool,
) -> Option<Answer> {
    if !switches.may_write {
        let message = "insufficient access rights on object id";
        return Some(error(403, "INSUFFICIENT_ACCESS_OR_READONLY", message, &[]));
    }
    for (name, value) in fields {
        if READ_ONLY.contains(&name.as_str()) {
            let message = format!(
                "Unable to create/update fields: {name}. Please check the security settings of this field and verify that it is read/write for your profile or permission set."
            );
            return Some(error(
                400,
                "INVALID_FIELD_FOR_INSERT_UPDATE",
                &message,
                &[name],
            ));
        }
        let Some(field) = describe::field(object, name, switches) else {
            let message = format!("No such column '{name}' on sobject of type {object}");
            return Some(error(400, "INVALID_FIELD", &message, &[]));
        };
        if let Some(refusal) = field.refuses(name, value, switches) {
            return Some(refusal);
        }
    }
    if creates && object == "Case" {
        let missing: Vec<&str> = switches
            .required_fields
            .iter()
            .map(String::as_str)
            .filter(|name| {
                fields
                    .get(*name)
                    .is_none_or(|value| value.is_null() || value == "")
            })
            .collect();
        if !missing.is_empty() {
            let message = format!("Required fields are missing: [{}]", missing.join(", "));
            return Some(error(400, "REQUIRED_FIELD_MISSING", &message, &missing));
        }
    }
    duplicate(records, switches, object, fields)
}

/// A unique external id given in the body must not be there yet.
fn duplicate(
    records: &Records,
    switches: &Switches,
    object: &str,
    fields: &Map<String, Value>,
) -> Option<Answer> {
    if !switches.external_id_unique {
        return None;
    }
    switches.external_id_fields.iter().find_map(|name| {
        let value = fields.get(name)?.as_str()?;
        let taken = records.with(object, name, value);
        let id = taken.first()?.id().to_owned();
        let message =
            format!("duplicate value found: {name} duplicates value on record with id: {id}");
        Some(error(400, "DUPLICATE_VALUE", &message, &[name]))
    })
}

fn only_asked(
    request: &Request,
    object: &str,
    fields: &Map<String, Value>,
) -> Result<Value, Answer> {
    let mut answer = Map::new();
    let id = fields.get("Id").and_then(Value::as_str).unwrap_or_default();
    let version = request.segments().get(2).cloned().unwrap_or_default();
    answer.insert(
        "attributes".into(),
        json!({"type": object, "url": format!("/services/data/{version}/sobjects/{object}/{id}")}),
    );
    match request.query.get("fields") {
        None => answer.extend(fields.clone()),
        Some(asked) => {
            for name in asked.split(',').map(str::trim) {
                let known = describe::field(object, name, &Switches::default()).is_some()
                    || fields.contains_key(name);
                if !known {
                    let message = format!("No such column '{name}' on sobject of type {object}");
                    return Err(error(400, "INVALID_FIELD", &message, &[]));
                }
                answer.insert(
                    name.to_owned(),
                    fields.get(name).cloned().unwrap_or_default(),
                );
            }
        }
    }
    Ok(Value::Object(answer))
}

fn read_by_id(
    records: &mut Records,
    switches: &Switches,
    request: &Request,
    object: &str,
    id: &str,
) -> Answer {
    match records.get_mut(object, id) {
        None => not_found("The requested resource does not exist"),
        Some(record) if record.deleted => error(404, "ENTITY_IS_DELETED", "entity is deleted", &[]),
        Some(record) => {
            let mut fields = record.fields.clone();
            for hidden in &switches.hidden_fields {
                fields.remove(hidden);
            }
            match only_asked(request, object, &fields) {
                Ok(body) => Answer::json(200, &body),
                Err(refusal) => refusal,
            }
        }
    }
}

fn update(
    records: &mut Records,
    switches: &Switches,
    request: &Request,
    object: &str,
    id: &str,
) -> Answer {
    let fields = match body_of(request) {
        Ok(fields) => fields,
        Err(refusal) => return refusal,
    };
    match records.get_mut(object, id) {
        None => return not_found("The requested resource does not exist"),
        Some(record) if record.deleted => {
            return error(404, "ENTITY_IS_DELETED", "entity is deleted", &[]);
        }
        Some(_) => {}
    }
    if let Some(refusal) = refusal(records, switches, object, &fields, false) {
        return refusal;
    }
    records.update(object, id, fields);
    Answer::empty(204)
}

fn delete(records: &mut Records, object: &str, id: &str) -> Answer {
    match records.get_mut(object, id) {
        Some(record) if !record.deleted => {
            record.deleted = true;
            Answer::empty(204)
        }
        Some(_) => error(404, "ENTITY_IS_DELETED", "entity is deleted", &[]),
        None => not_found("The requested resource does not exist"),
    }
}

/// `…/sobjects/OBJECT/FIELD/VALUE`.
struct Upsert<'a> {
    object: &'a str,
    field: &'a str,
    value: &'a str,
    version: &'a str,
    /// From v46.0 on, the answer says whether the record was created.
    tells_upsert: bool,
}

impl Upsert<'_> {
    fn route(&self, records: &mut Records, switches: &Switches, request: &Request) -> Answer {
        let is_external_id = switches
            .external_id_fields
            .iter()
            .any(|name| name.eq_ignore_ascii_case(self.field))
            && !switches.hidden_fields.iter().any(|name| name == self.field);
        if !is_external_id {
            return not_found(&format!(
                "Provided external ID field does not exist or is not accessible: {}",
                self.field
            ));
        }
        let ids: Vec<String> = records
            .with(self.object, self.field, self.value)
            .iter()
            .map(|record| record.id().to_owned())
            .collect();
        match (request.method.as_str(), ids.as_slice()) {
            (_, [_, _, ..]) => self.several(&ids),
            ("GET", [id]) => read_by_id(records, switches, request, self.object, id),
            ("GET", []) => not_found("The requested resource does not exist"),
            ("DELETE", [id]) => delete(records, self.object, id),
            ("PATCH", _) => self.upsert(records, switches, request, ids.first()),
            _ => error(405, "METHOD_NOT_ALLOWED", "HTTP Method not allowed", &[]),
        }
    }

    fn several(&self, ids: &[String]) -> Answer {
        let paths: Vec<Value> = ids
            .iter()
            .map(|id| {
                json!(format!(
                    "/services/data/{}/sobjects/{}/{id}",
                    self.version, self.object
                ))
            })
            .collect();
        Answer::json(300, &Value::Array(paths))
    }

    fn upsert(
        &self,
        records: &mut Records,
        switches: &Switches,
        request: &Request,
        existing: Option<&String>,
    ) -> Answer {
        let mut fields = match body_of(request) {
            Ok(fields) => fields,
            Err(refusal) => return refusal,
        };
        if fields.contains_key(self.field) {
            let message = format!(
                "The {} field should not be specified in the sobject data.",
                self.field
            );
            return error(400, "INVALID_FIELD", &message, &[self.field]);
        }
        if let Some(refusal) = refusal(records, switches, self.object, &fields, existing.is_none())
        {
            return refusal;
        }
        if let Some(id) = existing {
            records.update(self.object, id, fields);
            return self.answer(200, id, false);
        }
        if request.query.get("updateOnly").map(String::as_str) == Some("true") {
            return not_found("The requested resource does not exist");
        }
        if self.value.len() > switches.external_id_length {
            let message = format!(
                "{}: data value too large: {} (max length={})",
                self.field, self.value, switches.external_id_length
            );
            return error(400, "STRING_TOO_LONG", &message, &[self.field]);
        }
        fields.insert(self.field.to_owned(), json!(self.value));
        let id = records.insert(self.object, fields);
        self.answer(201, &id, true)
    }

    fn answer(&self, status: u16, id: &str, created: bool) -> Answer {
        match (self.tells_upsert, created) {
            (false, false) => Answer::empty(204),
            (false, true) => {
                Answer::json(status, &json!({"id": id, "success": true, "errors": []}))
            }
            (true, _) => Answer::json(
                status,
                &json!({"id": id, "success": true, "errors": [], "created": created}),
            ),
        }
    }
}
