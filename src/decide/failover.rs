//! Failover: in which target a ticket is opened once it is owed, and the tickets that are owed
//! to a target that cannot be reached any more and go to the next one, with everything owed to
//! them. `domain::failover` decides; what cannot be written for a target never goes there.

use std::collections::HashMap;
use std::sync::Arc;

use super::batch::Batch;
use super::evaluate::signal_values::with_incident;
use super::known::KnownKey;
use super::ticket_text::payload;
use super::worker::{DecideError, Decider};
use crate::domain::failover::{Away, Candidate, Failover, TicketRoute, fail_over};
use crate::domain::failure::Failure;
use crate::domain::incident::{Incident, Owed};
use crate::domain::ticket::Operation;
use crate::domain::time::Timestamp;
use crate::rules::TemplateContext;
use crate::settings::{Settings, TargetSettings};
use crate::store::{
    DecisionBatch, Fence, HistoryEntry, KeptIncident, NewDelivery, OwedDelivery, Reference,
    TargetHealth, Unopened,
};
use crate::telemetry::Metrics;

/// Tickets that go to another target in one transaction.
const AT_ONCE: usize = 128;
/// Waiting creates that are read at once.
const PAGE: u32 = 1024;

/// The targets that cannot be reached, by name.
#[derive(Debug, Default)]
pub(super) struct Reach(HashMap<String, Away>);

impl Reach {
    pub(super) fn of(kept: Vec<TargetHealth>) -> Self {
        let away = kept
            .into_iter()
            .filter_map(|one| Some((one.target, one.away?)));
        Self(away.collect())
    }

    fn fail_over<'a>(
        &'a self,
        settings: &'a Settings,
        candidates: &'a [String],
        current: &str,
        now: Timestamp,
    ) -> Option<Failover<'a>> {
        let known = candidates.iter().filter_map(|name| {
            let target = settings.targets.get(name)?;
            Some(Candidate {
                name,
                away: self.0.get(name),
                failover_after: target.failover_after,
            })
        });
        fail_over(&known.collect::<Vec<_>>(), current, now)
    }
}

/// A ticket's way to another target.
struct Taken<T> {
    from: String,
    note: String,
    reason: Failure,
    content: T,
}

/// Sends the ticket of `route`, which would be opened in `target`, to the next target, if that
/// is due and `write` can write what is owed there. A target for which it cannot be written
/// is no candidate any more; `problems` says why.
fn take_elsewhere<T>(
    (settings, reach, now): (&Settings, &Reach, Timestamp),
    (route, target): (&mut TicketRoute, &mut String),
    problems: &mut Vec<String>,
    write: impl Fn(&TargetSettings, &str) -> Result<T, payload::FieldError>,
) -> Option<Taken<T>> {
    loop {
        let candidates = Arc::clone(&route.candidates);
        let failover = reach.fail_over(settings, &candidates, target, now)?;
        let note = failover.note();
        match write(settings.targets.get(failover.to)?, &note) {
            Ok(content) => {
                let from = std::mem::replace(target, failover.to.to_owned());
                let first = candidates.first().filter(|first| *first != target);
                route.failed_over_from = first.cloned();
                let reason = failover.reason();
                return Some(Taken {
                    from,
                    note,
                    reason,
                    content,
                });
            }
            Err(error) => {
                problems.push(format!("targets.{}.{error}", failover.to));
                let others = candidates.iter().filter(|name| *name != failover.to);
                route.candidates = others.cloned().collect();
            }
        }
    }
}

/// What a ticket that does not exist yet is written from in another target: what its create in
/// the first one was.
fn context_of(kept: &KeptIncident, owed: &[OwedDelivery]) -> TemplateContext {
    let context: TemplateContext = serde_json::from_str(&kept.context).unwrap_or_default();
    let mut context = with_incident(context, &kept.incident);
    for create in owed.iter().filter(|one| one.operation == Operation::Create) {
        payload::carry_standing(&mut context, &create.payload);
    }
    context
}

/// What the history of `incident` says of a way taken, or of targets that were none.
fn history(
    incident: &Incident,
    note: Option<&str>,
    problems: Vec<String>,
    at: Timestamp,
) -> impl Iterator<Item = HistoryEntry> {
    let entry = |what: &str, cause: String| HistoryEntry {
        incident_id: incident.id.clone(),
        at,
        what: what.to_owned(),
        cause,
        refers: Reference::default(),
    };
    let unwritable = problems
        .into_iter()
        .map(|problem| entry("cannot be opened in another target", problem));
    let taken = note.map(|note| entry("failed over", note.to_owned()));
    unwritable.chain(taken).collect::<Vec<_>>().into_iter()
}

/// A ticket that goes to another target: counted and logged once that is kept, never before.
#[derive(Debug)]
pub(super) struct Moved {
    incident_id: String,
    rule: String,
    key: String,
    from: String,
    to: String,
    note: String,
}

impl Moved {
    fn new(incident: &Incident, from: &str, to: &str, note: &str) -> Self {
        Self {
            incident_id: incident.id.clone(),
            rule: incident.rule.clone(),
            key: incident.key.clone(),
            from: from.to_owned(),
            to: to.to_owned(),
            note: note.to_owned(),
        }
    }

    pub(super) fn tell(&self, metrics: &Metrics) {
        metrics.failover(&self.from, &self.to);
        tracing::warn!(
            incident_id = self.incident_id,
            rule = self.rule,
            key = self.key,
            failed_over_from = self.from,
            target = self.to,
            reason = self.note,
            "the ticket is opened in another target"
        );
    }
}

impl Batch<'_> {
    /// Chooses where the ticket is opened that is owed now.
    pub(super) fn choose_target(&mut self, entry: &mut KnownKey, now: Timestamp) {
        let (Some(incident), Some(kept)) = (&entry.known.incident, &mut entry.kept) else {
            return;
        };
        let mut problems = Vec::new();
        let context = &kept.context;
        let taken = take_elsewhere(
            (self.settings, &self.reach, now),
            (&mut kept.route, &mut kept.target),
            &mut problems,
            |target, _| payload::create_fields(target, &with_incident(context.clone(), incident)),
        );
        let note = taken.as_ref().map(|taken| taken.note.as_str());
        let told = history(incident, note, problems, now);
        self.result.history.extend(told);
        if let Some(taken) = taken {
            let moved = Moved::new(incident, &taken.from, &kept.target, &taken.note);
            self.moved.push(moved);
            kept.failover_note = Some(taken.note);
        }
    }
}

impl Decider {
    /// Moves tickets that do not exist yet from targets that have been away for too long, in
    /// one transaction under `fence`. Returns how many incidents that concerned.
    pub(super) async fn fail_over(&self, fence: &Fence) -> Result<usize, DecideError> {
        if !self.fails_over() {
            return Ok(0);
        }
        let now = self.clock().now();
        let reach = Reach::of(self.store().targets_health().await?);
        let stranded = self.stranded(&reach, now).await?;
        if stranded.is_empty() {
            return Ok(0);
        }
        let mut deciding = self.store().begin_deciding(fence).await?;
        let mut batch = DecisionBatch {
            decided_at: now,
            ..DecisionBatch::default()
        };
        let mut moved = Vec::new();
        for create in stranded {
            if let Some(unopened) = deciding.take_unopened(create).await? {
                moved.extend(self.move_ticket(&mut batch, unopened, &reach, now));
            }
        }
        let changed = batch.incidents.len();
        if changed > 0 {
            self.keep(deciding, batch).await?;
        }
        moved.iter().for_each(|one| one.tell(self.metrics()));
        Ok(changed)
    }

    /// Creates that wait for a target which they are to leave, oldest first.
    async fn stranded(&self, reach: &Reach, now: Timestamp) -> Result<Vec<i64>, DecideError> {
        let settings = self.settings();
        let mut stranded = Vec::new();
        if settings
            .targets
            .keys()
            .all(|name| reach.0.contains_key(name))
        {
            return Ok(stranded);
        }
        for name in settings
            .targets
            .keys()
            .filter(|name| reach.0.contains_key(*name))
        {
            let mut after = Some(0);
            while let (Some(place), true) = (after, stranded.len() < AT_ONCE) {
                let (waiting, go_on) = self.store().waiting_creates(name, place, PAGE).await?;
                let to_leave = waiting.into_iter().filter(|one| {
                    let candidates = &one.route.candidates;
                    reach.fail_over(settings, candidates, name, now).is_some()
                });
                stranded.extend(to_leave.map(|one| one.id));
                after = go_on;
            }
        }
        stranded.truncate(AT_ONCE);
        Ok(stranded)
    }

    fn move_ticket(
        &self,
        batch: &mut DecisionBatch,
        unopened: Unopened,
        reach: &Reach,
        now: Timestamp,
    ) -> Option<Moved> {
        let Unopened { mut kept, owed } = unopened;
        let (incident, settings) = (kept.incident.clone(), self.settings());
        let context = context_of(&kept, &owed);
        let mut problems = Vec::new();
        let taken = take_elsewhere(
            (settings, reach, now),
            (&mut kept.route, &mut kept.target),
            &mut problems,
            |target, note| {
                let contents = owed.iter().map(|one| match one.operation {
                    Operation::Create => {
                        let mut context = context.clone();
                        payload::add_failover(&mut context, note);
                        payload::render(Owed::Create, target, &context, &incident, settings, now)
                    }
                    later => payload::moved((later, &one.payload), target, &context),
                });
                contents.collect::<Result<Vec<_>, _>>()
            },
        );
        if taken.is_none() && problems.is_empty() {
            return None;
        }
        let mut moved = None;
        let note = taken.as_ref().map(|taken| taken.note.as_str());
        batch
            .history
            .extend(history(&incident, note, problems, now));
        if let Some(taken) = taken {
            moved = Some(Moved::new(
                &incident,
                &taken.from,
                &kept.target,
                &taken.note,
            ));
            for (one, (operation, payload)) in owed.into_iter().zip(taken.content) {
                batch.moved.push((one.id, taken.reason.clone()));
                batch.deliveries.push(NewDelivery {
                    incident_id: incident.id.clone(),
                    target: kept.target.clone(),
                    operation,
                    payload,
                    event_id: one.event_id,
                    received_at: one.received_at,
                    parent_id: one.parent_id,
                });
            }
        }
        batch.incidents.push(kept);
        moved
    }
}
