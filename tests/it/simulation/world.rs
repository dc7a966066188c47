//! One seed's world: the real store, decider and workers, the simulated CRMs, and a clock
//! that moves when the schedule says so.
//!
//! Of all that happens at most one thing is under way at a time, and the schedule says which:
//! so the order of things is the seed's, and the same every time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ringdown::clock::Clock;
use ringdown::decide::Decider;
use ringdown::deliver::TargetWorker;
use ringdown::domain::circuit_breaker::BreakerState;
use ringdown::domain::identity::TargetName;
use ringdown::domain::time::Timestamp;
use ringdown::settings::Settings;
use ringdown::store::{Appended, ChangedBy, FencingToken, Journal, Store, StoreError};
use ringdown::telemetry::Metrics;
use sqlx::SqliteConnection;
use tokio::task::{JoinHandle, JoinSet};

use crate::simulation::coverage::Coverage;
use crate::simulation::crm::{Request, SimulatedCrm};
use crate::simulation::dice::Dice;
use crate::simulation::failover;
use crate::simulation::faults;
use crate::simulation::ground::{Ground, connect};
use crate::simulation::invariants::Watch;
use crate::simulation::readings::Reading;
use crate::simulation::rendering::Templates;
use crate::simulation::silences::Silences;
use crate::simulation::snapshot::Snapshot;

/// When every world begins.
const BEGINNING: i64 = 1_795_442_400_000;
pub(crate) const PERSON: &str = "operator";
/// Who holds the lease to decide.
const DECIDER: &str = "simulation";

/// A broken promise, in words.
pub(crate) type Broken = String;

/// One target: its CRM, its worker, and what the worker has under way.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) crm: SimulatedCrm,
    pub(crate) worker: TargetWorker,
    pub(crate) under_way: JoinSet<()>,
}

pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) clock: Clock,
    pub(crate) settings: Arc<Settings>,
    pub(crate) store: Store,
    pub(crate) decider: Decider,
    fence: FencingToken,
    pub(crate) targets: Vec<Target>,
    pub(crate) sent: Vec<Reading>,
    pub(crate) coverage: Coverage,
    pub(crate) watch: Watch,
    pub(crate) now: Snapshot,
    failover_spans: BTreeMap<String, i64>,
    templates: Templates,
    pub(crate) silences: Silences,
    /// When the decider last took a step, since the last look.
    decided_at: Option<Timestamp>,
    /// What was done, for people.
    pub(crate) story: Vec<String>,
    /// Whether anything can have changed since the last look.
    changed: bool,
    journal: Journal,
    writing: JoinHandle<()>,
    reader: SqliteConnection,
    path: PathBuf,
    processes: usize,
}

impl World {
    pub(crate) async fn new(seed: u64, ground: &Ground, path: PathBuf) -> Self {
        let settings = ground.settings(&mut Dice::new(!seed));
        Self::with_settings(seed, ground, path, settings).await
    }

    pub(crate) async fn with_settings(
        seed: u64,
        ground: &Ground,
        path: PathBuf,
        mut settings: Settings,
    ) -> Self {
        let templates = Templates::default();
        templates.write_into(&mut settings);
        let mut dice = Dice::new(seed);
        ground.lay_database(&path);
        let settings = Arc::new(settings);
        let store = open(&path).await;
        let clock = Clock::manual(Timestamp::from_millis(BEGINNING));
        let decider = decider(&store, &settings, &clock);
        let fence = fence(&store).await;
        decider.begin(&fence).await.unwrap();
        let fault_percent = *dice.pick(&[0, 20, 50, 60]);
        let mut targets = Vec::new();
        for (name, unique) in [("unique", true), ("lenient", false)] {
            let crm = SimulatedCrm::new(
                unique,
                Dice::new(seed ^ u64::from(unique) ^ 0xc0_ffee),
                fault_percent,
            );
            targets.push(Target {
                worker: worker(name, &crm, &store, &settings, &clock, 0),
                name,
                crm,
                under_way: JoinSet::new(),
            });
        }
        let (journal, writer) = store.journal();
        Self {
            watch: Watch::new(&settings),
            reader: connect(&path).await,
            writing: tokio::spawn(writer.run()),
            now: Snapshot::default(),
            failover_spans: failover::spans(&settings),
            templates,
            silences: Silences::default(),
            decided_at: None,
            coverage: Coverage::default(),
            story: Vec::new(),
            sent: Vec::new(),
            processes: 0,
            changed: false,
            dice,
            clock,
            settings,
            store,
            decider,
            fence,
            targets,
            journal,
            path,
        }
    }

    pub(crate) fn tell(&mut self, what: impl Into<String>) {
        let line = format!("{}  {}", self.clock.now(), what.into());
        self.story.push(line);
    }

    /// Appends `readings` to the journal, as the receiver would.
    pub(crate) async fn receive(&mut self, readings: Vec<Reading>) {
        let now = self.clock.now();
        let events: Vec<_> = readings.iter().map(|reading| reading.event(now)).collect();
        let appended = self.journal.append(events).await.unwrap();
        for (reading, appended) in readings.into_iter().zip(appended) {
            self.tell(format!("received {reading:?}: {appended:?}"));
            match appended {
                Appended::Duplicate => self.coverage.note("journal: a repetition"),
                Appended::Accepted | Appended::Review => self.sent.push(reading),
            }
        }
    }

    /// One step of the decider.
    pub(crate) async fn decide(&mut self) -> Result<usize, Broken> {
        let decided = self.decider.step(&self.fence).await;
        self.decided_at = Some(self.clock.now());
        self.changed |= !matches!(decided, Ok(0));
        self.tell(format!("decided: {decided:?}"));
        decided.map_err(|error| format!("deciding failed: {error}"))
    }

    /// A step of the decider that ends right before its commit, and with it the process.
    pub(crate) async fn decide_in_vain(&mut self) -> Result<(), Broken> {
        self.execute("insert into power_cut values (1)").await;
        let decided = self.decider.step(&self.fence).await;
        self.changed |= !matches!(decided, Ok(0));
        self.execute("delete from power_cut").await;
        self.tell(format!("decided with the power cut: {decided:?}"));
        let point = match decided {
            Ok(0) => "crash: at any time",
            Ok(_) => "crash: after the batch is kept",
            Err(_) => "crash: before the batch is kept",
        };
        self.crash(point).await
    }

    async fn execute(&mut self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&mut self.reader)
            .await
            .unwrap();
    }

    /// One step of a target's worker: it starts what is due.
    pub(crate) async fn work(&mut self, target: usize) -> Result<(), Broken> {
        let entry = &mut self.targets[target];
        let stepped = entry.worker.step(&mut entry.under_way).await;
        let (name, state) = (entry.name, entry.worker.status().state);
        self.come_to_rest(target).await;
        let calls = self.targets[target].crm.under_way();
        self.changed = true;
        self.tell(format!(
            "{name} worked: {calls} calls under way, gate {state:?}"
        ));
        stepped
            .map(|_| ())
            .map_err(|error| format!("claiming failed: {error}"))
    }

    /// Lets one call of a target go on: take effect, or be answered.
    pub(crate) async fn proceed(&mut self, target: usize, call: usize) {
        let done = self.targets[target].crm.proceed(call);
        let name = self.targets[target].name;
        self.tell(format!("{name}: {done}"));
        self.changed = true;
        self.come_to_rest(target).await;
    }

    /// Waits until everything the worker has under way waits for its CRM.
    async fn come_to_rest(&mut self, target: usize) {
        let Target { crm, under_way, .. } = &mut self.targets[target];
        loop {
            while let Some(ended) = under_way.try_join_next() {
                ended.unwrap();
            }
            if crm.under_way() == under_way.len() {
                return;
            }
            tokio::select! {
                biased;
                Some(ended) = under_way.join_next() => ended.unwrap(),
                () = crm.arrival() => {}
            }
        }
    }

    /// Time passes; calls that have lasted too long end.
    pub(crate) async fn pass(&mut self, span: Duration) {
        self.clock.advance(span);
        self.tell(format!("{span:?} passed"));
        for target in 0..self.targets.len() {
            self.targets[target].crm.pass(span);
            while self.targets[target].crm.time_out_one() {
                self.changed = true;
                self.come_to_rest(target).await;
            }
        }
    }

    /// Somebody sets the clock, while no time passes.
    pub(crate) fn set_clock(&mut self, forward: bool, by: Duration) {
        let now = self.clock.now();
        let set = if forward { now.plus(by) } else { now.minus(by) };
        if let Clock::Manual(clock) = &self.clock {
            clock.store(set.as_millis(), Ordering::SeqCst);
        }
        self.tell(format!("the clock was set from {now}"));
        if forward {
            for target in &self.targets {
                target.crm.client_clock_set_forward();
            }
        } else {
            self.watch.note_clock_set_back(&self.now);
        }
        self.coverage.note(if forward {
            "clock: an hour forward"
        } else {
            "clock: an hour back"
        });
    }

    /// The process dies, and another takes its place over the same database.
    pub(crate) async fn crash(&mut self, point: &'static str) -> Result<(), Broken> {
        self.tell(point);
        self.coverage.note(point);
        self.changed = true;
        for target in &mut self.targets {
            target.under_way.shutdown().await;
            for (request, done) in target.crm.hang_up() {
                self.coverage.note(crash_during(&request, done));
            }
        }
        self.processes += 1;
        self.check_templates()?;
        if self.dice.chance(15) {
            self.reconfigure();
        }
        if self.dice.chance(20) {
            self.reopen().await;
        }
        let failed = |error| format!("the store failed: {error}");
        self.store
            .expire_claims_of_dead_process()
            .await
            .map_err(failed)?;
        self.decider = decider(&self.store, &self.settings, &self.clock);
        self.fence = fence(&self.store).await;
        self.look().await?;
        self.templates.note_start(&self.now);
        let begun = self.decider.begin(&self.fence).await;
        begun.map_err(|error| format!("the process cannot begin to decide: {error}"))?;
        self.changed = true;
        for target in &mut self.targets {
            let (store, settings, clock) = (&self.store, &self.settings, &self.clock);
            let process = self.processes;
            target.worker = worker(target.name, &target.crm, store, settings, clock, process);
            target.worker.probe_first_if_parked().await;
        }
        Ok(())
    }

    /// Somebody changes the configuration; the next process reads it.
    fn reconfigure(&mut self) {
        let mut settings = Settings::clone(&self.settings);
        for target in settings.targets.values_mut() {
            target.strict_fields = match self.dice.chance(30) {
                true => vec![faults::ORIGIN.to_owned()],
                false => Vec::new(),
            };
            target.retry.attempts = *self.dice.pick(&[0, 1, 3]);
            target.failover_after = self.dice.seconds(&[0, 5, 60, 120]);
        }
        if self.dice.chance(60) {
            self.templates.change(&mut settings);
            self.coverage.note("restart: with other templates");
        }
        self.failover_spans = failover::spans(&settings);
        self.settings = Arc::new(settings);
        self.tell("the configuration was changed");
        self.coverage.note("restart: with another configuration");
    }

    /// From now on the decider closes an incident as quiet after this time only.
    pub(crate) fn be_patient(&mut self, quiet_after: Duration) {
        let mut settings = Settings::clone(&self.settings);
        for rule in &mut settings.rules {
            rule.quiet_after = quiet_after;
        }
        self.settings = Arc::new(settings);
        self.decider = decider(&self.store, &self.settings, &self.clock);
    }

    async fn reopen(&mut self) {
        self.writing.abort();
        self.store.close().await;
        self.store = open(&self.path).await;
        let (journal, writer) = self.store.journal();
        self.journal = journal;
        self.writing = tokio::spawn(writer.run());
    }

    /// A person replays or discards a dead letter.
    pub(crate) async fn settle_by_hand(&mut self, id: i64, replay: bool) -> Result<(), Broken> {
        let by = ChangedBy {
            actor: PERSON,
            at: self.clock.now(),
        };
        let number = id.to_string();
        let changed = if replay {
            self.watch.note_replay(id);
            let as_stored = self.dice.chance(30);
            if as_stored {
                self.templates.note_replay_as_stored(id, &self.now);
            }
            self.coverage.note(match as_stored {
                true => "person: replays a dead letter as it is stored",
                false => "person: replays a dead letter",
            });
            self.store.replay_dead_letter(&number, as_stored, by).await
        } else {
            self.coverage.note("person: discards a dead letter");
            self.store.discard_dead_letter(&number, by).await
        };
        self.tell(format!("a person settles {id}, replay: {replay}"));
        self.changed = true;
        match changed {
            Ok(_) => Ok(()),
            // A request whose answer was lost may still create the ticket.
            Err(StoreError::Conflict { .. }) if !replay => {
                self.coverage
                    .note("person: discards a dead letter too early");
                Ok(())
            }
            Err(error) => Err(format!("a dead letter cannot be settled: {error}")),
        }
    }

    /// Whether the decider has anything to do.
    pub(crate) fn is_decider_due(&self) -> bool {
        let now = self.clock.now();
        let sent = i64::try_from(self.sent.len()).unwrap();
        let due_at = self.decider_due_at();
        self.now.cursor < sent || due_at.is_some_and(|at| at <= now.as_millis())
    }

    /// When the decider next has something to do besides new events.
    fn decider_due_at(&self) -> Option<i64> {
        let failover = failover::due_at(&self.now, &self.failover_spans);
        let rendering = self
            .now
            .deliveries
            .iter()
            .filter(|one| one.is_to_be_rendered());
        let rendering = rendering.map(|one| one.due_at);
        let due = self.now.due_at.into_iter().chain(failover);
        due.chain(rendering).min()
    }

    /// When something is due next: for the decider, and for each target.
    pub(crate) fn dues(&self) -> Vec<Option<Timestamp>> {
        let mut due = vec![self.decider_due_at().map(Timestamp::from_millis)];
        for target in &self.targets {
            let status = target.worker.status();
            let changes = status.changes_until.map(Timestamp::as_millis);
            let next = self.now.next_delivery_from(target.name, changes);
            let next = next.map(Timestamp::from_millis);
            // A pause that is over is forgotten at the next success only; a probe is due by
            // itself.
            let probed = matches!(status.state, BreakerState::CircuitOpen | BreakerState::Held);
            due.push(match (next, status.until) {
                (Some(next), Some(gate)) => Some(next.max(gate)),
                (None, gate) => gate.filter(|_| probed),
                (next, None) => next,
            });
        }
        due
    }

    /// The store must not say that something is due when nothing is: the process would never
    /// sleep.
    pub(crate) async fn nothing_is_due(&self) -> Result<(), Broken> {
        let failed = |error| format!("the store failed: {error}");
        let mut due = self.store.next_due().await.map_err(failed)?;
        for target in &self.targets {
            let next = self
                .store
                .next_delivery_at(
                    &TargetName::new(target.name),
                    &ringdown::domain::ticket::Operation::ALL,
                )
                .await;
            due = due.or(next.map_err(failed)?);
        }
        due.map_or(Ok(()), |at| {
            Err(format!("the store says that something is due at {at}"))
        })
    }

    /// Something was changed beside the decider and the workers.
    pub(crate) fn note_change(&mut self) {
        self.changed = true;
    }

    /// As `look`, whether or not anything seems to have changed.
    pub(crate) async fn look_closely(&mut self) -> Result<(), Broken> {
        self.changed = true;
        self.look().await
    }

    /// Looks at everything and holds it against the promises.
    pub(crate) async fn look(&mut self) -> Result<(), Broken> {
        if !std::mem::take(&mut self.changed) {
            return Ok(());
        }
        let now = Snapshot::take(&mut self.reader, &self.now).await;
        let before = std::mem::replace(&mut self.now, now);
        self.check_templates()?;
        if let Some(at) = self.decided_at.take() {
            self.silences.check(&before, &self.now, at)?;
        }
        self.watch.check(
            &before,
            &self.now,
            &self.targets,
            &self.sent,
            &mut self.coverage,
        )
    }

    /// What has come to the CRMs was rendered from the templates in force.
    fn check_templates(&self) -> Result<(), Broken> {
        for target in &self.targets {
            self.templates.check(&target.crm.take_creates())?;
        }
        Ok(())
    }

    /// The end of this world; answers all it has covered.
    pub(crate) async fn end(mut self) -> Coverage {
        for target in &mut self.targets {
            target.under_way.shutdown().await;
            self.coverage.add(&target.crm.coverage());
        }
        self.writing.abort();
        self.store.close().await;
        self.coverage
    }
}

async fn open(path: &std::path::Path) -> Store {
    Store::open(&format!("sqlite:{}", path.display()))
        .await
        .unwrap()
}

/// The lease under which this one process decides.
async fn fence(store: &Store) -> FencingToken {
    let long = Duration::from_secs(86_400);
    let taken = store.acquire_lease("decide", DECIDER, long).await;
    taken.unwrap().unwrap()
}

fn decider(store: &Store, settings: &Arc<Settings>, clock: &Clock) -> Decider {
    let metrics = Metrics::new();
    Decider::new(
        store.clone(),
        Arc::clone(settings),
        metrics,
        clock.clone(),
        DECIDER,
    )
}

fn worker(
    name: &str,
    crm: &SimulatedCrm,
    store: &Store,
    settings: &Settings,
    clock: &Clock,
    process: usize,
) -> TargetWorker {
    TargetWorker::new(
        &TargetName::new(name),
        &settings.targets[name],
        Arc::new(crm.clone()),
        store.clone(),
        Metrics::new(),
        clock.clone(),
        &format!("process-{process}"),
    )
}

/// What a crash cut short.
fn crash_during(request: &Request, done: bool) -> &'static str {
    match (request, done) {
        (Request::Create(..), false) => "crash: create claimed, not sent",
        (Request::Create(..), true) => "crash: create done in the CRM, not settled",
        (Request::Update(..), false) => "crash: update claimed, not sent",
        (Request::Update(..), true) => "crash: update done in the CRM, not settled",
        (Request::Resolve(..), false) => "crash: resolve claimed, not sent",
        (Request::Resolve(..), true) => "crash: resolve done in the CRM, not settled",
        (Request::Link(..), false) => "crash: link claimed, not sent",
        (Request::Link(..), true) => "crash: link done in the CRM, not settled",
        (Request::Find(_) | Request::HasComment(..), _) => "crash: during a look-up",
        (Request::Read(_), _) => "crash: while a ticket is read",
    }
}
