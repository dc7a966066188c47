//! One record: reading it, showing it, deleting it.

use hyper::http::Method;
use serde_json::{Map, Value, json};

use super::clock;
use super::data_call::DataCall;
use super::refusal::{Refusal, no_such_column, refuse};
use super::schema;
use super::state::State;
use super::table::{Record, text};
use crate::wire::Answer;

pub(super) fn not_allowed(method: &Method, allowed: &str) -> Refusal {
    let message = format!("HTTP Method '{method}' not allowed. Allowed are {allowed}");
    refuse(405, "METHOD_NOT_ALLOWED", message)
}

pub(super) fn read(
    state: &State,
    data: DataCall<'_>,
    object: &'static str,
    id: &str,
) -> Result<Answer, Refusal> {
    let row = existing(state, object, id)?;
    if state.switches.unreadable_tickets.contain(row) {
        return Err(not_found(id));
    }
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
    let id = text(row, "Id");
    let url = format!("{}/sobjects/{object}/{id}", data.base());
    let mut shown = Map::new();
    shown.insert("attributes".to_owned(), json!({"type": object, "url": url}));
    for name in wanted {
        if let Some((relation, field)) = name.split_once('.') {
            let id = text(row, &format!("{relation}Id"));
            let related = json!({"attributes": {"type": "Name"}, field: schema::name_of(id)});
            shown.insert(relation.to_owned(), related);
            continue;
        }
        shown.insert(name.clone(), row.get(name).cloned().unwrap_or(Value::Null));
    }
    Value::Object(shown)
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
pub(super) fn existing<'a>(
    state: &'a State,
    object: &str,
    id: &str,
) -> Result<&'a Record, Refusal> {
    let row = state.table(object)?.get(id).map(|row| &row.fields);
    match row {
        Some(row) if row.get("IsDeleted") == Some(&json!(true)) => {
            Err(refuse(404, "ENTITY_IS_DELETED", "entity is deleted").blaming(&[]))
        }
        Some(row) => Ok(row),
        None => Err(not_found(id)),
    }
}

fn not_found(id: &str) -> Refusal {
    let message =
        "Provided external ID field does not exist or is not accessible: ".to_owned() + id;
    refuse(404, "NOT_FOUND", message)
}
