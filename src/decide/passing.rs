//! What time alone does to incidents within a batch.

use super::batch::Batch;
use super::flood::Step;
use super::groups::outage_of;
use super::history;
use super::known::{Kept, Origin};
use super::policy::policy_of;
use crate::domain::decision::{Decision, Known, Outcome, pass_time};
use crate::domain::flood;
use crate::domain::incident::Incident;
use crate::domain::time::Timestamp;
use crate::store::{KeptIncident, active_key};

impl Batch<'_> {
    /// Lets time pass for an incident that is due.
    pub(super) fn pass_time(&mut self, kept: &KeptIncident, now: Timestamp) {
        let settings = self.settings;
        let incident = &kept.incident;
        if outage_of(settings, &active_key(&incident.rule, &incident.key)).is_some() {
            // Its group is brought to rest once time has passed for its members.
            return;
        }
        if flood::source_of(&incident.rule).is_some() {
            // It is settled once time has passed for what it holds.
            return;
        }
        let rule = settings
            .rules
            .iter()
            .find(|rule| rule.name == incident.rule);
        let key = active_key(&incident.rule, &incident.key);
        let mut entry = self.keys.remove(&key).unwrap_or_default();
        let hold = self.hold_of(incident.group.as_deref(), now);
        self.cover(&mut entry, (&incident.rule, &incident.key), now, hold);
        if self.carry_out_verdict(&mut entry, now) {
            self.keys.insert(key, entry);
            return;
        }
        let pending = entry.known.incident.as_ref();
        let at = pending.and_then(Incident::counts_at).unwrap_or(now);
        let step = Step::before(&entry, kept.source.clone(), at, now);
        entry.known.admission = self.floods.admission(&step);
        let decision = match rule {
            Some(rule) => pass_time(&mut entry.known, &policy_of(rule), now),
            None => close_orphan(&mut entry.known, now),
        };
        self.floods.note(step, &mut entry, &decision);
        let event_id = entry.kept.as_ref().map(Kept::event_id).unwrap_or_default();
        let source = kept.source.clone();
        let origin = Origin {
            event_id: &event_id,
            received_at: incident.last_breach_at,
            source: &source,
        };
        if let Some(rule) = rule {
            self.gather(&mut entry, &rule.name, &decision, origin, now);
        } else {
            let cause = format!("rule {} is no longer configured", incident.rule);
            let closed = history::closed(incident, cause, now);
            self.result.history.push(closed);
            self.remember(&entry);
        }
        self.keys.insert(key, entry);
    }
}

/// An incident whose rule is no longer configured: it is closed, its ticket left to people.
fn close_orphan(known: &mut Known, now: Timestamp) -> Decision {
    if let Some(incident) = known.incident.as_mut() {
        incident.close(now);
    }
    Decision {
        outcome: Outcome::Recovered,
        owed: Vec::new(),
        transitions: Vec::new(),
        lock: None,
    }
}
