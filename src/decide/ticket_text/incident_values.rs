//! The values of an incident that templates see.

use serde_json::{Map, Value, json};

use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;

/// `context` with the values of its incident: `rule`, `key`, `severity`, `incident`.
pub(crate) fn with_incident(mut context: TemplateContext, incident: &Incident) -> TemplateContext {
    context.insert("rule".into(), json!(incident.rule));
    context.insert("key".into(), json!(incident.key));
    context.insert("severity".into(), json!(incident.severity));
    context.insert("incident".into(), Value::Object(incident_values(incident)));
    context
}

fn incident_values(incident: &Incident) -> Map<String, Value> {
    let mut values = Map::new();
    let mut set = |name: &str, value: Value| values.insert(name.to_owned(), value);
    set("id", json!(incident.id));
    set("state", json!(incident.state.as_str()));
    set("opened_at", json!(incident.opened_at.to_string()));
    set("last_breach_at", json!(incident.last_breach_at.to_string()));
    set("occurrences", json!(incident.occurrences));
    set("suppressed", json!(incident.suppressed));
    set("relapses", json!(incident.relapses));
    set("flapping", json!(incident.is_flapping()));
    let mut time = |name: &str, at: Option<Timestamp>| {
        if let Some(at) = at {
            set(name, json!(at.to_string()));
        }
    };
    // One that people ended has not recovered; its ticket may have to be resolved all the same.
    time("recovered_at", incident.recovered_at.or(incident.closed_at));
    time("closed_at", incident.closed_at);
    values
}
