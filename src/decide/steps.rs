//! The steps of deciding, each in a transaction of its own under a fencing token.

use std::time::Duration;

use super::batch::Batch;
use super::commit::commit;
use super::error::DecideError;
use super::evaluate::{Entities, Evaluated};
use super::evaluate_events::{EvaluatedEvents, evaluate_events};
use super::load::{Scope, due_sources, finish, flood_keys, load, load_inputs};
use super::resources::Resources;
use crate::domain::time::Timestamp;
use crate::store::{DecisionTransaction, FencingToken, IncidentRecord, JournalEvent, StoreError};

/// Incidents whose timers fire in one transaction.
const MAX_DUE: u32 = 256;
/// Events of a batch that are decided before other tasks get a turn.
const EVENTS_BETWEEN_YIELDS: usize = 128;

/// Decides on up to `size` events. Returns on how many.
pub(super) async fn decide_events(
    resources: &Resources,
    fence: &FencingToken,
    size: u32,
) -> Result<usize, DecideError> {
    let events = resources.store.undecided(size).await?;
    report_lag(resources, events.first());
    if events.is_empty() {
        return Ok(0);
    }
    let only = match events.as_slice() {
        [event] => Some(event.clone()),
        _ => None,
    };
    let decided = events.len();
    let evaluated = evaluate_events(resources, events).await?;
    match decide_evaluated(resources, fence, evaluated).await {
        Err(DecideError::Store(error)) if error.is_about_content() => match only {
            Some(event) => set_aside(resources, fence, event, &error).await?,
            // It is not known which of the events the database refuses: the next batch is smaller.
            None => return Err(error.into()),
        },
        done => done?,
    }
    Ok(decided)
}

/// The decisions on `event` cannot be stored: it goes to review.
async fn set_aside(
    resources: &Resources,
    fence: &FencingToken,
    event: JournalEvent,
    error: &StoreError,
) -> Result<(), DecideError> {
    tracing::error!(event_id = event.event_id, %error, "a decision cannot be stored; the event goes to review");
    let reason = format!("its decision cannot be stored: {}", one_line(error));
    let evaluated = EvaluatedEvents::review(event, reason);
    decide_evaluated(resources, fence, evaluated).await
}

async fn decide_evaluated(
    resources: &Resources,
    fence: &FencingToken,
    evaluated: EvaluatedEvents,
) -> Result<(), DecideError> {
    let last = evaluated.events.last().map(|(event, _)| event.seq);
    let breaches = evaluated.breaches();
    let mut keys = evaluated.keys();
    keys.extend(flood_keys(breaches.iter().map(|(source, _)| source)));
    let scope = Scope {
        keys,
        quiet: evaluated.quiet_keys(),
        groups: evaluated.groups(),
        breaches,
        counted: evaluated.counted_keys(&resources.settings),
        ..Scope::default()
    };
    let entities = evaluated.entity_records();
    let mut deciding = resources.store.begin_decisions(fence).await?;
    let now = resources.clock.now();
    let mut batch = load_batch(resources, &mut deciding, scope, &[], now).await?;
    for (place, (event, evaluated)) in evaluated.events.into_iter().enumerate() {
        if place % EVENTS_BETWEEN_YIELDS == 0 {
            tokio::task::yield_now().await;
        }
        batch.count_event(&event, evaluated.is_breach());
        match evaluated {
            Evaluated::Nothing(why) => {
                tracing::debug!(event_id = event.event_id, why, "nothing to decide");
            }
            Evaluated::Review(reason) => batch.review(&event, reason),
            Evaluated::Findings {
                findings,
                without_finding,
                faults,
            } => {
                for without_finding in without_finding {
                    batch.without_finding(&event, &without_finding);
                }
                for finding in findings {
                    batch.decide(&event, finding);
                }
                batch.faults(&event, faults);
            }
        }
    }
    let (mut rows, effects) = finish(&mut deciding, batch, last).await?;
    rows.entities = entities;
    commit(resources, deciding, (rows, effects)).await?;
    note_entities(resources, &evaluated.entities);
    Ok(())
}

/// Counts entities that are new or begin anew, and says of which sources there are too many.
fn note_entities(resources: &Resources, entities: &Entities) {
    for (_, held) in entities.changed().filter(|(_, held)| held.is_new) {
        resources.entity_counts.add(&held.source);
    }
    for (_, held) in entities.changed().filter(|(_, held)| held.was_damaged) {
        resources.metrics.damaged_entity(&held.source);
    }
    for source in entities.refused() {
        if resources.log_once.is_first(source, "entities") {
            tracing::warn!(
                source = &**source,
                max_per_source = resources.settings.entities.max_per_source,
                "the source tells of more entities than entities.max_per_source; of further ones each message is evaluated alone"
            );
        }
    }
}

/// Changes incidents that are due by time alone. Returns how many.
pub(super) async fn fire_timers(
    resources: &Resources,
    fence: &FencingToken,
) -> Result<usize, DecideError> {
    let now = resources.clock.now();
    let next = resources.store.next_due().await?;
    let Some(due_at) = next.filter(|at| *at <= now) else {
        return Ok(0);
    };
    let decided_until = decided_until(resources, now).await?;
    if decided_until < due_at {
        return Ok(0);
    }
    let mut deciding = resources.store.begin_decisions(fence).await?;
    deciding.end_floods(now).await?;
    let due = deciding.load_due(decided_until, MAX_DUE).await?;
    let due_sources = due_sources(&due);
    let keys = due.iter().map(|record| record.incident.incident_key());
    let scope = Scope {
        keys: keys.chain(flood_keys(due_sources.keys())).collect(),
        due_sources,
        ..Scope::default()
    };
    let mut batch = load_batch(resources, &mut deciding, scope, &due, now).await?;
    for record in &due {
        batch.advance_timers(record);
    }
    let finished = finish(&mut deciding, batch, None).await?;
    commit(resources, deciding, finished).await?;
    Ok(due.len())
}

/// Enqueues a comment for tickets whose queue's standing (its present figures) has arrived since
/// they were opened.
pub(super) async fn add_standings(
    resources: &Resources,
    fence: &FencingToken,
) -> Result<usize, DecideError> {
    let now = resources.clock.now();
    let keys = resources.awaiting.take_known(&resources.enrichment, now);
    if keys.is_empty() {
        return Ok(0);
    }
    let scope = Scope {
        keys: keys.clone(),
        ..Scope::default()
    };
    let mut deciding = resources.store.begin_decisions(fence).await?;
    let mut batch = load_batch(resources, &mut deciding, scope, &[], now).await?;
    batch.add_standings(&keys);
    let finished = finish(&mut deciding, batch, None).await?;
    commit(resources, deciding, finished).await?;
    Ok(keys.len())
}

async fn load_batch<'a>(
    resources: &'a Resources,
    deciding: &mut DecisionTransaction,
    scope: Scope,
    due: &[IncidentRecord],
    now: Timestamp,
) -> Result<Batch<'a>, DecideError> {
    let loaded = load(resources, deciding, scope, now).await?;
    let inputs = load_inputs(resources, deciding, due, now).await?;
    Ok(Batch::new(inputs, loaded))
}

/// The time until which everything that was received has been decided. A wait that counts from the
/// receipt must not end later than that: when deciding is behind, the event that ends the wait may
/// be the next one in the journal.
async fn decided_until(resources: &Resources, now: Timestamp) -> Result<Timestamp, DecideError> {
    let next = resources.store.undecided(1).await?;
    Ok(next.first().map_or(now, |event| event.received_at.min(now)))
}

fn report_lag(resources: &Resources, oldest: Option<&JournalEvent>) {
    let lag = oldest.map_or(Duration::ZERO, |event| {
        resources.clock.now().since(event.received_at)
    });
    resources.metrics.set_journal_lag(lag.as_secs_f64());
}

/// The message without control characters, which a database may refuse in a text.
fn one_line(error: &StoreError) -> String {
    let text = error.to_string();
    text.split(char::is_control).collect::<Vec<_>>().join(" ")
}
