//! One storm, in which replica after replica dies, stands still past its leases, or is cut off
//! from the database, at random moments, and the CRM comes into a condition now and then; a short one for every change, and one as long as is
//! asked for in a soak.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};

use crate::replicas::cluster::{CLIENT_CREDENTIALS, Cluster};
use crate::replicas::storm::Storm;
use crate::support::conditions::Condition;

/// How long the short campaign lasts at least; every trouble comes once in it.
const SHORT: Duration = Duration::from_secs(20);
/// Events sent one after the other without a rest.
const GUST: u64 = 20;
const REST: Duration = Duration::from_millis(50);
/// Queues that are heard of for the first time in each trouble.
const NEW_QUEUES: u64 = 4;

/// What a CRM has refused alone is tried again rarely. What is not delivered by then waits for that.
const DELIVERED_QUICKLY_WITHIN: Duration = Duration::from_secs(20);
/// Longer than any wait between two tries of a dead letter.
const LONGEST_WAIT: Duration = Duration::from_secs(61 * 60);
/// The clocks are set forward by that wait. No incident is over because of that.
const NEVER_QUIET: &str = "[rules.queue-wait]\nquiet_after = \"365d\"\n";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trouble {
    /// The process is killed, and started again.
    Death,
    /// The process stands still for longer than its leases last, and goes on.
    Standstill,
    /// Nothing gets through to the database, and nobody is told.
    Stall,
    /// The connections to the database break.
    Cut,
}

impl Trouble {
    const ALL: [Self; 4] = [Self::Death, Self::Standstill, Self::Stall, Self::Cut];

    /// For how many milliseconds it may last. The lease on deciding lasts 5 s.
    fn lasts(self) -> std::ops::Range<u64> {
        match self {
            Self::Death => 100..3_000,
            Self::Standstill | Self::Stall => 5_500..9_000,
            Self::Cut => 500..7_000,
        }
    }
}

struct Campaign {
    cluster: Cluster,
    storm: Storm,
    dice: StdRng,
    seed: u64,
    begun: Instant,
    queues: u64,
    troubles: BTreeMap<Trouble, u64>,
    /// What may be wrong with the CRM, and what is.
    conditions: Vec<Condition>,
    condition: Option<Condition>,
    suffered: BTreeSet<String>,
}

impl Campaign {
    /// Three replicas; `None` where no PostgreSQL was given. `RINGDOWN_SOAK_SEED` repeats the
    /// dice of an earlier campaign.
    async fn begin() -> Option<Self> {
        let cluster = Cluster::configured(3, CLIENT_CREDENTIALS, NEVER_QUIET).await?;
        let given = std::env::var("RINGDOWN_SOAK_SEED").ok();
        let seed = given.map_or_else(rand::random, |seed| seed.parse().unwrap());
        eprintln!("RINGDOWN_SOAK_SEED={seed}");
        Some(Self {
            cluster,
            storm: Storm::default(),
            dice: StdRng::seed_from_u64(seed),
            seed,
            begun: Instant::now(),
            queues: 0,
            troubles: BTreeMap::new(),
            conditions: conditions(),
            condition: None,
            suffered: BTreeSet::new(),
        })
    }

    /// Begins a condition of the CRM or ends it, or neither, as the dice fall.
    async fn change_condition(&mut self) {
        if self.condition.is_some() {
            if self.dice.random_bool(0.5) {
                self.end_condition();
            }
        } else if self.dice.random_bool(0.5)
            && let Some(condition) = self.conditions.choose(&mut self.dice).cloned()
        {
            let queue = format!("Queue q{}\"", self.queues);
            condition.begin(&self.cluster.simulator, &queue).await;
            eprintln!("the CRM: {}", condition.name);
            self.suffered.insert(condition.name.clone());
            self.condition = Some(condition);
        }
    }

    fn end_condition(&mut self) {
        if let Some(condition) = self.condition.take() {
            condition.end(&self.cluster.simulator);
            eprintln!("the CRM is well");
        }
    }

    /// The replica that decides, every other time.
    async fn victim(&mut self) -> usize {
        let any = self.dice.random_range(0..self.cluster.replicas.len());
        if self.dice.random() {
            return any;
        }
        let decider = self.cluster.database.decider().await;
        decider.map_or(any, |owner| self.cluster.number_of(&owner))
    }

    /// One trouble of one replica, in the middle of the storm.
    async fn suffer(&mut self, trouble: Trouble) {
        self.change_condition().await;
        let victim = self.victim().await;
        let before = Duration::from_millis(self.dice.random_range(0..500));
        let lasting = Duration::from_millis(self.dice.random_range(trouble.lasts()));
        eprintln!("replica {victim}: {trouble:?} for {lasting:?}");
        self.queues += NEW_QUEUES;
        *self.troubles.entry(trouble).or_default() += 1;
        let (cluster, over) = (&self.cluster, AtomicBool::new(false));
        let replica = &cluster.replicas[victim];
        let troubling = async {
            tokio::time::sleep(before).await;
            match trouble {
                Trouble::Death => replica.die(),
                Trouble::Standstill => replica.pause(),
                Trouble::Stall => replica.network.stall(),
                Trouble::Cut => replica.network.cut(),
            }
            tokio::time::sleep(lasting).await;
            match trouble {
                Trouble::Death => {}
                Trouble::Standstill => replica.go_on(),
                Trouble::Stall | Trouble::Cut => replica.network.mend(),
            }
            over.store(true, Ordering::SeqCst);
        };
        let storming = async {
            while !over.load(Ordering::SeqCst) {
                self.storm.blow(cluster, GUST, self.queues).await;
                tokio::time::sleep(REST).await;
            }
        };
        tokio::join!(troubling, storming);
        if trouble == Trouble::Death {
            self.cluster.replicas[victim].kill();
            self.cluster.replicas[victim].start();
            // A process that loses the database while it starts ends, and nobody here starts it
            // again as a supervisor would.
            self.cluster.ready(victim).await;
        }
    }

    /// Lets the longest wait pass where something waits for longer than a moment.
    async fn let_the_longest_wait_pass(&mut self) {
        let begun = Instant::now();
        while !self.conditions.is_empty() && !self.cluster.is_delivered().await {
            if begun.elapsed() > DELIVERED_QUICKLY_WITHIN {
                self.storm.ahead += LONGEST_WAIT;
                let ahead = i64::try_from(self.storm.ahead.as_millis()).unwrap();
                return self.cluster.set_clocks_off_by(ahead);
            }
            tokio::time::sleep(REST).await;
        }
    }

    /// Waits until everything is settled, and compares what was acknowledged with the journal,
    /// and what breached with the CRM's own records.
    async fn account(&mut self) {
        self.end_condition();
        for number in 0..self.cluster.replicas.len() {
            self.cluster.ready(number).await;
        }
        self.let_the_longest_wait_pass().await;
        self.cluster.all_is_well(&self.storm.sent).await;
        let acknowledged = self.storm.acknowledged();
        let journal = self.cluster.database.journal().await;
        assert_eq!(journal, acknowledged, "seed {}", self.seed);
        println!(
            "{:?}, {} different conditions; {} events acknowledged, {} requests repeated, {} queues and as many tickets; \
             nothing lost, nothing doubled; {:.0} s, seed {}",
            self.troubles,
            self.suffered.len(),
            acknowledged.len(),
            self.storm.repetitions,
            self.storm.sent.len(),
            self.begun.elapsed().as_secs_f64(),
            self.seed
        );
    }
}

/// The conditions of the one CRM, where the daemon's clock can be set.
fn conditions() -> Vec<Condition> {
    let all = Condition::all().into_iter();
    all.filter(|one| cfg!(feature = "fault-points") && one.crm == "salesforce")
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deaths_standstills_and_cut_connections_in_a_storm_lose_and_double_nothing() {
    let Some(mut campaign) = Campaign::begin().await else {
        return;
    };
    let mut troubles = Trouble::ALL;
    troubles.shuffle(&mut campaign.dice);
    for trouble in troubles.iter().cycle() {
        let done = campaign.troubles.len() == Trouble::ALL.len();
        if done && campaign.begun.elapsed() > SHORT {
            break;
        }
        campaign.suffer(*trouble).await;
    }
    campaign.account().await;
    campaign.cluster.end().await;
}

/// `tests/soak --replicas SECONDS`
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn minutes_of_deaths_standstills_and_cut_connections_lose_and_double_nothing() {
    let seconds = std::env::var("RINGDOWN_SOAK_SECONDS");
    let seconds = seconds.map_or(600, |seconds| seconds.parse().unwrap());
    let Some(mut campaign) = Campaign::begin().await else {
        return;
    };
    while campaign.begun.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..10 {
            let trouble = *Trouble::ALL.choose(&mut campaign.dice).unwrap();
            campaign.suffer(trouble).await;
        }
        campaign.account().await;
    }
    campaign.cluster.end().await;
}
