//! The signal and the incident with which templates are tried: every name has a value of
//! realistic length.
//!
//! Pure; may import: `domain::signal`, `rules`, `settings`.

use serde_json::{Map, Value, json};

use crate::domain::signal::FIELD_NAMES;
use crate::rules::Routing;
use crate::rules::TemplateContext;
use crate::settings::{RuleSettings, Settings};

const UUID: &str = "0190c6a2-7b1f-7cc3-98c4-dc0c0c07398f";
const NAME: &str = "Customer Service Billing Tier 1 (EMEA)";
const MOMENT: &str = "2026-11-23T14:00:00.000Z";

/// Each rule, and each kind of outage, that can open a ticket in `target`: its name and severity.
pub(super) fn openers(settings: &Settings, target: &str) -> Vec<(String, String)> {
    let goes_there = |targets: &Routing| targets.names().any(|one| one.as_str() == target);
    let rules = settings
        .rules
        .iter()
        .filter(|rule| goes_there(&rule.targets));
    let outages = settings
        .outages
        .iter()
        .filter(|(_, one)| goes_there(&one.targets));
    rules
        .flat_map(severities)
        .chain(outages.map(|(name, one)| (name.clone(), one.severity.clone())))
        .collect()
}

/// The rule's name with each severity that its incidents can have.
fn severities(rule: &RuleSettings) -> Vec<(String, String)> {
    let levels = rule.severity.levels.iter();
    let levels = levels.map(|(level, _)| level.as_str().to_owned());
    std::iter::once(rule.severity.default.clone())
        .chain(levels)
        .map(|severity| (rule.name.clone(), severity))
        .collect()
}

/// What templates see for a ticket of the rule `rule`.
pub(super) fn context(rule: &str, severity: &str) -> TemplateContext {
    let mut context: TemplateContext = FIELD_NAMES
        .iter()
        .map(|name| ((*name).to_owned(), value_of(name)))
        .collect();
    let others = json!({
        "event_payload_id": UUID, "event_type": "v2.analytics.queues.{id}.observations",
        "topic": format!("v2.analytics.queues.{UUID}.observations"),
        "timestamp": MOMENT, "source": "genesys", "labels": {}, "metrics": {},
        "rule": rule, "severity": severity, "key": UUID,
        "incident": {
            "id": UUID, "state": "open", "opened_at": MOMENT, "last_breach_at": MOMENT,
            "occurrences": 1234, "suppressed": 1234, "relapses": 12,
            "recovered_at": MOMENT, "closed_at": MOMENT,
        },
    });
    if let Value::Object(others) = others {
        context.extend::<Map<String, Value>>(others);
    }
    context
}

fn value_of(field: &str) -> Value {
    match field {
        "wait_time_avg" | "connected_duration" => json!(12345.5),
        "alert_active" => json!(true),
        "status" | "previous_status" => json!("OUT_OF_SERVICE"),
        field if field.ends_with("_id") => json!(UUID),
        field if field.ends_with("_name") => json!(NAME),
        "event_description" | "status_detail" => {
            json!("The trunk stopped answering OPTIONS requests of this edge")
        }
        _ => json!("voice"),
    }
}
