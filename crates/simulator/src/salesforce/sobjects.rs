//! Records by id: create, read, change, delete.

use hyper::http::Method;
use serde_json::{Map, Value, json};

use super::super::wire::Answer;
use super::clock;
use super::refusal::{Refusal, no_such_column, not_found, refuse};
use super::table::Record;
use super::write::{self, Wishes};
use super::{DataCall, State, describe, schema, upsert};

/// `/sobjects/{object}` and what is below it.
pub(super) fn route(
    state: &mut State,
    data: DataCall<'_>,
    object: &str,
    rest: &[&str],
) -> Result<Answer, Refusal> {
    let object = state.object(object)?;
    state.table(object)?;
    let method = &data.call.method;
    match (method, rest) {
        (&Method::POST, [] | ["Id"]) => create(state, data, object),
        (&Method::GET, []) => Ok(describe::basic(state, object, data)),
        (_, []) => Err(not_allowed(method, "GET,HEAD,POST")),
        // The value of an external id got lost.
        (_, [field]) if upsert::external_field(state, object, field).is_ok() => {
            Err(not_allowed(method, "GET,HEAD,POST"))
        }
        (_, [field, value]) => upsert::route(state, data, object, field, value),
        (&Method::GET | &Method::HEAD, [id]) => read(state, data, object, id),
        (&Method::PATCH, [id]) => change(state, data, object, id),
        (&Method::DELETE, [id]) => delete(state, object, id),
        (_, [_]) => Err(not_allowed(method, "DELETE,GET,HEAD,PATCH")),
        _ => Err(not_found()),
    }
}

pub(super) fn not_allowed(method: &Method, allowed: &str) -> Refusal {
    let message = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
    refuse(405, "METHOD_NOT_ALLOWED", message)
}

fn create(state: &mut State, data: DataCall<'_>, object: &'static str) -> Result<Answer, Refusal> {
    let id = write::insert(state, object, &data.object_body()?, Wishes::of(data))?;
    let location = format!("{}/sobjects/{object}/{id}", data.base());
    let body = json!({"id": id, "success": true, "errors": []});
    Ok(Answer::json(201, &body).with("location", location))
}

pub(super) fn read(
    state: &State,
    data: DataCall<'_>,
    object: &'static str,
    id: &str,
) -> Result<Answer, Refusal> {
    let row = existing(state, object, id)?;
    let known = schema::fields(object, &state.switches);
    let wanted: Vec<String> = match data.call.param("fields") {
        None => known.iter().map(|field| field.name.clone()).collect(),
        Some(list) => {
            let names = list
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty());
            names
                .map(|name| spelt(&known, name, object))
                .collect::<Result<_, _>>()?
        }
    };
    Ok(Answer::json(200, &rendered(data, object, row, &wanted)))
}

fn spelt(known: &[schema::Field], name: &str, object: &str) -> Result<String, Refusal> {
    known
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
        .map(|field| field.name.clone())
        .ok_or_else(|| no_such_column(name, object))
}

/// A record as answers show it.
pub(super) fn rendered(data: DataCall<'_>, object: &str, row: &Record, wanted: &[String]) -> Value {
    let id = super::table::text(row, "Id");
    let url = format!("{}/sobjects/{object}/{id}", data.base());
    let mut shown = Map::new();
    shown.insert("attributes".to_owned(), json!({"type": object, "url": url}));
    for name in wanted {
        if let Some((relation, field)) = name.split_once('.') {
            let id = super::table::text(row, &format!("{relation}Id"));
            let related = json!({"attributes": {"type": "Name"}, field: schema::name_of(id)});
            shown.insert(relation.to_owned(), related);
            continue;
        }
        shown.insert(name.clone(), row.get(name).cloned().unwrap_or(Value::Null));
    }
    Value::Object(shown)
}

fn change(
    state: &mut State,
    data: DataCall<'_>,
    object: &'static str,
    id: &str,
) -> Result<Answer, Refusal> {
    existing(state, object, id)?;
    write::change(state, object, id, &data.object_body()?, Wishes::of(data))?;
    Ok(Answer::empty(204))
}

pub(super) fn delete(state: &mut State, object: &'static str, id: &str) -> Result<Answer, Refusal> {
    existing(state, object, id)?;
    let changes = Record::from([
        ("IsDeleted".to_owned(), json!(true)),
        ("SystemModstamp".to_owned(), json!(clock::now())),
    ]);
    state.table_mut(object)?.bin(id, changes);
    Ok(Answer::empty(204))
}

/// The row, unless it is not there, deleted, or not an id at all.
fn existing<'a>(state: &'a State, object: &str, id: &str) -> Result<&'a Record, Refusal> {
    let row = state.table(object)?.get(id).map(|row| &row.fields);
    match row {
        Some(row) if row.get("IsDeleted") == Some(&json!(true)) => {
            Err(refuse(404, "ENTITY_IS_DELETED", "entity is deleted").blaming(&[]))
        }
        Some(row) => Ok(row),
        None => Err(refuse(
            404,
            "NOT_FOUND",
            "Provided external ID field does not exist or is not accessible: ".to_owned() + id,
        )),
    }
}
