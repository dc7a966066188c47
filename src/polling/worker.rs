//! Asks what is due, and appends what the answers tell.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::ask::{Context, PolledFact, keys};
use super::hearing::Listener;
use super::messages::{of_edges, of_trunks};
use super::observations::{Observed, by_queue};
use super::plan::Plan;
use super::progress::Progress;
use super::{Parts, PollError};
use crate::domain::polling::{Asked, Kind, Limits, POLL_SOURCE, Question, Situation, Watched};
use crate::domain::time::Timestamp;
use crate::enrichment::{Answered, Enrichment, MAX_QUEUES, PlatformApi};
use crate::settings::Settings;

/// How long the lease lasts without being renewed.
const LEASE: Duration = Duration::from_secs(60);
/// Rest between two looks at what is due.
const MIN_REST: Duration = Duration::from_millis(100);
const MAX_LOOK_REST: Duration = Duration::from_secs(30);
/// How long the first question waits for names: a correlation key can depend on them.
const WAIT_FOR_NAMES: Duration = Duration::from_secs(5);
/// Events of one append.
const EVENTS: usize = 500;

/// What polling needs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct PollWorker {
    plan: Plan,
    limits: Limits,
    api: PlatformApi,
    enrichment: Enrichment,
    parts: Parts,
}

/// The things with an incident.
type WatchedThings = BTreeSet<(String, Kind, String)>;

impl PollWorker {
    /// A worker; `None` where the settings want no state, or where no rule
    /// looks at any.
    pub(crate) fn new(
        settings: &Settings,
        enrichment: &Enrichment,
        parts: Parts,
    ) -> std::io::Result<Option<Self>> {
        let wanted = settings.enrichment.as_ref();
        let wanted = wanted.filter(|wanted| !wanted.poll_every.is_zero());
        let Some((wanted, plan)) = wanted.and_then(|one| Some((one, Plan::of(settings, one)?)))
        else {
            return Ok(None);
        };
        let api = PlatformApi::new(wanted, &parts.redactor, parts.clock.clone())?;
        Ok(Some(Self {
            plan,
            limits: Limits {
                every: wanted.poll_every,
                after_gap: wanted.poll_after_gap,
                queues_in_question: MAX_QUEUES,
                questions: wanted.poll_calls_per_minute as usize,
            },
            api: api.with_budget(wanted.poll_calls_per_minute),
            enrichment: enrichment.clone(),
            parts,
        }))
    }

    /// Polls until `stop`.
    pub(crate) async fn run(self, stop: CancellationToken) {
        let poll = async {
            let mut progress = self.begin();
            self.wait_for_names().await;
            let look = self.limits.every.min(self.limits.after_gap) / 4;
            let look = look.clamp(MIN_REST, MAX_LOOK_REST);
            loop {
                if let Err(error) = self.poll(&mut progress).await {
                    tracing::warn!(%error, "the state of Genesys Cloud cannot be polled; retrying");
                }
                tokio::time::sleep(look).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = poll => {}
        }
    }

    fn begin(&self) -> Progress {
        let now = self.parts.clock.now();
        let names = self.plan.sources.iter().map(|source| &source.name);
        let after_gap = self.limits.after_gap;
        let listener = Listener::new(names, &self.parts.metrics, after_gap, now);
        Progress::new(now, listener, self.api.clone())
    }

    async fn wait_for_names(&self) {
        let end = Instant::now() + WAIT_FOR_NAMES;
        while self.enrichment.names().is_empty() && Instant::now() < end {
            tokio::time::sleep(MIN_REST).await;
        }
    }

    /// Asks what is due.
    async fn poll(&self, progress: &mut Progress) -> Result<(), PollError> {
        let now = self.parts.clock.now();
        progress.listener.look(&self.parts.store, now).await?;
        if !self.holds_lease().await? {
            // Another replica polls. When this one takes over, it asks everything.
            progress.asked = Asked::default();
            return Ok(());
        }
        if Instant::now() < progress.quiet_until {
            return Ok(());
        }
        let kinds = self.plan.kinds();
        let watched = self.watched().await?;
        let hearings = progress.listener.hearings();
        let mut situation = Situation {
            started_at: progress.started_at,
            kinds: &kinds,
            hearings: &hearings,
            watched: &watched,
            known_queues: &[],
            asked: &progress.asked.clone(),
        };
        let wants_all = situation.wants_all_queues(&self.limits, now);
        let mut known = Vec::new();
        if wants_all {
            for source in &self.plan.sources {
                known.extend(self.parts.store.known_queues(&source.name).await?);
            }
            situation.known_queues = &known;
        }
        let things: WatchedThings = watched
            .iter()
            .map(|one| (one.source.clone(), one.kind, one.id.clone()))
            .collect();
        for question in situation.questions(&self.limits, now) {
            if !self.holds_lease().await? || !self.ask(progress, &question, &things, now).await? {
                return Ok(());
            }
        }
        situation.asked = &progress.asked;
        let rest = situation.questions(&self.limits, now);
        let is_left = rest.iter().any(|one| matches!(one, Question::Queues(_)));
        if wants_all && !is_left {
            progress.asked.all_queues = Some(now);
            progress.asked.forget_before(now.minus(self.limits.every));
        }
        Ok(())
    }

    /// Without other replicas no lease is needed.
    async fn holds_lease(&self) -> Result<bool, PollError> {
        if !self.parts.store.is_shared() {
            return Ok(true);
        }
        let lease = self
            .parts
            .store
            .acquire_lease(POLL_SOURCE, &self.parts.owner, LEASE);
        Ok(lease.await?.is_some())
    }

    async fn watched(&self) -> Result<Vec<Watched>, PollError> {
        let mut watched = self.parts.store.watched_entities().await?;
        watched.retain(|one| {
            let mut sources = self.plan.sources.iter();
            sources.any(|source| source.name == one.source && source.kinds.contains(&one.kind))
        });
        Ok(watched)
    }

    /// Asks one question, and appends what the answer tells; `false` when no other question is to
    /// be asked for a while.
    async fn ask(
        &self,
        progress: &mut Progress,
        question: &Question,
        watched: &WatchedThings,
        now: Timestamp,
    ) -> Result<bool, PollError> {
        let (call, answer) = match question {
            Question::All(Kind::Trunk) => ("trunks", progress.api.trunks().await),
            Question::All(_) => ("edges", progress.api.edges().await),
            Question::Queues(ids) => {
                let metrics = &self.plan.metrics;
                ("queues", progress.api.observations(ids, metrics).await)
            }
        };
        let may_go_on = progress.note(&self.parts, call, answer.as_ref().err());
        match answer {
            Ok(answered) => {
                let told = self.told(question, &answered);
                self.append(&told, &answered, watched).await?;
            }
            Err(_) if !may_go_on => return Ok(false),
            // The next time is soon enough for what is refused.
            Err(_) => {}
        }
        match question {
            Question::All(kind) => {
                progress.asked.lists.insert(*kind, now);
            }
            Question::Queues(ids) => {
                let times = ids.iter().map(|id| (id.clone(), now));
                progress.asked.queues.extend(times);
            }
        }
        Ok(true)
    }

    /// What an answer tells of each thing. A queue that is missing has no conversations, if it is one
    /// that the client may see.
    fn told(&self, question: &Question, answered: &Answered) -> Vec<PolledFact> {
        let messages = match question {
            Question::All(Kind::Trunk) => of_trunks(&answered.items),
            Question::All(_) => of_edges(&answered.items),
            Question::Queues(ids) => {
                let mut found = by_queue(&answered.items);
                let names = self.enrichment.names();
                let of_queue = |id: &String| {
                    let is_seen = || names.queues.contains_key(id);
                    let found = found.remove(id);
                    found.or_else(|| is_seen().then(|| Observed::nothing(id)))
                };
                return ids
                    .iter()
                    .filter_map(of_queue)
                    .map(PolledFact::Queue)
                    .collect();
            }
        };
        messages.into_iter().map(PolledFact::Message).collect()
    }

    async fn append(
        &self,
        told: &[PolledFact],
        answered: &Answered,
        watched: &WatchedThings,
    ) -> Result<(), PollError> {
        let keys = keys(&self.plan, told);
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let states = self.parts.store.load_entities(&keys).await?.states;
        let context = Context {
            plan: &self.plan,
            states: &states,
            watched,
            asked_at: answered.asked_at,
            now: self.parts.clock.now(),
        };
        let events = context.events(told);
        if events.unreadable > 0 {
            let unreadable = events.unreadable;
            tracing::warn!(
                unreadable,
                "states that the Platform API told are not understood"
            );
        }
        let mut new = events.new.into_iter().peekable();
        while new.peek().is_some() {
            let part: Vec<_> = new.by_ref().take(EVENTS).collect();
            let count = part.len() as u64;
            self.parts.journal.append(part).await?;
            self.parts.metrics.events(POLL_SOURCE, "accepted", count);
        }
        Ok(())
    }
}
