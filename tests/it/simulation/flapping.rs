//! What is promised of trouble that comes and goes: while it flaps its ticket is left alone, it
//! is told once that it flaps, and it ends only when it is calm.

use std::collections::BTreeMap;
use std::time::Duration;

use ringdown::domain::incident::{Incident, IncidentState};
use ringdown::domain::time::Timestamp;
use ringdown::settings::Settings;

use crate::simulation::snapshot::Snapshot;
use crate::simulation::world::Broken;

/// How long each rule's keys must be calm; a rule without flapping is absent.
pub(crate) type Calm = BTreeMap<String, Duration>;

pub(crate) fn calm_of(settings: &Settings) -> Calm {
    let rules = settings.rules.iter();
    rules
        .filter_map(|rule| Some((rule.name.clone(), rule.flapping?.quiet_period)))
        .collect()
}

/// Holds what happened between `before` and `now` against the promises.
pub(crate) fn check(calm: &Calm, before: &Snapshot, now: &Snapshot) -> Result<(), Broken> {
    for then in &before.incidents {
        let Some(after) = now.incident(then.life.id.as_str()) else {
            continue;
        };
        // A person who discards the create ends the incident.
        let mut deliveries = now.of_incident(then.life.id.as_str());
        let is_discarded = deliveries
            .any(|one| one.operation == "create" && one.state == "discarded" && !one.is_moved());
        if then.life.is_flapping() && !is_discarded {
            held(calm, &then.life, &after.life)?;
            left_alone(&after.life, before, now)?;
        }
    }
    let flapping = now.incidents.iter().filter(|one| one.life.is_flapping());
    for kept in flapping {
        if !calm.contains_key(&*kept.life.rule) {
            return Err(format!("rule {} cannot flap, and does", kept.life.rule));
        }
    }
    Ok(())
}

/// It flaps on, or it has been calm for as long as the rule says.
fn held(calm: &Calm, then: &Incident, after: &Incident) -> Result<(), Broken> {
    // A member ends with its outage, whatever it does itself.
    let ends_with_outage = after.state == IncidentState::Closed && after.outage_id.is_some();
    if after.is_flapping() || ends_with_outage {
        return Ok(());
    }
    let told = |what: &str| {
        Err(format!(
            "incident {} of rule {}: {what}",
            then.id, then.rule
        ))
    };
    let Some(calm_at) = after.flapping.and_then(|flapping| flapping.stable_at) else {
        return told("flaps no more, and was never calm");
    };
    let lasted = |since: Timestamp| calm_at.since(since) >= calm[&*then.rule];
    // What was heard in the same step may be newer than what was known before.
    let quiet = lasted(after.last_breach_at) || after.clear_since.is_some_and(lasted);
    if !quiet && after.relapses == then.relapses {
        return told("was called calm too soon");
    }
    Ok(())
}

/// Nothing but its lasting, a rise, and its calm is told of it.
fn left_alone(after: &Incident, before: &Snapshot, now: &Snapshot) -> Result<(), Broken> {
    let owed = |snapshot: &Snapshot, operation: &str| {
        let all = snapshot.of_incident(after.id.as_str());
        // One that is moved to another target is discarded, and owed there anew.
        all.filter(|one| one.operation == operation && one.state != "discarded")
            .count()
    };
    let resolved = owed(now, "resolve") > owed(before, "resolve");
    if resolved && after.state != IncidentState::Closed {
        return Err(format!("incident {} flaps, and is resolved", after.id));
    }
    if owed(now, "create") > 1 {
        return Err(format!("incident {} has two creates", after.id));
    }
    Ok(())
}
