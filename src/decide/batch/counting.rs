//! Findings that change no incident: too old, overtaken, or not enough of them.

use std::collections::{BTreeSet, HashMap};

use super::changes::Changes;
use crate::decide::evaluate::{Found, Timeliness};
use crate::domain::decision::{SignalOutcome, Suppression};
use crate::domain::identity::IncidentKey;
use crate::domain::incident::Verdict;
use crate::domain::match_count::{Counting, MatchCount};
use crate::settings::RuleSettings;
use crate::store::JournalEvent;

/// The matches of a batch's keys.
#[derive(Default)]
pub(super) struct MatchCounts {
    counts: HashMap<IncidentKey, MatchCount>,
    changed: BTreeSet<IncidentKey>,
}

impl MatchCounts {
    pub(super) fn of(counts: HashMap<IncidentKey, MatchCount>) -> Self {
        Self {
            counts,
            changed: BTreeSet::new(),
        }
    }

    /// The outcome of a finding that changes no incident, and more about it. Matches are counted.
    pub(super) fn without_effect(
        &mut self,
        rule: &RuleSettings,
        event: &JournalEvent,
        finding: &Found,
    ) -> Option<(SignalOutcome, Option<String>)> {
        let breaches = finding.verdict == Verdict::Breach;
        let counts = rule.at_least > 1;
        match finding.timeliness {
            // An old recovery still ends what it is newer than.
            Timeliness::Stale if breaches => {
                return Some((SignalOutcome::Suppressed(Suppression::Stale), None));
            }
            Timeliness::Late => return Some((SignalOutcome::OutOfOrder, None)),
            // What is counted are events, and a late one has happened all the same.
            Timeliness::Past if !(counts && breaches) => {
                return Some((SignalOutcome::OutOfOrder, None));
            }
            _ => {}
        }
        match finding.verdict {
            Verdict::Breach if counts => self.count(rule, event, finding),
            Verdict::Clear if counts => {
                self.reset(&finding.key);
                None
            }
            _ => None,
        }
    }

    fn count(
        &mut self,
        rule: &RuleSettings,
        event: &JournalEvent,
        finding: &Found,
    ) -> Option<(SignalOutcome, Option<String>)> {
        let counting = Counting {
            at_least: rule.at_least,
            within: rule.within,
        };
        let count = self.counts.entry(finding.key.clone()).or_default();
        let matches = count.add(finding.evaluation(rule, event).believed_at(), counting);
        self.changed.insert(finding.key.clone());
        let is_enough = matches >= rule.at_least as usize;
        let within = humantime::format_duration(rule.within);
        let detail = || format!("{matches} of {} within {within}", rule.at_least);
        (!is_enough).then(|| (SignalOutcome::Counted, Some(detail())))
    }

    /// A recovery begins the counting anew.
    fn reset(&mut self, key: &IncidentKey) {
        if self.counts.remove(key).is_some() {
            self.changed.insert(key.clone());
        }
    }

    /// Adds what has changed to `changes`.
    pub(super) fn store(&mut self, changes: &mut Changes) {
        for key in std::mem::take(&mut self.changed) {
            let count = self.counts.get(&key).cloned().unwrap_or_default();
            changes.match_count(key, count);
        }
    }
}
