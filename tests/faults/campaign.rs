//! A daemon's many short lives on one folder, in one storm of events.
//!
//! A key is a queue in trouble. It breaches some times, and may recover once everything said
//! about it is acknowledged; then nothing more is said about it. So each key is owed one ticket
//! in each CRM, whatever happens in between.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use ringdown::clock::Clock;
use ringdown::simulator;

use crate::conditions::Conditions;
use crate::sender::Sender;
use crate::support::crm::servicenow;
use crate::support::world::{World, event};

/// Everything beyond the world's own configuration: a second CRM, a token that may be rotated. The
/// clock may be set forward by hours, and no incident is to be over because of that.
fn configuration(world: &World) -> String {
    format!(
        r#"
[log]
level = "warn"
[rules.queue-wait]
events = ["telephony.queue.waiting"]
update_every = "1h"
quiet_after = "365d"
[rules.queue-wait-servicenow]
events = ["telephony.queue.waiting"]
when = "metrics[queue.waitTime].avg > 300"
clear = "metrics[queue.waitTime].avg < 240"
clear_for = "0s"
key = "{{{{ queue_id }}}}"
on_recovery = "resolve"
quiet_after = "365d"
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

/// Longer than any wait between two tries of a dead letter.
const LONGEST_WAIT_MS: i64 = 61 * 60 * 1000;
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
    /// What is wrong with the CRMs now and then, if anything.
    pub(crate) conditions: Option<Conditions>,
    events: u64,
    /// By how many milliseconds the daemon's clock is ahead.
    ahead: Cell<i64>,
}

impl Campaign {
    /// A campaign that `seed` repeats, as far as it decides.
    pub(crate) async fn new(seed: u64) -> Self {
        Self::with(seed, "").await
    }

    /// The same, and the CRMs come into conditions meanwhile.
    pub(crate) async fn in_conditions(seed: u64) -> Self {
        let conditions = Some(Conditions::new());
        Self {
            conditions,
            ..Self::new(seed).await
        }
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
            conditions: None,
            events: 0,
            ahead: Cell::new(0),
        }
    }

    /// Lets ServiceNow take the ids that we choose, so that it refuses a second record itself.
    pub(crate) async fn refuse_second_records(&self) {
        choose_ids(&self.world, true).await;
    }

    /// Lives on, with CRMs that are well, until everything is settled, and fails when a promise is
    /// broken.
    pub(crate) async fn end(&mut self) {
        if let Some(conditions) = &mut self.conditions {
            conditions.end(&self.world.simulator);
        }
        self.live_on().await;
        let account = self.account().await;
        println!("{account}");
        account.assert_kept();
    }

    /// The daemon's clock goes on by the longest wait.
    pub(crate) fn let_the_longest_wait_pass(&self) {
        self.ahead.set(self.ahead.get() + LONGEST_WAIT_MS);
        self.world.set_clock_off_by(self.ahead.get());
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
        let ahead = Duration::from_millis(self.ahead.get().unsigned_abs());
        let mut event = event(&id, key, wait);
        event["timestamp"] = Clock::System.now().plus(ahead).to_string().into();
        self.sender.send(event);
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
