//! Evaluates the events of a batch away from the async threads.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::error::DecideError;
use super::evaluate::{Evaluated, Finding, evaluate};
use super::resources::Resources;
use crate::settings::Settings;
use crate::store::{JournalEvent, active_key};

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

    /// The active keys of all findings, each once.
    pub(super) fn keys(&self, settings: &Settings) -> Vec<String> {
        let keys: BTreeSet<(usize, &str)> = self
            .findings()
            .map(|(_, finding)| (finding.rule, finding.key.as_str()))
            .collect();
        keys.into_iter()
            .filter_map(|(rule, key)| Some(active_key(&settings.rules.get(rule)?.name, key)))
            .collect()
    }

    /// The sources and active keys of breaches.
    pub(super) fn breaches(&self, settings: &Settings) -> BTreeSet<(String, String)> {
        let breaches = self.findings().filter(|(_, one)| one.breach.is_some());
        breaches
            .filter_map(|(event, finding)| {
                let rule = settings.rules.get(finding.rule)?;
                Some((
                    event.source.to_string(),
                    active_key(&rule.name, &finding.key),
                ))
            })
            .collect()
    }

    /// The outages that breaches count for, as active keys.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        let groups = self.findings().filter_map(|(_, one)| one.group.clone());
        groups.collect()
    }
}
