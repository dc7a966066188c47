//! People silence rules and queues and end silences, at random; and the promise that goes with
//! it: no ticket is opened for what is silenced, and what was is taken up.

use ringdown::domain::incident::{Incident, IncidentState};
use ringdown::domain::silence::Matcher;
use ringdown::domain::time::Timestamp;
use ringdown::store::{ChangedBy, NewSilence};

use crate::simulation::dice::Dice;
use crate::simulation::readings::QUEUES;
use crate::simulation::snapshot::Snapshot;
use crate::simulation::world::{Broken, PERSON, World};

const RULES: [&str; 3] = ["wide", "plain", "high"];

/// A silence as it was wanted.
#[derive(Debug, Clone)]
struct Made {
    id: String,
    rule: Option<&'static str>,
    queue: Option<&'static str>,
    starts_at: Timestamp,
    ends_at: Timestamp,
}

impl Made {
    fn roll(dice: &mut Dice, now: Timestamp) -> Self {
        let rule = dice.chance(60).then(|| *dice.pick(&RULES));
        let queue = (rule.is_none() || dice.chance(40)).then(|| *dice.pick(&QUEUES));
        let starts_at = now.plus(dice.seconds(&[0, 0, 0, 30]));
        Self {
            id: String::new(),
            rule,
            queue,
            starts_at,
            ends_at: starts_at.plus(dice.seconds(&[20, 60, 300, 1200, 3600])),
        }
    }

    fn matchers(&self) -> Vec<Matcher> {
        let rule = self.rule.map(|rule| format!("rule={rule}"));
        let queue = self.queue.map(|queue| format!("key={queue}"));
        let texts = rule.into_iter().chain(queue);
        texts.map(|text| Matcher::parse(&text).unwrap()).collect()
    }

    fn matches(&self, life: &Incident) -> bool {
        self.rule.is_none_or(|rule| *rule == *life.rule)
            && self.queue.is_none_or(|queue| *queue == *life.key)
    }
}

/// Every silence that was made, as it stands.
#[derive(Debug, Default)]
pub(crate) struct Silences(Vec<Made>);

impl Silences {
    fn matching<'a>(&'a self, life: &'a Incident) -> impl Iterator<Item = &'a Made> {
        self.0.iter().filter(|one| one.matches(life))
    }

    /// What must hold after a step of the decider at `at`.
    pub(crate) fn check(
        &self,
        before: &Snapshot,
        now: &Snapshot,
        at: Timestamp,
    ) -> Result<(), Broken> {
        let old = before.deliveries.last().map_or(0, |delivery| delivery.id);
        let new = now.deliveries.iter().filter(|owed| owed.id > old);
        // A create that is moved to another target was owed before.
        let was_owed = |incident_id: &str| {
            let mut earlier = before.deliveries.iter();
            earlier.any(|owed| owed.operation == "create" && owed.incident_id == incident_id)
        };
        let creates = new.filter(|owed| owed.operation == "create");
        for create in creates.filter(|owed| !was_owed(&owed.incident_id)) {
            let Some(kept) = now.incident(&create.incident_id) else {
                continue;
            };
            let mut silences = self.matching(&kept.life);
            if let Some(one) = silences.find(|one| one.starts_at <= at && at < one.ends_at) {
                return Err(format!(
                    "a ticket was opened at {at}, in {one:?}: delivery {}",
                    create.id
                ));
            }
        }
        let pending = now.incidents.iter().map(|kept| &kept.life);
        for life in pending.filter(|life| life.state == IncidentState::Pending) {
            // Not asked: has it begun? The clock may have been set back to before it.
            let waits_for_nothing = || self.matching(life).all(|one| one.ends_at <= at);
            if life.silence.is_some() && waits_for_nothing() {
                let silence = &life.silence;
                return Err(format!("at {at} an incident still waits for {silence:?}"));
            }
        }
        Ok(())
    }
}

/// Makes a silence, or ends one.
pub(crate) async fn person(world: &mut World) -> Result<(), Broken> {
    let now = world.clock.now();
    let by = ChangedBy {
        actor: PERSON,
        at: now,
    };
    let going_on: Vec<usize> = (0..world.silences.0.len())
        .filter(|index| world.silences.0[*index].ends_at > now)
        .collect();
    if !going_on.is_empty() && world.dice.chance(40) {
        let index = *world.dice.pick(&going_on);
        let silence = &mut world.silences.0[index];
        let ended = world.store.expire_silence(&silence.id, by).await;
        silence.ends_at = now;
        let told = format!("a person ends {silence:?}");
        world.tell(told);
        world.note_change();
        world.coverage.note("person: ends a silence");
        return ended
            .map(|_| ())
            .map_err(|error| format!("a silence cannot be ended: {error}"));
    }
    let mut silence = Made::roll(&mut world.dice, now);
    let new = NewSilence {
        matchers: silence.matchers(),
        starts_at: silence.starts_at,
        ends_at: silence.ends_at,
        reason: "a simulation".to_owned(),
    };
    let made = world.store.create_silence(&new, by).await;
    let made = made.map_err(|error| format!("a silence cannot be made: {error}"))?;
    silence.id = made.id.0.to_string();
    world.tell(format!("a person makes {silence:?}"));
    world.silences.0.push(silence);
    world.coverage.note("person: makes a silence");
    Ok(())
}
