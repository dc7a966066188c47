//! The parameters of the API as its description has them.

use serde_json::{Map, Value, json};

use super::query::{DEFAULT_LIMIT, MAX_ITEMS};
use super::questions::Parameters;
use super::why::MAX_ASKED;
use crate::domain::failure::FailureKind;
use crate::domain::severity::Severity;
use crate::domain::ticket::Operation;

/// Not empty, and without NUL, which no database stores.
const TEXT: &str = "^[^\\u0000]+$";
const ALL: &str = "That everything is meant, where no filter says what.";
const ASKED: &str = "^[^\\u0000\\s][^\\u0000]*$";

/// Every parameter of a query; of a change in bulk also that everything is meant.
pub(super) fn in_query(takes: &Parameters, is_bulk: bool) -> Vec<Value> {
    let mut parameters: Vec<Value> = Vec::new();
    let mut add = |name: &str, schema: Value, about: &str| {
        let mut parameter =
            json!({ "name": name, "in": "query", "schema": schema, "description": about });
        if parameter["schema"]["type"] == "array" {
            // Values with commas between them.
            parameter["explode"] = false.into();
        }
        // A text without a default is what the whole request is about.
        parameter["required"] = (name == "q").into();
        parameters.push(parameter);
    };
    for name in takes.filters {
        let (schema, about) = filter(name, takes.states);
        add(name, schema, about);
    }
    if takes.is_paged {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": MAX_ITEMS, "default": DEFAULT_LIMIT });
        add("limit", limit, "Items of the page at most.");
        add(
            "cursor",
            text(),
            "Behind this place: `next` of the page before.",
        );
    }
    if is_bulk {
        add("all", json!({ "type": "boolean" }), ALL);
    }
    for (name, values) in takes.options {
        match values {
            [] => {
                let text = json!({ "type": "string", "maxLength": MAX_ASKED, "pattern": ASKED });
                add(name, text, "What is looked for.");
            }
            ["true", "false"] => add(name, json!({ "type": "boolean" }), option_text(name)),
            values => add(
                name,
                json!({ "type": "string", "enum": values }),
                option_text(name),
            ),
        }
    }
    parameters
}

fn option_text(name: &str) -> &'static str {
    match name {
        "as_stored" => "Send what was stored, instead of rendering it anew.",
        "plan" => "Do nothing, and say what would come of it.",
        "ids" => "Say which.",
        "dry_run" => "Make nothing, and say what it would hit.",
        "group" => "Equal reasons as one, the largest group first.",
        "sort" => "The order. `worst`: only what is not over, the worst first.",
        _ => "",
    }
}

fn text() -> Value {
    json!({ "type": "string", "pattern": TEXT })
}

fn filter(name: &str, states: &[&str]) -> (Value, &'static str) {
    let several = |known: &[&str]| json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": known } });
    let one = |known: &[&str]| json!({ "type": "string", "enum": known });
    match name {
        "state" => (several(states), "In one of these states."),
        "severity" => (
            several(&Severity::WORST_FIRST.map(Severity::as_str)),
            "With one of these severities.",
        ),
        "kind" => (
            one(&FailureKind::ALL.map(FailureKind::as_str)),
            "Failed in this way.",
        ),
        "operation" => (
            one(&Operation::ALL.map(Operation::as_str)),
            "With this operation.",
        ),
        "since" => (time(), "Not before this time."),
        "until" => (time(), "Before this time."),
        "like" => (
            json!({ "type": "string", "pattern": "^[0-9]{1,18}$" }),
            "For the same reason as the item of this list with this id.",
        ),
        "rule" => (
            text(),
            "Of this rule. One that is neither configured nor known from an incident is refused.",
        ),
        "source" => (text(), "From this source."),
        "target" => (text(), "To this target."),
        "key" => (text(), "With this correlation key."),
        "incident" => (text(), "About the incident with this id."),
        "outage" => (text(), "Members of the outage with this id."),
        "ticket" => (text(), "Whose ticket has this id or number."),
        "event_id" => (text(), "With this event id, as the sender gave it."),
        _ => (text(), ""),
    }
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// The same filters in a body. Each stands either there or in the query.
pub(super) fn filter_body(takes: Option<&Parameters>) -> Value {
    let mut properties = Map::new();
    for name in takes.map_or(&[][..], |takes| takes.filters) {
        properties.insert((*name).to_owned(), filter(name, &[]).0);
    }
    properties.insert(
        "all".to_owned(),
        json!({ "type": "boolean", "description": ALL }),
    );
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}
