//! `/sobjects`: creates and changes records, and sends the rest where it belongs.

use hyper::http::Method;
use serde_json::json;

use super::data_call::{DataCall, Wishes};
use super::records::{delete, existing, not_allowed, read};
use super::refusal::{Refusal, not_found};
use super::state::State;
use super::{describe, upsert, write};
use crate::wire::Answer;

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

fn create(state: &mut State, data: DataCall<'_>, object: &'static str) -> Result<Answer, Refusal> {
    let id = write::insert(state, object, &data.object_body()?, Wishes::of(data))?;
    let location = format!("{}/sobjects/{object}/{id}", data.base());
    let body = json!({"id": id, "success": true, "errors": []});
    Ok(Answer::json(201, &body).with("location", location))
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
