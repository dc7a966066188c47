//! Metadata: versions, resources, limits and the description of objects, filtered by what the
//! integration user may see.

use serde_json::{Value, json};

use super::data_call::DataCall;
use super::org::{NEWEST, OLDEST};
use super::refusal::Refusal;
use super::schema::{self, Field, Kind};
use super::state::State;
use crate::wire::Answer;

/// `GET /services/data/`, which needs no login.
pub(super) fn versions() -> Answer {
    let list: Vec<Value> = (OLDEST..=NEWEST)
        .map(|version| {
            let season = ["Spring", "Summer", "Winter"][version as usize % 3];
            let year = 11 + version.saturating_sub(21) / 3;
            json!({
                "label": format!("{season} '{year}"),
                "url": format!("/services/data/v{version}.0"),
                "version": format!("{version}.0"),
            })
        })
        .collect();
    Answer::json(200, &Value::Array(list))
}

/// `GET /services/data/vXX.0/`.
pub(super) fn resources(data: DataCall<'_>) -> Answer {
    let base = data.base();
    let path = |name: &str| format!("{base}/{name}");
    Answer::json(
        200,
        &json!({
            "sobjects": path("sobjects"), "query": path("query"), "queryAll": path("queryAll"),
            "limits": path("limits"), "composite": path("composite"),
        }),
    )
}

/// `GET /limits`.
pub(super) fn limits(state: &State) -> Answer {
    let max = state.switches.daily_requests;
    let left = max.saturating_sub(state.used);
    Answer::json(
        200,
        &json!({
            "DailyApiRequests": {"Max": max, "Remaining": left},
            "ConcurrentAsyncGetReportInstances": {"Max": 200, "Remaining": 200},
        }),
    )
}

/// `GET /sobjects`.
pub(super) fn all(state: &State, data: DataCall<'_>) -> Answer {
    let list: Vec<Value> = schema::objects(&state.switches)
        .into_iter()
        .map(|object| head(state, data, object))
        .collect();
    Answer::json(
        200,
        &json!({"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": list}),
    )
}

/// `GET /sobjects/{object}`.
pub(super) fn basic(state: &State, object: &str, data: DataCall<'_>) -> Answer {
    let body = json!({"objectDescribe": head(state, data, object), "recentItems": []});
    Answer::json(200, &body)
}

/// `GET /sobjects/{object}/describe`.
pub(super) fn one(state: &State, object: &str, data: DataCall<'_>) -> Result<Answer, Refusal> {
    let object = state.object(object)?;
    let mut body = head(state, data, object);
    let fields = schema::fields(object, &state.switches);
    body["fields"] = fields.iter().map(|field| described(state, field)).collect();
    body["recordTypeInfos"] = json!([{
        "active": true, "available": true, "defaultRecordTypeMapping": true,
        "developerName": "Master", "master": true, "name": "Master",
        "recordTypeId": "012000000000000AAA",
    }]);
    Ok(Answer::json(200, &body))
}

fn head(state: &State, data: DataCall<'_>, object: &str) -> Value {
    let writable = state.tables.contains_key(object) && state.switches.may_write;
    let url = format!("{}/sobjects/{object}", data.base());
    json!({
        "name": object, "label": object, "keyPrefix": schema::key_prefix(object),
        "createable": writable, "updateable": writable, "deletable": writable,
        "queryable": true, "retrieveable": true, "custom": false,
        "urls": {"sobject": url, "describe": format!("{url}/describe")},
    })
}

fn described(state: &State, field: &Field) -> Value {
    let (kind, length) = type_and_length(&field.kind);
    let values = match &field.kind {
        Kind::Picklist(values) => values.as_slice(),
        _ => &[],
    };
    let picklist: Vec<Value> = values
        .iter()
        .map(|value| json!({"active": true, "defaultValue": false, "label": value, "validFor": null, "value": value}))
        .collect();
    let refers: Vec<&str> = match field.kind {
        Kind::Reference(to) => vec![to],
        _ => Vec::new(),
    };
    let number = matches!(field.name.as_str(), "CaseNumber" | "IncidentNumber");
    json!({
        "name": field.name,
        "label": field.name.trim_end_matches("__c").replace('_', " "),
        "type": kind,
        "soapType": "xsd:string",
        "length": length,
        "byteLength": length * 3,
        "createable": field.createable && state.switches.may_write,
        "updateable": field.updateable && state.switches.may_write,
        "nillable": field.nillable,
        "defaultedOnCreate": field.defaulted,
        "defaultValue": null,
        "externalId": field.external_id,
        "unique": field.external_id && state.switches.external_id_unique,
        "caseSensitive": false,
        "idLookup": field.external_id || number || field.kind == Kind::Id,
        "autoNumber": number,
        "calculated": false,
        "custom": field.name.ends_with("__c"),
        "filterable": !matches!(field.kind, Kind::Area(_)),
        "sortable": !matches!(field.kind, Kind::Area(_)),
        "restrictedPicklist": !values.is_empty() && state.switches.restricted_picklists,
        "dependentPicklist": false,
        "controllerName": null,
        "picklistValues": picklist,
        "referenceTo": refers,
    })
}

fn type_and_length(kind: &Kind) -> (&'static str, usize) {
    match kind {
        Kind::Id => ("id", 18),
        Kind::Text(length) => ("string", *length),
        Kind::Area(length) | Kind::Bytes(length) => ("textarea", *length),
        Kind::Picklist(_) => ("picklist", 255),
        Kind::Boolean => ("boolean", 0),
        Kind::DateTime => ("datetime", 0),
        Kind::Number => ("double", 0),
        Kind::Reference(_) => ("reference", 18),
    }
}
