//! What rules have in common: many name the same readings and the same key, with other thresholds. For
//! each signal this is worked out once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::entities::SignalInContext;
use super::rule::key_of;
use super::view::{Look, Seen};
use crate::domain::identity::IncidentKey;
use crate::domain::signal::Signal;
use crate::settings::RuleSettings;
use crate::store::JournalEvent;

/// What each rule shares with which others.
#[derive(Debug)]
pub(super) struct RulePlan {
    looks: Vec<Look>,
    rules: Vec<Shares>,
}

#[derive(Debug)]
struct Shares {
    name: Arc<str>,
    /// Its place in `looks`.
    look: usize,
    /// The first rule with the same template of the key.
    key: usize,
}

/// What was worked out of one signal.
pub(super) struct OfSignal<'p> {
    plan: &'p RulePlan,
    seen: Vec<Option<Seen>>,
    /// Keys by the look, the view and the template.
    keys: HashMap<(usize, usize, usize), Result<Arc<str>, String>>,
}

impl RulePlan {
    pub(super) fn of(rules: &[RuleSettings]) -> Self {
        let mut places: BTreeMap<Look, usize> = BTreeMap::new();
        let mut keys: HashMap<&str, usize> = HashMap::new();
        let mut shares = Vec::with_capacity(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            let next = places.len();
            shares.push(Shares {
                name: rule.name.as_str().into(),
                look: *places.entry(Look::of(rule)).or_insert(next),
                key: *keys.entry(rule.key.source()).or_insert(index),
            });
        }
        let mut looks: Vec<(Look, usize)> = places.into_iter().collect();
        looks.sort_by_key(|(_, place)| *place);
        Self {
            looks: looks.into_iter().map(|(look, _)| look).collect(),
            rules: shares,
        }
    }

    pub(super) fn of_signal(&self) -> OfSignal<'_> {
        OfSignal {
            plan: self,
            seen: self.looks.iter().map(|_| None).collect(),
            keys: HashMap::new(),
        }
    }

    /// Whether the verdict of the rule depends on the status.
    pub(super) fn reads_status(&self, rule: usize) -> bool {
        let look = self
            .rules
            .get(rule)
            .and_then(|rule| self.looks.get(rule.look));
        look.is_some_and(|look| look.verdict_status)
    }
}

impl OfSignal<'_> {
    /// What the rule sees of the signal.
    pub(super) fn seen(&mut self, rule: usize, in_context: &SignalInContext<'_>) -> Option<&Seen> {
        let place = self.plan.rules.get(rule)?.look;
        let look = self.plan.looks.get(place)?;
        let seen = self.seen.get_mut(place)?;
        Some(seen.get_or_insert_with(|| look.at(in_context)))
    }

    /// The correlation key of the rule for the signal, which it sees as its view number `view`.
    pub(super) fn key(
        &mut self,
        (index, rule): (usize, &RuleSettings),
        event: &JournalEvent,
        (view, signal): (usize, &Signal),
    ) -> Result<IncidentKey, String> {
        let failed = |problem: &String| format!("rules.{}.key{problem}", rule.name);
        let Some(shares) = self.plan.rules.get(index) else {
            let key = key_of(rule, event, signal).map_err(|problem| failed(&problem))?;
            return Ok(IncidentKey::new(rule.name.as_str(), key));
        };
        let known = self.keys.entry((shares.look, view, shares.key));
        let key = known.or_insert_with(|| key_of(rule, event, signal));
        match key {
            Ok(key) => Ok(IncidentKey::new(Arc::clone(&shares.name), Arc::clone(key))),
            Err(problem) => Err(failed(problem)),
        }
    }
}
