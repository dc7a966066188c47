//! Evaluates events: every rule that looks at an event gives a finding, is silent, or fails alone.
//!
//! `read` turns an event into signals. `entities` holds how the things stand that these are about,
//! and takes in what they tell. `view` is what one rule sees of both, and `rule` asks the rule.
//!
//! Pure.

mod correlation_key;
mod entities;
mod finding;
mod outage_group;
mod read;
mod rule;
mod rule_index;
mod rule_plan;
mod rule_reads;
mod signal_values;
mod ticket_values;
mod view;

use std::rc::Rc;
use std::sync::Arc;

pub(crate) use entities::Entities;
use entities::SignalInContext;
pub(crate) use finding::{
    Breach, Evaluated, Fault, Finding, Found, RuleWithoutFinding, Timeliness,
};
pub(crate) use read::ReadEvent;
use rule_index::RuleIndex;
use rule_plan::{OfSignal, RulePlan};
use rule_reads::RuleReads;
pub(super) use signal_values::signal_in;
pub(crate) use signal_values::signal_values;
pub(crate) use ticket_values::TicketValues;

use crate::domain::enrichment::Names;
use crate::domain::incident::Verdict;
use crate::settings::{RuleSettings, Settings};
use crate::store::JournalEvent;

/// Evaluates the rules of the settings over events.
#[derive(Debug)]
pub(crate) struct Evaluator {
    settings: Arc<Settings>,
    reads: RuleReads,
    index: RuleIndex,
    plan: RulePlan,
}

/// What the rules have said to an event, as it is gathered.
#[derive(Default)]
struct RuleResults {
    findings: Vec<Found>,
    without_finding: Vec<RuleWithoutFinding>,
    faults: Vec<Fault>,
}

/// Whether `rule` looks at the source of `event`, and has not decided on it before it was reprocessed.
fn is_new_to(event: &JournalEvent, rule: &RuleSettings) -> bool {
    rule.hears(&event.source) && !event.decided_by.contains(&rule.name)
}

impl Evaluator {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        Self {
            reads: RuleReads::of(&settings),
            index: RuleIndex::of(&settings.rules),
            plan: RulePlan::of(&settings.rules),
            settings,
        }
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
        let mut results = RuleResults::default();
        for signal in signals {
            let in_context = entities.apply_signal(&self.settings, &self.reads, event, signal);
            let mut shared = self.plan.of_signal();
            for index in self.index.rules_for(&in_context.signal.event_type) {
                let rule = self.settings.rules.get(*index);
                if let Some(rule) = rule.filter(|one| is_new_to(event, one)) {
                    let of_signal = (&in_context, &mut shared);
                    self.evaluate_rule((*index, rule), event, of_signal, &mut results);
                }
            }
        }
        Evaluated::Findings {
            findings: results.findings,
            without_finding: results.without_finding,
            faults: results.faults,
        }
    }

    /// One rule over one signal. An error is the rule's own: the other rules are still evaluated.
    fn evaluate_rule(
        &self,
        (index, rule): (usize, &RuleSettings),
        event: &JournalEvent,
        (in_context, shared): (&SignalInContext<'_>, &mut OfSignal<'_>),
        results: &mut RuleResults,
    ) {
        let Some(seen) = shared.seen(index, in_context) else {
            return;
        };
        let timeliness = in_context.timeliness(seen.trigger);
        let views = Rc::clone(&seen.views);
        let mut unknown_status = None;
        let mut is_without_finding = true;
        for (place, seen) in views.iter().enumerate() {
            let input = rule::Input {
                event,
                signal: seen,
                timeliness,
            };
            let key = || shared.key((index, rule), event, (place, seen));
            let answer = match rule::evaluate(&self.settings, index, rule, input, key) {
                Ok(answer) => answer,
                Err(problem) => {
                    is_without_finding = false;
                    let rule = index;
                    results.faults.push(Fault { rule, problem });
                    continue;
                }
            };
            let slips = answer.slips.into_iter();
            let fault = |problem| Fault {
                rule: index,
                problem,
            };
            results.faults.extend(slips.map(fault));
            match answer.finding {
                // Neither a rule nor the catalogue knows this status: it may mean anything.
                Some(finding)
                    if finding.verdict == Verdict::Clear
                        && self.plan.reads_status(index)
                        && !self.reads.knows_status_of(rule, seen) =>
                {
                    unknown_status = seen.text("status").map(str::to_owned);
                }
                Some(finding) => {
                    is_without_finding = false;
                    results.findings.push(finding);
                }
                None => {}
            }
        }
        if is_without_finding {
            results.without_finding.push(RuleWithoutFinding {
                rule: index,
                unknown_status,
            });
        }
    }
}
