//! The values of an incident that templates see.

use serde_json::{Map, Value, json};

use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;

/// What `incident` contains in templates.
pub(crate) const INCIDENT_VALUES: [&str; 10] = [
    "id",
    "state",
    "opened_at",
    "last_breach_at",
    "recovered_at",
    "closed_at",
    "occurrences",
    "suppressed",
    "relapses",
    "flapping",
];

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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::domain::identity::{IncidentId, IncidentKey};
    use crate::domain::incident::{Evaluation, Verdict};

    #[test]
    fn the_list_of_values_is_whole() {
        let at = Timestamp::from_millis(1_000);
        let evaluation = Evaluation {
            received_at: at,
            occurred_at: at,
            part: String::new(),
            verdict: Verdict::Breach,
            readings: BTreeMap::new(),
        };
        let (id, key) = (IncidentId::new("i"), IncidentKey::new("rule", "key"));
        let mut incident = Incident::begin(id, key, "high", &evaluation, at);
        incident.recovered_at = Some(at);
        incident.closed_at = Some(at);
        let values = incident_values(&incident);
        let given: BTreeSet<&str> = values.keys().map(String::as_str).collect();
        assert_eq!(given, BTreeSet::from(INCIDENT_VALUES));
    }
}
