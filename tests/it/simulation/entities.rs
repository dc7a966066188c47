//! Entities whose state comes in split, late, partial and stale messages. No verdict may use a
//! reading that is older than the rule's `fresh`, or a part for the whole.
//!
//! What is known is told here by a second, simpler program: it reads all messages so far anew for
//! every verdict.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ringdown::clock::Clock;
use ringdown::decide::Decider;
use ringdown::domain::time::Timestamp;
use ringdown::rules::Expression;
use ringdown::settings::{EntitySettings, Settings};
use ringdown::store::{FencingToken, Journal, NewEvent, Store};
use ringdown::telemetry::Metrics;
use serde_json::{Value, json};
use sqlx::{Row, SqliteConnection};

use crate::simulation::dice::Dice;
use crate::simulation::ground::{self, Ground, connect};

const SEEDS: u64 = 60;
const MESSAGES: usize = 40;
const BEGINNING: i64 = 1_795_442_400_000;
const QUEUE: &str = "11111111-aaaa-4bbb-8ccc-000000000001";
const RULE: &str = "backlog";
const FRESH: Duration = Duration::from_secs(300);
const MAX_AGE: Duration = Duration::from_secs(86_400);
/// A qualifier that is not told for so long is gone.
const QUALIFIER_KEPT: Duration = Duration::from_secs(3_600);
const QUALIFIERS: [&str; 3] = ["IDLE", "INTERACTING", "BUSY"];

/// One message: how many wait in one media type, or agents by some qualifiers.
#[derive(Debug, Clone)]
struct Message {
    media: Option<&'static str>,
    waiting: f64,
    agents: Vec<(&'static str, f64)>,
    occurred_at: Timestamp,
    received_at: Timestamp,
}

impl Message {
    fn roll(dice: &mut Dice, now: Timestamp) -> Self {
        let late = match dice.below(100) {
            0..=69 => Duration::ZERO,
            70..=96 => dice.seconds(&[1, 30, 200, 301, 600, 4_000, 90_000]),
            _ => Duration::ZERO,
        };
        let is_ahead = dice.chance(3);
        let occurred_at = match is_ahead {
            true => now.plus(Duration::from_secs(3_600)),
            false => now.minus(late),
        };
        let is_waiting = dice.chance(50);
        let agents = QUALIFIERS.into_iter().filter_map(|qualifier| {
            let told = !is_waiting && dice.chance(60);
            told.then(|| (qualifier, *dice.pick(&[0.0, 0.0, 0.0, 1.0, 2.0, 9.0])))
        });
        let agents: Vec<_> = agents.collect();
        let media = ["voice", "voice", "email"];
        Self {
            media: agents.is_empty().then(|| *dice.pick(&media)),
            waiting: *dice.pick(&[0.0, 19.0, 20.0, 30.0]),
            agents,
            occurred_at,
            received_at: now,
        }
    }

    fn is_stale(&self) -> bool {
        self.received_at.since(self.occurred_at) > MAX_AGE
    }

    fn event(&self, number: usize) -> NewEvent {
        let (group, metrics): (Value, Vec<Value>) = match self.media {
            Some(media) => (
                json!({ "queueId": QUEUE, "mediaType": media }),
                vec![json!({"metric": "oWaiting", "stats": {"count": self.waiting}})],
            ),
            None => (
                json!({ "queueId": QUEUE }),
                self.agents
                    .iter()
                    .map(|(qualifier, count)| {
                        json!({"metric": "oOnQueueUsers", "qualifier": qualifier,
                            "stats": {"count": count}})
                    })
                    .collect(),
            ),
        };
        let body = json!({
            "id": format!("m-{number}"),
            "topicName": format!("v2.analytics.queues.{QUEUE}.observations"),
            "timestamp": self.occurred_at.to_string(), "version": "2",
            "eventBody": { "group": group, "data": [{ "metrics": metrics }] },
        });
        NewEvent {
            source: "genesys".into(),
            event_id: format!("m-{number}"),
            received_at: self.received_at,
            body: body.to_string(),
            review: None,
            meaning: None,
        }
    }
}

/// A value, when it was, and whether that is a guess.
type Known = (f64, Timestamp, bool);

/// What the messages so far tell.
#[derive(Default)]
struct Told {
    /// The newest time that is believed, and when its message was received.
    newest: Option<(Timestamp, Timestamp)>,
    /// When the last message was received whose time is not believed.
    guessed: Option<Timestamp>,
    waiting: BTreeMap<&'static str, Known>,
    agents: BTreeMap<&'static str, Known>,
    /// Whether the last message told anything that is not known newer.
    last_is_news: bool,
}

impl Told {
    fn by(messages: &[Message]) -> Self {
        let mut told = Self::default();
        for message in messages.iter().filter(|message| !message.is_stale()) {
            told.add(message);
        }
        told
    }

    fn add(&mut self, message: &Message) {
        let is_guess = message.occurred_at > message.received_at.plus(Duration::from_secs(10));
        let at = match is_guess {
            true => message.received_at,
            false => message.occurred_at,
        };
        match is_guess {
            true => self.guessed = self.guessed.max(Some(at)),
            false if self.newest.is_none_or(|(newest, _)| newest < at) => {
                self.newest = Some((at, message.received_at));
            }
            false => {}
        }
        let count = |count: f64| (count, at, is_guess);
        let waiting = message.media.map(|media| (media, count(message.waiting)));
        let mut news = false;
        if let Some((media, known)) = waiting {
            news |= replace(&mut self.waiting, media, known);
        }
        for (qualifier, agents) in &message.agents {
            news |= replace(&mut self.agents, qualifier, count(*agents));
        }
        self.last_is_news = news;
    }

    /// A time that is not believed lies as far behind its receipt as the newest one that is.
    fn time(&self, at: Timestamp, is_guess: bool) -> Timestamp {
        let behind = self.newest.map(|(at, received_at)| received_at.since(at));
        match is_guess {
            true => at.minus(behind.unwrap_or_default()),
            false => at,
        }
    }

    fn age(&self, (_, at, is_guess): &Known) -> Duration {
        let guessed = self.guessed.map(|at| self.time(at, true));
        let newest = self.newest.map(|(at, _)| at).max(guessed);
        newest.map_or(Duration::ZERO, |newest| {
            newest.since(self.time(*at, *is_guess))
        })
    }

    fn waiting(&self, media: &str) -> Option<f64> {
        let known = self.waiting.get(media)?;
        (self.age(known) <= FRESH).then_some(known.0)
    }

    /// The sum over all qualifiers that are not gone; all must be fresh, and one alone is no sum.
    fn agents(&self) -> Option<f64> {
        let present: Vec<&Known> = self
            .agents
            .values()
            .filter(|known| self.age(known) <= QUALIFIER_KEPT)
            .collect();
        let is_whole = present.len() > 1 && present.iter().all(|known| self.age(known) <= FRESH);
        is_whole.then(|| present.iter().map(|(count, _, _)| count).sum())
    }

    /// What the rule says of `media`; empty: of what is told of the whole queue.
    fn verdict(&self, media: &str) -> Option<bool> {
        let many = self.waiting(media).map(|count| count >= 20.0);
        let few = self.agents().map(|count| count < 3.0);
        match (many, few) {
            (Some(true), Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            _ => None,
        }
    }

    /// The verdicts that the last message may lead to.
    fn verdicts(&self, last: &Message) -> Vec<bool> {
        let media: Vec<&str> = match last.media {
            Some(media) => vec![media],
            None => self.waiting.keys().copied().chain([""]).collect(),
        };
        let verdicts = media.iter().filter_map(|media| self.verdict(media));
        verdicts.filter(|_| self.last_is_news).collect()
    }
}

/// Takes `told` in, unless something newer is known.
fn replace(known: &mut BTreeMap<&'static str, Known>, name: &'static str, told: Known) -> bool {
    let (_, at, is_guess) = told;
    let is_newer = known
        .get(name)
        .is_some_and(|(_, newer, guess)| !guess && !is_guess && *newer > at);
    if !is_newer {
        known.insert(name, told);
    }
    !is_newer
}

struct World {
    dice: Dice,
    clock: Clock,
    decider: Decider,
    fence: FencingToken,
    store: Store,
    journal: Journal,
    reader: SqliteConnection,
    messages: Vec<Message>,
    /// How often each outcome was seen.
    seen: BTreeMap<String, usize>,
}

impl World {
    async fn new(seed: u64, ground: &Ground, path: &Path) -> Self {
        ground.lay_database(path);
        let store = Store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap();
        let clock = Clock::manual(Timestamp::from_millis(BEGINNING));
        let settings = Arc::new(settings(ground));
        let decider = Decider::new(
            store.clone(),
            settings,
            Metrics::new(),
            clock.clone(),
            "sim",
        );
        let long = Duration::from_secs(86_400_000);
        let fence = store.acquire_lease("decide", "sim", long).await.unwrap();
        let (journal, writer) = store.journal();
        tokio::spawn(writer.run());
        Self {
            dice: Dice::new(seed),
            clock,
            decider,
            fence: fence.unwrap(),
            store,
            journal,
            reader: connect(path).await,
            messages: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    async fn execute(&mut self, statement: &'static str) {
        let statement = sqlx::query(statement);
        statement.execute(&mut self.reader).await.unwrap();
    }

    /// Some messages, and one decision on them all.
    async fn go_on(&mut self) {
        let before = self.messages.len();
        for _ in 0..1 + self.dice.below(4) {
            let message = Message::roll(&mut self.dice, self.clock.now());
            let event = message.event(self.messages.len());
            self.journal.append(vec![event]).await.unwrap();
            self.messages.push(message);
        }
        if self.dice.chance(15) {
            // The process dies before its commit: the batch is decided again.
            self.execute("insert into power_cut values (1)").await;
            assert!(self.decider.step(&self.fence).await.is_err());
            self.execute("delete from power_cut").await;
        }
        while self.decider.step(&self.fence).await.unwrap() > 0 {}
        for number in before..self.messages.len() {
            self.check(number).await;
        }
        let span = self.dice.seconds(&[1, 5, 60, 250, 301, 1_000]);
        self.clock.advance(span);
    }

    /// The decision on the message `number`, against all messages up to it.
    async fn check(&mut self, number: usize) {
        let query = "select outcome from decisions where rule = ?1 and event_seq = ?2";
        let row = sqlx::query(query)
            .bind(RULE)
            .bind(i64::try_from(number + 1).unwrap());
        let row = row.fetch_optional(&mut self.reader).await.unwrap();
        let outcome: String = row.map_or("silent".to_owned(), |row| row.get(0));
        let last = &self.messages[number];
        // No such message breaches by itself, so there is no outcome that tells.
        let seen = match last.is_stale() {
            true => "a stale message",
            false => outcome.as_str(),
        };
        *self.seen.entry(seen.to_owned()).or_default() += 1;
        let told = Told::by(&self.messages[..=number]);
        let allowed = match last.is_stale() {
            // What is too old may only end something, and only by what it tells itself.
            true => {
                let alone = Told::by(&[Message {
                    received_at: last.occurred_at,
                    ..last.clone()
                }]);
                alone
                    .verdicts(last)
                    .into_iter()
                    .filter(|one| !one)
                    .collect()
            }
            false => told.verdicts(last),
        };
        let needed = match outcome.as_str() {
            "silent" | "out_of_order" | "stale" => None,
            "clearing" | "recovered" | "flapping_held" => Some(false),
            _ => Some(true),
        };
        let history = || format!("{:#?}", &self.messages[..=number]);
        if let Some(needed) = needed {
            assert!(
                allowed.contains(&needed),
                "message {number} was {outcome}, which no fresh and whole reading tells\n{}",
                history()
            );
        }
        // Nor is anything missed that is told.
        if !last.is_stale() && !allowed.is_empty() && allowed.iter().all(|one| *one) {
            assert_eq!(
                needed,
                Some(true),
                "message {number} was {outcome}, and a breach is told\n{}",
                history()
            );
        }
    }
}

/// One rule over two metrics that come in messages of their own. Every breach opens a ticket.
fn settings(ground: &Ground) -> Settings {
    let mut settings = ground.plain_settings();
    settings.outages.clear();
    settings.rules.truncate(1);
    let rule = &mut settings.rules[0];
    RULE.clone_into(&mut rule.name);
    let when = "metrics[oWaiting].count >= 20 && metrics[oOnQueueUsers].count < 3";
    rule.when = Expression::parse(when).unwrap();
    rule.clear = None;
    rule.fresh = Some(FRESH);
    rule.burst_lock = Duration::ZERO;
    rule.clear_for = Duration::from_secs(20);
    rule.flapping = None;
    for source in settings.sources.values_mut() {
        source.max_age = Some(MAX_AGE);
    }
    settings.entities = EntitySettings {
        forget_after: Duration::from_secs(86_400),
        max_per_source: 10,
    };
    settings
}

#[test]
fn no_verdict_uses_an_old_reading_or_a_part_for_the_whole() {
    let (folder, ground) = (ground::folder(), Ground::get());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..SEEDS {
        let path = folder.path().join(format!("entities-{seed}.db"));
        runtime.block_on(async {
            let mut world = World::new(seed, ground, &path).await;
            while world.messages.len() < MESSAGES {
                world.go_on().await;
            }
            for (outcome, count) in std::mem::take(&mut world.seen) {
                *seen.entry(outcome).or_default() += count;
            }
            world.store.close().await;
        });
        let _ = std::fs::remove_file(&path);
    }
    println!("{seen:#?}");
    for outcome in [
        "opened",
        "active_incident",
        "clearing",
        "out_of_order",
        "a stale message",
        "silent",
    ] {
        assert!(seen.contains_key(outcome), "never {outcome}: {seen:?}");
    }
}
