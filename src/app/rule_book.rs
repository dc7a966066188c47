//! What the configured rules say about readings, for the admin listener.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::rule_sights::sights;
use crate::admin::{Judged, RuleBook, Threshold};
use crate::decide::{Entities, Evaluated, Evaluator, Found, ReadEvent};
use crate::domain::enrichment::Names;
use crate::domain::signal::Signal;
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
        let bounds = rule.when.bounds().iter();
        bounds
            .map(|bound| Threshold {
                is_above: bound.holds.is_higher(),
                clear: clear
                    .iter()
                    .find(|one| one.reading == bound.reading && one.holds != bound.holds)
                    .map(|one| one.value),
                breach: bound.value,
                reading: bound.reading.clone(),
            })
            .collect()
    }

    /// Evaluates the event again, alone: readings of other messages about the entity are missing.
    /// Only the readings that the rule's expressions look at are in it.
    fn readings(&self, rule: &str, key: &str, event: &ReadingEvent) -> BTreeMap<String, f64> {
        let mut event = as_received(event);
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
        let readings = |found: Found| {
            let rule = self.settings.rules.get(found.rule)?;
            Some(found.evaluation(rule, &event).readings)
        };
        found.and_then(readings).unwrap_or_default()
    }

    fn is_duration(&self, reading: &str) -> bool {
        reading
            .rsplit_once('.')
            .is_some_and(|(metric, statistic)| crate::normalise::is_duration(metric, statistic))
    }

    fn judge(&self, event: &ReadingEvent) -> Judged {
        let mut event = as_received(event);
        let read = self.evaluator.read(&Names::default(), &mut event);
        let signals: Vec<Signal> = match &read {
            ReadEvent::Signals(signals) => signals.iter().map(|one| one.signal.clone()).collect(),
            ReadEvent::Nothing(_) | ReadEvent::Review(_) => Vec::new(),
        };
        let mut entities = Entities::default();
        let evaluated = self.evaluator.evaluate(&event, read, &mut entities);
        let nothing = match &evaluated {
            Evaluated::Nothing(why) => Some((*why).to_owned()),
            Evaluated::Review(reason) => Some(reason.clone()),
            Evaluated::Findings { .. } => None,
        };
        Judged {
            event_type: signals.first().map(|one| one.event_type.to_string()),
            nothing,
            sights: sights(&self.settings, &event.source, &signals, &evaluated),
        }
    }
}

/// The event as it was before it was decided.
fn as_received(event: &ReadingEvent) -> JournalEvent {
    JournalEvent {
        seq: 0,
        source: event.source.as_str().into(),
        event_id: String::new(),
        received_at: event.received_at,
        content: Content::Body(event.body.clone()),
        decided_by: Vec::new(),
    }
}
