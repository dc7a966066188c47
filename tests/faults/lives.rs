//! The lives of a campaign's daemon: how each ends.

use std::time::{Duration, Instant};

use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::campaign::{Campaign, rotate};
use crate::conditions::Conditions;

/// Every named place, with how often at most it is passed before it is fatal.
pub(crate) const POINTS: [(&str, u64); 9] = [
    ("before-migrations", 1),
    ("migrated", 1),
    ("journal-committed", 4),
    ("decisions-written", 3),
    ("decisions-committed", 3),
    ("before-send", 4),
    ("before-settle", 4),
    ("token-kept", 1),
    ("retention-step", 1),
];
/// Longest wait for a named place to be reached.
const REACHED_WITHIN: Duration = Duration::from_secs(10);
/// Longest life after being ready that ends at random.
const LONGEST_LIFE_MS: u64 = 120;
/// Longest start that is cut short.
const LONGEST_START_MS: u64 = 60;
/// Longest wait for a named place while a CRM is in a condition, in which it may not be reached.
const REACHED_IN_A_CONDITION_WITHIN: Duration = Duration::from_secs(1);
/// How often the daemon is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// How a life ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At a named place, when it is reached for the n-th time.
    At(&'static str, u64),
    /// So many milliseconds after the daemon was ready.
    AfterReady(u64),
    /// So many milliseconds after it was started.
    AfterStart(u64),
}

impl Campaign {
    /// One of the ways in which a life may end at random.
    pub(crate) fn random_end(&mut self) -> End {
        if self.dice.random_bool(0.15) {
            End::AfterStart(self.dice.random_range(0..LONGEST_START_MS))
        } else {
            End::AfterReady(self.dice.random_range(0..LONGEST_LIFE_MS))
        }
    }

    /// A named place, and at which of the times it is fatal.
    pub(crate) fn random_point(&mut self) -> End {
        let (name, most) = *POINTS.choose(&mut self.dice).unwrap();
        End::At(name, self.dice.random_range(1..=most))
    }

    /// One life in a storm, from its start to its end. A named place must be reached, unless a CRM
    /// is in a condition.
    pub(crate) async fn live(&mut self, end: End) {
        if let Some(conditions) = &mut self.conditions {
            let queue = format!("q{}", self.keys.len());
            let simulator = &self.world.simulator;
            conditions.change(simulator, &queue, &mut self.dice).await;
        }
        self.storm();
        let mut place = "random";
        match end {
            End::At(name, time) => {
                // A kill between the CRM's rotation and ours loses the token for good; `tokens`
                // shows what comes of that. In a condition the place may not be reached, and the
                // kill may come there.
                rotate(&self.world, name == "token-kept" && !self.is_in_condition());
                if self.die_at(name, time).await {
                    place = name;
                }
                rotate(&self.world, false);
            }
            End::AfterReady(milliseconds) => {
                self.world.spawn("");
                self.ready().await;
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            }
            End::AfterStart(milliseconds) => {
                self.world.spawn("");
                tokio::time::sleep(Duration::from_millis(milliseconds)).await;
            }
        }
        self.world.daemon.kill();
        *self.ends.entry(place).or_default() += 1;
    }

    /// A life that nothing ends.
    pub(crate) async fn live_on(&mut self) {
        self.world.spawn("");
        self.ready().await;
    }

    fn is_in_condition(&self) -> bool {
        let conditions = self.conditions.as_ref();
        conditions.is_some_and(Conditions::is_in_force)
    }

    /// Whether the daemon died there. Where it did not, it lives, and a CRM is in a condition.
    async fn die_at(&mut self, name: &str, time: u64) -> bool {
        self.world.spawn(&format!("{name}:{time}"));
        let (begun, mut fed) = (Instant::now(), Instant::now());
        let in_condition = self.is_in_condition();
        while !self.world.daemon.is_dead() {
            if in_condition && begun.elapsed() > REACHED_IN_A_CONDITION_WITHIN {
                return false;
            }
            assert!(
                begun.elapsed() < REACHED_WITHIN,
                "{name} is not reached for the {time}. time; the log:\n{}",
                self.world.log()
            );
            if fed.elapsed() > Duration::from_millis(200) {
                self.storm();
                fed = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
        true
    }

    /// Waits until the daemon takes events.
    pub(crate) async fn ready(&self) {
        let begun = Instant::now();
        let url = format!("{}/readyz", self.world.public);
        let is_ready = async || {
            let answer = self.world.client.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status().is_success())
        };
        while !is_ready().await {
            assert!(
                begun.elapsed() < REACHED_WITHIN,
                "the daemon is not ready; the log:\n{}",
                self.world.log()
            );
            tokio::time::sleep(LOOK).await;
        }
    }
}
