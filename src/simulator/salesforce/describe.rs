//! What the org's objects look like: fields, lengths, picklists.

use serde_json::{Value, json};

use super::super::wire::Answer;
use super::{Switches, error};

/// A field's kind and bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldKind {
    kind: &'static str,
    length: usize,
    values: &'static [&'static str],
    /// Whether `length` counts bytes rather than characters.
    in_bytes: bool,
}

const fn text(length: usize) -> FieldKind {
    FieldKind {
        kind: "string",
        length,
        values: &[],
        in_bytes: false,
    }
}

const fn picklist(values: &'static [&'static str]) -> FieldKind {
    FieldKind {
        kind: "picklist",
        length: 255,
        values,
        in_bytes: false,
    }
}

const CASE_STATUS: &[&str] = &["New", "Working", "Escalated", "Closed"];
const INCIDENT_STATUS: &[&str] = &[
    "New",
    "Open",
    "In Progress",
    "Problem Created",
    "Resolved",
    "Completed",
];

const CASE: &[(&str, FieldKind)] = &[
    ("Subject", text(255)),
    ("Description", text(32_000)),
    ("Status", picklist(CASE_STATUS)),
    ("Priority", picklist(&["High", "Medium", "Low"])),
    ("Origin", picklist(&["Phone", "Email", "Web"])),
    ("Reason", text(255)),
    ("Type", text(255)),
    ("OwnerId", text(18)),
    ("ParentId", text(18)),
    ("AccountId", text(18)),
    ("ContactId", text(18)),
    ("RecordTypeId", text(18)),
    ("SuppliedName", text(80)),
    ("SuppliedEmail", text(80)),
    ("SuppliedPhone", text(40)),
    ("SuppliedCompany", text(80)),
    ("Comments", text(4000)),
];

const INCIDENT: &[(&str, FieldKind)] = &[
    ("Subject", text(255)),
    ("Description", text(32_000)),
    ("Status", picklist(INCIDENT_STATUS)),
    (
        "Priority",
        picklist(&["Critical", "High", "Moderate", "Low"]),
    ),
    ("Impact", picklist(&["High", "Medium", "Low"])),
    ("Urgency", picklist(&["High", "Medium", "Low"])),
    ("Type", text(255)),
    ("Category", text(255)),
    ("OwnerId", text(18)),
    ("ParentIncidentId", text(18)),
    ("ResolutionSummary", text(32_000)),
];

const CASE_COMMENT: &[(&str, FieldKind)] = &[
    ("ParentId", text(18)),
    (
        "CommentBody",
        FieldKind {
            in_bytes: true,
            ..text(4000)
        },
    ),
    ("IsPublished", text(5)),
];

const FEED_ITEM: &[(&str, FieldKind)] = &[
    ("ParentId", text(18)),
    ("Body", text(10_000)),
    ("Type", text(40)),
];

fn fields_of(object: &str) -> &'static [(&'static str, FieldKind)] {
    match object {
        "Case" => CASE,
        "Incident" => INCIDENT,
        "CaseComment" => CASE_COMMENT,
        "FeedItem" => FEED_ITEM,
        _ => &[],
    }
}

/// Whether the org has `object`.
pub(super) fn has_object(object: &str, switches: &Switches) -> bool {
    match object {
        "Incident" => switches.incident_object,
        _ => !fields_of(object).is_empty(),
    }
}

/// The field `name` of `object`: a standard one, an external id, or any other custom one.
/// Hidden ones are not there.
pub(super) fn field(object: &str, name: &str, switches: &Switches) -> Option<FieldKind> {
    if switches.hidden_fields.iter().any(|hidden| hidden == name) {
        return None;
    }
    let standard = fields_of(object)
        .iter()
        .find(|(field, _)| *field == name)
        .map(|(_, kind)| *kind);
    standard.or_else(|| {
        let external = switches
            .external_id_fields
            .iter()
            .any(|field| field == name);
        (external
            || matches!(
                name,
                "Source__c" | "Queue__c" | "Site__c" | "Ringdown_Url__c"
            ))
        .then(|| text(255))
    })
}

impl FieldKind {
    /// Salesforce's refusal of `value`, if it refuses it: too long, or not in the picklist.
    pub(super) fn refuses(self, name: &str, value: &Value, switches: &Switches) -> Option<Answer> {
        let given = value.as_str()?;
        let length = if self.in_bytes {
            given.len()
        } else {
            given.encode_utf16().count()
        };
        if length > self.length {
            let shown: String = given.chars().take(40).collect();
            let message = format!(
                "{name}: data value too large: {shown} (max length={})",
                self.length
            );
            return Some(error(400, "STRING_TOO_LONG", &message, &[name]));
        }
        let unknown = !self.values.is_empty() && !self.values.contains(&given);
        (unknown && switches.restricted_picklists).then(|| {
            let message = format!("{name}: bad value for restricted picklist field: {given}");
            error(
                400,
                "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                &message,
                &[name],
            )
        })
    }
}

/// `GET /sobjects/OBJECT`.
pub(super) fn basic(object: &str) -> Answer {
    Answer::json(
        200,
        &json!({"objectDescribe": {"name": object}, "recentItems": []}),
    )
}

/// `GET /sobjects/OBJECT/describe`, as the user sees it.
pub(super) fn full(object: &str, switches: &Switches) -> Answer {
    let standard = fields_of(object).iter().map(|(name, _)| (*name).to_owned());
    let external = switches.external_id_fields.iter().cloned();
    let custom = ["Source__c".to_owned()];
    let fields: Vec<Value> = standard
        .chain(external)
        .chain(custom)
        .filter_map(|name| {
            let kind = field(object, &name, switches)?;
            Some(describe_field(&name, kind, switches))
        })
        .collect();
    Answer::json(
        200,
        &json!({"name": object, "createable": switches.may_write, "updateable": switches.may_write,
                "queryable": true, "fields": fields,
                "recordTypeInfos": [{"recordTypeId": "012000000000000AAA", "name": "Master",
                    "active": true, "available": true, "master": true, "defaultRecordTypeMapping": true}]}),
    )
}

fn describe_field(name: &str, kind: FieldKind, switches: &Switches) -> Value {
    let external = switches
        .external_id_fields
        .iter()
        .any(|field| field == name);
    let required = switches.required_fields.iter().any(|field| field == name);
    let length = if external {
        switches.external_id_length
    } else {
        kind.length
    };
    let values: Vec<Value> = kind
        .values
        .iter()
        .map(|value| json!({"value": value, "label": value, "active": true, "defaultValue": *value == "New"}))
        .collect();
    json!({"name": name, "label": name, "type": kind.kind, "length": length,
           "createable": switches.may_write, "updateable": switches.may_write,
           "nillable": !required, "defaultedOnCreate": !kind.values.is_empty(),
           "externalId": external, "unique": external && switches.external_id_unique,
           "caseSensitive": false, "restrictedPicklist": switches.restricted_picklists,
           "picklistValues": values})
}
