//! What must hold of a source's flood and of what it holds, and people who release or discard it.

use ringdown::domain::flood::RULE_PREFIX;
use ringdown::domain::incident::{Incident, IncidentState};
use ringdown::settings::Settings;
use ringdown::store::ChangedBy;

use crate::simulation::coverage::Coverage;
use crate::simulation::dice::Dice;
use crate::simulation::snapshot::Snapshot;
use crate::simulation::world::{Broken, PERSON, World};

const SOURCE: &str = "genesys";

pub(crate) fn rule() -> String {
    format!("{RULE_PREFIX}{SOURCE}")
}

pub(crate) fn is_flood(life: &Incident) -> bool {
    life.rule.starts_with(RULE_PREFIX)
}

/// A third of the seeds have a limit that few queues pass.
pub(crate) fn roll(settings: &mut Settings, dice: &mut Dice) {
    for source in settings.sources.values_mut() {
        let limit = &mut source.max_new_incidents;
        if dice.chance(35) {
            limit.per_minute = *dice.pick(&[1, 1, 2, 3]);
        }
        limit.quiet_period = dice.seconds(&[5, 60, 300]);
        limit.update_every = dice.seconds(&[0, 20, 60]);
    }
}

/// What must hold after every step: what is held has no ticket and never had one, and there is a
/// flood that stands for it.
pub(crate) fn check(now: &Snapshot) -> Result<(), Broken> {
    let lives = || now.incidents.iter().map(|kept| &kept.life);
    let stands = lives().any(|life| is_flood(life) && life.state != IncidentState::Closed);
    for life in lives().filter(|life| life.held_by_flood) {
        let told = |what: &str| Err(format!("rule {}: held by a flood, {what}", life.rule));
        if life.state != IncidentState::Pending {
            return told("and not pending");
        }
        if now.of_incident(life.id.as_str()).next().is_some() {
            return told("and owed something");
        }
        if !stands {
            return told("and there is none");
        }
    }
    Ok(())
}

/// Notes what became of what was held.
pub(crate) fn note(before: &Snapshot, now: &Snapshot, coverage: &mut Coverage) {
    for then in &before.incidents {
        let Some(after) = now.incident(then.life.id.as_str()) else {
            continue;
        };
        let (then, after) = (&then.life, &after.life);
        if is_flood(then) && then.state != after.state {
            coverage.note(format!("flood: {} = {}", then.state, after.state));
        }
        if !then.held_by_flood || after.held_by_flood {
            continue;
        }
        coverage.note(match (after.state, &after.outage_id) {
            (IncidentState::Pending, Some(_)) => "flood: held = member of an outage",
            (IncidentState::Pending, None) => "flood: held = waits for something else",
            (IncidentState::Closed, _) => "flood: held = closed",
            (IncidentState::Open | IncidentState::Recovered, _) => "flood: held = open",
        });
    }
}

/// A person releases or discards what is held, if anything is; answers whether it is.
pub(crate) async fn person(world: &mut World) -> Result<bool, Broken> {
    let is_held = |life: &Incident| life.held_by_flood;
    if !world.now.incidents.iter().any(|kept| is_held(&kept.life)) {
        return Ok(false);
    }
    let release = world.dice.chance(60);
    let by = ChangedBy {
        actor: PERSON,
        at: world.clock.now(),
    };
    let settled = world.store.decide_flood(SOURCE, release, by).await;
    world.tell(format!(
        "a person releases: {release}, the flood: {settled:?}"
    ));
    world.note_change();
    world.coverage.note(match release {
        true => "person: releases a flood",
        false => "person: discards a flood",
    });
    settled
        .map(|_| true)
        .map_err(|error| format!("a flood cannot be settled: {error}"))
}
