//! Which rules look at an event, by its type.

use std::collections::{BTreeSet, HashMap};

use crate::settings::RuleSettings;

/// Places of rules, by the event types that they name.
#[derive(Debug)]
pub(super) struct RuleIndex {
    named: HashMap<String, Vec<usize>>,
    /// The rules that look at every event: for types that no rule names.
    of_all: Vec<usize>,
}

impl RuleIndex {
    pub(super) fn of(rules: &[RuleSettings]) -> Self {
        let names: BTreeSet<&String> = rules.iter().flat_map(|rule| &rule.events).collect();
        let places = |event_type: &str| -> Vec<usize> {
            let rules = rules.iter().enumerate();
            let looking = rules.filter(|(_, rule)| rule.looks_at_type(event_type));
            looking.map(|(place, _)| place).collect()
        };
        Self {
            named: names
                .into_iter()
                .map(|name| (name.clone(), places(name)))
                .collect(),
            of_all: places("*"),
        }
    }

    /// The places of the rules that look at events of this type, in the order of the settings.
    pub(super) fn rules_for(&self, event_type: &str) -> &[usize] {
        self.named.get(event_type).unwrap_or(&self.of_all)
    }
}
