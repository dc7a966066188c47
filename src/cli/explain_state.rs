//! What `ringdown explain` says of the state of an entity.

use serde_json::{Value, json};

use super::table::shown;
use crate::domain::entity::EntityState;

/// The state with the key `key`, as messages so far have told it.
pub(super) fn state_json(key: &str, state: &EntityState) -> Value {
    let kind = key.split('\u{1f}').nth(1).unwrap_or_default();
    let readings = state.readings().map(|(media, metric, at, reading)| {
        json!({"metric": metric, "media_type": media, "at": at.to_string(), "reading": reading})
    });
    let statuses = state
        .statuses()
        .map(|(status, at)| json!({"status": status, "at": at.to_string()}));
    json!({"kind": kind, "id": state.spelling,
        "readings": readings.collect::<Vec<_>>(), "statuses": statuses.collect::<Vec<_>>()})
}

/// The same in words, one line for each reading and status.
pub(super) fn state_lines(state: &Value) -> Vec<String> {
    let text = |value: &Value, name: &str| shown(value.get(name));
    let list = |name: &str| state[name].as_array().cloned().unwrap_or_default();
    let mut lines = vec![format!(
        "state      {} {}, as the rules see it",
        text(state, "kind"),
        text(state, "id")
    )];
    for status in list("statuses") {
        let (status, at) = (text(&status, "status"), text(&status, "at"));
        lines.push(format!("  status   {status} at {at}"));
    }
    for reading in list("readings") {
        let media = match reading["media_type"].as_str() {
            None | Some("") => String::new(),
            Some(_) => format!(" of {}", text(&reading, "media_type")),
        };
        lines.push(format!(
            "  reading  {}{media}: {} at {}",
            text(&reading, "metric"),
            text(&reading, "reading"),
            text(&reading, "at")
        ));
    }
    lines
}
