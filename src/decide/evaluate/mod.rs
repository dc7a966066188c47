//! Evaluates events: every rule that looks at an event gives a finding, is silent, or fails alone.
//!
//! `read` turns an event into signals. `entities` holds how the things stand that these are about,
//! and takes in what they tell. `view` is what one rule sees of both, and `rule` asks the rule.
//!
//! Pure. May import: `domain`, `normalise`, `rules`, `settings`, and the event types of `store`.

mod correlation_key;
mod entities;
mod finding;
mod outage_group;
mod read;
mod rule;
mod rule_reads;
mod signal_values;
mod view;

use std::sync::Arc;

pub(crate) use entities::Entities;
use entities::Told;
pub(crate) use finding::{Breach, Evaluated, Fault, Finding, Silent, Timeliness};
pub(crate) use read::ReadEvent;
use rule_reads::RuleReads;
pub(super) use signal_values::signal_in;
pub(crate) use signal_values::signal_values;
use view::{Trigger, trigger, views};

use crate::domain::enrichment::Names;
use crate::domain::incident::Verdict;
use crate::settings::{RuleSettings, Settings};
use crate::store::JournalEvent;

/// Evaluates the rules of the settings over events.
#[derive(Debug)]
pub(crate) struct Evaluator {
    settings: Arc<Settings>,
    reads: RuleReads,
}

/// What the rules have said to an event, as it is gathered.
#[derive(Default)]
struct Said {
    findings: Vec<Finding>,
    silent: Vec<Silent>,
    faults: Vec<Fault>,
}

impl Evaluator {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let reads = RuleReads::of(&settings);
        Self { settings, reads }
    }

    /// The signals of `event`, whose content is taken. `names` fill in names that it lacks.
    pub(crate) fn read(&self, names: &Names, event: &mut JournalEvent) -> ReadEvent {
        read::read(&self.settings, names, event)
    }

    /// Evaluates the rules over the signals of `event`, and over how the things stand that these
    /// are about.
    pub(crate) fn evaluate(
        &self,
        event: &JournalEvent,
        read: ReadEvent,
        entities: &mut Entities,
    ) -> Evaluated {
        let signals = match read {
            ReadEvent::Nothing(why) => return Evaluated::Nothing(why),
            ReadEvent::Review(reason) => return Evaluated::Review(reason),
            ReadEvent::Signals(signals) => signals,
        };
        let mut said = Said::default();
        for signal in signals {
            let told = entities.tell(&self.settings, &self.reads, event, signal);
            for (index, rule) in self.settings.rules.iter().enumerate() {
                if rule::concerns(rule, &event.source, &told.signal) {
                    self.evaluate_rule((index, rule), event, &told, &mut said);
                }
            }
        }
        Evaluated::Findings {
            findings: said.findings,
            silent: said.silent,
            faults: said.faults,
        }
    }

    /// One rule over one signal. An error is the rule's own: the other rules are still evaluated.
    fn evaluate_rule(
        &self,
        (index, rule): (usize, &RuleSettings),
        event: &JournalEvent,
        told: &Told<'_>,
        said: &mut Said,
    ) {
        let triggered = trigger(rule, told);
        let mut unknown_status = None;
        let mut is_silent = true;
        for seen in views(rule, told, triggered) {
            let input = rule::Input {
                event,
                signal: &seen,
                timeliness: told.timeliness(triggered == Trigger::Late),
            };
            match rule::evaluate(&self.settings, index, rule, input) {
                // Neither a rule nor the catalogue knows this status: it may mean anything.
                Ok(Some(finding))
                    if finding.evaluation.verdict == Verdict::Clear
                        && !self.reads.knows_status_of(rule, &seen) =>
                {
                    unknown_status = seen.text("status").map(str::to_owned);
                }
                Ok(Some(finding)) => {
                    is_silent = false;
                    said.findings.push(finding);
                }
                Ok(None) => {}
                Err(problem) => {
                    is_silent = false;
                    let rule = index;
                    said.faults.push(Fault { rule, problem });
                }
            }
        }
        if is_silent {
            said.silent.push(Silent {
                rule: index,
                unknown_status,
            });
        }
    }
}
