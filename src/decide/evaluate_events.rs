//! Evaluates the events of a batch away from the async threads.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::DecideError;
use super::evaluate::{Evaluated, Finding, evaluate};
use super::resources::Resources;
use crate::domain::identity::IncidentKey;
use crate::store::JournalEvent;

/// The events of a batch, evaluated.
pub(super) struct EvaluatedEvents(pub(super) Vec<(JournalEvent, Evaluated)>);

/// Evaluates `events`. An event whose evaluation panics goes to review, so that it cannot stop the
/// events behind it.
pub(super) async fn evaluate_events(
    resources: &Resources,
    events: Vec<JournalEvent>,
) -> Result<EvaluatedEvents, DecideError> {
    let settings = Arc::clone(&resources.settings);
    let names = resources.enrichment.names();
    let evaluated = tokio::task::spawn_blocking(move || {
        let events = events.into_iter().map(|event| {
            let evaluated = AssertUnwindSafe(|| evaluate(&settings, &names, &event));
            let evaluated = catch_unwind(evaluated).unwrap_or_else(|_| {
                let reason = "evaluating it failed inside ringdown; please report it";
                Evaluated::Review(reason.to_owned())
            });
            (event, evaluated)
        });
        EvaluatedEvents(events.collect())
    });
    evaluated
        .await
        .map_err(|error| DecideError::Panicked(error.to_string()))
}

impl EvaluatedEvents {
    fn findings(&self) -> impl Iterator<Item = (&JournalEvent, &Finding)> {
        let findings = self
            .0
            .iter()
            .filter_map(|(event, evaluated)| match evaluated {
                Evaluated::Findings { findings, .. } => Some((event, findings)),
                Evaluated::Nothing(_) | Evaluated::Review(_) => None,
            });
        findings.flat_map(|(event, findings)| findings.iter().map(move |one| (event, one)))
    }

    /// The keys of all findings, each once.
    pub(super) fn keys(&self) -> Vec<IncidentKey> {
        let keys: BTreeSet<&IncidentKey> = self.findings().map(|(_, one)| &one.key).collect();
        keys.into_iter().cloned().collect()
    }

    /// The sources and keys of breaches.
    pub(super) fn breaches(&self) -> BTreeSet<(String, IncidentKey)> {
        let breaches = self.findings().filter(|(_, one)| one.breach.is_some());
        breaches
            .map(|(event, finding)| (event.source.to_string(), finding.key.clone()))
            .collect()
    }

    /// The outages that breaches count for.
    pub(super) fn groups(&self) -> BTreeSet<IncidentKey> {
        let groups = self.findings().filter_map(|(_, one)| one.group.clone());
        groups.collect()
    }
}
