//! Records addressed by an external id: the upsert, whose answers depend on the version in the
//! path, and reading and deleting the same way.

use std::time::Duration;

use hyper::http::Method;
use serde_json::{Value, json};

use super::checks::{self, holders};
use super::data_call::{DataCall, Wishes};
use super::records;
use super::refusal::{Refusal, not_found, refuse};
use super::state::State;
use super::switches::RaceLoser;
use super::{schema, write};
use crate::wire::Answer;

/// The first version whose upsert answers `created`, and answers an update with a body.
const CREATED_SINCE: u32 = 46;
/// How young a record is when a further upsert of its key counts as simultaneous.
const RACE_WINDOW: Duration = Duration::from_secs(2);

/// The external id field's own spelling.
pub(super) fn external_field(state: &State, object: &str, name: &str) -> Result<String, Refusal> {
    schema::fields(object, &state.switches)
        .into_iter()
        .find(|field| field.external_id && field.name.eq_ignore_ascii_case(name))
        .map(|field| field.name)
        .ok_or_else(|| {
            let message =
                format!("Provided external ID field does not exist or is not accessible: {name}");
            refuse(404, "NOT_FOUND", message)
        })
}

/// `/sobjects/{object}/{field}/{value}`.
pub(super) fn route(
    state: &mut State,
    data: DataCall<'_>,
    object: &'static str,
    field: &str,
    value: &str,
) -> Result<Answer, Refusal> {
    let field = external_field(state, object, field)?;
    if state.switches.dotted_values_missing && value.contains('.') {
        return Err(not_found());
    }
    let found = holders(state, object, &field, value)?;
    if found.len() > 1 {
        return Ok(several(data, object, &found));
    }
    match (&data.call.method, found.first()) {
        (&Method::PATCH, found) => upsert(state, data, object, (&field, value), found.cloned()),
        (&Method::GET | &Method::HEAD, Some(id)) => records::read(state, data, object, id),
        (&Method::DELETE, Some(id)) => records::delete(state, object, id),
        (_, None) => Err(not_found()),
        (method, _) => Err(records::not_allowed(method, "DELETE,GET,HEAD,PATCH")),
    }
}

/// 300 with the paths of all that match; nothing is written.
fn several(data: DataCall<'_>, object: &str, ids: &[String]) -> Answer {
    let paths: Vec<Value> = ids
        .iter()
        .map(|id| json!(format!("{}/sobjects/{object}/{id}", data.base())))
        .collect();
    Answer::json(300, &Value::Array(paths))
}

fn upsert(
    state: &mut State,
    data: DataCall<'_>,
    object: &'static str,
    (field, value): (&str, &str),
    found: Option<String>,
) -> Result<Answer, Refusal> {
    let mut body = data.object_body()?;
    for forbidden in ["Id", field] {
        if body.keys().any(|name| name.eq_ignore_ascii_case(forbidden)) {
            let message =
                format!("The {forbidden} field should not be specified in the sobject data.");
            return Err(refuse(400, "INVALID_FIELD", message).blaming(&[forbidden]));
        }
    }
    let wishes = Wishes::of(data);
    if let Some(id) = found {
        lost_race(state, object, field, &id)?;
        write::change(state, object, &id, &body, wishes)?;
        return Ok(done(data, 200, &id));
    }
    if data.call.param("updateOnly") == Some("true") {
        return Err(not_found());
    }
    body.insert(field.to_owned(), value.into());
    let id = write::insert(state, object, &body, wishes)?;
    Ok(done(data, 201, &id))
}

/// Of two simultaneous upserts the second hears what the switch says.
fn lost_race(state: &State, object: &str, field: &str, id: &str) -> Result<(), Refusal> {
    let made = state.table(object)?.get(id).map(|row| row.made);
    if made.is_none_or(|made| made.elapsed() > RACE_WINDOW) {
        return Ok(());
    }
    match state.switches.race_loser {
        RaceLoser::Updated => Ok(()),
        RaceLoser::DuplicateValue => Err(checks::duplicate_value(field, id)),
        RaceLoser::LockRow => {
            let message =
                format!("unable to obtain exclusive access to this record or 1 records: {id}");
            Err(refuse(400, "UNABLE_TO_LOCK_ROW", message).blaming(&[]))
        }
    }
}

fn done(data: DataCall<'_>, status: u16, id: &str) -> Answer {
    let created = status == 201;
    if data.version >= CREATED_SINCE {
        let body = json!({"id": id, "success": true, "errors": [], "created": created});
        Answer::json(status, &body)
    } else if created {
        Answer::json(201, &json!({"id": id, "success": true, "errors": []}))
    } else {
        Answer::empty(204)
    }
}
