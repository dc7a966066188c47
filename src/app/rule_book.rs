//! What the configured rules say about readings, for the admin listener.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::admin::{RuleBook, Threshold};
use crate::decide::{Entities, Evaluated, Evaluator};
use crate::domain::enrichment::Names;
use crate::settings::Settings;
use crate::store::{Content, JournalEvent, ReadingEvent};

pub(super) struct ConfiguredRules {
    settings: Arc<Settings>,
    evaluator: Evaluator,
}

impl ConfiguredRules {
    pub(super) fn new(settings: Arc<Settings>) -> Self {
        let evaluator = Evaluator::new(Arc::clone(&settings));
        Self {
            settings,
            evaluator,
        }
    }
}

impl RuleBook for ConfiguredRules {
    fn thresholds(&self, rule: &str) -> Vec<Threshold> {
        let found = self.settings.rules.iter().find(|one| one.name == rule);
        let Some(rule) = found else {
            return Vec::new();
        };
        let clear = rule.clear.as_ref().map(|clear| clear.bounds());
        let clear = clear.unwrap_or_default();
        let bounds = rule.when.bounds().into_iter();
        bounds
            .map(|bound| Threshold {
                is_above: bound.holds.is_higher(),
                clear: clear
                    .iter()
                    .find(|one| one.reading == bound.reading && one.holds != bound.holds)
                    .map(|one| one.value),
                breach: bound.value,
                reading: bound.reading,
            })
            .collect()
    }

    /// Evaluates the event again, alone: readings of other messages about the entity are missing.
    /// Only the readings that the rule's expressions look at are in it.
    fn readings(&self, rule: &str, key: &str, event: &ReadingEvent) -> BTreeMap<String, f64> {
        let mut event = JournalEvent {
            seq: 0,
            source: event.source.as_str().into(),
            event_id: String::new(),
            received_at: event.received_at,
            content: Content::Body(event.body.clone()),
        };
        let read = self.evaluator.read(&Names::default(), &mut event);
        let evaluated = self
            .evaluator
            .evaluate(&event, read, &mut Entities::default());
        let Evaluated::Findings { findings, .. } = evaluated else {
            return BTreeMap::new();
        };
        let found = findings
            .into_iter()
            .find(|one| *one.key.rule == *rule && *one.key.key == *key);
        found.map_or_else(BTreeMap::new, |finding| finding.evaluation.readings)
    }

    fn is_duration(&self, reading: &str) -> bool {
        reading
            .rsplit_once('.')
            .is_some_and(|(metric, statistic)| crate::normalise::is_duration(metric, statistic))
    }
}
