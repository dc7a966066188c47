//! Liveness: once nothing goes wrong any more, every open incident gets its ticket and every ticket
//! of a closed one is resolved, before any person does anything.

use std::collections::BTreeSet;
use std::time::Duration;

use ringdown::domain::circuit_breaker::BreakerState;
use ringdown::domain::incident::{Incident, IncidentState};
use ringdown::domain::ticket::TicketKey;
use ringdown::domain::time::Timestamp;

use crate::simulation::coverage::Coverage;
use crate::simulation::crm::Record;
use crate::simulation::floods;
use crate::simulation::outages;
use crate::simulation::readings::{QUEUES, Reading};
use crate::simulation::schedule::{MOST_ROUNDS, let_one_thing_be_done, work};
use crate::simulation::snapshot::{Delivery, Kept, Snapshot};
use crate::simulation::world::{Broken, Target, World};

/// What is refused alone is tried again at least once an hour, and no hold of a target is longer
/// than a quarter of one.
const LONGEST_WAIT: Duration = Duration::from_secs(3600 + 900);
/// A look-up can be trusted after a minute, and workers are looked at every few minutes only.
const SLACK: Duration = Duration::from_secs(600);
/// Between two looks at the workers.
const LOOKS_EVERY: Duration = Duration::from_secs(300);
/// Every so many looks the queues of open incidents breach again. Rare, so that a seed is fast.
const LOOKS_PER_BREACH: usize = 4;
/// No incident is closed as quiet meanwhile.
const QUIET_AFTER: Duration = Duration::from_secs(3600);

/// Lets the longest wait pass, while the queues of the open incidents still breach.
pub(crate) async fn wait(world: &mut World) -> Result<(), Broken> {
    world.be_patient(QUIET_AFTER);
    let end = world.clock.now().plus(LONGEST_WAIT).plus(SLACK);
    for number in 0.. {
        let now = world.clock.now();
        if now >= end {
            break;
        }
        if number % LOOKS_PER_BREACH == 0 {
            let queues = breaching(&world.now).into_iter();
            let readings = queues.map(|queue| {
                let id = format!("still-{number}-{queue}");
                Reading::breach_of(queue, &id, now)
            });
            world.receive(readings.collect()).await;
        }
        do_what_is_due_until(world, now.plus(LOOKS_EVERY).min(end)).await?;
    }
    do_what_is_due(world).await
}

/// Does everything that is due until `end`, and lets time pass until then. Looks at the decider and
/// at every worker at least once, as those do by themselves.
async fn do_what_is_due_until(world: &mut World, end: Timestamp) -> Result<(), Broken> {
    for _ in 0..MOST_ROUNDS {
        world.look().await?;
        if !let_one_thing_be_done(world, Some(end)).await? {
            let now = world.clock.now();
            world.pass(end.since(now)).await;
            return do_what_is_due(world).await;
        }
    }
    Err("it never stops to have something to do".to_owned())
}

/// Does everything that is due now.
async fn do_what_is_due(world: &mut World) -> Result<(), Broken> {
    for _ in 0..MOST_ROUNDS {
        let decided = world.decide().await?;
        for target in 0..world.targets.len() {
            work(world, target).await?;
        }
        world.look().await?;
        let now = world.clock.now();
        let is_due = |at: &Option<Timestamp>| at.is_some_and(|at| at <= now);
        let is_busy = world.targets.iter().any(|one| one.crm.under_way() > 0);
        if decided == 0 && !is_busy && !world.dues().iter().any(is_due) {
            return Ok(());
        }
    }
    Err("it never stops to have something to do".to_owned())
}

/// The queues of open incidents.
fn breaching(now: &Snapshot) -> Vec<&'static str> {
    let open = now.incidents.iter().map(|kept| &kept.life);
    let open = open.filter(|life| life.state != IncidentState::Closed);
    let keys: BTreeSet<&str> = open.map(|life| &*life.key).collect();
    QUEUES
        .into_iter()
        .filter(|one| keys.contains(one))
        .collect()
}

/// What must hold after that wait, by the rows of the database and the records of the CRMs.
/// `resolves` says whether a recovery of the incident resolves its ticket.
pub(crate) fn check(
    now: &Snapshot,
    targets: &[Target],
    resolves: impl Fn(&Incident) -> bool,
) -> Result<(), Broken> {
    for kept in &now.incidents {
        let record = record_of(kept, targets);
        let told = |what: &str| {
            let life = &kept.life;
            let owed: Vec<_> = now.of_incident(life.id.as_str()).map(in_short).collect();
            Err(format!(
                "{} incident {} of rule {}: {what}: {owed:#?}",
                life.state, life.id, life.rule
            ))
        };
        match kept.life.state {
            IncidentState::Pending => {}
            _ if is_given_up(kept.life.id.as_str(), now) => {}
            IncidentState::Open | IncidentState::Recovered => {
                let Some(record) = record else {
                    return told("it has no ticket, and nothing refuses one");
                };
                if kept.ticket_id.as_ref() != Some(&record.id) {
                    return told("its ticket exists, and nobody knows of it");
                }
            }
            IncidentState::Closed => {
                let is_over = kept.life.recovered_at.is_some() && resolves(&kept.life);
                let is_discarded = now
                    .of_incident(kept.life.id.as_str())
                    .any(|owed| owed.operation == "resolve" && owed.state == "discarded");
                if is_over && !is_discarded && record.is_some_and(|record| !record.closed) {
                    return told("its ticket is not resolved, and nothing refuses that");
                }
            }
        }
    }
    for delivery in &now.deliveries {
        if !delivery.is_settled() && !is_over(delivery, now) {
            let kept = now.incident(&delivery.incident_id);
            let state = kept.map_or("unknown", |kept| kept.life.state.as_str());
            let owed = now.of_incident(&delivery.incident_id);
            let owed: Vec<_> = owed.map(in_short).collect();
            return Err(format!(
                "delivery {} ({}) is {} although nothing refuses it any more; its {state} \
                 incident owes {owed:#?}",
                delivery.id, delivery.operation, delivery.state
            ));
        }
    }
    for target in targets {
        let state = target.worker.status().state;
        if state != BreakerState::Up || now.conditions.contains_key(target.name) {
            let name = target.name;
            let condition = now.conditions.get(name);
            return Err(format!(
                "{name} is {state:?}, said to be {condition:?}, and is well"
            ));
        }
    }
    Ok(())
}

/// For people.
fn in_short(delivery: &Delivery) -> String {
    let failure = delivery.failure();
    let failure = failure.map(|failure| format!("{:?} {failure}", failure.class));
    format!(
        "{} {} {}, parked {:?}, in doubt {}, due {}, {failure:?}",
        delivery.id,
        delivery.operation,
        delivery.state,
        delivery.parked,
        delivery.in_doubt,
        delivery.due_at
    )
}

/// Whether a person has discarded the incident's ticket.
fn is_given_up(id: &str, now: &Snapshot) -> bool {
    let is_discarded = |owed: &Delivery| owed.state == "discarded" && !owed.is_moved();
    now.of_incident(id)
        .any(|owed| is_create(owed) && is_discarded(owed))
}

fn is_create(delivery: &Delivery) -> bool {
    delivery.operation == "create"
}

fn record_of(kept: &Kept, targets: &[Target]) -> Option<Record> {
    let target = targets.iter().find(|target| target.name == kept.target)?;
    let key = TicketKey::of_incident(&kept.life.id);
    let mut records = target.crm.records().into_iter();
    records.find(|record| record.key == key)
}

/// Whether nothing is to come of a delivery that is not settled: a person has discarded its ticket, or
/// the ticket that it links to; or a later operation on the ticket has overtaken it.
fn is_over(delivery: &Delivery, now: &Snapshot) -> bool {
    let parent = delivery.parent_id.as_ref();
    let is_without_parent = parent.is_some_and(|id| is_given_up(id, now));
    let is_overtaken = delivery.state == "dead"
        && now.of_incident(&delivery.incident_id).any(|later| {
            later.id > delivery.id && later.state == "done" && later.operation != "link"
        });
    is_given_up(&delivery.incident_id, now) || is_without_parent || is_overtaken
}

/// What a run has reached: what was unsettled `before` the wait, and is done after it.
pub(crate) fn note(before: &Snapshot, now: &Snapshot, coverage: &mut Coverage) {
    for (then, delivery) in before.deliveries.iter().zip(&now.deliveries) {
        if then.is_settled() || delivery.state != "done" {
            continue;
        }
        coverage.note(match (then.state.as_str(), then.parked.as_deref()) {
            ("dead", _) => "live: a dead letter was delivered without a person",
            (_, Some("target")) => "live: what waited for the target was delivered",
            (_, Some("ticket")) => "live: what was parked alone was delivered",
            _ => "live: what waited was delivered",
        });
    }
    for kept in now.incidents.iter().map(|kept| &kept.life) {
        let is_own = !outages::is_outage(kept) && !floods::is_flood(kept);
        match kept.state {
            IncidentState::Open if is_own => coverage.note("live: an open incident has its ticket"),
            IncidentState::Open => coverage.note("live: an open outage or flood has its ticket"),
            _ => {}
        }
    }
}
