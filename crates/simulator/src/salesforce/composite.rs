//! Several operations in one request: composite requests and collections. Both answer 200 even
//! when everything inside failed.

use hyper::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value, json};

use super::checks::holders;
use super::data_call::{DataCall, Route, Wishes, version};
use super::refusal::{Refusal, bad_json, not_found, refuse};
use super::state::State;
use super::{records, schema, upsert, write};
use crate::wire::{Answer, Request, parse_query};

const MAX_REQUESTS: usize = 25;
const MAX_QUERIES: usize = 5;
const MAX_RECORDS: usize = 200;

/// Where a request inside a composite has the answer that a fault gives it.
const SIMULATED_ANSWER: &str = "simulatedAnswer";

/// The requests inside `request`, when it is a composite one: faults concern them too.
pub(super) fn parts(request: &Request) -> Vec<Request> {
    let body = request
        .json()
        .filter(|_| request.path.ends_with("/composite"));
    let parts = body
        .as_ref()
        .and_then(|body| body["compositeRequest"].as_array());
    parts
        .into_iter()
        .flatten()
        .map(|part| whole(request, part))
        .collect()
}

fn whole(request: &Request, part: &Value) -> Request {
    let url = part["url"].as_str().unwrap_or_default();
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let method = part["method"].as_str().unwrap_or_default();
    Request {
        method: Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET),
        path: path.to_owned(),
        query: parse_query(query),
        headers: request.headers.clone(),
        body: part["body"].to_string().into_bytes(),
        origin: request.origin.clone(),
    }
}

/// `request` with `answers` to the parts at these places.
pub(super) fn with_answers(request: &Request, answers: &[(usize, Answer)]) -> Request {
    let mut body = request.json().unwrap_or_default();
    for (place, answer) in answers {
        let content: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        body["compositeRequest"][place][SIMULATED_ANSWER] =
            json!({"body": content, "httpHeaders": {}, "httpStatusCode": answer.status});
    }
    Request {
        body: body.to_string().into_bytes(),
        ..request.clone()
    }
}

/// The headers of a request inside a composite one.
fn headers_of(request: &Value) -> HeaderMap {
    let headers = request["httpHeaders"].as_object().into_iter().flatten();
    headers
        .filter_map(|(name, value)| {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.as_str()?).ok()?))
        })
        .collect()
}

/// What is below `/composite`. Each inner request is answered by `send`.
pub(super) fn route(
    state: &mut State,
    data: DataCall<'_>,
    rest: &[&str],
    send: Route,
) -> Result<Answer, Refusal> {
    match (&data.call.method, rest) {
        (&Method::POST, []) => composite(state, data, send),
        (&Method::POST | &Method::PATCH, ["sobjects"]) => collection(state, data, None),
        (&Method::PATCH, ["sobjects", object, field]) => {
            let object = state.object(object)?;
            let field = upsert::external_field(state, object, field)?;
            collection(state, data, Some((object, &field)))
        }
        (&Method::DELETE, ["sobjects"]) => delete_all(state, data),
        _ => Err(not_found()),
    }
}

fn composite(state: &mut State, data: DataCall<'_>, send: Route) -> Result<Answer, Refusal> {
    let body = data.object_body()?;
    let all_or_none = body.get("allOrNone") == Some(&json!(true));
    let requests = body
        .get("compositeRequest")
        .and_then(Value::as_array)
        .filter(|list| (1..=MAX_REQUESTS).contains(&list.len()))
        .ok_or_else(|| bad_json("compositeRequest must hold 1 to 25 requests"))?;
    let queries = requests.iter().filter(|one| is_query_or_collection(one));
    if queries.count() > MAX_QUERIES {
        return Err(bad_json("at most 5 queries or collections in one request"));
    }
    check_references(requests)?;
    let before = all_or_none.then(|| state.tables.clone());
    let mut answers: Vec<Value> = Vec::new();
    for request in requests {
        let answer = inner(state, data, &with_references(request, &answers), send);
        answers.push(answer);
    }
    if let Some(before) = before.filter(|_| answers.iter().any(failed)) {
        state.tables = before;
        answers
            .iter_mut()
            .filter(|answer| !failed(answer))
            .for_each(halt);
    }
    Ok(Answer::json(200, &json!({ "compositeResponse": answers })))
}

fn is_query_or_collection(request: &Value) -> bool {
    let url = request["url"].as_str().unwrap_or_default();
    ["/query", "/queryAll", "/composite/sobjects"]
        .iter()
        .any(|part| url.contains(part))
}

/// Names of letters, digits and underscores, each once; and no header that the whole request carries.
fn check_references(requests: &[Value]) -> Result<(), Refusal> {
    let mut seen = Vec::new();
    for request in requests {
        let name = request["referenceId"].as_str().unwrap_or_default();
        let is_plain = |one: char| one.is_ascii_alphanumeric() || one == '_';
        if name.is_empty() || !name.chars().all(is_plain) || seen.contains(&name) {
            return Err(bad_json(
                "referenceId must be unique, of letters, digits and _",
            ));
        }
        seen.push(name);
        let headers = request["httpHeaders"].as_object().into_iter().flatten();
        for (header, _) in headers {
            let of_whole = ["accept", "authorization", "content-type"];
            if of_whole.contains(&header.to_ascii_lowercase().as_str()) {
                return Err(bad_json(
                    "a header of the whole request cannot stand in a part",
                ));
            }
        }
    }
    Ok(())
}

fn failed(answer: &Value) -> bool {
    answer["httpStatusCode"]
        .as_u64()
        .is_none_or(|status| status >= 400)
}

fn halt(answer: &mut Value) {
    let message = "The transaction was rolled back since another operation in the same \
transaction failed.";
    answer["body"] = json!([{"errorCode": "PROCESSING_HALTED", "message": message}]);
    answer["httpHeaders"] = json!({});
    answer["httpStatusCode"] = json!(400);
}

/// One request of a composite, sent through the same routes as any other.
fn inner(state: &mut State, data: DataCall<'_>, request: &Value, send: Route) -> Value {
    let method = request["method"].as_str().unwrap_or_default();
    let url = request["url"].as_str().unwrap_or_default();
    let method = Method::from_bytes(method.as_bytes()).unwrap_or(Method::GET);
    let body = match &request["body"] {
        Value::Null => Vec::new(),
        body => body.to_string().into_bytes(),
    };
    if let Some(answer) = request.get(SIMULATED_ANSWER) {
        let mut answer = answer.clone();
        answer["referenceId"] = request["referenceId"].clone();
        return answer;
    }
    let call = data.call.inside(method, url, headers_of(request), body);
    let version = version(&call).unwrap_or(data.version);
    let result = send(
        state,
        DataCall {
            call: &call,
            version,
        },
    );
    let (status, body) = match result {
        Ok(reply) => (
            reply.status,
            serde_json::from_slice(&reply.body).unwrap_or(Value::Null),
        ),
        Err(refusal) => (refusal.status, refusal.body()),
    };
    json!({
        "body": body, "httpHeaders": {}, "httpStatusCode": status,
        "referenceId": request["referenceId"],
    })
}

/// Replaces `@{reference.field}` by what an earlier answer holds there.
fn with_references(request: &Value, answers: &[Value]) -> Value {
    let mut text = request.to_string();
    for answer in answers {
        let name = answer["referenceId"].as_str().unwrap_or_default();
        if let Some(fields) = answer["body"].as_object() {
            for (field, value) in fields {
                let plain = value.as_str().unwrap_or_default();
                text = text.replace(&format!("@{{{name}.{field}}}"), plain);
            }
        }
    }
    serde_json::from_str(&text).unwrap_or_else(|_| request.clone())
}

/// Creates (POST), changes (PATCH) or upserts a list of records.
fn collection(
    state: &mut State,
    data: DataCall<'_>,
    by: Option<(&'static str, &str)>,
) -> Result<Answer, Refusal> {
    let body = data.object_body()?;
    let all_or_none = body.get("allOrNone") == Some(&json!(true));
    let records = body
        .get("records")
        .and_then(Value::as_array)
        .filter(|list| (1..=MAX_RECORDS).contains(&list.len()))
        .ok_or_else(|| bad_json("records must hold 1 to 200 records"))?;
    let before = all_or_none.then(|| state.tables.clone());
    let mut results: Vec<Result<Value, Refusal>> = records
        .iter()
        .map(|record| row(state, data, record, by))
        .collect();
    if let Some(before) = before.filter(|_| results.iter().any(Result::is_err)) {
        state.tables = before;
        let message = "Record rolled back because not all records were valid and the request \
was using AllOrNone header";
        for result in results.iter_mut().filter(|result| result.is_ok()) {
            *result = Err(refuse(400, "ALL_OR_NONE_OPERATION_ROLLED_BACK", message));
        }
    }
    let shown: Vec<Value> = results
        .into_iter()
        .map(|result| {
            result.unwrap_or_else(|no| json!({"success": false, "errors": no.row_errors()}))
        })
        .collect();
    Ok(Answer::json(200, &Value::Array(shown)))
}

fn row(
    state: &mut State,
    data: DataCall<'_>,
    record: &Value,
    by: Option<(&'static str, &str)>,
) -> Result<Value, Refusal> {
    let mut fields = record
        .as_object()
        .cloned()
        .ok_or_else(|| bad_json("a record is wanted"))?;
    let named = record["attributes"]["type"].as_str().unwrap_or_default();
    let object = match by {
        Some((object, _)) => object,
        None => state.object(named)?,
    };
    let wishes = Wishes::of(data);
    if let Some((object, field)) = by {
        return upserted(state, (object, field), &fields, wishes);
    }
    if data.call.method == Method::POST {
        let id = write::insert(state, object, &fields, wishes)?;
        return Ok(json!({"id": id, "success": true, "errors": []}));
    }
    let id = take_text(&mut fields, "Id").ok_or_else(missing_id)?;
    if state.table(object)?.get(&id).is_none() {
        return Err(refuse(
            404,
            "INVALID_CROSS_REFERENCE_KEY",
            "invalid cross reference id",
        ));
    }
    write::change(state, object, &id, &fields, wishes)?;
    Ok(json!({"id": id, "success": true, "errors": []}))
}

fn missing_id() -> Refusal {
    refuse(
        400,
        "MISSING_ARGUMENT",
        "Id not specified in an update call",
    )
    .blaming(&["Id"])
}

/// Here the key is a field of the record, and must be there.
fn upserted(
    state: &mut State,
    (object, field): (&'static str, &str),
    fields: &Map<String, Value>,
    wishes: Wishes,
) -> Result<Value, Refusal> {
    let key = fields
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default();
    if key.is_empty() {
        let message = format!("{field} not specified");
        return Err(refuse(400, "MISSING_ARGUMENT", message).blaming(&[field]));
    }
    let found = holders(state, object, field, key)?;
    match found.as_slice() {
        [] => {
            let id = write::insert(state, object, fields, wishes)?;
            Ok(json!({"id": id, "success": true, "errors": [], "created": true}))
        }
        [id] => {
            write::change(state, object, id, fields, wishes)?;
            Ok(json!({"id": id, "success": true, "errors": [], "created": false}))
        }
        _ => {
            let message = format!("{field}: more than one record found for external id field");
            Err(refuse(400, "DUPLICATE_EXTERNAL_ID", message).blaming(&[field]))
        }
    }
}

fn take_text(fields: &mut Map<String, Value>, name: &str) -> Option<String> {
    let key = fields
        .keys()
        .find(|key| key.eq_ignore_ascii_case(name))?
        .clone();
    fields.remove(&key)?.as_str().map(str::to_owned)
}

/// `DELETE /composite/sobjects?ids=…`.
fn delete_all(state: &mut State, data: DataCall<'_>) -> Result<Answer, Refusal> {
    let ids = data.call.param("ids").unwrap_or_default();
    let results: Vec<Value> = ids
        .split(',')
        .map(|id| {
            let object = schema::objects(&state.switches).into_iter().find(|object| {
                state
                    .table(object)
                    .is_ok_and(|table| table.get(id).is_some())
            });
            let deleted = object
                .ok_or_else(not_found)
                .and_then(|object| records::delete(state, object, id));
            match deleted {
                Ok(_) => json!({"id": id, "success": true, "errors": []}),
                Err(no) => json!({"success": false, "errors": no.row_errors()}),
            }
        })
        .collect();
    Ok(Answer::json(200, &Value::Array(results)))
}
