//! Tickets that another target takes over: what must hold of them, when the decider has one to
//! move, and what of it a run has reached.

use std::collections::{BTreeMap, HashMap};

use ringdown::settings::Settings;

use crate::simulation::coverage::Coverage;
use crate::simulation::snapshot::{Delivery, Kept, Snapshot};
use crate::simulation::world::{Broken, Target};

/// How long each target must have been away, in milliseconds.
pub(crate) fn spans(settings: &Settings) -> BTreeMap<String, i64> {
    let targets = settings.targets.iter();
    targets
        .map(|(name, target)| {
            let span = target.failover_after.as_millis();
            (name.to_string(), i64::try_from(span).unwrap())
        })
        .collect()
}

/// A request whose outcome is unknown has ended after so long, in milliseconds.
const ENDS_WITHIN: i64 = 600_000;

/// Whether the create had certainly no effect, and no person has to mend anything.
fn may_be_moved(delivery: &Delivery) -> bool {
    let idle = match delivery.state.as_str() {
        "waiting" => true,
        "dead" => delivery.error_kind.as_deref() == Some("network_failure"),
        _ => false,
    };
    idle && delivery.operation == "create" && !delivery.in_doubt
}

/// When the decider has a ticket to move next: there are two targets, and one is away while
/// the other is not.
pub(crate) fn due_at(now: &Snapshot, spans: &BTreeMap<String, i64>) -> Option<i64> {
    let dues = now.away.iter().map(|(target, since)| {
        let others_up = now.away.len() == 1;
        let stranded = now.deliveries.iter().filter(|delivery| {
            let kept = now.incident(&delivery.incident_id);
            delivery.target == *target
                && may_be_moved(delivery)
                && kept.is_some_and(|kept| kept.has_candidates)
        });
        let ended = stranded.map(|one| one.unknown_at.map_or(0, |at| at + ENDS_WITHIN));
        let due = ended.min().map(|at| at.max(since + spans[target]));
        due.filter(|_| others_up)
    });
    dues.flatten().min()
}

/// One ticket in all CRMs together per incident, in the target that the incident names.
pub(crate) fn one_ticket_in_all(now: &Snapshot, targets: &[Target]) -> Result<(), Broken> {
    let mut seen = HashMap::new();
    for target in targets {
        for record in target.crm.records() {
            let key = record.key.as_str().to_owned();
            if let Some(other) = seen.insert(key, target.name)
                && other != target.name
            {
                return Err(format!(
                    "one incident has a ticket in {other} and another in {}",
                    target.name
                ));
            }
        }
    }
    for kept in &now.incidents {
        let key = format!("rd-{}", kept.life.id);
        if let Some(target) = seen.get(&key).filter(|target| **target != kept.target) {
            return Err(format!(
                "an incident of {} has its ticket in {target}",
                kept.target
            ));
        }
    }
    Ok(())
}

/// What a run has reached.
pub(crate) fn note(before: &Snapshot, now: &Snapshot, coverage: &mut Coverage) {
    for (index, delivery) in now.deliveries.iter().enumerate() {
        let then = before.deliveries.get(index);
        if delivery.is_moved() && then.is_none_or(|then| !then.is_moved()) {
            let operation = &delivery.operation;
            coverage.note(format!("failover: a waiting {operation} is moved"));
            if then.is_some_and(|then| then.parked.is_some()) {
                coverage.note("failover: a parked create is moved");
            }
        }
        let in_doubt = delivery.in_doubt && delivery.operation == "create";
        let stays =
            in_doubt && delivery.state == "waiting" && now.away.contains_key(&delivery.target);
        if stays
            && now
                .incident(&delivery.incident_id)
                .is_some_and(|kept| kept.has_candidates)
        {
            coverage.note("failover: a create in doubt stays");
        }
    }
    for kept in now.incidents.iter().skip(before.incidents.len()) {
        if kept.failed_over_from.is_some() {
            coverage.note("failover: a new ticket goes to the next target at once");
        }
    }
    for (then, kept) in before.incidents.iter().zip(&now.incidents) {
        if then.failed_over_from.is_some() && kept.failed_over_from.is_none() {
            coverage.note("failover: a waiting ticket goes back to the first target");
        }
    }
}

/// A ticket is in another target than its first only when it says so.
pub(crate) fn is_marked(kept: &Kept) -> Result<(), Broken> {
    match &kept.failed_over_from {
        Some(from) if *from == kept.target => {
            Err(format!("an incident failed over from {from} to itself"))
        }
        _ => Ok(()),
    }
}
