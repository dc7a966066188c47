//! Runs parsed SOQL over the tables, in pages.

use std::cmp::Ordering;

use serde_json::{Value, json};

use super::clock;
use super::data_call::DataCall;
use super::org::{ORG_ID, PERSON_ID, QUEUE_ID, USER_ID};
use super::refusal::{Refusal, refuse};
use super::schema::{Field, Kind};
use super::soql::{self, Columns, Filter, Literal, Operator, Order, Select};
use super::state::{Cursor, State};
use super::table::{Record, text};
use super::{records, schema};
use crate::credentials::USERNAME;
use crate::wire::Answer;

const MAX_CURSORS: usize = 200;

/// `GET /query?q=…`; `all` includes deleted rows.
pub(super) fn run(state: &mut State, data: DataCall<'_>, all: bool) -> Result<Answer, Refusal> {
    let text = data.call.param("q").unwrap_or_default();
    let mut select = soql::parse(text).map_err(|reason| refuse(400, "MALFORMED_QUERY", reason))?;
    let object = schema::object(&select.object, &state.switches).ok_or_else(|| {
        let message = format!("sObject type '{}' is not supported.", select.object);
        refuse(400, "INVALID_TYPE", message)
    })?;
    let known = schema::fields(object, &state.switches);
    resolve(&mut select, object, &known)?;
    let found = rows(state, object, &select, all);
    let (total, found) = match &select.columns {
        Columns::Count => (found.len(), Vec::new()),
        Columns::CountOf(field) => {
            let count = found.iter().filter(|row| !is_null(row.get(field))).count();
            (
                1,
                vec![json!({"attributes": {"type": "AggregateResult"}, "expr0": count})],
            )
        }
        Columns::Fields(names) => {
            let shown: Vec<Value> = found
                .iter()
                .map(|row| records::rendered(data, object, row, names))
                .collect();
            (shown.len(), shown)
        }
    };
    Ok(page(state, data, total, found))
}

/// `GET /query/{cursor}`.
pub(super) fn more(state: &mut State, data: DataCall<'_>, cursor: &str) -> Result<Answer, Refusal> {
    let Some(cursor) = state.cursors.remove(cursor) else {
        return Err(refuse(
            400,
            "INVALID_QUERY_LOCATOR",
            "invalid query locator",
        ));
    };
    Ok(page(state, data, cursor.total, cursor.rest))
}

fn page(state: &mut State, data: DataCall<'_>, total: usize, mut records: Vec<Value>) -> Answer {
    let size = state.switches.query_page.max(1);
    if records.len() <= size {
        let body = json!({"totalSize": total, "done": true, "records": records});
        return Answer::json(200, &body);
    }
    let rest = records.split_off(size);
    state.counter += 1;
    let name = format!("01g5g{:010}AAA-{}", state.counter, total - rest.len());
    let next = format!("{}/query/{name}", data.base());
    if state.cursors.len() >= MAX_CURSORS {
        state.cursors.clear();
    }
    state.cursors.insert(name, Cursor { total, rest });
    let body =
        json!({"totalSize": total, "done": false, "nextRecordsUrl": next, "records": records});
    Answer::json(200, &body)
}

/// Puts field names into their own spelling and refuses those that do not exist.
fn resolve(select: &mut Select, object: &str, known: &[Field]) -> Result<(), Refusal> {
    match &mut select.columns {
        Columns::Count => {}
        Columns::CountOf(name) => drop(spell(name, object, known)?),
        Columns::Fields(names) => {
            for name in names {
                spell(name, object, known)?;
            }
        }
    }
    for order in &mut select.order {
        spell(&mut order.field, object, known)?;
    }
    select
        .filter
        .as_mut()
        .map_or(Ok(()), |filter| resolve_filter(filter, object, known))
}

fn resolve_filter(filter: &mut Filter, object: &str, known: &[Field]) -> Result<(), Refusal> {
    match filter {
        Filter::Not(inner) => resolve_filter(inner, object, known),
        Filter::All(list) | Filter::Any(list) => list
            .iter_mut()
            .try_for_each(|one| resolve_filter(one, object, known)),
        Filter::Compare { field, value, .. } => {
            let kind = spell(field, object, known)?;
            comparable(field, &kind, value)
        }
        Filter::In { field, values, .. } => {
            let kind = spell(field, object, known)?;
            values
                .iter()
                .try_for_each(|value| comparable(field, &kind, value))
        }
    }
}

fn spell(name: &mut String, object: &str, known: &[Field]) -> Result<Kind, Refusal> {
    let Some(field) = known
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
    else {
        if let Some(relation) = schema::name_of_relation(name, known) {
            *name = relation;
            return Ok(Kind::Text(255));
        }
        let message = format!(
            "No such column '{name}' on entity '{object}'. If you are attempting to use a \
custom field, be sure to append the '__c' after the custom field name."
        );
        return Err(refuse(400, "INVALID_FIELD", message));
    };
    name.clone_from(&field.name);
    Ok(field.kind.clone())
}

fn comparable(field: &str, kind: &Kind, value: &Literal) -> Result<(), Refusal> {
    let (fits, wanted) = match kind {
        Kind::DateTime => (
            matches!(value, Literal::Moment(_)),
            "dateTime and should not be enclosed in quotes",
        ),
        Kind::Boolean => (
            matches!(value, Literal::Bool(_)),
            "boolean and should not be enclosed in quotes",
        ),
        Kind::Number => (
            matches!(value, Literal::Number(_)),
            "double and should not be enclosed in quotes",
        ),
        _ => (
            matches!(value, Literal::Text(_)),
            "string and should be enclosed in quotes",
        ),
    };
    if fits || *value == Literal::Null {
        return Ok(());
    }
    let message = format!("value of filter criterion for field '{field}' must be of type {wanted}");
    Err(refuse(400, "INVALID_FIELD", message))
}

fn rows(state: &State, object: &str, select: &Select, all: bool) -> Vec<Record> {
    let keep = |row: &&Record| {
        (all || row.get("IsDeleted") != Some(&json!(true)))
            && !state.switches.unreadable_tickets.contain(row)
            && select
                .filter
                .as_ref()
                .is_none_or(|filter| matches(row, filter))
    };
    let mut found: Vec<Record> = match state.table(object) {
        Ok(table) => table
            .candidates(hint(select.filter.as_ref()))
            .into_iter()
            .filter(keep)
            .cloned()
            .collect(),
        Err(_) => fixed(state, object)
            .into_iter()
            .filter(|row| keep(&row))
            .collect(),
    };
    found.sort_by(|a, b| ordering(a, b, &select.order));
    let limit = select.limit.unwrap_or(usize::MAX);
    found.into_iter().skip(select.offset).take(limit).collect()
}

/// An equality every row must pass, for the table's index.
fn hint(filter: Option<&Filter>) -> Option<(&str, &str)> {
    match filter? {
        Filter::Compare {
            field,
            operator: Operator::Equal,
            value: Literal::Text(value),
        } => Some((field, value)),
        Filter::All(list) => list.iter().find_map(|one| hint(Some(one))),
        _ => None,
    }
}

/// Rows of the objects that have no table.
fn fixed(state: &State, object: &str) -> Vec<Record> {
    let row = |value: Value| -> Record {
        value
            .as_object()
            .map(|map| map.clone().into_iter().collect())
            .unwrap_or_default()
    };
    match object {
        "CaseStatus" => state
            .switches
            .case_statuses
            .iter()
            .enumerate()
            .map(|(index, status)| {
                row(json!({
                    "Id": format!("01J5g{:010}AAA", index + 1), "ApiName": status.name,
                    "MasterLabel": status.name, "IsClosed": status.closed,
                    "IsDefault": index == 0, "SortOrder": index + 1,
                }))
            })
            .collect(),
        "User" => vec![
            row(json!({
                "Id": USER_ID, "Username": USERNAME, "Name": schema::name_of(USER_ID),
                "Email": "ringdown@example.com", "IsActive": true,
            })),
            row(json!({
                "Id": PERSON_ID, "Username": "ada@example.com", "Name": schema::name_of(PERSON_ID),
                "Email": "ada@example.com", "IsActive": true,
            })),
        ],
        "Group" => vec![row(json!({
            "Id": QUEUE_ID, "Name": schema::name_of(QUEUE_ID), "DeveloperName": "Telephony_Queue",
            "Type": "Queue",
        }))],
        "Organization" => vec![row(json!({
            "Id": ORG_ID, "Name": "Simulated", "IsSandbox": true, "InstanceName": "SIM1",
        }))],
        _ => Vec::new(),
    }
}

fn is_null(value: Option<&Value>) -> bool {
    value.is_none_or(Value::is_null)
}

fn matches(row: &Record, filter: &Filter) -> bool {
    match filter {
        Filter::Not(inner) => !matches(row, inner),
        Filter::All(list) => list.iter().all(|one| matches(row, one)),
        Filter::Any(list) => list.iter().any(|one| matches(row, one)),
        Filter::In {
            field,
            values,
            negated,
        } => {
            let found = values
                .iter()
                .any(|value| compare(row, field, value) == Some(Ordering::Equal));
            found != *negated
        }
        Filter::Compare {
            field,
            operator: Operator::Like,
            value: Literal::Text(pattern),
        } => like(&text(row, field).to_lowercase(), &pattern.to_lowercase()),
        Filter::Compare {
            field,
            operator,
            value,
        } => {
            let order = compare(row, field, value);
            match operator {
                Operator::Equal | Operator::Like => order == Some(Ordering::Equal),
                Operator::NotEqual => order != Some(Ordering::Equal),
                Operator::Less => order == Some(Ordering::Less),
                Operator::LessOrEqual => order.is_some_and(Ordering::is_le),
                Operator::Greater => order == Some(Ordering::Greater),
                Operator::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
            }
        }
    }
}

/// The field against the literal; `None` when they cannot be ordered. Letter case of text does
/// not matter, and ids of 15 and 18 characters are the same.
fn compare(row: &Record, field: &str, literal: &Literal) -> Option<Ordering> {
    let value = row.get(field);
    if *literal == Literal::Null {
        return is_null(value).then_some(Ordering::Equal);
    }
    let value = value.filter(|value| !value.is_null())?;
    match literal {
        Literal::Text(wanted) if field.ends_with("Id") && wanted.len() == 15 => {
            Some(value.as_str()?.get(..15)?.cmp(wanted))
        }
        Literal::Text(wanted) => Some(value.as_str()?.to_lowercase().cmp(&wanted.to_lowercase())),
        Literal::Number(wanted) => value.as_f64()?.partial_cmp(wanted),
        Literal::Bool(wanted) => Some(value.as_bool()?.cmp(wanted)),
        Literal::Moment(wanted) => Some(clock::parse(value.as_str()?)?.cmp(wanted)),
        Literal::Null => None,
    }
}

/// `%` stands for any text, `_` for one character.
fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let after = rest.as_str();
            text.char_indices().any(|(at, _)| like(&text[at..], after)) || like("", after)
        }
        Some(wanted) => {
            let mut characters = text.chars();
            let first = characters.next();
            first.is_some_and(|found| wanted == '_' || found == wanted)
                && like(characters.as_str(), rest.as_str())
        }
    }
}

fn ordering(a: &Record, b: &Record, by: &[Order]) -> Ordering {
    by.iter()
        .map(|order| {
            let (left, right) = (a.get(&order.field), b.get(&order.field));
            match (is_null(left), is_null(right)) {
                (true, true) => Ordering::Equal,
                (true, false) if order.nulls_last => Ordering::Greater,
                (true, false) => Ordering::Less,
                (false, true) if order.nulls_last => Ordering::Less,
                (false, true) => Ordering::Greater,
                _ if order.descending => sort_key(right).cmp(&sort_key(left)),
                _ => sort_key(left).cmp(&sort_key(right)),
            }
        })
        .find(|order| order.is_ne())
        .unwrap_or(Ordering::Equal)
}

fn sort_key(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.to_lowercase(),
        Some(Value::Number(number)) => format!("{:020.6}", number.as_f64().unwrap_or_default()),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
