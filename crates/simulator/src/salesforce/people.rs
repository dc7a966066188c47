//! Salesforce from the side of the people who work in it: the list of tickets, and changes
//! that no validation stops.

use serde_json::{Map, Value, json};

use super::clock;
use super::org::PERSON_ID;
use super::state::State;
use super::table::{Record, Table, text};
use super::{push, write};

const TICKETS: [&str; 2] = ["Case", "Incident"];

/// Every ticket that is not deleted, oldest first, with its comments as `CommentList` and their
/// number as `CommentCount`.
pub(super) fn tickets(state: &State) -> Vec<Value> {
    let mut rows: Vec<&Record> = TICKETS
        .iter()
        .filter_map(|object| state.tables.get(object))
        .flat_map(|table| table.rows())
        .filter(|row| row.get("IsDeleted") != Some(&json!(true)))
        .collect();
    rows.sort_by(|a, b| text(a, "CreatedDate").cmp(text(b, "CreatedDate")));
    rows.into_iter().map(|row| ticket(state, row)).collect()
}

/// How many there are.
pub(super) fn ticket_count(state: &State) -> usize {
    let tables = TICKETS.iter().filter_map(|object| state.tables.get(object));
    tables.map(Table::live).sum()
}

fn ticket(state: &State, row: &Record) -> Value {
    let parent = Some(("ParentId", text(row, "Id")));
    let comments: Vec<&Value> = [("CaseComment", "CommentBody"), ("FeedItem", "Body")]
        .iter()
        .filter_map(|(object, body)| Some((state.tables.get(object)?, *body)))
        .flat_map(|(table, body)| {
            let found = table.candidates(parent);
            found
                .into_iter()
                .filter_map(move |comment| comment.get(body))
        })
        .collect();
    let mut fields: Map<String, Value> = row.clone().into_iter().collect();
    fields.insert("CommentCount".to_owned(), json!(comments.len()));
    fields.insert("CommentList".to_owned(), json!(comments));
    Value::Object(fields)
}

/// A ticket's cells on the page, and whether it is closed.
pub(super) fn page_row(key_fields: &[String], ticket: &Value) -> ([String; 7], bool) {
    let cell = |name: &str| match &ticket[name] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let cells = [
        cell("CaseNumber") + &cell("IncidentNumber"),
        cell("Subject"),
        cell("Status"),
        cell("Priority"),
        key_fields
            .first()
            .map_or_else(String::new, |name| cell(name)),
        cell("CreatedDate"),
        cell("CommentCount"),
    ];
    (cells, ticket["IsClosed"] == json!(true))
}

/// Sets fields of the ticket with this id or number, whatever the rules say.
pub(super) fn edit(state: &mut State, id: &str, fields: &Map<String, Value>) -> bool {
    let Some((object, id)) = holder(state, id) else {
        return false;
    };
    let mut changes: Record = fields.clone().into_iter().collect();
    let now = clock::now();
    if let Some(status) = changes.get("Status").and_then(Value::as_str) {
        let closed = write::is_closed(object, status, &state.switches);
        changes.insert("IsClosed".to_owned(), closed.into());
        let at = if closed { json!(now) } else { Value::Null };
        changes.insert("ClosedDate".to_owned(), at);
    }
    changes.insert("LastModifiedById".to_owned(), PERSON_ID.into());
    changes.insert("LastModifiedDate".to_owned(), json!(now));
    changes.insert("SystemModstamp".to_owned(), json!(now));
    let table = state.tables.get_mut(object);
    let done = table.is_some_and(|table| table.update(&id, changes));
    push::saved(state, object, &id, "update");
    done
}

/// Sets the first closed state.
pub(super) fn close(state: &mut State, id: &str) -> bool {
    let status = match holder(state, id) {
        Some(("Incident", _)) => "Completed".to_owned(),
        _ => {
            let closed = state.switches.case_statuses.iter().find(|one| one.closed);
            closed.map_or_else(|| "Closed".to_owned(), |status| status.name.clone())
        }
    };
    let fields = Map::from_iter([("Status".to_owned(), status.into())]);
    edit(state, id, &fields)
}

/// Puts the ticket with this id or number into the recycle bin.
pub(super) fn delete(state: &mut State, id: &str) -> bool {
    bin(state, id, None)
}

/// Merges the ticket with this id or number into another, which stays.
pub(super) fn merge(state: &mut State, id: &str, into: &str) -> bool {
    match holder(state, into) {
        Some(("Case", master)) => bin(state, id, Some(master)),
        _ => false,
    }
}

fn bin(state: &mut State, id: &str, master: Option<String>) -> bool {
    let Some((object, id)) = holder(state, id) else {
        return false;
    };
    let mut changes = Record::from([
        ("IsDeleted".to_owned(), json!(true)),
        ("LastModifiedById".to_owned(), PERSON_ID.into()),
        ("SystemModstamp".to_owned(), json!(clock::now())),
    ]);
    if let Some(master) = master {
        changes.insert("MasterRecordId".to_owned(), master.into());
    }
    let table = state.tables.get_mut(object);
    table.is_some_and(|table| table.bin(&id, changes))
}

/// The object and id of the ticket with this id or number.
fn holder(state: &State, id: &str) -> Option<(&'static str, String)> {
    TICKETS.into_iter().find_map(|object| {
        let table = state.tables.get(object)?;
        if let Some(row) = table.get(id) {
            return Some((object, text(&row.fields, "Id").to_owned()));
        }
        let number = format!("{object}Number");
        let found = table.rows().find(|row| text(row, &number) == id)?;
        Some((object, text(found, "Id").to_owned()))
    })
}
