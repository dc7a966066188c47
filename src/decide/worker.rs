//! The decider: works through the journal in batches, and lets time pass for incidents.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::batch::{Batch, Concluded};
use super::batch_size::{AdaptiveBatchSize, LARGE_BATCH, MAX_BATCH};
use super::evaluate::{Evaluated, evaluate};
use super::failover::Reach;
use super::groups::{group_of, outage_key_of};
use super::leader_lease::LeaderLease;
use super::limits::{flood_keys, limited_in};
use super::policy::due_at;
use super::ticket_text::queue_standing::Awaiting;
use crate::clock::Clock;
use crate::domain::enrichment::Names;
use crate::domain::time::Timestamp;
use crate::domain::trouble::OWN_SOURCE;
use crate::enrichment::Enrichment;
use crate::settings::Settings;
use crate::store::{
    Content, Deciding, DecisionBatch, Fence, JournalEvent, KeptIncident, Store, StoreError,
    active_key,
};
use crate::telemetry::Metrics;

/// Pause after a batch of a flood, in which the next events gather: deciding costs fewer
/// transactions then, and leaves the disk to the journal.
const GATHERING: Duration = Duration::from_millis(25);
/// Incidents that time changes in one transaction.
const DUE_BATCH: u32 = 256;
/// Longest sleep between looks: notifications shorten it, looking is the truth.
const LONGEST_SLEEP: Duration = Duration::from_millis(500);
/// Wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// How long one batch may take. A database that does not answer for so long is asked anew.
const STEP_PATIENCE: Duration = Duration::from_secs(30);

/// Deciding on a batch failed; nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum DecideError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Evaluating an event failed in a way that is a defect of this program.
    #[error("evaluating events panicked: {0}")]
    Panicked(String),
    /// The database does not answer.
    #[error("a batch took longer than 30 s; the database does not answer")]
    Stuck,
}

/// Works through the journal.
#[derive(Debug, Clone)]
pub struct Decider {
    store: Store,
    settings: Arc<Settings>,
    metrics: Metrics,
    clock: Clock,
    owed: watch::Sender<u64>,
    lease: LeaderLease,
    enrichment: Enrichment,
    awaiting: Arc<Awaiting>,
    fails_over: bool,
}

impl Decider {
    /// A decider over `store`, in the replica `owner`.
    pub fn new(
        store: Store,
        settings: Arc<Settings>,
        metrics: Metrics,
        clock: Clock,
        owner: &str,
    ) -> Self {
        Self {
            lease: LeaderLease::new(store.clone(), owner),
            fails_over: settings.fails_over(),
            store,
            settings,
            metrics,
            clock,
            owed: watch::channel(0).0,
            enrichment: Enrichment::default(),
            awaiting: Arc::default(),
        }
    }

    /// The same decider, which adds to tickets what `enrichment` knows.
    #[must_use]
    pub fn with_enrichment(mut self, enrichment: Enrichment) -> Self {
        self.enrichment = enrichment;
        self
    }

    pub(super) const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(super) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether any ticket may be opened in another target than its first.
    pub(super) const fn fails_over(&self) -> bool {
        self.fails_over
    }

    /// Changes whenever new deliveries are owed.
    pub fn owed(&self) -> watch::Receiver<u64> {
        self.owed.subscribe()
    }

    /// Decides until `stop`, whenever this replica is the one that does; wakes up when
    /// `appended` changes, and by itself.
    pub async fn run(self, mut appended: watch::Receiver<u64>, stop: CancellationToken) {
        // Renewing and deciding are one task: neither can outlive the other.
        tokio::join!(self.lease.hold(&stop), self.decide(&mut appended, &stop));
        self.lease.release().await;
    }

    async fn decide(&self, appended: &mut watch::Receiver<u64>, stop: &CancellationToken) {
        let mut held = self.lease.token();
        let mut answered = self.enrichment.answered();
        let mut size = AdaptiveBatchSize::default();
        while !stop.is_cancelled() {
            let fence = held.borrow_and_update().clone();
            let wait = match fence {
                None => LONGEST_SLEEP,
                Some(fence) => match self.bounded_step(&fence, &mut size).await {
                    Ok(0) => self.until_due().await,
                    Ok(decided) => {
                        if (LARGE_BATCH..MAX_BATCH as usize).contains(&decided) {
                            tokio::time::sleep(GATHERING).await;
                        }
                        continue;
                    }
                    Err(error) => {
                        size.failed();
                        self.after(&error)
                    }
                },
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
                _ = held.changed() => {}
                _ = answered.changed(), if self.enrichment.is_on() => {}
                changed = appended.changed() => if changed.is_err() {
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// A step that ends.
    async fn bounded_step(
        &self,
        fence: &Fence,
        size: &mut AdaptiveBatchSize,
    ) -> Result<usize, DecideError> {
        let step = async {
            let decided = self.decide_batch(fence, size.begin()).await?;
            if !size.stored(decided) {
                return Ok(decided);
            }
            let passed = self.let_time_pass(fence).await? + self.fail_over(fence).await?;
            Ok(decided + passed + self.add_details(fence).await?)
        };
        tokio::time::timeout(STEP_PATIENCE, step)
            .await
            .unwrap_or(Err(DecideError::Stuck))
    }

    fn after(&self, error: &DecideError) -> Duration {
        if let DecideError::Store(StoreError::LeaseLost { .. }) = error {
            self.lease.set_lost();
            self.metrics.set_journal_lag(0.0);
            return LONGEST_SLEEP;
        }
        tracing::error!(%error, "deciding failed; it is tried again");
        AFTER_FAILURE
    }

    async fn until_due(&self) -> Duration {
        match self.store.next_due().await {
            Ok(Some(due_at)) => due_at
                .since(self.clock.now())
                .clamp(Duration::from_millis(1), LONGEST_SLEEP),
            Ok(None) | Err(_) => LONGEST_SLEEP,
        }
    }

    /// Decides on one batch of events, lets time pass once, and moves tickets whose target
    /// cannot be reached, under `fence`. Returns how many events and incidents that concerned.
    ///
    /// # Errors
    ///
    /// [`DecideError`] when nothing of the batch could be kept.
    pub async fn step(&self, fence: &Fence) -> Result<usize, DecideError> {
        let decided =
            self.decide_batch(fence, MAX_BATCH).await? + self.let_time_pass(fence).await?;
        Ok(decided + self.fail_over(fence).await?)
    }

    /// Decides on up to `size` events; returns on how many.
    async fn decide_batch(&self, fence: &Fence, size: u32) -> Result<usize, DecideError> {
        let events = self.store.undecided(size).await?;
        self.note_lag(events.first());
        if events.is_empty() {
            return Ok(0);
        }
        let evaluated = self.evaluate(events).await?;
        let decided = evaluated.len();
        let alone = match evaluated.as_slice() {
            [(event, _)] => Some(event.clone()),
            _ => None,
        };
        match self.decide_evaluated(fence, evaluated).await {
            Err(DecideError::Store(error)) if error.is_about_content() => {
                // Of several events nobody knows which one it is: fewer are tried next.
                let Some(event) = alone else {
                    return Err(error.into());
                };
                tracing::error!(event_id = event.event_id, %error, "a decision cannot be kept; the event goes to review");
                let reason = format!(
                    "what was decided on it cannot be kept: {}",
                    one_line(&error)
                );
                let set_aside = vec![(event, Evaluated::Review(reason))];
                self.decide_evaluated(fence, set_aside).await?;
            }
            done => done?,
        }
        Ok(decided)
    }

    async fn decide_evaluated(
        &self,
        fence: &Fence,
        evaluated: Vec<(JournalEvent, Evaluated)>,
    ) -> Result<(), DecideError> {
        let last = evaluated.last().map(|(event, _)| event.seq);
        let mut keys = self.keys_of(&evaluated);
        let breaches = self.breaches_in(&evaluated);
        keys.extend(flood_keys(breaches.iter().map(|(source, _)| source)));
        let mut deciding = self.store.begin_deciding(fence).await?;
        let groups = groups_in(&evaluated);
        let mut batch = self
            .load(&mut deciding, &keys, groups, self.clock.now())
            .await?;
        self.load_limits(&mut deciding, &mut batch, &keys, breaches)
            .await?;
        for (event, evaluated) in evaluated {
            match evaluated {
                Evaluated::Nothing(why) => {
                    tracing::debug!(event_id = event.event_id, why, "nothing to decide");
                }
                Evaluated::Review(reason) => batch.review(&event, reason),
                Evaluated::Findings { findings, silent } => {
                    for rule in silent {
                        batch.count(rule, "none");
                    }
                    for finding in findings {
                        batch.decide(&event, finding);
                    }
                }
            }
        }
        self.conclude(deciding, batch.finish(last)).await
    }

    async fn let_time_pass(&self, fence: &Fence) -> Result<usize, DecideError> {
        let now = self.clock.now();
        let Some(due_at) = self.store.next_due().await?.filter(|at| *at <= now) else {
            return Ok(0);
        };
        let heard_to = self.heard_to(now).await?;
        if heard_to < due_at {
            return Ok(0);
        }
        let mut deciding = self.store.begin_deciding(fence).await?;
        deciding.end_floods(now).await?;
        let due: Vec<KeptIncident> = deciding.due(heard_to, DUE_BATCH).await?;
        let keys: Vec<String> = due
            .iter()
            .map(|kept| active_key(&kept.incident.rule, &kept.incident.key))
            .chain(flood_keys(limited_in(&due).keys()))
            .collect();
        let mut batch = self
            .load(&mut deciding, &keys, BTreeSet::new(), now)
            .await?;
        batch.floods = self.load_floods(&mut deciding, limited_in(&due)).await?;
        batch.floods.verdicts = deciding.flood_verdicts(&due).await?;
        for kept in &due {
            batch.pass_time(kept, now);
        }
        self.conclude(deciding, batch.finish(None)).await?;
        Ok(due.len())
    }

    /// Owes a comment to tickets whose queue's standing has come since they were opened.
    async fn add_details(&self, fence: &Fence) -> Result<usize, DecideError> {
        let now = self.clock.now();
        let keys = self.awaiting.take_known(&self.enrichment, now);
        if keys.is_empty() {
            return Ok(0);
        }
        let mut deciding = self.store.begin_deciding(fence).await?;
        let mut batch = self
            .load(&mut deciding, &keys, BTreeSet::new(), now)
            .await?;
        batch.add_details(&keys, now);
        self.conclude(deciding, batch.finish(None)).await?;
        Ok(keys.len())
    }

    /// Up to when all that was received has been decided on. A wait that is counted from the
    /// receipt must not end before: what ends the wait, or belongs to it, may be next in the
    /// journal when deciding is behind.
    async fn heard_to(&self, now: Timestamp) -> Result<Timestamp, DecideError> {
        let next = self.store.undecided(1).await?;
        Ok(next.first().map_or(now, |event| event.received_at.min(now)))
    }

    /// Loads what is known of `keys`, and of the groups of `groups` and of their incidents.
    async fn load(
        &self,
        deciding: &mut Deciding,
        keys: &[String],
        mut groups: BTreeSet<String>,
        now: Timestamp,
    ) -> Result<Batch<'_>, DecideError> {
        let mut known = deciding.known(keys).await?;
        let incidents = known
            .values()
            .filter_map(|(known, _)| known.incident.as_ref());
        groups.extend(incidents.filter_map(group_of));
        let groups: Vec<String> = groups.into_iter().collect();
        known.extend(deciding.known(&groups).await?);
        let members = deciding.members(&groups).await?;
        let reach = match self.fails_over {
            true => Reach::of(deciding.targets_health().await?),
            false => Reach::default(),
        };
        let mut batch = Batch::new(
            &self.settings,
            &self.metrics,
            &self.enrichment,
            reach,
            known,
            now,
        );
        batch.silences = deciding.silences(now).await?;
        batch.take_groups(&groups, members, now);
        Ok(batch)
    }

    /// Keeps what was decided, and then lets the world know of it: a batch that is not kept is
    /// decided again.
    async fn conclude(&self, deciding: Deciding, batch: Concluded) -> Result<(), DecideError> {
        self.keep(deciding, batch.result).await?;
        self.awaiting.add(batch.late);
        for moved in batch.moved {
            moved.tell(&self.metrics);
        }
        Ok(())
    }

    pub(super) async fn keep(
        &self,
        deciding: Deciding,
        batch: DecisionBatch,
    ) -> Result<(), DecideError> {
        let owes = !batch.deliveries.is_empty();
        let settings = Arc::clone(&self.settings);
        deciding
            .keep(&batch, |incident| {
                due_at(&settings, incident, batch.decided_at)
            })
            .await?;
        if owes {
            self.owed.send_modify(|count| *count += 1);
        }
        Ok(())
    }

    fn keys_of(&self, evaluated: &[(JournalEvent, Evaluated)]) -> Vec<String> {
        let keys: BTreeSet<(usize, &str)> = evaluated
            .iter()
            .filter_map(|(_, evaluated)| match evaluated {
                Evaluated::Findings { findings, .. } => Some(findings),
                Evaluated::Nothing(_) | Evaluated::Review(_) => None,
            })
            .flatten()
            .map(|finding| (finding.rule, finding.key.as_str()))
            .collect();
        keys.into_iter()
            .filter_map(|(rule, key)| {
                let rule = self.settings.rules.get(rule)?;
                Some(active_key(&rule.name, key))
            })
            .collect()
    }

    /// Evaluates off the async threads. An event whose evaluation panics goes to review, so
    /// that it cannot stop the ones behind it.
    async fn evaluate(
        &self,
        events: Vec<JournalEvent>,
    ) -> Result<Vec<(JournalEvent, Evaluated)>, DecideError> {
        let settings = Arc::clone(&self.settings);
        let names = self.enrichment.names();
        tokio::task::spawn_blocking(move || {
            events
                .into_iter()
                .map(|event| {
                    let evaluated = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                        evaluate_one(&settings, &names, &event)
                    }))
                    .unwrap_or_else(|_| {
                        Evaluated::Review(
                            "evaluating it failed inside ringdown; please report it".into(),
                        )
                    });
                    (event, evaluated)
                })
                .collect()
        })
        .await
        .map_err(|error| DecideError::Panicked(error.to_string()))
    }

    fn note_lag(&self, oldest: Option<&JournalEvent>) {
        let lag = oldest.map_or(Duration::ZERO, |event| {
            self.clock.now().since(event.received_at)
        });
        self.metrics.set_journal_lag(lag.as_secs_f64());
    }
}

/// The groups that findings count for.
fn groups_in(evaluated: &[(JournalEvent, Evaluated)]) -> BTreeSet<String> {
    let findings = evaluated
        .iter()
        .filter_map(|(_, evaluated)| match evaluated {
            Evaluated::Findings { findings, .. } => Some(findings),
            Evaluated::Nothing(_) | Evaluated::Review(_) => None,
        });
    findings
        .flatten()
        .filter_map(|finding| finding.group.clone())
        .collect()
}

/// The message without what a database cannot keep in a text.
fn one_line(error: &StoreError) -> String {
    let text = error.to_string();
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}

fn evaluate_one(settings: &Settings, names: &Names, event: &JournalEvent) -> Evaluated {
    if event.content == Content::InReview {
        return Evaluated::Nothing("it waits for a person");
    }
    let configured = settings.sources.get(event.source.as_ref());
    let own = settings.own_trouble.as_ref();
    let format = configured.map(|source| &source.format).or(own
        .filter(|_| event.source.as_ref() == OWN_SOURCE)
        .map(|own| &own.format));
    match format {
        Some(format) => grouped(settings, evaluate(&settings.rules, format, names, event)),
        None => Evaluated::Review(format!("source {} is no longer configured", event.source)),
    }
}

/// `evaluated`, with the outage that each breach counts for.
fn grouped(settings: &Settings, mut evaluated: Evaluated) -> Evaluated {
    if let Evaluated::Findings { findings, .. } = &mut evaluated
        && !settings.outages.is_empty()
    {
        for finding in findings {
            let rule = settings.rules.get(finding.rule);
            finding.group = rule
                .zip(finding.breach.as_ref())
                .and_then(|(rule, breach)| outage_key_of(settings, &rule.name, &breach.context));
        }
    }
    evaluated
}
