//! A daemon's many short lives on one folder, in one storm of events.
//!
//! A key is a queue in trouble. It breaches some times, and may recover once everything said
//! about it is acknowledged; then nothing more is said about it. So each key is owed one ticket
//! in each CRM, whatever happens in between.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use ringdown::simulator;

use crate::sender::Sender;
use crate::support::crm::servicenow;
use crate::support::world::{World, event};

/// Everything beyond the world's own configuration: a second CRM, a token that may be rotated.
fn configuration(world: &World) -> String {
    format!(
        r#"
[log]
level = "warn"
[rules.queue-wait]
events = ["telephony.queue.waiting"]
update_every = "1h"
[rules.queue-wait-servicenow]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "0s"
key = "{{{{ queue_id }}}}"
on_recovery = "resolve"
targets = ["servicenow"]
[targets.salesforce.auth]
flow = "refresh_token"
refresh_token = "{}"
[targets.salesforce.create]
Queue__c = "{{{{ queue_id }}}}"
{}
[targets.servicenow.create]
short_description = "{{{{ queue_id }}}}"
urgency = "1"
impact = "1"
"#,
        simulator::REFRESH_TOKEN,
        servicenow(&world.simulator)
    )
}

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

/// What was said about a key.
#[derive(Debug, Default)]
pub(crate) struct Said {
    events: Vec<String>,
    /// Whether the last event said that it has recovered.
    pub(crate) recovered: bool,
}

/// One storm over many lives.
pub(crate) struct Campaign {
    pub(crate) world: World,
    pub(crate) sender: Sender,
    pub(crate) keys: BTreeMap<String, Said>,
    /// Lives that ended, by the place they ended at; `random` for all others.
    pub(crate) ends: BTreeMap<&'static str, u64>,
    pub(crate) dice: StdRng,
    pub(crate) begun: Instant,
    events: u64,
}

impl Campaign {
    /// A campaign that `seed` repeats, as far as it decides.
    pub(crate) async fn new(seed: u64) -> Self {
        Self::with(seed, "").await
    }

    /// The same with `more` configuration.
    pub(crate) async fn with(seed: u64, more: &str) -> Self {
        let world = World::unstarted("").await;
        let more = configuration(&world) + more;
        std::fs::write(world.folder.path().join("more.toml"), more).unwrap();
        rotate(&world, false);
        choose_ids(&world, false).await;
        Self {
            sender: Sender::new(&world.public),
            world,
            keys: BTreeMap::new(),
            ends: BTreeMap::new(),
            dice: StdRng::seed_from_u64(seed),
            begun: Instant::now(),
            events: 0,
        }
    }

    /// Lets ServiceNow take the ids that we choose, so that it refuses a second record itself.
    pub(crate) async fn refuse_second_records(&self) {
        choose_ids(&self.world, true).await;
    }

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

    /// One life in a storm, from its start to its end. A named place must be reached.
    pub(crate) async fn live(&mut self, end: End) {
        self.storm();
        match end {
            End::At(name, time) => {
                // A kill between the CRM's rotation and ours loses the token for good; `tokens`
                // shows what comes of that.
                rotate(&self.world, name == "token-kept");
                self.die_at(name, time).await;
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
        let name = match end {
            End::At(name, _) => name,
            End::AfterReady(_) | End::AfterStart(_) => "random",
        };
        *self.ends.entry(name).or_default() += 1;
    }

    /// A life that nothing ends.
    pub(crate) async fn live_on(&mut self) {
        self.world.spawn("");
        self.ready().await;
    }

    /// Lives on until everything is settled, and fails when a promise is broken.
    pub(crate) async fn end(&mut self) {
        self.live_on().await;
        let account = self.account().await;
        println!("{account}");
        account.assert_kept();
    }

    async fn die_at(&mut self, name: &str, time: u64) {
        self.world.spawn(&format!("{name}:{time}"));
        let (begun, mut fed) = (Instant::now(), Instant::now());
        while !self.world.daemon.is_dead() {
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

    /// Lets some keys begin to breach, says more about others, and lets some recover.
    pub(crate) fn storm(&mut self) {
        for _ in 0..self.dice.random_range(2..=4) {
            let key = format!("q{}", self.keys.len());
            self.keys.insert(key.clone(), Said::default());
            for _ in 0..self.dice.random_range(1..=3) {
                self.say(&key, 400.0);
            }
        }
        let open: Vec<String> = self
            .keys
            .iter()
            .filter(|(_, said)| !said.recovered)
            .map(|(key, _)| key.clone())
            .collect();
        for _ in 0..6 {
            let Some(key) = open.choose(&mut self.dice) else {
                return;
            };
            if self.keys[key].recovered {
                continue;
            }
            if self.dice.random_bool(0.4) && self.is_acknowledged(key) {
                self.say(key, 100.0);
                self.keys.entry(key.clone()).or_default().recovered = true;
            } else {
                self.say(key, 500.0);
            }
        }
    }

    /// Waits until everything said is acknowledged.
    pub(crate) async fn acknowledged(&self) {
        let done = async || self.sender.is_done();
        self.world.until("all is acknowledged", done).await;
    }

    /// Waits until both CRMs have as many records as there are keys.
    pub(crate) async fn tickets_exist(&self) {
        let simulator = &self.world.simulator;
        let exist = async || {
            simulator.salesforce().tickets().len() >= self.keys.len()
                && simulator.servicenow().tickets().len() >= self.keys.len()
        };
        self.world.until("every key has its tickets", exist).await;
    }

    fn say(&mut self, key: &str, wait: f64) {
        self.events += 1;
        let id = format!("evt-{}", self.events);
        self.sender.send(event(&id, key, wait));
        self.keys.entry(key.to_owned()).or_default().events.push(id);
    }

    fn is_acknowledged(&self, key: &str) -> bool {
        let ledger = self.sender.ledger();
        let events = &self.keys[key].events;
        events.iter().all(|id| ledger.acknowledged.contains(id))
    }
}

/// Whether ServiceNow takes the ids that we choose. If not, nothing but our look-up after a
/// death keeps it from a second record.
async fn choose_ids(world: &World, honoured: bool) {
    let mode = if honoured { "honoured" } else { "ignored" };
    let switches = format!("{}/_sim/switches", world.simulator.servicenow().base_url());
    let request = world.client.post(switches);
    let answer = request.json(&serde_json::json!({"sys_id_mode": mode}));
    let status = answer.send().await.unwrap().status();
    assert!(status.is_success(), "{status}");
}

/// Whether each use of Salesforce's refresh token gives a new one and kills the old one.
pub(crate) fn rotate(world: &World, rotate: bool) {
    let salesforce = world.simulator.salesforce().crm();
    salesforce.configure(|switches| switches.rotate_refresh_token = rotate);
}
