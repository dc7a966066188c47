//! Writing a record: every check Salesforce makes, in its order, then the commit. Used by
//! single requests, upserts and collections alike.

use serde_json::{Map, Value, json};

use super::checks::{checked, is_blank, ruled};
use super::clock;
use super::data_call::Wishes;
use super::org::{QUEUE_ID, USER_ID};
use super::push;
use super::refusal::Refusal;
use super::schema;
use super::state::State;
use super::switches::Switches;
use super::table::{Record, text};

/// Makes a record and answers its id.
pub(super) fn insert(
    state: &mut State,
    object: &'static str,
    body: &Map<String, Value>,
    wishes: Wishes,
) -> Result<String, Refusal> {
    let mut fields = checked(state, object, body, None)?;
    with_defaults(state, object, &mut fields);
    ruled(state, object, &fields, None, wishes)?;
    let comment = fields.remove("Comments");
    state.counter += 1;
    let id = record_id(object, state.counter);
    stamp_new(&mut fields, object, &id, state.counter);
    settle_status(&mut fields, object, &state.switches);
    assign(&mut fields, object, &state.switches, wishes);
    state.table_mut(object)?.insert(fields);
    push::saved(state, object, &id, "insert");
    shortcut_comment(state, &id, comment)?;
    Ok(id)
}

/// Changes a record.
pub(super) fn change(
    state: &mut State,
    object: &'static str,
    id: &str,
    body: &Map<String, Value>,
    wishes: Wishes,
) -> Result<(), Refusal> {
    let mut changes = checked(state, object, body, Some(id))?;
    let mut merged = state
        .table(object)?
        .get(id)
        .map(|row| row.fields.clone())
        .unwrap_or_default();
    merged.extend(changes.clone());
    ruled(state, object, &merged, Some(id), wishes)?;
    let comment = changes.remove("Comments");
    let now = clock::now();
    for name in ["LastModifiedDate", "SystemModstamp"] {
        changes.insert(name.to_owned(), json!(now));
    }
    changes.insert("LastModifiedById".to_owned(), USER_ID.into());
    if changes.contains_key("Status") {
        settle_status(&mut changes, object, &state.switches);
    }
    assign(&mut changes, object, &state.switches, wishes);
    state.table_mut(object)?.update(id, changes);
    push::saved(state, object, id, "update");
    shortcut_comment(state, id, comment)
}

/// Whether a ticket in this status counts as closed.
pub(super) fn is_closed(object: &str, status: &str, switches: &Switches) -> bool {
    if object == "Incident" {
        return matches!(status, "Resolved" | "Completed");
    }
    switches
        .case_statuses
        .iter()
        .any(|one| one.closed && one.name == status)
}

fn with_defaults(state: &State, object: &str, fields: &mut Record) {
    let first_status = state
        .switches
        .case_statuses
        .first()
        .map_or("New", |one| one.name.as_str());
    let defaults: &[(&str, Value)] = match object {
        "Case" => &[
            ("Status", json!(first_status)),
            ("Priority", json!("Medium")),
            ("IsEscalated", json!(false)),
        ],
        "Incident" => &[
            ("Status", json!("New")),
            ("Priority", json!("Critical")),
            ("Impact", json!("High")),
            ("IsMajorIncident", json!(false)),
        ],
        "CaseComment" => &[("IsPublished", json!(false))],
        "FeedItem" => &[("Type", json!("TextPost"))],
        _ => &[],
    };
    for (name, value) in defaults {
        if is_blank(fields.get(*name)) {
            fields.insert((*name).to_owned(), value.clone());
        }
    }
}

fn stamp_new(fields: &mut Record, object: &str, id: &str, number: u64) {
    let now = clock::now();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("Id", json!(id));
    set("IsDeleted", json!(false));
    for name in ["CreatedById", "LastModifiedById"] {
        set(name, json!(USER_ID));
    }
    for name in ["CreatedDate", "LastModifiedDate", "SystemModstamp"] {
        set(name, json!(now));
    }
    match object {
        "Case" => drop(set("CaseNumber", json!(format!("{:08}", 1000 + number)))),
        "Incident" => drop(set("IncidentNumber", json!(format!("INC-{number:09}")))),
        _ => {}
    }
    fields
        .entry("OwnerId".to_owned())
        .or_insert_with(|| json!(USER_ID));
}

fn settle_status(fields: &mut Record, object: &str, switches: &Switches) {
    if !schema::is_ticket(object) {
        return;
    }
    let closed = is_closed(object, text(fields, "Status"), switches);
    fields.insert("IsClosed".to_owned(), closed.into());
    if object == "Case" {
        let at = if closed {
            json!(clock::now())
        } else {
            Value::Null
        };
        fields.insert("ClosedDate".to_owned(), at);
    }
}

/// The assignment rule runs on creation and on every change, unless the header says no.
fn assign(fields: &mut Record, object: &str, switches: &Switches, wishes: Wishes) {
    if object == "Case" && switches.assignment_rule && wishes.assign {
        fields.insert("OwnerId".to_owned(), QUEUE_ID.into());
    }
}

/// Text written to a Case's `Comments` becomes a comment of its own.
fn shortcut_comment(state: &mut State, case: &str, comment: Option<Value>) -> Result<(), Refusal> {
    let Some(body) = comment.filter(|value| !value.is_null()) else {
        return Ok(());
    };
    state.counter += 1;
    let id = record_id("CaseComment", state.counter);
    let mut fields = Record::from([
        ("ParentId".to_owned(), json!(case)),
        ("CommentBody".to_owned(), body),
        ("IsPublished".to_owned(), json!(false)),
    ]);
    stamp_new(&mut fields, "CaseComment", &id, state.counter);
    state.table_mut("CaseComment")?.insert(fields);
    Ok(())
}

/// An id of 18 characters: prefix, pod, number, and the suffix that encodes letter case.
fn record_id(object: &str, number: u64) -> String {
    let short = format!("{}5g{number:010}", schema::key_prefix(object));
    let suffix: String = short
        .as_bytes()
        .chunks(5)
        .map(|chunk| {
            let bits = chunk
                .iter()
                .enumerate()
                .filter(|(_, byte)| byte.is_ascii_uppercase());
            let index: usize = bits.map(|(place, _)| 1 << place).sum();
            char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[index])
        })
        .collect();
    short + &suffix
}
