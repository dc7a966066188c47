//! What is wrong with the CRMs now and then, while a campaign's daemon lives and dies.

use std::collections::BTreeMap;

use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use ringdown::simulator::Simulator;

use crate::support::conditions::Condition;
use crate::support::world::World;

/// One condition at a time.
pub(crate) struct Conditions {
    all: Vec<Condition>,
    now: Option<Condition>,
    /// How often each has begun.
    begun: BTreeMap<String, u64>,
}

impl Conditions {
    /// All but those in which a create takes effect later: a process that starts meanwhile cannot
    /// find the record, and no program could.
    pub(crate) fn new() -> Self {
        let all = Condition::all().into_iter().filter(|one| !one.late);
        Self {
            all: all.collect(),
            now: None,
            begun: BTreeMap::new(),
        }
    }

    /// How many conditions there were, and how many different ones.
    pub(crate) fn counts(&self) -> (u64, usize) {
        (self.begun.values().sum(), self.begun.len())
    }

    pub(crate) const fn is_in_force(&self) -> bool {
        self.now.is_some()
    }

    /// Begins one or ends it, or neither, as the dice fall.
    pub(crate) async fn change(&mut self, simulator: &Simulator, queue: &str, dice: &mut StdRng) {
        if self.now.is_some() {
            if dice.random_bool(0.3) {
                self.end(simulator);
            }
        } else if dice.random_bool(0.4) {
            let condition = self.all.choose(dice).unwrap().clone();
            condition.begin(simulator, queue).await;
            let name = format!("{}: {}", condition.crm, condition.name);
            *self.begun.entry(name).or_default() += 1;
            self.now = Some(condition);
        }
    }

    pub(crate) fn end(&mut self, simulator: &Simulator) {
        if let Some(condition) = self.now.take() {
            condition.end(simulator);
        }
    }
}

/// Names that a test of a condition may be about.
const QUEUE: &str = "q1";

#[tokio::test]
async fn both_simulators_know_every_condition_and_are_well_after_it() {
    let world = World::unstarted("").await;
    for condition in Condition::all() {
        condition.begin(&world.simulator, QUEUE).await;
        condition.end(&world.simulator);
    }
    let mut world = world;
    world.start().await;
    world
        .accept(&crate::support::world::event("evt-1", QUEUE, 400.0))
        .await;
    world.tickets(1).await;
}
