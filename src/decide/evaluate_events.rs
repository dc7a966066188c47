//! Evaluates the events of a batch away from the async threads.

use std::collections::{BTreeSet, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::DecideError;
use super::evaluate::{Entities, Evaluated, Found, ReadEvent};
use super::load_entities::load_entities;
use super::resources::Resources;
use crate::domain::identity::IncidentKey;
use crate::settings::Settings;
use crate::store::{EntityRecord, JournalEvent};

const PANICKED: &str = "evaluating it failed inside ringdown; please report it";

/// The events of a batch, evaluated.
pub(super) struct EvaluatedEvents {
    pub(super) events: Vec<(JournalEvent, Evaluated)>,
    /// How the things stand that the events tell of.
    pub(super) entities: Entities,
}

/// Evaluates `events`. An event whose evaluation panics goes to review, so that it cannot stop the
/// events behind it.
pub(super) async fn evaluate_events(
    resources: &Resources,
    events: Vec<JournalEvent>,
) -> Result<EvaluatedEvents, DecideError> {
    let events = read_events(resources, events).await?;
    let mut entities = load_entities(resources, &events).await?;
    let evaluator = Arc::clone(&resources.evaluator);
    let evaluated = tokio::task::spawn_blocking(move || {
        let events = events.into_iter().map(|(event, read)| {
            let evaluated = AssertUnwindSafe(|| evaluator.evaluate(&event, read, &mut entities));
            let evaluated =
                catch_unwind(evaluated).unwrap_or_else(|_| Evaluated::Review(PANICKED.to_owned()));
            (event, evaluated)
        });
        let events = events.collect();
        EvaluatedEvents { events, entities }
    });
    evaluated.await.map_err(panicked)
}

async fn read_events(
    resources: &Resources,
    events: Vec<JournalEvent>,
) -> Result<Vec<(JournalEvent, ReadEvent)>, DecideError> {
    let evaluator = Arc::clone(&resources.evaluator);
    let names = resources.enrichment.names();
    let read = tokio::task::spawn_blocking(move || {
        let events = events.into_iter().map(|mut event| {
            let read = AssertUnwindSafe(|| evaluator.read(&names, &mut event));
            let read =
                catch_unwind(read).unwrap_or_else(|_| ReadEvent::Review(PANICKED.to_owned()));
            (event, read)
        });
        events.collect()
    });
    read.await.map_err(panicked)
}

#[expect(clippy::needless_pass_by_value, reason = "an error is mapped by value")]
fn panicked(error: tokio::task::JoinError) -> DecideError {
    DecideError::Panicked(error.to_string())
}

impl EvaluatedEvents {
    /// One event that goes to review.
    pub(super) fn review(event: JournalEvent, reason: String) -> Self {
        Self {
            events: vec![(event, Evaluated::Review(reason))],
            entities: Entities::default(),
        }
    }

    fn findings(&self) -> impl Iterator<Item = (&JournalEvent, &Found)> {
        let findings = self.events.iter().filter_map(|(event, evaluated)| {
            let Evaluated::Findings { findings, .. } = evaluated else {
                return None;
            };
            Some((event, findings))
        });
        findings.flat_map(|(event, findings)| findings.iter().map(move |one| (event, one)))
    }

    /// The keys of all breaches, each once.
    pub(super) fn keys(&self) -> Vec<IncidentKey> {
        let breaching = self.findings().filter(|(_, one)| one.is_breach());
        let keys: BTreeSet<&IncidentKey> = breaching.map(|(_, one)| &one.key).collect();
        keys.into_iter().cloned().collect()
    }

    /// The keys of all other findings, each once. These change an incident, and begin none.
    pub(super) fn quiet_keys(&self) -> Vec<IncidentKey> {
        let quiet = self.findings().filter(|(_, one)| !one.is_breach());
        let keys: HashSet<&IncidentKey> = quiet.map(|(_, one)| &one.key).collect();
        keys.into_iter().cloned().collect()
    }

    /// The keys of breaches whose rule needs several of them, each once.
    pub(super) fn counted_keys(&self, settings: &Settings) -> Vec<IncidentKey> {
        let is_counted = |finding: &Found| {
            let rule = settings.rules.get(finding.rule);
            rule.is_some_and(|rule| rule.at_least > 1)
        };
        let counted = self.findings().filter(|(_, one)| is_counted(one));
        let keys: BTreeSet<&IncidentKey> = counted.map(|(_, one)| &one.key).collect();
        keys.into_iter().cloned().collect()
    }

    /// The sources and keys of breaches.
    pub(super) fn breaches(&self) -> BTreeSet<(String, IncidentKey)> {
        let breaches = self.findings().filter(|(_, one)| one.is_breach());
        breaches
            .map(|(event, finding)| (event.source.to_string(), finding.key.clone()))
            .collect()
    }

    /// The outages that breaches count for.
    pub(super) fn groups(&self) -> BTreeSet<IncidentKey> {
        let groups = self.findings().filter_map(|(_, one)| one.group().cloned());
        groups.collect()
    }

    /// The states to store.
    pub(super) fn entity_records(&self) -> Vec<EntityRecord> {
        let changed = self.entities.changed();
        let mut records: Vec<EntityRecord> = changed
            .map(|(key, held)| EntityRecord {
                key: key.clone(),
                heard_at: held.heard_at,
                state: held.state.clone(),
            })
            .collect();
        // In the order of the table, which the database writes fastest.
        records.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        records
    }
}
