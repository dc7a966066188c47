//! What happened to incidents between two looks, for the coverage: states × what they met.

use std::collections::BTreeMap;

use ringdown::domain::incident::{Incident, Verdict};

use crate::simulation::coverage::Coverage;
use crate::simulation::faults;
use crate::simulation::floods;
use crate::simulation::outages;
use crate::simulation::readings::Reading;
use crate::simulation::rendering;
use crate::simulation::snapshot::{Decided, Delivery, Snapshot};

/// Notes every transition between `before` and `now` whose cause is plain.
pub(crate) fn note(before: &Snapshot, now: &Snapshot, sent: &[Reading], coverage: &mut Coverage) {
    let mut by_key: BTreeMap<(&str, &str), Vec<&Decided>> = BTreeMap::new();
    for decided in &now.decided {
        if decided.event_seq > before.cursor {
            let queue = sent[usize::try_from(decided.event_seq - 1).unwrap()].queue;
            by_key
                .entry((&decided.rule, queue))
                .or_default()
                .push(decided);
        }
    }
    // Of several decisions on one key in one batch only the first meets the state before.
    for ((rule, key), decisions) in &by_key {
        let state = before.life_of(rule, key).map_or("none", state_of);
        let Some(first) = decisions.first() else {
            continue;
        };
        let reading = &sent[usize::try_from(first.event_seq - 1).unwrap()];
        let met = match (first.outcome.as_str(), reading.verdict(rule)) {
            ("out_of_order", _) => "any",
            (_, Some(Verdict::Breach)) => "breach",
            (_, Some(Verdict::Clear)) => "clear",
            (_, Some(Verdict::InHysteresis)) => "between",
            (_, None) => "misfit",
        };
        let outcome = match first.outcome.as_str() {
            "flapping_held" => "flapping held",
            "opened" if opens_flapping(now, first) => "opened, flapping",
            outcome => outcome,
        };
        coverage.note(format!("life: {state} + {met} = {outcome}"));
    }
    note_time(before, now, coverage, |rule, key| {
        by_key.contains_key(&(rule, key))
    });
    note_deliveries(before, now, coverage);
    outages::note(before, now, coverage);
    if now.reviews > before.reviews {
        coverage.note("failure: schema_mismatch, review");
    }
}

/// The state; one that flaps is held open, and one that is silenced or held by a flood is kept
/// waiting: states of their own here.
fn state_of(life: &Incident) -> &'static str {
    match (&life.silence, life.is_flapping()) {
        (Some(_), _) => "pending(silenced)",
        (None, _) if life.held_by_flood => "pending(flood)",
        (None, true) => "flapping",
        (None, false) => life.state.as_str(),
    }
}

fn opens_flapping(now: &Snapshot, decided: &Decided) -> bool {
    let id = decided.incident_id.as_deref().unwrap_or_default();
    now.incident(id).is_some_and(|kept| kept.life.is_flapping())
}

fn note_time(
    before: &Snapshot,
    now: &Snapshot,
    coverage: &mut Coverage,
    was_decided: impl Fn(&str, &str) -> bool,
) {
    for then in &before.incidents {
        let life = &then.life;
        if outages::is_outage(life) || floods::is_flood(life) {
            continue;
        }
        let Some(after) = now.incident(life.id.as_str()) else {
            continue;
        };
        if life.state != after.life.state && !was_decided(&life.rule, &life.key) {
            coverage.note(format!(
                "life: {} + time = {}",
                state_of(life),
                state_of(&after.life)
            ));
        }
    }
}

fn note_deliveries(before: &Snapshot, now: &Snapshot, coverage: &mut Coverage) {
    for (index, delivery) in now.deliveries.iter().enumerate() {
        let then = before.deliveries.get(index);
        if delivery.state == "dead" && then.is_none_or(|then| then.state != "dead") {
            let kind = delivery.error_kind.as_deref().unwrap_or("unknown");
            coverage.note(format!("given up: {kind}"));
        }
        note_remedies(then, delivery, before, now, coverage);
        let was_parked =
            then.is_some_and(|then| then.parked.is_some() && !then.is_to_be_rendered());
        match delivery.parked.as_deref().filter(|_| !was_parked) {
            Some("target") => coverage.note("parked: for the target"),
            Some("ticket") => coverage.note("parked: alone"),
            _ => {}
        }
        if then.is_some_and(|then| then.resumptions < delivery.resumptions) {
            coverage.note("outbox: dead letters taken up again");
        }
    }
    for kept in now.incidents.iter().filter(|kept| kept.is_incomplete) {
        let was = before.incident(kept.life.id.as_str());
        if was.is_none_or(|then| !then.is_incomplete) {
            coverage.note("ticket: created without a refused field");
        }
    }
}

/// Notes what was done for deliveries while their target accepted no writes, and what was learned
/// from others about their failures.
fn note_remedies(
    then: Option<&Delivery>,
    delivery: &Delivery,
    before: &Snapshot,
    now: &Snapshot,
    coverage: &mut Coverage,
) {
    let Some(then) = then else { return };
    rendering::note(then, delivery, coverage);
    let condition = before.conditions.get(&delivery.target);
    let state = (then.state.as_str(), delivery.state.as_str());
    if condition.is_some() && now.conditions.contains_key(&delivery.target) {
        match state {
            ("waiting", "sending") => coverage.note("canary: sent"),
            ("sending", "waiting" | "dead") if delivery.in_doubt && !then.in_doubt => {
                coverage.note("canary: its outcome is in doubt");
            }
            _ => {}
        }
    }
    let was_woken = then.parked.as_deref() == Some("target") && delivery.parked.is_none();
    if was_woken && state == ("waiting", "waiting") {
        coverage.note(match condition.map(String::as_str) {
            Some("held") => "woken: after a hold",
            Some("paused") => "woken: after a pause",
            _ => "woken: after the circuit was open",
        });
    }
    if then.last_error == delivery.last_error {
        return;
    }
    match delivery.failure().as_ref().and_then(faults::reclassified) {
        Some(true) => coverage.note("evidence: refusals of several tickets are about the target"),
        Some(false) => coverage.note("evidence: a failure of the target is about one ticket"),
        None => {}
    }
}
