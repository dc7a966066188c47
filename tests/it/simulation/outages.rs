//! What must hold of outages and their members, and which of their states were reached.

use std::time::Duration;

use ringdown::domain::incident::{Incident, IncidentState};
use ringdown::domain::outage::RULE_PREFIX;

use crate::simulation::coverage::Coverage;
use crate::simulation::ground::{self, Ground};
use crate::simulation::readings::{QUEUES, Reading};
use crate::simulation::schedule::work;
use crate::simulation::snapshot::{Delivery, Kept, Snapshot};
use crate::simulation::world::{Broken, World};

pub(crate) fn is_outage(life: &Incident) -> bool {
    life.rule.starts_with(RULE_PREFIX)
}

/// What must hold after every step.
pub(crate) fn check(before: &Snapshot, now: &Snapshot) -> Result<(), Broken> {
    let open = now
        .incidents
        .iter()
        .filter(|kept| is_outage(&kept.life) && kept.life.state != IncidentState::Closed);
    if open.count() > 1 {
        return Err("a group has two outages".to_owned());
    }
    for kept in &now.incidents {
        let life = &kept.life;
        let Some(outage_id) = &life.outage_id else {
            continue;
        };
        let is_pending = life.state == IncidentState::Pending;
        let outage = now.incident(outage_id.as_str());
        let is_over = outage.is_none_or(|one| one.life.state == IncidentState::Closed);
        if is_pending && is_over {
            return Err(format!(
                "rule {}: held by an outage that is over",
                life.rule
            ));
        }
        if is_pending && create_of(now, life).is_some() {
            return Err(format!("rule {}: held, and owed a ticket", life.rule));
        }
    }
    for then in &before.incidents {
        let was_held = then.life.outage_id.is_some() && then.life.state == IncidentState::Pending;
        let Some(after) = now.incident(then.life.id.as_str()).filter(|_| was_held) else {
            continue;
        };
        if create_of(now, &then.life).is_some() && !after.life.ungrouped {
            return Err(format!(
                "rule {}: a member opened a ticket of its own",
                then.life.rule
            ));
        }
    }
    Ok(())
}

fn create_of<'a>(now: &'a Snapshot, life: &'a Incident) -> Option<&'a Delivery> {
    let mut owed = now.of_incident(life.id.as_str());
    owed.find(|delivery| delivery.operation == "create")
}

/// Notes what happened to outages, members and links between two looks.
pub(crate) fn note(before: &Snapshot, now: &Snapshot, coverage: &mut Coverage) {
    for after in &now.incidents {
        let then = before.incident(after.life.id.as_str());
        if is_outage(&after.life) {
            note_outage(then, after, coverage);
        } else {
            note_member(then, after, now, coverage);
        }
    }
    for (index, delivery) in now.deliveries.iter().enumerate() {
        if delivery.operation == "link" {
            note_link(before.deliveries.get(index), delivery, now, coverage);
        }
    }
}

fn note_outage(then: Option<&Kept>, after: &Kept, coverage: &mut Coverage) {
    use IncidentState::{Closed, Open, Pending, Recovered};
    let life = &after.life;
    let tally = life.tally.clone().unwrap_or_default();
    let Some(then) = then.map(|then| &then.life) else {
        coverage.note(format!("outage: none + members = {}", life.state));
        return;
    };
    match (then.state, life.state) {
        (Pending, Open) => coverage.note("outage: pending + time = open"),
        (Pending, Closed) => coverage.note("outage: pending + members over = closed"),
        (Open, Closed) if tally.given_up => coverage.note("outage: open + given up = closed"),
        (Open, Closed | Recovered) => {
            coverage.note(format!("outage: open + members over = {}", life.state));
        }
        (Recovered, Open) => coverage.note("outage: recovered + breach = open"),
        (Recovered, Closed) => coverage.note("outage: recovered + time = closed"),
        (Open, Open) => {
            let earlier = then.tally.clone().unwrap_or_default();
            if tally.joined > earlier.joined {
                coverage.note("outage: open + member joined");
            }
            if tally.present < earlier.present + (tally.joined - earlier.joined) {
                coverage.note("outage: open + member over");
            }
        }
        _ => {}
    }
}

fn note_member(then: Option<&Kept>, after: &Kept, now: &Snapshot, coverage: &mut Coverage) {
    use IncidentState::{Closed, Open, Pending, Recovered};
    let life = &after.life;
    let was_member = then.is_some_and(|then| then.life.outage_id.is_some());
    if !was_member && let Some(outage_id) = &life.outage_id {
        let outage = now.incident(outage_id.as_str()).map(|one| one.life.state);
        coverage.note(match (life.state, outage) {
            (Pending, _) => "member: pending = held",
            (_, Some(Pending)) => "member: open = joined, the outage's ticket waits",
            _ => "member: open = linked",
        });
        return;
    }
    let Some(then) = then.map(|then| &then.life).filter(|_| was_member) else {
        return;
    };
    let is_resolved = || {
        now.of_incident(life.id.as_str())
            .any(|owed| owed.operation == "resolve")
    };
    match (then.state, life.state) {
        (Pending, Closed) => coverage.note("member: held + over = closed"),
        (Pending, Pending | Open) if life.ungrouped => {
            coverage.note("member: held + given up = let go")
        }
        (Open | Recovered, Closed) if ends_with_its_outage(life, now) && is_resolved() => {
            coverage.note("member: with a ticket + outage over = resolved");
        }
        _ => {}
    }
}

fn ends_with_its_outage(life: &Incident, now: &Snapshot) -> bool {
    let outage = life
        .outage_id
        .as_ref()
        .and_then(|id| now.incident(id.as_str()));
    outage.is_some_and(|one| one.life.closed_at == life.closed_at)
}

fn note_link(then: Option<&Delivery>, link: &Delivery, now: &Snapshot, coverage: &mut Coverage) {
    let was = then.map_or("", |then| then.state.as_str());
    match link.state.as_str() {
        "waiting" if was.is_empty() && now.waits_for_parent(link) => {
            coverage.note("link: waits for the outage's ticket");
        }
        "discarded" if was != "discarded" && now.waits_for_parent(link) => {
            coverage.note("link: discarded with the outage's create");
        }
        "done" if was != "done" => {
            let parent = link
                .parent_id
                .as_ref()
                .and_then(|id| now.incident(id.as_str()));
            coverage.note(if parent.is_some_and(|one| one.target == link.target) {
                "link: done in one CRM"
            } else {
                "link: told in a comment of another CRM"
            });
        }
        _ => {}
    }
}

/// A world in which the breaches of two queues are an outage, at most one ticket each five minutes.
async fn world_with_burst_lock(folder: &std::path::Path) -> World {
    let ground = Ground::get();
    let mut settings = ground.plain_settings();
    for rule in &mut settings.rules {
        rule.burst_lock = Duration::ZERO;
        rule.clear_for = Duration::ZERO;
        rule.flapping = None;
    }
    for outage in settings.outages.values_mut() {
        outage.hold = Duration::from_secs(5);
        outage.burst_lock = Duration::from_secs(300);
    }
    let world = World::with_settings(0, ground, folder.join("outage.db"), settings).await;
    for target in &world.targets {
        target.crm.recover();
    }
    world
}

/// Both queues breach, or clear; everything that is due is done.
async fn both_queues(world: &mut World, breach: bool) {
    let now = world.clock.now();
    let number = world.sent.len();
    let reading = |queue| match breach {
        true => Reading::breach_of(queue, &format!("{number}-{queue}"), now),
        false => Reading::clear_of(queue, &format!("{number}-{queue}"), now),
    };
    world.receive(QUEUES.map(reading).into()).await;
    settle(world).await;
}

async fn settle(world: &mut World) {
    while world.decide().await.unwrap() > 0 {
        world.look().await.unwrap();
    }
    for target in 0..world.targets.len() {
        work(world, target).await.unwrap();
    }
    world.look().await.unwrap();
}

fn outages_of(world: &World) -> Vec<&Incident> {
    let lives = world.now.incidents.iter().map(|kept| &kept.life);
    lives.filter(|life| is_outage(life)).collect()
}

fn tickets_of(world: &World) -> usize {
    let records = world.targets.iter().map(|one| one.crm.records().len());
    records.sum()
}

#[tokio::test]
async fn an_outage_that_is_over_inside_its_burst_lock_closes_without_a_ticket() {
    let folder = ground::folder();
    let world = &mut world_with_burst_lock(folder.path()).await;
    both_queues(world, true).await;
    assert_eq!(outages_of(world)[0].state, IncidentState::Open);
    assert_eq!(tickets_of(world), 1, "the outage's");
    world.pass(Duration::from_secs(20)).await;
    both_queues(world, false).await;
    assert_eq!(outages_of(world)[0].state, IncidentState::Closed);
    world.pass(Duration::from_secs(20)).await;
    both_queues(world, true).await;
    assert_eq!(outages_of(world)[1].state, IncidentState::Pending);
    world.pass(Duration::from_secs(20)).await;
    both_queues(world, false).await;
    world.pass(Duration::from_secs(600)).await;
    settle(world).await;
    let states: Vec<IncidentState> = world
        .now
        .incidents
        .iter()
        .map(|one| one.life.state)
        .collect();
    assert!(
        states.iter().all(|state| *state == IncidentState::Closed),
        "{states:?}"
    );
    assert_eq!(tickets_of(world), 1, "neither it nor a member has a ticket");
    world.nothing_is_due().await.unwrap();
}
